"""One agent on many markets: the same cut dates for all, trained, judged, reported and audited."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_worlds import random_market

from drltrade import backtest, train
from drltrade.data import Market, load_market, stack
from drltrade.data.segments import rows_of, spans_of
from drltrade.errors import UsageError
from drltrade.experiments import run_experiment
from drltrade.experiments.audits import audit_target
from drltrade.experiments.backtests import backtest_target
from drltrade.experiments.plan import Choice
from drltrade.experiments.settings import SplitSettings
from drltrade.experiments.splits import ROLES, resolve_folds

ENV = {
    "data": {"source": "sample", "symbols": ["AAPL", "IBM", "MSFT"], "each": True},
    "window": 2,
    "features": [{"log_return": 1}, "rsi"],
}


def test_all_segments_are_cut_at_the_same_dates():
    whole = load_market(symbols=["AAPL", "IBM", "MSFT"])
    (one,), (each,) = (resolve_folds(SplitSettings(), m) for m in (whole, whole.each()))
    for role in ROLES:
        (alone,), (all_,) = getattr(one, role), getattr(each, role)
        assert (all_.start, all_.end, all_.bars) == (alone.start, alone.end, 3 * alone.bars)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(60, 300)), min_size=1, max_size=4))
def test_no_segment_is_trained_on_what_is_later_than_another_is_tested_on(pieces):
    day = np.datetime64("2020-01-01", "ns") + np.arange(500) * np.timedelta64(1, "D")
    markets = [
        Market.build(np.ones(length), stamps=day[start : start + length])
        for start, length in pieces
    ]
    market = stack(markets)
    (fold,) = resolve_folds(SplitSettings(), market)
    rows = {role: rows_of(spans_of(market, fold.intervals(role)), market.bars) for role in ROLES}
    assert market.stamps[rows["train"]].max() < market.stamps[rows["valid"]].min()
    assert market.stamps[rows["valid"]].max() < market.stamps[rows["test"]].min()
    assert sum(mask.astype(int) for mask in rows.values()).max() == 1
    assert fold.train[0].bars == rows["train"].sum()


def test_dates_cut_every_segment():
    market = load_market(symbols=["AAPL", "IBM"]).each()
    asked = SplitSettings(train=[None, "2008"], valid=["2009", "2010"], test=["2011", None])
    (fold,) = resolve_folds(asked, market)
    assert fold.test[0].bars == 2 * 543
    with pytest.raises(UsageError, match="not before the valid split"):
        resolve_folds(
            SplitSettings(train=[None, "2009"], valid=["2009", "2010"], test=["2011", None]), market
        )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """An experiment on three stocks, each a market of its own."""
    out = tmp_path_factory.mktemp("each")
    content = {"env": ENV, "agent": "ppo", "budget": {"steps": 3000, "evaluations": 2}}
    return run_experiment({**content, "name": "each"}, out=out, workers=1), out


def test_an_experiment_on_many_markets_is_judged_as_one_account(run):
    result, out = run
    agent, *baselines = result.entries
    assert agent.shown.symbols == ("AAPL", "IBM", "MSFT")
    assert {entry.label for entry in baselines} == {"buy_and_hold", "cash", "random"}
    assert len({len(entry.shown.stamps) for entry in result.entries}) == 1
    assert result.report.stat().st_size > 10_000
    card = json.loads(next((out / "each").glob("ppo*/policy.json")).read_text())
    assert card["observation"]["symbols"] == ["each"]
    (fold,) = result.plan.folds
    for role in ("train", "valid"):
        assert [(start[:10], end[:10]) for start, end in card[role]] == fold.intervals(role)
    assert not any("OVERLAP" in warning for warning in result.warnings)


def test_the_run_is_backtested_and_audited_again(run):
    result, out = run
    judged = backtest_target("each", out=out)
    assert judged.record.equity.tolist() == result.entries[0].shown.equity.tolist()
    other = backtest_target("each", choice=Choice(data="sample", symbols=("GOOG",)), out=out)
    assert other.record.symbols == ("GOOG",)
    with pytest.raises(UsageError, match=r"data.each=true"):
        backtest_target("each", choice=Choice(data="sample", symbols=("GOOG", "FB")), out=out)
    both = Choice(data="sample", symbols=("GOOG", "FB"), sets=("env.data.each=true",))
    assert backtest_target("each", choice=both, out=out).record.symbols == ("GOOG", "FB")
    audit = audit_target("each", out=out, cuts=2)
    assert audit.passed, [finding.message for finding in audit.findings if finding.bad]
    assert {"scaler", "splits", "overlap"} <= {finding.check for finding in audit.findings}


def test_python_trains_and_backtests_on_many_markets():
    trained = train(ENV, "ppo", steps=1000, evaluations=1)
    assert trained.test.symbols == ("AAPL", "IBM", "MSFT")
    record = backtest(trained.policy)  # the bars after those that it was trained and chosen on
    assert record.stamps.tolist() == trained.test.stamps.tolist()
    held = backtest("buy_and_hold", ENV, start="2011")
    assert held.symbols == trained.test.symbols


def test_an_env_of_many_markets_passes_its_audit(tmp_path):
    market = random_market(300, assets=3)
    rows = [
        f"{str(stamp)[:10]},{','.join(f'{price:.6f}' for price in prices)}"
        for stamp, prices in zip(market.stamps, market.close, strict=True)
    ]
    (tmp_path / "prices.csv").write_text("\n".join(["date,A,B,C", *rows]))
    env = tmp_path / "each.yaml"
    env.write_text(f"data: {{source: {tmp_path}/prices.csv, each: true}}\nfill: next_close\n")
    for target, choice in ((str(env), None), ("sma_cross", str(env))):
        audit = audit_target(target, env=choice, cuts=2)
        assert audit.passed, [finding.message for finding in audit.findings if finding.bad]
        assert any("All 3 symbols" in finding.message for finding in audit.findings)

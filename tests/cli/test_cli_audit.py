"""`drltrade audit` catches planted leaks by name and answers everything else in a sentence."""

import contextlib
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from drltrade.cli import main
from drltrade.plugins import builtin_workspace

PLANTED = """
import numpy as np
import pandas as pd
from drltrade.data import load_market

CLOSE = load_market("sample").close


def centred(market):
    return pd.DataFrame(market.close).rolling(7, center=True, min_periods=1).mean() / market.close

def zscore(market):
    return (market.close - market.close.mean(0)) / market.close.std(0)

def backfill(market):
    return pd.DataFrame(market.close).pct_change(10).bfill()

def shifted(market):
    return pd.DataFrame(market.close).pct_change().shift(-1).fillna(0)

def payout(market):
    return pd.DataFrame(market.columns["dividend"]).shift(-1).fillna(0)

def stored(market):
    return np.sign(np.diff(CLOSE, axis=0, append=CLOSE[-1:]))

def trailing(market, window=10):
    return pd.DataFrame(market.close).rolling(window).mean() / market.close

def short(market):
    return market.close[:-1]

def unclear(x):
    return x

class Oracle:
    def targets(self, market, first):
        return np.sign(np.diff(market.close, axis=0, append=market.close[-1:]))

class Breaking:
    def targets(self, market, first):
        return market.prices

def thief(view, account):
    bar = min(account.bar + 1, len(CLOSE) - 1)
    return np.sign(CLOSE[bar] - CLOSE[account.bar])

def follower(view, account):
    return np.where(view.close[-1] > view.close[0], 1.0, 0.0)

def growth(step):
    return step.log_return - 0.1 * step.turnover

def hindsight(step):
    bar = np.minimum(step.bar + 1, len(CLOSE) - 1)
    return np.log(CLOSE[bar, 0] / CLOSE[step.bar, 0])

class Nothing:
    pass
"""


@pytest.fixture
def audit(drltrade, tmp_path):
    (tmp_path / "mine.py").write_text(PLANTED)

    def run(*arguments):
        said = drltrade("audit", *arguments, "--json")
        return said.code, json.loads(said.out) if said.out else {}, said

    return run


def leaks(content):
    return [finding for finding in content["findings"] if finding["level"] == "LEAK"]


@pytest.mark.parametrize(
    ("target", "words", "ahead"),
    [
        ("centred", "centred moving average over 7 bars", 3),
        ("zscore", "whole-series z-score", None),
        ("backfill", "back-fill", 10),
        ("shifted", "shifted by -1", 1),
        ("Oracle", "reads tomorrow", 1),
        ("thief", "reads tomorrow", 1),
        ("hindsight", "reads tomorrow", 1),
        ("stored", "reads tomorrow", 1),
    ],
)
def test_a_planted_leak_is_caught_by_name(audit, target, words, ahead):
    code, content, said = audit(f"mine.py:{target}")
    assert code == 1
    assert content["passed"] is False
    (leak,) = leaks(content)
    assert words in leak["message"]
    assert leak["ahead"] == ahead
    assert leak["fix"]
    assert said.err == ""


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("mine.py:trailing", "feature"),
        ("mine.py:follower", "strategy"),
        ("mine.py:growth", "reward"),
        ("sample", "env"),
        ("portfolio-4", "env"),
        ("sp500-20", "env"),
        ("sp500-each", "env"),
        ("eurusd-hourly", "env"),
        ("envs/aapl-daily.yaml", "env"),
        ("experiments/first.yaml", "experiment"),
        ("sma_cross", "strategy"),
        ("agents/breakout.py:Breakout", "strategy"),
        ("envs/rewards.py:careful", "reward"),
        ("drawdown", "reward"),
        ("rsi", "feature"),
    ],
)
def test_what_is_clean_passes(audit, target, kind):
    code, content, _ = audit(target)
    assert code == 0
    assert content["target"] == target
    assert content["kind"] == kind
    assert content["passed"] is True
    assert {finding["level"] for finding in content["findings"]} <= {"ok", "warning"}
    checks = {finding["check"] for finding in content["findings"]}
    assumed = {"features", "scaler", "warm-up", "survivorship", "costs"}
    assumed |= {"fill", "halts", "size", "margin", "prices"}
    assert assumed <= checks
    assert {"observations", "rewards", "equity"} <= checks


def test_prices_as_traded_are_audited_with_their_events(audit, tmp_path):
    rng = np.random.default_rng(0)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.01, 400)))
    day = np.datetime64("2020-01-01") + np.arange(400)
    split, dividend = np.where(np.arange(400) == 200, 2, 1), np.where(np.arange(400) % 60, 0, 0.5)
    tradable = (np.arange(400) % 90 != 45).astype(int)
    lines = ["date,open,high,low,close,volume,split,dividend,tradable"]
    for row in zip(day, *[close] * 4, [1_000_000] * 400, split, dividend, tradable, strict=True):
        lines.append(",".join(str(value) for value in row))
    (tmp_path / "prices.csv").write_text("\n".join(lines))
    (tmp_path / "raw.yaml").write_text(
        "data: {source: prices.csv, prices: raw}\nwindow: 2\nequity: 10000\n"
    )
    code, content, _ = audit("raw.yaml")
    found = {finding["check"]: finding for finding in content["findings"]}
    assert code == 0
    assert {check for check, f in found.items() if f["level"] != "ok"} == {"halts"}
    assert (found["prices"]["splits"], found["prices"]["dividends"]) == (1, 7)
    assert found["features"]["message"].endswith("27 changed futures.")
    assert audit("momentum", "--env", "raw.yaml")[0] == 0
    code, content, _ = audit("mine.py:payout", "--env", "raw.yaml")
    assert code == 1
    (leak,) = leaks(content)
    assert "'payout' reads tomorrow" in leak["message"]
    assert "shifted by -1" in leak["message"]


def test_an_env_with_a_leaking_feature_is_caught_and_the_rest_of_it_checked(audit, tmp_path):
    (tmp_path / "leaky.yaml").write_text("features: [gap, 'mine.py:centred', 'mine.py:backfill']\n")
    code, content, _ = audit("leaky.yaml")
    assert code == 1
    assert {leak["name"] for leak in leaks(content)} == {"centred", "backfill"}
    assert any(finding["check"] == "observations" for finding in content["findings"])


def test_findings_come_first_and_then_how_it_was_checked(audit, drltrade):
    said = drltrade("audit", "mine.py:centred")
    lines = said.out.splitlines()
    assert said.code == 1
    assert lines[0].startswith("LEAK    features:")
    assert "NOT passed: 1 to mend" in said.out
    assert "x10" in said.out
    assert "garbage" in said.out
    assert "truncated" in said.out
    assert "not checked: Observations" in lines[-1]
    passed = drltrade("audit", "mine.py:trailing", "--set", "feature.window=5")
    assert "ok      features:     trailing_5: no value moved" in passed.out
    assert "feature mine.py:trailing: passed, 0 warnings." in passed.out


def test_assumptions_are_warned_of_but_do_not_fail(audit):
    free = [f"env.costs.{name}.rate=0" for name in ("commission", "slippage")]
    sets = [word for value in ("env.fill=same_close", *free) for word in ("--set", value)]
    code, content, _ = audit("portfolio-4", *sets)
    warned = {f["check"] for f in content["findings"] if f["level"] == "warning"}
    assert code == 0
    assert warned == {"fill", "costs", "survivorship"}


def test_splits_that_overlap_are_a_finding(audit, tmp_path):
    (tmp_path / "both.yaml").write_text(
        "splits: {train: [2000, 2009], valid: [2009-06-01, 2010], test: [2011, 2012]}\n"
    )
    code, content, _ = audit("both.yaml")
    assert code == 1
    assert [leak["check"] for leak in leaks(content)] == ["splits"]


def test_a_short_interval_is_audited_too(audit):
    code, content, _ = audit("sma_cross", "--start", "2013-02-20")
    assert code == 0, leaks(content)


def test_the_same_seed_gives_the_same_audit(audit):
    one, two, three = (
        audit("mine.py:centred", "--seed", seed, "--cuts", 3)[1] for seed in (1, 1, 2)
    )
    for content in (one, two, three):
        del content["checked"]["seconds"]
    assert one == two
    assert one["checked"]["cuts"] != three["checked"]["cuts"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A tiny run on the sample."""
    folder = tmp_path_factory.mktemp("lab")
    words = (
        "train --agent ppo --name tiny --steps 512 --seeds 1 --workers 1 --set agent.accounts=16"
        " --set agent.n_steps=16 --set budget.evaluations=1 --set env.window=4"
        " --set baselines=[cash] --json"
    )
    before = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            assert main(words.split()) == 0
    finally:
        os.chdir(before)
    return folder / "runs" / "tiny"


def test_a_trained_run_passes_and_says_what_it_knew(audit, trained):
    code, content, _ = audit(trained)
    assert code == 0
    assert content["kind"] == "run"
    found = {finding["check"]: finding for finding in content["findings"]}
    assert {f["level"] for f in content["findings"]} == {"ok"}
    assert {"splits", "scaler", "overlap", "actions", "fills", "observations"} <= set(found)
    assert "1,942 rows, all in the train split" in found["scaler"]["message"]


def test_a_run_judged_on_its_training_is_warned_of(audit, trained):
    code, content, _ = audit(trained, "--start", "2005-01-03", "--end", "2005-12-30")
    found = {finding["check"]: finding for finding in content["findings"]}
    assert code == 0
    assert found["overlap"]["level"] == "warning"
    assert "252 of 252 bars" in found["overlap"]["message"]


def test_a_run_whose_scaler_knows_the_test_split_is_caught(audit, trained, tmp_path):
    import shutil

    from drltrade.envs import make_env

    copy = tmp_path / "runs" / "knowing"
    shutil.copytree(trained, copy)
    (card,) = copy.glob("*/policy.json")
    content = json.loads(card.read_text())
    content["scaler"] = make_env("sample", window=4).game.scaler.to_dict()
    card.write_text(json.dumps(content))
    code, content, _ = audit("knowing")
    assert code == 1
    (leak,) = leaks(content)
    assert leak["check"] == "scaler"
    assert "has been fitted on all bars" in leak["message"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("nothing-of-the-sort",), "There is no env"),
        (("sma_crosss",), "'sma_cross'"),
        (("lost.yaml",), "lost.yaml"),
        (("lost.py:centred",), "lost.py"),
        (("mine.py",), "mine.py:Name"),
        (("mine.py:centered",), "'centred'"),
        (("mine.py:Nothing",), "neither a strategy"),
        (("mine.py:unclear",), "--kind"),
        (("mine.py:short",), "shape"),
        (("mine.py:Breaking",), "prices"),
        (("prices.csv",), "--data prices.csv"),
        (("mine.py:trailing", "--kind", "feat"), "'feature'"),
        (("mine.py:trailing", "--set", "feature.windw=3"), "windw"),
        (("sma_cross", "--set", "feature.window=3"), "'strategy.'"),
        (("sample", "--env", "sample"), "--env"),
        (("sample", "--cuts", "0"), "--cuts"),
        (("sample", "--data", "lost.csv"), "lost.csv"),
        ((), "target"),
    ],
)
def test_a_bad_target_is_answered_in_one_sentence(drltrade, audit, arguments, word):
    Path("prices.csv").write_text("date,close\n2020-01-02,1\n")
    said = drltrade("audit", *arguments)
    assert said.code in (1, 2)
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    assert word in said.err
    assert "mistake in drltrade" not in said.err


def test_the_shipped_workspace_holds_what_the_clean_list_names():
    assert (builtin_workspace() / "envs" / "aapl-daily.yaml").is_file()


def test_a_refusal_that_no_check_explains_is_a_finding_too(audit, monkeypatch):
    from drltrade.errors import UsageError
    from drltrade.features.plugin import PluginFeature

    def refuse(self, market):
        raise UsageError("The feature 'mine.py:trailing' looks ahead: its value changes.")

    monkeypatch.setattr(PluginFeature, "refuse_look_ahead", refuse)
    code, content, _ = audit("mine.py:trailing")
    assert code == 1
    assert "looks ahead" in leaks(content)[0]["message"]

"""An experiment from settings to page: trained, chosen on validation, tested once, resumable."""

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_worlds import TINY_EXPERIMENT as TINY

import drltrade
from drltrade.backtest.files import read_record
from drltrade.backtest.metrics import compute_metrics
from drltrade.errors import DrltradeError, UsageError
from drltrade.experiments.backtests import backtest_target
from drltrade.experiments.experiment import run_experiment, summary
from drltrade.experiments.plan import Choice
from drltrade.experiments.reports import make_report
from drltrade.experiments.results import best_job, read_entries


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return run_experiment(TINY, out=tmp_path_factory.mktemp("runs"), workers=1)


def weights(folder) -> str:
    return hashlib.sha256((folder / "policy.safetensors").read_bytes()).hexdigest()


def test_each_job_leaves_a_whole_folder(tiny):
    assert len(tiny.plan.jobs) == 4
    for job in tiny.plan.jobs:
        found = {path.name for path in job.folder.iterdir()}
        assert found == {
            "job.json", "policy.json", "policy.safetensors", "metrics.json", "equity.parquet",
            "trades.parquet", "tensorboard", "diagnostics.json",
        }  # fmt: skip
        story = json.loads((job.folder / "job.json").read_text())
        assert story["id"] == job.folder.name
        assert story["data"] == tiny.plan.market.fingerprint
        assert {"drltrade", "torch", "numpy", "python"} <= set(story["versions"])
        assert list((job.folder / "tensorboard").iterdir())
    assert not list(tiny.plan.home.glob(".*"))


def test_the_figures_are_those_of_the_recorded_equity(tiny):
    for job in tiny.plan.jobs:
        metrics = json.loads((job.folder / "metrics.json").read_text())
        equity = pd.read_parquet(job.folder / "equity.parquet")["equity"]
        returns = equity.pct_change().dropna()
        assert metrics["bars"] == len(equity) == 253
        assert metrics["start"] == "2008-01-02"
        assert metrics["metrics"]["total_return"] == pytest.approx(equity.iloc[-1] / 1e5 - 1)
        if returns.std() > 0:
            sharpe = returns.mean() / returns.std() * np.sqrt(252)
            assert metrics["metrics"]["sharpe"] == pytest.approx(sharpe)


def test_the_kept_checkpoint_is_the_best_on_validation(tiny):
    for job in tiny.plan.jobs:
        metrics = json.loads((job.folder / "metrics.json").read_text())
        scores = [score for _, score in metrics["validation"]]
        assert len(scores) >= 2
        assert metrics["validation_score"] == max(scores)
        sharpe = metrics["valid_metrics"]["sharpe"]
        assert (sharpe or 0.0) == pytest.approx(max(scores))


def test_the_table_has_agents_first_and_the_page_is_there(tiny):
    content = summary(tiny)
    assert [(row["name"], row["seeds"]) for row in content["table"]] == [
        ("ppo", 2), ("reinforce", 2), ("buy_and_hold", 1), ("cash", 1),
    ]  # fmt: skip
    assert len(content["verdict"]) == 2
    assert tiny.report.stat().st_size > 100_000
    assert {record.stamps[0] for e in tiny.entries for record in e.records} == {
        np.datetime64("2008-01-02", "ns")
    }


def test_the_same_call_again_trains_nothing(tiny):
    before = {job.id: (job.folder / "metrics.json").stat().st_mtime_ns for job in tiny.plan.jobs}
    again = run_experiment(TINY, out=tiny.plan.home.parent)
    after = {job.id: (job.folder / "metrics.json").stat().st_mtime_ns for job in tiny.plan.jobs}
    assert again.reused == 4
    assert before == after
    assert again.verdict == tiny.verdict


@pytest.mark.slow
def test_parallel_processes_give_the_same_policies_bit_for_bit(tiny, tmp_path):
    content = TINY | {"agents": TINY["agents"][:1]}
    events = []
    other = run_experiment(content, out=tmp_path, workers=2, progress=events.append)
    for here, there in zip(tiny.plan.jobs, other.plan.jobs, strict=False):
        assert weights(here.folder) == weights(there.folder)
        assert read_record(here.folder).equity.tolist() == read_record(there.folder).equity.tolist()
    kinds = {event.kind for event in events}
    assert kinds == {"started", "progress", "done"}
    assert max(event.steps for event in events) >= 1024
    assert any(event.score is not None for event in events)


def test_only_a_missing_job_is_done_again_and_comes_out_the_same(tiny, tmp_path):
    shutil.copytree(tiny.plan.home, tmp_path / "tiny")
    lost = tiny.plan.jobs[0]
    shutil.rmtree(tmp_path / "tiny" / lost.id)
    again = run_experiment(TINY, out=tmp_path, workers=1)
    assert again.reused == 3
    assert weights(tmp_path / "tiny" / lost.id) == weights(lost.folder)


def test_two_seeds_differ(tiny):
    first, second = tiny.plan.jobs[:2]
    assert first.agent == second.agent
    assert weights(first.folder) != weights(second.folder)


def test_a_policy_is_judged_as_it_was_when_it_was_trained(tiny):
    folder, _ = best_job(tiny.plan.home)
    judged = backtest_target(str(tiny.plan.home))
    assert judged.record.equity.tolist() == read_record(folder).equity.tolist()
    assert folder.name in judged.note
    assert not any("OVERLAP" in warning for warning in judged.record.warnings)
    scores = [
        json.loads((job.folder / "metrics.json").read_text())["validation_score"]
        for job in tiny.plan.jobs
    ]
    assert json.loads((folder / "metrics.json").read_text())["validation_score"] == max(scores)


def test_bars_that_a_policy_was_trained_or_chosen_on_raise_a_warning(tiny):
    choice = Choice(start="2006-06-01", end="2008-06-30")
    record = backtest_target(str(tiny.plan.home), choice=choice).record
    overlap = [warning for warning in record.warnings if warning.startswith("OVERLAP")]
    trained_on = int((record.stamps <= np.datetime64("2006-12-31")).sum())
    chosen_on = int((record.stamps <= np.datetime64("2007-12-31")).sum()) - trained_on
    training, validation = overlap
    assert f"{trained_on} of {len(record.stamps)} bars lie in the policy's training" in training
    assert f"{chosen_on} of {len(record.stamps)} bars lie in the policy's valid" in validation


def test_dearer_trading_makes_the_same_policy_poorer(tiny):
    target = str(tiny.plan.jobs[0].folder)
    cheap = backtest_target(target).record
    dear = backtest_target(target, choice=Choice(sets=("env.costs.commission.rate=0.01",))).record
    assert compute_metrics(cheap)["trades"] > 0
    assert dear.equity[-1] < cheap.equity[-1]


def test_what_a_policy_sees_cannot_be_overridden(tiny):
    with pytest.raises(UsageError, match=r"env\.window"):
        backtest_target(str(tiny.plan.home), choice=Choice(sets=("env.window=8",)))


def test_a_report_is_rebuilt_from_the_records_alone(tiny, tmp_path):
    shutil.copytree(tiny.plan.home, tmp_path / "moved")
    (tmp_path / "moved" / "report.html").unlink()
    report = make_report(tmp_path / "moved")
    assert report.page.is_file()
    assert report.verdict == tiny.verdict
    assert [entry.label for entry in report.entries] == [entry.label for entry in tiny.entries]


def test_one_job_can_be_reported_on_its_own(tiny):
    entries = read_entries(tiny.plan.jobs[0].folder)
    assert [(entry.label, len(entry.records)) for entry in entries] == [
        ("ppo", 1), ("buy_and_hold", 1), ("cash", 1),
    ]  # fmt: skip


def test_luck_is_drawn_many_times_and_shown_as_one_baseline(tmp_path):
    choice = Choice(agents=("reinforce",), seeds=1, steps=256)
    lucky = TINY | {"name": "lucky", "baselines": ["random", "cash"]}
    ran = run_experiment(lucky, out=tmp_path, workers=1, choice=choice)
    for entries in (ran.entries, read_entries(ran.plan.home)):
        random = next(entry for entry in entries if entry.label == "random")
        assert [entry.label for entry in entries] == ["reinforce", "random", "cash"]
        assert len(random.records) == 20
        assert len(set(random.figures["total_return"])) > 10


def test_a_changed_plugin_stops_a_job_that_was_planned_with_another(tmp_path, monkeypatch):
    from drltrade.experiments.plan import plan_experiment
    from drltrade.experiments.training import run_job

    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("def mine(step):\n    return step.log_return\n")
    content = TINY | {"env": TINY["env"] | {"reward": "mine.py:mine"}}
    job = plan_experiment(content, out=tmp_path).jobs[0]
    (tmp_path / "mine.py").write_text("def mine(step):\n    return -step.log_return\n")
    with pytest.raises(DrltradeError, match="changed while the experiment ran"):
        run_job(job, lambda event: None)
    fresh = plan_experiment(content, out=tmp_path).jobs[0]
    assert fresh.id != job.id


def test_the_test_interval_cannot_reach_the_policy():
    market = drltrade.load_market("sample").between("2004-01-01", "2008-12-31")
    after = market.stamps >= np.datetime64("2008-01-01")
    bumped = {
        name: np.where(after[:, None], getattr(market, name) * 7, getattr(market, name))
        for name in ("open", "high", "low", "close")
    }
    settings = {key: TINY[key] for key in ("splits",)}
    one, two = (
        drltrade.train(
            TINY["env"],
            TINY["agents"][0],
            steps=512,
            evaluations=1,
            data=data,
            **settings,
        )
        for data in (market, replace(market, **bumped))
    )
    assert one.score == two.score
    for name, tensor in one.policy.network.state_dict().items():
        assert bool((tensor == two.policy.network.state_dict()[name]).all())


def test_python_trains_and_backtests_in_two_calls(tiny):
    trained = drltrade.train(
        TINY["env"],
        TINY["agents"][0],
        steps=1024,
        evaluations=2,
        splits=TINY["splits"],
    )
    job = tiny.plan.jobs[0]
    assert trained.test.equity.tolist() == read_record(job.folder).equity.tolist()
    ((start, end),) = trained.fold.intervals("test")
    again = drltrade.backtest(trained.policy, start=start, end=end)
    assert again.equity.tolist() == trained.test.equity.tolist()
    loaded = drltrade.backtest(job.folder, start=start, end=end)
    assert loaded.equity.tolist() == trained.test.equity.tolist()


def test_python_backtests_strategies_by_name_and_by_object():
    from drltrade.agents.strategies import make_strategy

    by_name = drltrade.backtest("sma_cross", start="2005", end="2006", fill="next_close")
    strategy = make_strategy("sma_cross")
    by_object = drltrade.backtest(strategy, start="2005", end="2006", fill="next_close")
    assert by_name.equity.tolist() == by_object.equity.tolist()
    assert by_name.name == by_object.name == "sma_cross"
    with pytest.raises(UsageError, match="sma_cross"):
        drltrade.backtest("sma_crss")


def test_a_policy_and_a_rule_are_judged_on_the_interval_of_the_game_they_are_given(tiny):
    policy = drltrade.load_policy(tiny.plan.jobs[0].folder)
    world = drltrade.make_env("sample", start="2008", end="2008").game
    assert len(drltrade.backtest(policy, world).stamps) == 253
    assert len(drltrade.backtest("buy_and_hold", world).stamps) == 253
    with pytest.raises(UsageError, match="leverage"):
        drltrade.backtest(policy, leverage=3)


def test_a_ruined_checkpoint_is_never_preferred():
    from drltrade.experiments.training import validation_score

    class Sell:
        def targets(self, market, first):
            return np.full((market.bars, 1), -1.0)

    close = np.full(60, 10.0) * 1.2 ** np.arange(60)
    market = drltrade.Market.build(close, open=close, high=close, low=close)
    env = drltrade.make_env(
        data=market, features=[{"log_return": 1}], window=1, scaler="none", leverage=2
    )
    record = drltrade.backtest(Sell(), env.game)
    assert record.path.terminated
    assert validation_score(record) < -1000


class Tomorrow:
    """Reads the next close."""

    def targets(self, market, first):
        rises = np.diff(market.close, axis=0, append=market.close[-1:]) > 0
        return np.where(np.arange(market.bars)[:, None] >= first, rises, np.nan)


def test_a_strategy_object_that_reads_tomorrow_is_refused_like_a_plugin():
    with pytest.raises(UsageError, match="looks ahead"):
        drltrade.backtest(Tomorrow(), "sample")


def test_python_judges_a_policy_on_bars_that_it_has_not_seen(tiny):
    policy = drltrade.load_policy(tiny.plan.jobs[0].folder)
    record = drltrade.backtest(policy)
    assert str(record.stamps[0])[:10] == "2008-01-02"
    assert not [warning for warning in record.warnings if warning.startswith("OVERLAP")]
    assert len(repr(record)) < 120


def test_prices_that_changed_since_training_are_told(tiny):
    policy = drltrade.load_policy(tiny.plan.jobs[0].folder)
    market = drltrade.load_market("sample")
    close = market.close.copy()
    close[-1] *= 1.0001
    fields = {key: getattr(market, key) for key in ("open", "high", "low", "volume")}
    fields |= {"high": np.maximum(market.high, close), "stamps": market.stamps}
    changed = drltrade.Market.build(close, symbols=market.symbols, name=market.name, **fields)
    record = drltrade.backtest(policy, data=changed, start="2008")
    assert [warning for warning in record.warnings if warning.startswith("DATA")]


def test_a_backtest_overwrites_nothing_but_a_backtest(tiny, tmp_path):
    from drltrade.experiments.backtests import save_backtest

    judged = backtest_target("sma_cross")
    save_backtest(judged, tmp_path / "new")
    save_backtest(judged, tmp_path / "new")
    with pytest.raises(UsageError, match="no backtest wrote"):
        save_backtest(judged, tiny.plan.jobs[0].folder)


def test_the_package_travels_to_other_processes():
    import cloudpickle

    make = lambda: drltrade.make_env("sample", window=4)  # noqa: E731
    assert cloudpickle.loads(cloudpickle.dumps(make))().observation_space.shape == (33,)

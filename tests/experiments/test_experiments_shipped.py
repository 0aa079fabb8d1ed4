"""The shipped experiments are what the demo and the README promise."""

from pathlib import Path

import pytest

from drltrade.experiments.experiment import plan_of, run_experiment
from drltrade.experiments.plan import Choice
from drltrade.plugins import builtin_workspace

FILES = sorted((builtin_workspace() / "experiments").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_shipped_experiment_can_be_planned(file, tmp_path):
    plan = plan_of(file, out=tmp_path)
    assert plan.name == file.stem
    assert len(plan.jobs) == len(plan.agents) * len(plan.folds) * len(plan.settings.seeds)
    assert file.read_text().startswith("# ")


def test_the_demo_is_the_one_that_was_promised(tmp_path):
    plan = plan_of("demo", out=tmp_path)
    assert set(plan.agents) == {"dqn", "reinforce", "ppo", "sac"}
    assert plan.settings.seeds == (0, 1, 2)
    assert plan.settings.baselines == ("buy_and_hold", "cash", "random", "sma_cross")
    assert plan.market.symbols == ("AAPL",)
    (fold,) = plan.folds
    assert fold.train[0].end == "2009-12-31"
    assert fold.intervals("valid") == [("2010-01-04", "2010-12-31")]
    assert fold.test[0].start == "2011-01-03"
    assert plan.env.costs.rate == 0.001


@pytest.mark.slow
def test_the_demo_runs_with_a_tiny_budget(tmp_path):
    choice = Choice(seeds=1, steps=512, sets=("budget.evaluations=1",))
    result = run_experiment("demo", out=tmp_path, workers=1, choice=choice)
    names = [entry.label for entry in result.entries]
    assert sorted(names[:4]) == ["dqn", "ppo", "reinforce", "sac"]
    assert names[4:] == ["buy_and_hold", "cash", "random", "sma_cross"]
    assert Path(result.report).is_file()
    spans = {
        (str(r.stamps[0])[:10], str(r.stamps[-1])[:10]) for e in result.entries for r in e.records
    }
    assert spans == {("2011-01-03", "2013-03-01")}
    costs = {r.assumptions["commission_rate"] for e in result.entries for r in e.records}
    assert costs == {0.0005}

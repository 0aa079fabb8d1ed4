"""What an experiment file says becomes jobs, splits and ids."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drltrade.config import parse
from drltrade.data import Market
from drltrade.errors import UsageError
from drltrade.experiments.jobs import Job, code_hash, plugin_hashes
from drltrade.experiments.plan import Choice, plan_experiment
from drltrade.experiments.settings import ExperimentSettings, SplitSettings
from drltrade.experiments.splits import resolve_folds


def market(bars: int, step: str = "D") -> Market:
    stamps = np.datetime64("2020-01-01", "ns") + np.arange(bars) * np.timedelta64(1, step)
    return Market.build(np.linspace(1, 2, bars), stamps=stamps)


def test_one_number_is_that_many_seeds_and_a_list_is_itself():
    assert parse(ExperimentSettings, {"seeds": 3}, "x").seeds == (0, 1, 2)
    assert parse(ExperimentSettings, {"seeds": [7, 5]}, "x").seeds == (7, 5)


def test_agent_and_agents_are_the_same_word():
    assert parse(ExperimentSettings, {"agent": "dqn"}, "x").agents == ("dqn",)
    assert parse(ExperimentSettings, {"agents": ["dqn", {"name": "ppo"}]}, "x").agents[1] == {
        "name": "ppo"
    }


@given(bars=st.integers(20, 500), step=st.sampled_from(["D", "h"]))
def test_shares_give_every_bar_exactly_one_role(bars, step):
    source = market(bars, step)
    (fold,) = resolve_folds(SplitSettings(), source)
    ranges = [
        source.locate(span.start, span.end) for span in (*fold.train, *fold.valid, *fold.test)
    ]
    covered = [bar for first, last in ranges for bar in range(first, last + 1)]
    assert covered == list(range(bars))
    assert fold.train[0].bars == round(0.6 * bars)


def test_dates_are_inclusive_at_both_ends():
    settings = SplitSettings(
        train=["2020-01-01", "2020-01-31"], valid=["2020-02", "2020-02"], test=["2020-03-01", None]
    )
    (fold,) = resolve_folds(settings, market(100))
    (train,), (valid,), (test,) = fold.train, fold.valid, fold.test
    assert [train.bars, valid.bars, test.bars] == [31, 29, 40]
    assert test.end == "2020-04-09"


def test_neighbouring_splits_may_not_share_a_bar():
    settings = SplitSettings(
        train=["2020-01-01", "2020-01-31"], valid=["2020-01-31", "2020-02"], test=["2020-03", None]
    )
    with pytest.raises(UsageError, match="The train split ends at 2020-01-31, not before"):
        resolve_folds(settings, market(100))


JOB = Job("ppo", 0, {"env": {"window": 16}}, "data", {"a.py:f": "1"}, Path("runs/x"))


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"fold": 1},
        {"data": "other"},
        {"config": {"env": {"window": 17}}},
        {"plugins": {"a.py:f": "2"}},
        {"version": "0.0.0"},
    ],
    ids=str,
)
def test_whatever_decides_the_result_changes_the_job_id(change):
    assert replace(JOB, **change).id != JOB.id


def test_where_a_job_runs_does_not_change_its_id():
    assert replace(JOB, home=Path("elsewhere"), roots=(Path("/a"),), device="cuda").id == JOB.id
    assert JOB.id.startswith("ppo-seed0-")


def test_the_code_has_a_hash():
    assert len(code_hash()) == 12


def test_plugins_are_hashed_wherever_they_stand(tmp_path):
    (tmp_path / "mine.py").write_text("def f(step): return step.equity")
    content = {"reward": {"mine.py:f": 1.0}, "features": [{"mine.py:f": {"bars": 3}}, "gap"]}
    before = plugin_hashes(content, [tmp_path])
    assert list(before) == ["mine.py:f"]
    (tmp_path / "mine.py").write_text("def f(step): return -step.equity")
    assert plugin_hashes(content, [tmp_path]) != before


def test_flags_and_overrides_reach_their_settings(tmp_path):
    choice = Choice(
        agents=("dqn", "ppo"),
        symbols=("IBM", "MSFT"),
        start="2005-01-01",
        seeds=2,
        steps=500,
        sets=(
            "env.costs.commission.rate=0.002",
            "env.actions.levels=[0, 1]",
            "agent.gamma=0.9",
            "budget.evaluations=3",
            "splits.train=0.5",
        ),
    )
    plan = plan_experiment({"agents": [{"name": "dqn", "tau": 0.5}]}, choice=choice, out=tmp_path)
    assert list(plan.agents) == ["dqn", "ppo"]
    assert plan.agents["dqn"].tau == 0.5
    assert {agent.gamma for agent in plan.agents.values()} == {0.9}
    assert plan.env.costs.commission.rate == 0.002
    assert plan.env.costs.slippage.rate == 0.0005
    assert plan.env.actions.levels == (0.0, 1.0)
    assert plan.market.symbols == ("IBM", "MSFT")
    assert str(plan.market.start)[:10] == "2005-01-03"
    assert plan.settings.budget.steps == 500
    (fold,) = plan.folds
    assert fold.train[0].bars == round(0.5 * plan.market.bars)
    assert len(plan.jobs) == 4
    assert len({job.id for job in plan.jobs}) == 4
    assert plan.home == tmp_path / "sample-dqn-ppo"


def test_another_baseline_or_seed_count_leaves_finished_jobs_valid(tmp_path):
    few = plan_experiment({"name": "x"}, out=tmp_path)
    many = plan_experiment({"name": "x", "seeds": 3, "baselines": ["cash"]}, out=tmp_path)
    assert few.jobs[0].id == many.jobs[0].id


def test_data_named_on_the_command_line_replace_those_of_the_environment(tmp_path):
    choice = Choice(data="sample", symbols=("FB",))
    plan = plan_experiment({"env": "sp500-20"}, choice=choice, out=tmp_path)
    assert plan.market.symbols == ("FB",)
    assert plan.env.fill == "next_close"


def test_the_same_agent_with_two_settings_has_two_labels(tmp_path):
    content = {"agents": ["ppo", {"name": "ppo", "gamma": 0.5}]}
    assert list(plan_experiment(content, out=tmp_path).agents) == ["ppo", "ppo-2"]

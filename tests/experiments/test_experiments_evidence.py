"""An experiment is judged by all that was ever tried on its bars, and says so beside its page."""

import json
import math
import shutil

import numpy as np
import pytest
from small_worlds import TINY_EXPERIMENT

from drltrade.backtest.files import plain
from drltrade.data import Market
from drltrade.envs import EnvSettings, build_game
from drltrade.errors import DrltradeError
from drltrade.experiments.backtests import baseline_scores
from drltrade.experiments.evidence import EVIDENCE, evidence_of
from drltrade.experiments.experiment import run_experiment, summary
from drltrade.experiments.reports import make_report
from drltrade.experiments.results import EXPERIMENT, read_entries

TINY = TINY_EXPERIMENT | {
    "budget": {"steps": 512, "evaluations": 2},
    "baselines": ["buy_and_hold", "cash", "random", "sma_cross"],
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return run_experiment(TINY, out=tmp_path_factory.mktemp("runs"), workers=1)


def test_the_judgement_lies_beside_the_page_and_in_the_json(tiny):
    saved = json.loads((tiny.plan.home / EVIDENCE).read_text())
    assert saved == plain(summary(tiny)["evidence"])
    assert saved["skill"]["family"] == ["ppo", "reinforce"]
    assert saved["interval"]["bars"] == len(tiny.entries[0].records[0].returns)
    assert set(saved["agents"]["ppo"]["gap"]) == {"train", "valid", "test"}
    assert [fold["number"] for fold in saved["folds"]] == [0]


def test_the_baseline_is_the_one_that_validation_scored_best(tiny):
    scores = json.loads((tiny.plan.home / EXPERIMENT).read_text())["baseline_scores"]
    able = {name: scores[name] for name in ("buy_and_hold", "sma_cross")}
    assert tiny.evidence.baseline["label"] == max(able, key=able.get)


def test_a_baseline_that_sits_a_fold_out_has_no_ratio_there_and_it_counts():
    """On flat prices the averages never cross: half of its score is that nothing was done."""
    moves = np.random.default_rng(4).normal(0.002, 0.01, 300)
    close = 100 * np.cumprod(1 + np.r_[np.zeros(300), moves])
    game = build_game(EnvSettings(fill="next_close"), market=Market.build(close))
    flat, lively = game.within(100, 280), game.within(300, 599)
    alone = baseline_scores(["sma_cross"], [lively])["sma_cross"]
    both = baseline_scores(["sma_cross", "cash"], [flat, lively])
    assert alone > 0.5
    assert both["sma_cross"] == pytest.approx(alone / 2)
    assert math.isnan(both["cash"])


def test_seeds_are_one_trial_and_checkpoints_are_several_on_validation(tiny):
    assert dict(tiny.evidence.trials) == {"test": 2, "valid": 2 * 2 * 2}


def test_another_configuration_on_the_same_bars_makes_all_earlier_ones_count(tiny):
    """A later command, another reward: the older run's page now counts three trials."""
    other = TINY | {
        "name": "other",
        "agents": ["reinforce"],
        "env": TINY["env"] | {"reward": "profit"},
    }
    later = run_experiment(other, out=tiny.plan.home.parent, workers=1)
    assert later.evidence.trials["test"] == 3
    again = make_report(tiny.plan.home).evidence
    assert again.trials["test"] == 3
    before, now = (each.agents["ppo"].deflated for each in (tiny.evidence, again))
    assert (before["trials"], now["trials"]) == (2, 3)
    assert again.skill == tiny.evidence.skill


def test_a_job_alone_is_judged_as_a_family_of_one(tiny):
    job = tiny.plan.jobs[0].folder
    found = evidence_of(job, read_entries(job))
    assert found.skill.family == ("ppo",)
    assert found.agents["ppo"].seeds == 1


def test_the_fold_of_a_fixed_split_is_the_whole_test(tiny):
    sharpe = tiny.evidence.folds[0]["sharpe"]
    for entry in tiny.entries:
        if entry.label in ("ppo", "reinforce", "buy_and_hold"):
            assert sharpe[entry.label] == pytest.approx(entry.median("sharpe"), abs=1e-9)


def test_a_damaged_note_is_told_with_the_way_out(tiny, tmp_path):

    shutil.copytree(tiny.plan.home, tmp_path / "hurt")
    note = tmp_path / "hurt" / EXPERIMENT
    content = json.loads(note.read_text())
    del content["baseline_scores"]
    note.write_text(json.dumps(content))
    with pytest.raises(DrltradeError, match="is damaged"):
        evidence_of(tmp_path / "hurt", read_entries(tmp_path / "hurt"))


def test_without_a_trained_agent_there_is_nothing_to_judge(tiny):
    rules = [entry for entry in tiny.entries if entry.kind == "strategy"]
    assert evidence_of(tiny.plan.home, rules) is None

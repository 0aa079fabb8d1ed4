"""Runs side by side: judged as one family where they are like for like, and else only shown."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from report.reading import Page
from small_worlds import TINY_EXPERIMENT

from drltrade.backtest.evidence import holm
from drltrade.backtest.files import plain
from drltrade.errors import UsageError
from drltrade.experiments.backtests import backtest_target, save_backtest
from drltrade.experiments.compare import PAGE, compare_pairs, compare_reports
from drltrade.experiments.experiment import run_experiment
from drltrade.experiments.plan import Choice
from drltrade.experiments.reports import make_report
from drltrade.experiments.results import EXPERIMENT
from drltrade.experiments.side_by_side import read_runs
from drltrade.experiments.trials import LEDGER

TINY = TINY_EXPERIMENT | {
    "budget": {"steps": 512, "evaluations": 2},
    "baselines": ["buy_and_hold", "cash", "sma_cross"],
    "diagnostics": False,
}
OTHER = TINY | {
    "name": "other",
    "agents": TINY["agents"][1:],
    "env": TINY["env"] | {"reward": "profit"},
    "baselines": ["buy_and_hold", "cash", "momentum"],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folder of runs with `tiny` and, rewarded otherwise, `other`."""
    out = tmp_path_factory.mktemp("runs")
    for content in (TINY, OTHER):
        run_experiment(content, out=out, workers=1)
    return out


@pytest.fixture(scope="module")
def compared(runs):
    return compare_reports([runs / "tiny", runs / "other"])


def labels(entries, kind=None):
    return [entry.label for entry in entries if kind in (None, entry.kind)]


def test_agents_carry_their_runs_name_and_a_shared_baseline_stands_once_under_its_own(compared):
    assert labels(compared.entries, "agent") == ["tiny/ppo", "tiny/reinforce", "other/reinforce"]
    assert labels(compared.entries, "strategy") == ["buy_and_hold", "cash", "sma_cross", "momentum"]
    names = [record.name for entry in compared.entries for record in entry.records]
    assert "other/reinforce seed 1" in names
    assert len(set(names)) == len(names)


def test_all_agents_of_all_runs_are_one_family_against_the_best_baseline_of_any(compared, runs):
    found = compared.evidence
    assert found.skill.family == ("tiny/ppo", "tiny/reinforce", "other/reinforce")
    assert found.trials["test"] == 3
    assert found.trials["valid"] == 3 * 2 * 2  # agents, seeds, checkpoints
    scores = {}
    for name in ("tiny", "other"):
        scores |= json.loads((runs / name / EXPERIMENT).read_text())["baseline_scores"]
    del scores["cash"]
    assert found.baseline == {"label": max(scores, key=scores.get), "score": max(scores.values())}
    assert set(found.agents["other/reinforce"].gap) == {"train", "valid", "test"}
    assert set(found.folds[0]["sharpe"]) == set(labels(compared.entries))


def test_one_run_is_judged_as_its_own_report_judges_it(runs, tmp_path):
    alone = compare_reports([runs / "tiny"], tmp_path / "alone.html")
    assert labels(alone.entries, "agent") == ["ppo", "reinforce"]
    assert plain(alone.evidence.plain) == plain(make_report(runs / "tiny").evidence.plain)


def test_every_pair_is_there_and_counted(compared):
    agents, rival = labels(compared.entries, "agent"), compared.evidence.baseline["label"]
    pairs = compared.contrasts.pairs
    assert [(pair.first, pair.second) for pair in pairs] == [
        (agents[0], agents[1]), (agents[0], agents[2]), (agents[1], agents[2]),
        *((agent, rival) for agent in agents),
    ]  # fmt: skip
    assert [pair.adjusted for pair in pairs] == holm([pair.p for pair in pairs])
    assert "of 6 pairs" in compared.verdict[-1]


def test_the_page_lies_beside_the_first_run_and_says_the_same(compared, runs):
    assert compared.page == runs / PAGE
    page = Page(compared.page.read_text(encoding="utf-8"))
    assert page.mistakes == []
    assert "Comparison of tiny and other" in page.prose
    for sentence in compared.verdict:
        assert sentence.replace(" %", "\u00a0%") in page.prose.replace(" %", "\u00a0%")
    assert len(page.tables["pairs-table"]) == 1 + 2 + 6  # header, two headings, pairs
    assert "log_return (tiny); profit (other)" in page.prose


def test_every_ledger_of_the_runs_counts_what_stood_beside_it(runs, tmp_path):
    """Two folders of runs, each with a ledger of its own: afterwards both know all three agents."""
    shutil.copytree(runs / "tiny", tmp_path / "a" / "tiny")
    shutil.copytree(runs / "other", tmp_path / "b" / "other")
    found = compare_reports([tmp_path / "a" / "tiny", tmp_path / "b" / "other"])
    assert found.evidence.trials["test"] == 3
    ledgers = [(tmp_path / home / LEDGER).read_text().splitlines() for home in "ab"]
    assert set(ledgers[0]) == set(ledgers[1])
    assert found.page == tmp_path / "a" / PAGE


def test_runs_of_the_same_name_are_told_apart_by_their_folders(runs, tmp_path):
    shutil.copytree(runs / "tiny", tmp_path / "tiny")
    found = read_runs([runs / "tiny", tmp_path / "tiny"])
    agents = labels(found.entries, "agent")
    assert len(set(agents)) == 4
    assert f"{tmp_path}/tiny/ppo" in agents
    assert labels(found.entries, "strategy") == ["buy_and_hold", "cash", "sma_cross"]


def test_two_that_are_the_same_do_not_differ(runs, tmp_path):
    shutil.copytree(runs / "tiny", tmp_path / "copy")
    found = compare_reports([runs / "tiny", tmp_path / "copy"], tmp_path / "c.html")
    p = {(pair.first, pair.second): pair.adjusted for pair in found.contrasts.pairs}
    assert p["tiny/ppo", "copy/ppo"] == p["tiny/reinforce", "copy/reinforce"] == 1.0


def test_unlike_runs_are_shown_and_not_judged_and_the_warnings_say_why(runs, tmp_path):
    dear = TINY | {"name": "dear", "env": TINY["env"] | {"costs": {"slippage": {"rate": 0.002}}}}
    choice = Choice(agents=("reinforce",), seeds=1, steps=256)
    other = run_experiment(dear, out=tmp_path, workers=1, choice=choice)
    found = compare_reports([runs / "tiny", other.plan.home], tmp_path / "page.html")
    assert found.evidence is None
    assert found.contrasts is None
    assert found.warnings[0] == "Not the same slippage rate, so not comparable: 0.0005 and 0.002."
    assert found.warnings[1].startswith("What is not comparable is not tested")
    assert labels(found.entries, "strategy") == [
        "tiny/buy_and_hold", "tiny/cash", "tiny/sma_cross",
        "dear/buy_and_hold", "dear/sma_cross",
    ]  # fmt: skip
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert page.mistakes == []
    assert not {"pairs-table", "rivals-table"} & set(page.tables)
    assert "Which of them differ" not in page.prose
    told = [sentence.partition(":")[0] for sentence in found.verdict]
    assert told == ["tiny", "dear"]
    assert make_report(runs / "tiny").verdict[0] in found.verdict[0]


def test_saved_backtests_of_strategies_are_tested_against_each_other(tmp_path):
    for name in ("sma_cross", "momentum"):
        judged = backtest_target(name, choice=Choice(start="2010-01-01"))
        save_backtest(judged, tmp_path / name)
    found = compare_reports([tmp_path / "sma_cross", tmp_path / "momentum"])
    assert found.evidence is None
    pairs = {(pair.first, pair.second) for pair in found.contrasts.pairs}
    assert ("sma_cross", "momentum") in pairs
    assert found.page == tmp_path / PAGE


def test_a_saved_backtest_beside_a_run_tells_that_its_trials_are_unknown(runs, tmp_path):
    again = backtest_target(str(runs / "tiny"))
    save_backtest(again, tmp_path / "again")
    found = compare_reports([runs / "tiny", tmp_path / "again"], tmp_path / "page.html")
    assert "again stands in no experiment" in " ".join(found.warnings)
    assert any(label.startswith("again/") for label in found.evidence.skill.family)


@pytest.mark.parametrize("again", ["tiny", "other/../tiny"])
def test_the_same_run_twice_is_refused(runs, again):
    with pytest.raises(UsageError, match="is named twice"):
        compare_reports([runs / "tiny", runs / again])


@pytest.mark.parametrize("page", ["prices.csv", "page", "folder.html"])
def test_a_page_that_is_no_html_file_is_refused_before_anything_is_read(runs, tmp_path, page):
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(UsageError, match=r"must be a file that ends in \.html"):
        compare_reports([runs / "tiny"], tmp_path / page)


def test_runs_of_several_folds_are_compared_fold_by_fold_or_where_they_differ_as_a_whole(tmp_path):
    """One walk of two folds, twice with other rewards; then one split of the same test bars."""
    splits = {"walk_forward": {"train": "18 months", "valid": "6 months", "test": "6 months"}}
    walk = OTHER | {
        "name": "walk",
        "env": TINY["env"] | {"data": {"source": "sample", "start": "2004", "end": "2006"}},
        "splits": splits,
        "budget": {"steps": 256, "evaluations": 1},
    }
    again = walk | {"name": "again", "env": walk["env"] | {"reward": "profit"}}
    tests = [fold.test[0] for fold in run_experiment(walk, out=tmp_path, workers=1).plan.folds]
    fixed = walk | {
        "name": "fixed",
        "splits": {
            "train": ["2004-01-01", "2005-06-30"],
            "valid": ["2005-07-01", "2005-12-30"],
            "test": [tests[0].start, tests[-1].end],
        },
    }
    for content in (again, fixed):
        run_experiment(content, out=tmp_path, workers=1)
    both = compare_reports([tmp_path / "walk", tmp_path / "again"])
    assert [fold["test"] for fold in both.evidence.folds] == [
        f"{span.start} to {span.end}" for span in tests
    ]
    assert len(tests) == 2
    assert len(both.evidence.agents["again/reinforce"].improvement) == 1
    assert len(both.contrasts.pairs) == 3
    mixed = compare_reports([tmp_path / "walk", tmp_path / "fixed"])
    assert [fold["test"] for fold in mixed.evidence.folds] == [
        f"{tests[0].start} to {tests[1].end}"
    ]
    assert set(mixed.evidence.skill.family) == {"walk/reinforce", "fixed/reinforce"}


def test_of_too_many_agents_the_leader_is_who_validation_scored_best(compared):
    """Nine agents are 45 pairs; the test's own best would make its pairs look surer than they are.
    An agent whose validation is unknown leads nobody."""
    entry, evidence = compared.entries[0], compared.evidence
    entries = [replace(entry, label=f"a{number}") for number in range(9)]
    one = evidence.agents["tiny/ppo"]
    valid = dict(zip((each.label for each in entries), [0.1, 0.9, *[0.2] * 6, np.nan], strict=True))
    agents = {
        label: replace(one, gap={"valid": score, "test": -score}) for label, score in valid.items()
    }
    cash = {"label": "cash", "score": np.nan}
    found = compare_pairs(entries, replace(evidence, agents=agents, baseline=cash))
    assert (found.leader, found.possible, len(found.pairs)) == ("a1", 45, 9)
    assert found.rivals == ("cash",)

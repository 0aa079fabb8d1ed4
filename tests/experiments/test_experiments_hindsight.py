"""Hindsight beside agents: a reference by name, a share in every table, a bound said as one."""

import json
import shutil

import pytest

import drltrade
from drltrade.errors import UsageError
from drltrade.experiments.backtests import backtest_target, run_baselines, save_backtest
from drltrade.experiments.experiment import run_experiment, summary
from drltrade.experiments.listing import list_names
from drltrade.experiments.plan import Choice
from drltrade.experiments.reports import make_report
from drltrade.experiments.results import read_entries
from drltrade.experiments.side_by_side import read_runs

WORLD = {"window": 4, "features": [{"log_return": 1}], "episode": 60}
TINY = {
    "name": "tiny",
    "env": WORLD,
    "agents": [{"name": "reinforce", "accounts": 16, "n_steps": 16}],
    "splits": {
        "train": ["2006-01-01", "2006-12-31"],
        "valid": ["2007-01-01", "2007-12-31"],
        "test": ["2008-01-01", "2008-12-31"],
    },
    "seeds": 1,
    "budget": {"steps": 256, "evaluations": 1},
    "baselines": ["buy_and_hold", "hindsight"],
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return run_experiment(TINY, out=tmp_path_factory.mktemp("runs"), workers=1)


def test_hindsight_is_a_reference_among_the_baselines(tiny):
    kinds = {entry.label: entry.kind for entry in tiny.entries}
    assert kinds == {
        "reinforce": "agent",
        "buy_and_hold": "strategy",
        "hindsight (not causal)": "reference",
    }
    assert any("NOT CAUSAL: hindsight" in text for text in tiny.warnings)
    assert not any("hindsight" in sentence for sentence in tiny.verdict)


def test_agents_that_may_ask_for_the_same_have_hindsight_s_own_yardstick(tiny):
    agent, rule, best = (entry.shown.hindsight for entry in tiny.entries)
    assert agent.best.exact
    assert agent.best.growth == pytest.approx(best.best.growth)
    assert best.share == pytest.approx(1)
    assert rule.best.growth > best.best.growth  # any weights at any time
    assert agent.share < 1


def test_the_run_folder_the_summary_and_the_page_tell_the_share(tiny):
    (job,) = tiny.plan.jobs
    told = json.loads((job.folder / "metrics.json").read_text())
    assert told["hindsight"].keys() == {"growth", "exact", "share", "why"}
    assert told["metrics"]["hindsight_share"] == told["hindsight"]["share"]
    rows = summary(tiny)["table"]
    assert [row["hindsight"]["exact"] for row in rows] == [True, False, True]
    page = tiny.report.read_text(encoding="utf-8")
    for text in ("Share of hindsight", "<small>exact</small>", "<small>bound</small>",
                 "hindsight (not causal)", "Hindsight for reinforce"):  # fmt: skip
        assert text in page, text


def test_a_page_made_again_and_a_comparison_say_the_same(tiny, tmp_path):
    again = make_report(tiny.plan.home).entries
    shutil.copytree(tiny.plan.home, tmp_path / "copy")
    both = read_runs([tiny.plan.home, tmp_path / "copy"]).entries
    shares = {entry.label: entry.median("hindsight_share") for entry in tiny.entries}
    assert {entry.label: entry.median("hindsight_share") for entry in again} == shares
    references = [entry for entry in both if entry.kind == "reference"]
    assert len(references) == 1


def test_where_only_a_bound_is_known_the_page_says_so_and_draws_no_line(tmp_path):
    wide = TINY | {"env": WORLD | {"actions": "continuous"}, "name": "wide"}
    result = run_experiment(wide, out=tmp_path, workers=1)
    assert {entry.kind for entry in result.entries} == {"agent", "strategy"}
    assert any("hindsight has no line of its own" in text for text in result.warnings)
    assert "hindsight has no line of its own" in result.report.read_text(encoding="utf-8")
    assert result.entries[0].shown.hindsight.best.why.startswith("bound: ")


def test_a_saved_backtest_of_hindsight_is_a_reference(tmp_path):
    judged = backtest_target("hindsight", choice=Choice(start="2012-06-01"))
    save_backtest(judged, tmp_path)
    kinds = {entry.label: entry.kind for entry in read_entries(tmp_path)}
    assert kinds == {"hindsight (not causal)": "reference", "buy_and_hold": "strategy"}


def test_python_names_it_too():
    record = drltrade.backtest("hindsight", "sample", start="2012-06-01")
    assert record.hindsight.best.exact
    with pytest.raises(UsageError, match=r"only a limit: no account's log growth exceeds"):
        drltrade.backtest("hindsight", "sample", start="2012-06-01", actions="continuous")


def test_a_baseline_that_draws_lots_still_draws_twenty_times():
    game = drltrade.make_env("sample", actions="continuous").game.between("2012-06-01", None)
    records = run_baselines(("random", "hindsight", "cash"), game)
    assert [record.name for record in records] == ["random"] * 20 + ["cash"]


def test_references_are_listed_apart():
    found = list_names(("strategies",))
    assert list(found) == ["strategies", "references"]
    assert [name for name, _ in found["references"]] == ["hindsight", "dp_optimal"]
    assert "not causal" in found["references"][0][1]
    assert "hindsight" not in dict(found["strategies"])
    assert list(list_names(("references", "strategies"))) == ["references", "strategies"]


def test_there_is_nothing_to_audit_about_it():
    from drltrade.experiments.audits import audit_target

    with pytest.raises(UsageError, match="knows the future by intent"):
        audit_target("hindsight")

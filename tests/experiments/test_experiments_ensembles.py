"""Policies of an experiment judged together: named on the command line, or in its file."""

import json
import shutil
from typing import get_args

import numpy as np
import pytest
from small_worlds import TINY_EXPERIMENT

import drltrade
from drltrade.agents import Ensemble
from drltrade.agents.ensemble import SCHEMES
from drltrade.backtest.files import payload, read_record
from drltrade.errors import UsageError
from drltrade.experiments.audits import audit_target
from drltrade.experiments.backtests import backtest_target, load_job, save_backtest
from drltrade.experiments.ensembles import ensemble_of
from drltrade.experiments.experiment import run_experiment, summary
from drltrade.experiments.plan import Choice
from drltrade.experiments.reports import make_report, warnings_of
from drltrade.experiments.results import ENSEMBLES
from drltrade.experiments.settings import ExperimentSettings

TINY = TINY_EXPERIMENT | {
    "budget": {"steps": 512, "evaluations": 2},
    "baselines": ["buy_and_hold"],
    "ensembles": ["mean", "rotate"],
}
LABELS = ["mean of ppo (2 seeds)", "mean of reinforce (2 seeds)", "rotate over 4 policies"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return run_experiment(TINY, out=tmp_path_factory.mktemp("runs"), workers=1)


def named(tiny, target, **choice):
    scheme, _, rest = target.partition(":")
    home = tiny.plan.home
    return backtest_target(f"{scheme}:{home}{rest}", choice=Choice(**choice), out=home.parent)


def test_the_table_has_a_row_for_each_ensemble_and_none_is_a_baseline(tiny):
    rows = summary(tiny)["table"]
    assert [row["name"] for row in rows] == ["ppo", "reinforce", *LABELS, "buy_and_hold"]
    assert [row["kind"] for row in rows] == ["agent"] * 5 + ["strategy"]
    assert len(summary(tiny)["jobs"]) == 4
    assert any("of 4 agent runs ended ahead" in each for each in tiny.verdict)
    assert not any("One seed: mean" in each for each in tiny.warnings)
    page = tiny.report.read_text(encoding="utf-8")
    assert "the mean target of ppo seed 0 and ppo seed 1" in page
    assert "every 63 bars the best Sharpe ratio over 63 bars among ppo seed 0, ppo seed 1" in page
    assert "One seed: mean" not in page


def test_ensembles_are_judged_on_the_bars_of_the_others(tiny):
    spans = {(each.stamps[0], each.stamps[-1]) for e in tiny.entries for each in e.records}
    assert len(spans) == 1


def test_the_command_line_names_them_and_gets_the_same_figures(tiny):
    told = {entry.label: entry.shown for entry in tiny.entries}
    for target, label in (("mean:/ppo-*", LABELS[0]), ("rotate:", LABELS[2])):
        judged = named(tiny, target)
        np.testing.assert_array_equal(judged.record.equity, told[label].equity)
        members = payload(judged.record)["assumptions"]["ensemble"]["members"]
        jobs = [job.id for job in tiny.plan.jobs if "ppo" in job.id or target == "rotate:"]
        assert sorted(members) == sorted(jobs)
        assert "2008-01-02 to 2008-12-31" in judged.note
        assert judged.record.warnings == ()


def test_several_runs_stand_after_commas_and_one_job_is_one_member(tiny):
    one, two = (job.id for job in tiny.plan.jobs[1:3])
    home = tiny.plan.home
    ensemble = ensemble_of(f"mean:{home / one},tiny/{two}", home.parent)
    assert ensemble.labels == (one, two)


def test_python_takes_the_same(tiny):
    policies = [load_job(job.folder) for job in tiny.plan.jobs[:2]]
    record = drltrade.backtest(Ensemble(policies, "mean"), start="2008-01-01", end="2008-12-31")
    np.testing.assert_array_equal(record.equity, named(tiny, "mean:/ppo-*").record.equity)
    unseen = drltrade.backtest(f"rotate:{tiny.plan.home}")
    assert str(unseen.stamps[0])[:10] == "2008-01-02"


def test_costs_data_dates_and_the_rotation_can_be_set(tiny):
    dear = named(tiny, "mean:", sets=("env.costs.commission.rate=0.01",)).record
    assert dear.assumptions["commission_rate"] == 0.01
    other = named(tiny, "rotate:", symbols=("IBM",), start="2010-01-01",
                  sets=("ensemble.every=21", "ensemble.look=10"))  # fmt: skip
    stated = other.record.assumptions["ensemble"]
    assert (stated["every"], stated["look"]) == (21, 10)
    assert len(stated["rotations"]) == -(-(len(other.record.stamps) - 1) // 21)
    with pytest.raises(UsageError, match=r"'mean' has no setting ensemble\.every"):
        named(tiny, "mean:", sets=("ensemble.every=21",))
    with pytest.raises(UsageError, match=r"starts? with"):
        named(tiny, "mean:", sets=("strategy.fast=10",))


def test_bars_that_members_were_trained_or_chosen_on_are_told_once(tiny):
    record = named(tiny, "mean:", start="2006-06-01", end="2008-12-31").record
    overlaps = [text for text in record.warnings if text.startswith("OVERLAP")]
    assert len(overlaps) == 2
    assert any("training" in text for text in overlaps)
    assert any("validation" in text for text in overlaps)


def test_a_saved_backtest_is_a_run_whose_page_names_the_members(tiny, tmp_path):
    page = save_backtest(named(tiny, "mean:/ppo-*"), tmp_path / "kept")
    text = page.read_text(encoding="utf-8")
    assert all(job.id in text for job in tiny.plan.jobs[:2])
    entries = make_report(tmp_path / "kept").entries
    assert [(entry.label, entry.kind) for entry in entries] == [
        ("mean of ppo (2 seeds)", "agent"), ("buy_and_hold", "strategy"),
    ]  # fmt: skip


def test_the_audit_of_an_ensemble_passes(tiny):
    audit = audit_target(f"rotate:{tiny.plan.home}", out=tiny.plan.home.parent, cuts=2)
    assert audit.passed
    assert {finding.check for finding in audit.findings} >= {"actions", "fills", "equity"}


def test_what_does_not_fit_is_refused_in_words(tiny, tmp_path):
    out = tiny.plan.home.parent
    with pytest.raises(UsageError, match=r"'tinny' holds no trained policy.*tiny"):
        backtest_target("mean:tinny", out=out)
    with pytest.raises(UsageError, match="'tiny/sac-\\*' holds no trained policy"):
        backtest_target("mean:tiny/sac-*", out=out)
    shutil.copytree(tiny.plan.home, tmp_path / "moved")
    story = tmp_path / "moved" / tiny.plan.jobs[0].id / "job.json"
    content = json.loads(story.read_text())
    content["config"]["splits"]["test"][0]["end"] = "2008-06-30"
    story.write_text(json.dumps(content))
    with pytest.raises(UsageError, match="tested on different bars"):
        backtest_target("mean:moved", out=tmp_path)


def test_no_ensemble_without_enough_members():
    with pytest.raises(ValueError, match="at least two"):
        ExperimentSettings(ensembles=["mean"], seeds=1)
    with pytest.raises(ValueError, match="rotate needs two policies"):
        ExperimentSettings(ensembles="rotate", seeds=1)
    assert ExperimentSettings(ensembles="rotate", seeds=1, agents=["a2c", "ppo"]).ensembles
    inner = get_args(ExperimentSettings.model_fields["ensembles"].annotation)[0]
    assert get_args(inner) == SCHEMES


def test_an_experiment_without_ensembles_removes_those_of_an_earlier_command(tiny, tmp_path):
    shutil.copytree(tiny.plan.home, tmp_path / "tiny")
    again = run_experiment(TINY | {"ensembles": []}, out=tmp_path, workers=1)
    assert again.reused == 4
    assert not (tmp_path / "tiny" / ENSEMBLES).exists()
    assert not any(entry.joint for entry in again.entries)


def test_each_job_says_whether_its_policy_collapsed_and_the_experiment_counts_the_seeds(
    tiny, tmp_path
):
    shutil.copytree(tiny.plan.home, tmp_path / "tiny")
    for job in tiny.plan.jobs:
        file = tmp_path / "tiny" / job.id / "metrics.json"
        content = json.loads(file.read_text())
        assert set(content["collapse"]) == {"valid", "train"}
        idle = {"never_trades": "nothing was bought or sold"} if job.agent == "ppo" else {}
        file.write_text(json.dumps(content | {"collapse": {"valid": idle, "train": {}}}))
    told = "COLLAPSE: 2 of 2 seeds of ppo never trade on validation (nothing was bought or sold)."
    assert [text for text in warnings_of(tiny.entries, tmp_path / "tiny") if "COLL" in text] == [
        told
    ]
    assert read_record(tiny.plan.jobs[0].folder).warnings == ()
    page = make_report(tmp_path / "tiny").page
    assert told in page.read_text(encoding="utf-8")

"""An experiment of several folds: one YAML, one command, one account a seed over all its tests."""

import json
import shutil

import numpy as np
import pytest
from small_worlds import TINY_EXPERIMENT

from drltrade.backtest.files import read_record
from drltrade.backtest.metrics import compute_metrics
from drltrade.errors import UsageError
from drltrade.experiments.audits import audit_target
from drltrade.experiments.backtests import backtest_target, run_strategy
from drltrade.experiments.experiment import plan_of, run_experiment, summary
from drltrade.experiments.plan import Choice
from drltrade.experiments.reports import make_report, warnings_of
from drltrade.experiments.results import STITCHED, best_job, read_entries
from drltrade.experiments.training import job_game, role_game
from drltrade.experiments.trials import read_trials, trials_on

TINY = TINY_EXPERIMENT | {
    "name": "walk",
    "env": TINY_EXPERIMENT["env"] | {"data": {"source": "sample", "start": "2004", "end": "2007"}},
    "agents": TINY_EXPERIMENT["agents"][1:],
    "splits": {"walk_forward": {"train": "18 months", "valid": "6 months", "test": "8 months"}},
    "budget": {"steps": 256, "evaluations": 1},
    "baselines": ["buy_and_hold", "cash"],
    "ensembles": ["mean"],
    "diagnostics": False,
}


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    return run_experiment(TINY, out=tmp_path_factory.mktemp("runs"), workers=1)


@pytest.fixture(scope="module")
def combined(tmp_path_factory):
    content = TINY | {"name": "combined", "seeds": 1, "ensembles": []}
    splits = {"combinatorial": {"groups": 3, "test_groups": 2, "purge": 1}}
    out = tmp_path_factory.mktemp("runs")
    return run_experiment({**content, "splits": splits}, out=out, workers=1)


def test_every_fold_has_a_job_for_each_seed_that_says_which_it_is(walk):
    jobs = walk.plan.jobs
    assert [(job.fold, job.seed) for job in jobs] == [(f, s) for f in range(3) for s in range(2)]
    assert jobs[3].id.startswith("reinforce-fold1-seed1-")
    assert jobs[3].label == "reinforce fold 1 seed 1"
    assert len({job.id.rpartition("-")[2] for job in jobs}) == 6
    for job in jobs:
        found = json.loads((job.folder / "metrics.json").read_text())
        assert found["fold"] == job.fold
        assert found["start"] == walk.plan.folds[job.fold].test[0].start
    one = plan_of(TINY | {"splits": {}}).jobs[0]
    assert one.id.startswith("reinforce-seed0-")
    assert one.label == "reinforce seed 0"


def test_there_is_one_account_a_seed_over_all_that_is_tested(walk):
    home = walk.plan.home / STITCHED
    assert sorted(path.name for path in home.iterdir()) == ["reinforce-seed0", "reinforce-seed1"]
    tests = [fold.test[0] for fold in walk.plan.folds]
    bars = sum(span.bars for span in tests)
    for entry in walk.entries:
        for record in entry.records:
            assert len(record.stamps) == bars
            assert str(record.stamps[0])[:10] == tests[0].start
            assert str(record.stamps[-1])[:10] == tests[-1].end
    assert [(entry.label, len(entry.records)) for entry in walk.entries] == [
        ("reinforce", 2), ("mean of reinforce (2 seeds)", 1), ("buy_and_hold", 1), ("cash", 1),
    ]  # fmt: skip
    assert not any("OVERLAP" in warning or "clock" in warning for warning in walk.warnings)


def test_the_account_begins_as_the_first_fold_s_own_and_then_goes_on_from_where_it_stands(walk):
    for seed in range(2):
        whole = read_record(walk.plan.home / STITCHED / f"reinforce-seed{seed}")
        first, second = (
            read_record(job.folder) for job in walk.plan.jobs if job.seed == seed and job.fold < 2
        )
        bars = len(first.stamps)
        np.testing.assert_array_equal(whole.equity[:bars], first.equity)
        np.testing.assert_array_equal(whole.stamps[bars : bars + 9], second.stamps[:9])
        assert whole.equity[bars] != second.equity[0]
        steps = whole.path.gap_pnl + whole.path.bar_pnl - whole.path.costs + whole.path.carry
        steps = steps + whole.path.dividends - whole.path.haircut
        np.testing.assert_allclose(np.diff(whole.equity), steps[1:], atol=1e-6)


def test_the_folder_says_which_bars_had_which_role_and_how_the_baselines_validated(walk):
    content = json.loads((walk.plan.home / "experiment.json").read_text())
    assert [fold["number"] for fold in content["folds"]] == [0, 1, 2]
    assert content["folds"][0]["test"] == [
        {"start": "2006-01-03", "end": "2006-09-01", "bars": 169}
    ]
    assert set(content["baseline_scores"]) == {"buy_and_hold", "cash"}
    assert content["baseline_scores"]["cash"] is None
    sharpes = []
    for job in walk.plan.jobs[::2]:
        game = role_game(job, job_game(job, walk.plan.market), walk.plan.market, "valid")
        sharpes.append(compute_metrics(run_strategy("buy_and_hold", game))["sharpe"])
    assert content["baseline_scores"]["buy_and_hold"] == pytest.approx(np.mean(sharpes))


def test_what_was_tried_is_in_the_ledger_of_the_runs(walk):
    out = walk.plan.home.parent
    test = walk.plan.tested
    tried = trials_on(out, walk.plan.market.fingerprint, test.start, test.end)
    assert tried.count == 1  # the folds of one walk-forward, and its seeds, are one trial
    noted = read_trials(out)
    jobs = {(trial.seed, trial.start) for trial in noted if trial.kind == "test"}
    assert {(job.seed, walk.plan.folds[job.fold].test[0].start) for job in walk.plan.jobs} <= jobs
    backtest_target(str(walk.plan.home), choice=Choice(start="2007-06-01"), out=out)
    assert len(read_trials(out)) == len(noted) + 1


def test_the_summary_names_folds_and_the_page_the_interval(walk):
    content = summary(walk)
    assert [(job["fold"], job["seed"]) for job in content["jobs"][:3]] == [(0, 0), (0, 1), (1, 0)]
    assert [fold["number"] for fold in content["folds"]] == [0, 1, 2]
    assert content["table"][0]["seeds"] == 2
    page = walk.report.read_text(encoding="utf-8")
    assert "in the first fold 2004-01-02 to 2005-07-01" in page
    assert f"{walk.plan.tested.bars:,} bars) in 3 folds" in page


def test_the_same_command_again_trains_nothing_and_one_fold_leaves_nothing_stitched(walk, tmp_path):
    shutil.copytree(walk.plan.home, tmp_path / "walk")
    again = run_experiment(TINY, out=tmp_path, workers=1)
    assert again.reused == 6
    for one, two in zip(again.entries, walk.entries, strict=True):
        np.testing.assert_array_equal(one.shown.equity, two.shown.equity)
    fixed = TINY | {"splits": {"train": 0.5, "valid": 0.25, "test": 0.25}, "seeds": [0, 1]}
    plain = run_experiment(fixed, out=tmp_path, workers=1)
    assert not (tmp_path / "walk" / STITCHED).exists()
    assert len(plain.entries[0].records) == 2
    assert "first fold" not in plain.report.read_text(encoding="utf-8")


def test_what_is_not_done_is_shown_fold_by_fold(walk, tmp_path):
    shutil.copytree(walk.plan.home, tmp_path / "walk")
    shutil.rmtree(tmp_path / "walk" / STITCHED)
    shutil.rmtree(tmp_path / "walk" / "ensembles")
    labels = [entry.label for entry in read_entries(tmp_path / "walk")]
    assert labels == [*(f"reinforce fold {fold}" for fold in range(3)), "buy_and_hold", "cash"]
    make_report(tmp_path / "walk")


def test_the_run_is_backtested_by_its_last_fold_and_says_so(walk):
    home = walk.plan.home
    folder, note = best_job(home)
    assert folder.name.startswith("reinforce-fold2-")
    assert "the best of 2 of the last fold, 2, by validation score" in note
    judged = backtest_target(str(home), out=home.parent)
    assert judged.record.equity.tolist() == read_record(folder).equity.tolist()
    mean = backtest_target(f"mean:{home}", out=home.parent)
    assert len(mean.record.assumptions["ensemble"]["members"]) == 2
    assert str(mean.record.stamps[0])[:10] == walk.plan.folds[2].test[0].start
    with pytest.raises(UsageError, match="tested on different bars"):
        backtest_target(f"mean:{home}/reinforce-*", out=home.parent)
    audit = audit_target(str(home), out=home.parent, cuts=2)
    assert audit.passed, [finding.message for finding in audit.findings if finding.bad]


def test_a_collapse_is_told_of_all_seeds_and_folds_in_one_sentence(walk, tmp_path):
    shutil.copytree(walk.plan.home, tmp_path / "walk")
    for job in walk.plan.jobs:
        file = tmp_path / "walk" / job.id / "metrics.json"
        content = json.loads(file.read_text())
        idle = {"never_trades": "nothing was bought or sold"} if job.fold == 1 else {}
        file.write_text(json.dumps(content | {"collapse": {"valid": idle, "train": {}}}))
    told = [text for text in warnings_of(walk.entries, tmp_path / "walk") if "COLLAPSE" in text]
    assert len(told) == 1
    assert "2 of 6 seeds and folds of reinforce never trade on validation" in told[0]


def test_combinatorial_folds_make_an_account_for_every_path_through_them(combined):
    plan = combined.plan
    home = plan.home / STITCHED
    names = sorted(path.name for path in home.iterdir())
    assert names == ["reinforce-seed0-path0", "reinforce-seed0-path1"]
    assert len(plan.folds) == 3
    for name in names:
        record = read_record(home / name)
        assert len(record.stamps) == plan.market.bars
        assert record.symbols == ("AAPL",)
        assert not any("OVERLAP" in warning for warning in record.warnings)
    assert not any("OVERLAP" in warning for warning in combined.warnings)
    assert {len(entry.shown.stamps) for entry in combined.entries} == {plan.market.bars}


def test_a_policy_learnt_around_its_tests_knows_which_bars_those_are(combined):
    job = next(job for job in combined.plan.jobs if job.fold == 1)  # tests groups 0 and 2
    fold = combined.plan.folds[1]
    card = json.loads((job.folder / "policy.json").read_text())
    assert card["fingerprint"] == combined.plan.market.fingerprint
    assert [start[:10] for start, _ in card["train"]] == [span.start for span in fold.train]
    assert [end[:10] for _, end in card["valid"]] == [span.end for span in fold.valid]
    judged = backtest_target(str(job.folder))
    assert not any(warning.startswith(("OVERLAP", "DATA")) for warning in judged.record.warnings)
    np.testing.assert_array_equal(judged.record.equity, read_record(job.folder).equity)
    assert judged.game.spans.tolist() == [
        list(combined.plan.market.locate(span.start, span.end)) for span in fold.test
    ]
    audit = audit_target(str(job.folder), cuts=2)
    assert audit.passed, [finding.message for finding in audit.findings if finding.bad]

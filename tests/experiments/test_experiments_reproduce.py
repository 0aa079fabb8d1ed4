"""What was trained once comes out again bit for bit, or the difference is named."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_worlds import TINY_EXPERIMENT

from drltrade.errors import UsageError
from drltrade.experiments.backtests import backtest_target, save_backtest
from drltrade.experiments.differences import differences
from drltrade.experiments.experiment import run_experiment
from drltrade.experiments.noting import job_trials, note_runs
from drltrade.experiments.plan import Choice
from drltrade.experiments.reproduce import finished_jobs, reproduce, unfinished
from drltrade.experiments.runner import run_jobs
from drltrade.experiments.trials import read_trials, trials_on

REWARD = "def steady(step):\n    return step.log_return - 0.1 * step.drawdown_change\n"
BRIEF = TINY_EXPERIMENT | {
    "seeds": 1,
    "baselines": ["cash"],
    "diagnostics": False,
    "budget": {"steps": 512, "evaluations": 2},
}


def agent(name, **settings):
    return {"name": name, "accounts": 16} | settings


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A workspace with five runs: ppo, dqn, cfq, direct, and a ppo with a reward of one's own."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "mine.py").write_text(REWARD)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        agents = [agent("ppo", n_steps=16), agent("dqn"), agent("cfq"), agent("direct")]
        run_experiment(BRIEF | {"name": "four", "agents": agents}, workers=1)
        own = BRIEF | {"name": "own", "env": BRIEF["env"] | {"reward": "mine.py:steady"}}
        run_experiment(own | {"agents": agents[:1]}, workers=1)
    return folder


@pytest.fixture
def here(lab, tmp_path, monkeypatch):
    """The same workspace to spoil, without its runs' pages."""
    shutil.copytree(lab, tmp_path / "lab")
    monkeypatch.chdir(tmp_path / "lab")
    return tmp_path / "lab"


def job_of(home: Path) -> Path:
    (job,) = finished_jobs(home, count=1)
    return job


def edit(file: Path, change) -> None:
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


@pytest.fixture
def at_once(monkeypatch):
    """Does jobs in this process: a fresh one for each takes seconds to start."""

    def run(jobs, work, report, workers, *, fresh):
        assert fresh
        return run_jobs(jobs, work, report)

    monkeypatch.setattr("drltrade.experiments.reproduce.run_jobs", run)


def test_five_runs_are_identical(lab, tmp_path, monkeypatch, at_once):
    monkeypatch.chdir(lab)
    before = {path: path.stat().st_mtime_ns for path in lab.rglob("*")}
    found = [
        each for name in ("four", "own") for each in reproduce(Path("runs", name), tmp_path / name)
    ]
    assert [each.job.partition("-")[0] for each in found] == ["ppo", "dqn", "cfq", "direct", "ppo"]
    assert [(each.identical, each.differences, each.notes) for each in found] == [
        (True, (), ())
    ] * 5
    assert before == {path: path.stat().st_mtime_ns for path in lab.rglob("*")}


@pytest.mark.slow
def test_a_job_is_identical_in_a_fresh_process(lab, tmp_path, monkeypatch):
    monkeypatch.chdir(lab)
    events = []
    (found,) = reproduce(Path("runs", "own"), tmp_path, progress=events.append)
    assert found.identical
    assert {event.kind for event in events} >= {"started", "progress", "done"}


def test_the_folds_of_an_experiment_are_done_again_one_by_one(tmp_path, monkeypatch, at_once):
    monkeypatch.chdir(tmp_path)
    splits = {"walk_forward": {"train": 250, "valid": 60, "test": 60}}
    content = BRIEF | {"name": "walk", "agents": BRIEF["agents"][:1], "splits": splits}
    content["env"] = BRIEF["env"] | {"data": {"source": "sample", "end": "2001-12-31"}}
    ran = run_experiment(content, workers=1)
    assert len(ran.plan.folds) > 1
    found = reproduce(ran.plan.home, tmp_path / "again", count=2)
    assert [(each.job, each.identical) for each in found] == [
        (job.id, True) for job in ran.plan.jobs[:2]
    ]
    data, tests = ran.plan.market.fingerprint, [fold.test[0] for fold in ran.plan.folds]
    whole = trials_on(Path("runs"), data, tests[0].start, tests[-1].end)
    assert whole.count == 1
    checkpoints = len(job_trials(ran.plan.jobs[0].folder)) - 1
    on_valid = ran.plan.folds[0].valid[0]
    assert trials_on(Path("runs"), data, on_valid.start, on_valid.end, "valid").count == checkpoints


def test_jobs_are_picked_from_all_agents_in_turn(lab):
    home = lab / "runs" / "four"
    assert [job.name.partition("-")[0] for job in finished_jobs(home, count=3)] == [
        "ppo", "dqn", "cfq",
    ]  # fmt: skip
    assert [job.name.partition("-")[0] for job in finished_jobs(home, agents=["cfq"])] == ["cfq"]
    with pytest.raises(UsageError, match="Did you mean 'dqn'"):
        finished_jobs(home, agents=["dqnn"])


def test_every_kind_of_difference_is_named_with_its_first_bar_and_its_size(here, tmp_path):
    job = job_of(here / "runs" / "four")
    shutil.copytree(job, tmp_path / "now")
    assert differences(job, tmp_path / "now") == []

    table = pq.read_table(job / "equity.parquet")
    equity = table["equity"].to_numpy().copy()
    equity[100] = np.nextafter(equity[100], np.inf)
    equity[150] += 7.0
    at = table.column_names.index("equity")
    pq.write_table(table.set_column(at, "equity", pa.array(equity)), job / "equity.parquet")

    def spoil(result):
        result["metrics"]["sharpe"] = 3.0
        result["seconds"] = 1e9
        result["validation"][1][1] += 1e-12

    edit(job / "metrics.json", spoil)
    weights = bytearray((job / "policy.safetensors").read_bytes())
    weights[-1] ^= 1
    (job / "policy.safetensors").write_bytes(bytes(weights))
    stamp = str(table["stamp"][100].as_py())[:10]
    told = differences(job, tmp_path / "now")
    kinds = ["was changed after training", "weights: SHA-256", "validation:"]
    kinds += [f"first on {stamp}; the largest difference is 7, in equity", "metrics.sharpe 3.0"]
    assert len(told) == len(kinds)
    assert all(kind in sentence for kind, sentence in zip(kinds, told, strict=True))
    assert not any("seconds" in sentence for sentence in told)


def test_one_nan_equals_another_and_zero_is_not_minus_zero(here, tmp_path):
    job = job_of(here / "runs" / "four")
    shutil.copytree(job, tmp_path / "now")
    table = pq.read_table(job / "equity.parquet")
    assert np.isnan(table["action:0"].to_numpy()[-1])
    odd = np.frombuffer(np.uint64(0x7FF8000000000001).tobytes(), np.float64)[0]
    changed = {"action:0": odd, "commission": -0.0}
    for name, value in changed.items():
        values = table[name].to_numpy().copy()
        values[-1 if name == "action:0" else 0] = value
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    pq.write_table(table, job / "equity.parquet")
    (told,) = differences(job, tmp_path / "now")
    assert "1 of " in told
    assert "in commission" in told


def impossible(home, tmp_path, **options):
    """Why none of a run's jobs can be done again; nothing is trained."""
    found = reproduce(home, tmp_path / "scratch", **options)
    assert not any(each.done or each.identical for each in found)
    assert not (tmp_path / "scratch").exists()
    return found[0].differences[0]


def test_a_changed_or_missing_plugin_is_named(here, tmp_path):
    (here / "mine.py").write_text(REWARD.replace("0.1", "0.2"))
    told = impossible(here / "runs" / "own", tmp_path)
    assert "'mine.py:steady' has changed" in told
    (here / "mine.py").unlink()
    told = impossible(here / "runs" / "own", tmp_path)
    assert "'mine.py:steady' is not in this workspace" in told


def test_changed_data_are_named(here, tmp_path):
    job = job_of(here / "runs" / "four")
    edit(job / "job.json", lambda story: story.update(data="0" * 64))
    assert "The data of 'sample' have changed: SHA-256 000000000000 then" in impossible(
        job, tmp_path
    )


def test_a_run_that_was_moved_is_reproduced_where_its_plugins_are(here, lab, tmp_path, at_once):
    shutil.move(here / "runs" / "own", tmp_path / "elsewhere")
    (found,) = reproduce(tmp_path / "elsewhere", tmp_path / "again")
    assert found.identical


def test_other_code_is_told_first_and_the_job_is_done_all_the_same(here, tmp_path, at_once):
    job = job_of(here / "runs" / "four")
    edit(job / "job.json", lambda story: story["versions"].update(numpy="1.0"))
    (same,) = reproduce(job, tmp_path / "same")
    assert same.identical
    assert same.notes == ()  # the id vouches for code and libraries
    edit(job / "job.json", lambda story: story.update(id="ppo-seed0-000000000000"))
    (other,) = reproduce(job, tmp_path / "other")
    assert other.identical
    assert "numpy 1.0 then" in other.notes[0]


def test_jobs_that_never_finished_are_left_out_and_listed(here):
    home = here / "runs" / "four"
    lost = finished_jobs(home)[1]
    (lost / "metrics.json").unlink()
    assert [job.name for job in finished_jobs(home)] != []
    assert lost not in finished_jobs(home)
    assert unfinished(home) == [lost.name]


def test_a_run_begun_with_another_finds_it_by_its_weights(here, tmp_path, at_once):
    content = BRIEF | {"name": "warm", "agents": BRIEF["agents"][:1]}
    first = job_of(here / "runs" / "four")
    run_experiment(content, workers=1, choice=Choice(start_from=str(first)))
    (found,) = reproduce(here / "runs" / "warm", tmp_path / "again")
    assert found.identical
    shutil.rmtree(first)
    assert "It began with the weights" in impossible(here / "runs" / "warm", tmp_path)


EVIL = "open({marker!r}, 'w').close()\n" + REWARD


@pytest.mark.parametrize("way", ["absolute", "dots", "roots", "inside"])
def test_code_from_a_run_folder_is_never_executed(here, tmp_path, monkeypatch, way):
    marker = tmp_path / "executed"
    job = job_of(here / "runs" / "own")
    code = EVIL.format(marker=str(marker))
    (job / "evil.py").write_text(code)
    inside = job.relative_to(here)
    ref = {"absolute": f"{job}/evil.py", "dots": f"../{here.name}/{inside}/evil.py"}.get(way)
    ref = f"{ref or 'evil.py'}:steady"
    if way == "inside":
        monkeypatch.chdir(job)

    def poison(story):
        story["config"]["env"]["reward"] = ref
        story["plugins"] = {ref: hashlib.sha256(code.encode()).hexdigest()}
        story["roots"] = [str(job)]

    edit(job / "job.json", poison)
    told = impossible(job, tmp_path)
    assert "run folder" in told or "workspace" in told
    assert not marker.exists()


def test_nothing_is_written_outside_the_scratch_folder(here, tmp_path, at_once):
    job = job_of(here / "runs" / "four")
    edit(job / "job.json", lambda story: story.update(agent="../../../out/of/here"))
    before = {path for path in tmp_path.rglob("*")}
    (found,) = reproduce(job, tmp_path / "scratch")
    assert found.identical
    made = {path for path in tmp_path.rglob("*")} - before
    assert all(path.is_relative_to(tmp_path / "scratch") for path in made)


def test_an_experiment_cannot_point_to_jobs_that_are_not_its_own(here, tmp_path):
    home = here / "runs" / "four"
    shutil.copytree(job_of(home), tmp_path / "outside")
    edit(home / "experiment.json", lambda content: content.update(jobs=["../../../outside"]))
    with pytest.raises(UsageError, match="no finished job of its own"):
        finished_jobs(home)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda story: story.clear(), "'config' is missing"),
        (lambda story: story.update(seed=-1), "'seed' must be greater than or equal to 0"),
        (lambda story: story.update(config=[]), "'config' must be a mapping"),
        (lambda story: story["config"].update(splits={}), "splits"),
        (lambda story: story["config"]["env"].update(window="wide"), "'window' must be"),
        (lambda story: story["config"]["env"]["data"].update(source="/etc/passwd"), "price file"),
        (lambda story: story["config"]["budget"].update(steps=0), "steps"),
    ],
)
def test_a_damaged_job_file_is_told_in_a_sentence(here, tmp_path, change, words):
    job = job_of(here / "runs" / "four")
    edit(job / "job.json", change)
    told = impossible(job, tmp_path)
    assert words in told
    assert "\n" not in told


def test_a_saved_backtest_of_a_strategy_is_done_again(here, tmp_path):
    choice = Choice(start="2005", end="2006", sets=("strategy.fast=5", "env.fill=next_close"))
    save_backtest(backtest_target("sma_cross", choice=choice), tmp_path / "saved")
    (found,) = reproduce(tmp_path / "saved", tmp_path / "again")
    assert (found.identical, found.notes) == (True, ())
    edit(tmp_path / "saved" / "backtest.json", lambda story: story["strategy"].update(fast=6))
    (found,) = reproduce(tmp_path / "saved", tmp_path / "more")
    assert "equity.parquet" in found.differences[0]
    (tmp_path / "saved" / "backtest.json").unlink()
    assert "There is no backtest.json" in impossible(tmp_path / "saved", tmp_path)


def test_every_judgement_of_a_policy_is_noted_once(here):
    runs = here / "runs"
    job = job_of(runs / "own")
    noted = read_trials(runs)
    assert set(job_trials(job)) <= set(noted)
    test = next(trial for trial in job_trials(job) if trial.kind == "test")
    span = (test.data, test.start, test.end)
    assert trials_on(runs, *span).count == 5
    backtest_target(str(job))
    assert read_trials(runs) == noted  # the same policy on the same bars
    backtest_target(str(job), choice=Choice(start="2009-01-01"))
    assert trials_on(runs, *span).count == 5
    assert trials_on(runs, test.data, "2009-06-01", "2009-06-01").count == 1
    backtest_target("mean:runs/four/ppo-*")
    assert trials_on(runs, *span).count == 6
    (runs / "trials.jsonl").unlink()
    assert note_runs([runs / "four", runs / "own"]) == []
    assert trials_on(runs, *span).count == 5

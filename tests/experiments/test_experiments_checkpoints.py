"""A job that was interrupted is gone on with by the same call, in one process at a time."""

import json
import os
import shutil

import pytest

import drltrade.agents.watch as watch
from drltrade.errors import DrltradeError
from drltrade.experiments import run_experiment
from drltrade.experiments.folders import building
from drltrade.experiments.plan import plan_experiment

CONTENT = {
    "name": "short",
    "env": {"window": 4},
    "agents": [{"name": "ppo", "accounts": 8}],
    "budget": {"steps": 4000, "evaluations": 4, "checkpoint_seconds": 0},
    "baselines": ["cash"],
}


class Stopped(KeyboardInterrupt):
    """Ctrl-C."""


@pytest.fixture
def stopped_after(monkeypatch):
    """Stops a training as Ctrl-C would, after so many evaluations."""
    evaluate = watch.Watch._evaluate

    def arm(evaluations):
        def counted(self, *args):
            evaluate(self, *args)
            if len(self.history) == evaluations:
                raise Stopped

        monkeypatch.setattr(watch.Watch, "_evaluate", counted)

    return arm


def job_of(out, **budget):
    content = CONTENT | {"budget": CONTENT["budget"] | budget}
    return plan_experiment(content, out=out).jobs[0]


def test_an_interrupted_job_is_gone_on_with_and_told_so(tmp_path, stopped_after):
    run_experiment(CONTENT, out=tmp_path / "whole", workers=1)
    stopped_after(3)
    with pytest.raises(Stopped):
        run_experiment(CONTENT, out=tmp_path / "killed", workers=1)
    job = job_of(tmp_path / "killed")
    partial = job.home / f".{job.id}.partial"
    assert (partial / "checkpoint.safetensors").is_file()
    assert not job.folder.exists()

    stopped_after(None)
    events = []
    run_experiment(CONTENT, out=tmp_path / "killed", workers=1, progress=events.append)
    assert [event.message for event in events if event.kind == "note"] == ["resumed at 72 %"]
    whole = job_of(tmp_path / "whole").folder
    for name in ("policy.safetensors", "equity.parquet"):
        assert (job.folder / name).read_bytes() == (whole / name).read_bytes(), name
    told = [json.loads((folder / "metrics.json").read_text()) for folder in (job.folder, whole)]
    assert told[0]["validation"] == told[1]["validation"]
    assert sorted(os.listdir(job.folder)) == sorted(os.listdir(whole))
    assert not list(job.home.glob(".*"))


def test_a_job_with_other_settings_does_not_touch_what_was_interrupted(tmp_path, stopped_after):
    stopped_after(2)
    with pytest.raises(Stopped):
        run_experiment(CONTENT, out=tmp_path, workers=1)
    stopped_after(None)
    events = []
    other = CONTENT | {"seeds": [5]}
    run_experiment(other, out=tmp_path, workers=1, progress=events.append)
    assert not [event for event in events if event.kind == "note"]
    assert [file.suffix for file in job_of(tmp_path).home.glob(".*")] == [".partial"]


def test_a_damaged_checkpoint_is_told_and_started_over(tmp_path, stopped_after):
    stopped_after(2)
    with pytest.raises(Stopped):
        run_experiment(CONTENT, out=tmp_path, workers=1)
    stopped_after(None)
    job = job_of(tmp_path)
    file = job.home / f".{job.id}.partial" / "checkpoint.safetensors"
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)
    events = []
    run_experiment(CONTENT, out=tmp_path, workers=1, progress=events.append)
    (note,) = [event.message for event in events if event.kind == "note"]
    assert note.startswith("starts over: ")
    assert "is damaged" in note


def test_a_second_command_on_the_same_job_says_who_has_it(tmp_path):
    job = job_of(tmp_path)
    with building(job.folder):
        with pytest.raises(DrltradeError, match=rf"working on .*\(process {os.getpid()} on"):
            run_experiment(CONTENT, out=tmp_path, workers=1)
        (job.home / f".{job.id}.partial" / "metrics.json").touch()
    shutil.rmtree(job.folder)


def test_how_often_a_job_is_saved_does_not_decide_which_job_it_is(tmp_path):
    jobs = [job_of(tmp_path, checkpoint_seconds=seconds) for seconds in (1, 60)]
    assert jobs[0].id == jobs[1].id != job_of(tmp_path, steps=5000).id
    assert [job.checkpoint_seconds for job in jobs] == [1, 60]

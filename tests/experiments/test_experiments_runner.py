"""Jobs run side by side, fail alone, and leave no process behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drltrade.experiments.jobs import Event, Job
from drltrade.experiments.runner import run_jobs, worker_count

HERE = Path(__file__).parent


@pytest.fixture
def work(monkeypatch):
    """The test jobs under an import name that a spawned worker finds too."""
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    import jobs_for_tests

    return jobs_for_tests.work


def job(home: Path, agent: str, seed: int = 0) -> Job:
    return Job(agent=agent, seed=seed, config={}, data="x", plugins={}, home=home)


def run(jobs, work, workers):
    events: list[Event] = []
    return run_jobs(jobs, work, events.append, workers), events


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_job_is_told_in_one_sentence_and_the_others_finish(tmp_path, work, workers):
    jobs = [job(tmp_path, name) for name in ("good", "bad", "bug", "better")]
    failures, events = run(jobs, work, workers)
    assert [(event.job, event.message.split(". ")[0].rstrip(".")) for event in failures] == [
        (jobs[1].id, "The prices are gone"),
        (jobs[2].id, "ZeroDivisionError: one by nought"),
    ] or workers == 2
    assert {event.job for event in failures} == {jobs[1].id, jobs[2].id}
    assert {event.job for event in events if event.kind == "done"} == {jobs[0].id, jobs[3].id}
    assert (jobs[0].folder / "metrics.json").is_file()
    assert (jobs[3].folder / "metrics.json").is_file()
    assert not list(tmp_path.glob(".*"))


def test_several_workers_are_other_processes_of_one_thread_each(tmp_path, work):
    jobs = [job(tmp_path, "good", seed) for seed in range(4)]
    failures, _ = run(jobs, work, 2)
    results = [json.loads((item.folder / "metrics.json").read_text()) for item in jobs]
    assert failures == []
    assert os.getpid() not in {result["pid"] for result in results}
    assert len({result["pid"] for result in results}) <= 2
    assert {result["threads"] for result in results} == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "7"


def test_a_fresh_process_does_one_job_and_no_other(tmp_path, work):
    jobs = [job(tmp_path, name, seed) for seed in range(2) for name in ("good", "bad")]
    failures = run_jobs(jobs, work, lambda event: None, 1, fresh=True)
    assert {event.job for event in failures} == {jobs[1].id, jobs[3].id}
    done = [json.loads((jobs[at].folder / "metrics.json").read_text()) for at in (0, 2)]
    assert len({os.getpid(), *(each["pid"] for each in done)}) == 3


def test_a_killed_worker_is_reported_and_replaced(tmp_path, work):
    jobs = [job(tmp_path, "killed"), job(tmp_path, "killed", 1), job(tmp_path, "good")]
    failures, events = run(jobs, work, 2)
    assert len(failures) == 2
    assert "SIGKILL" in failures[0].message
    assert [event.job for event in events if event.kind == "done"] == [jobs[2].id]


def test_there_is_one_worker_a_core_and_never_more_than_jobs():
    assert worker_count(1) == 1
    assert worker_count(100, 3) == 3
    assert worker_count(2, 8) == 2
    assert worker_count(100) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_its_parent(tmp_path, ending):
    script = tmp_path / "main.py"
    script.write_text(
        "import sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(HERE)!r})\n"
        "from jobs_for_tests import work\n"
        "from drltrade.experiments.jobs import Job\n"
        "from drltrade.experiments.runner import run_jobs\n"
        "if __name__ == '__main__':\n"
        f"    home = Path({str(tmp_path)!r})\n"
        "    jobs = [Job('slow', seed, {}, 'x', {}, home) for seed in range(3)]\n"
        "    run_jobs(jobs, work, lambda event: None, 2)\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.PIPE)
    workers = _until(
        lambda: sorted(int(f.stem) for f in tmp_path.glob("*.pid")), lambda x: len(x) == 2
    )
    parent.send_signal(ending)
    parent.communicate(timeout=20)
    assert parent.returncode != 0
    gone = _until(lambda: [pid for pid in workers if _running(pid)], lambda left: not left)
    assert gone == []


def _until(look, enough, seconds: float = 20.0):
    end = time.monotonic() + seconds
    while not enough(found := look()) and time.monotonic() < end:
        time.sleep(0.05)
    assert enough(found)
    return found


def _running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False

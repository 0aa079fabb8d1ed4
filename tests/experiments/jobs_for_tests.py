"""Jobs that tests hand to real worker processes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from drltrade.errors import DataError
from drltrade.experiments.folders import building, write_json
from drltrade.experiments.jobs import Event, Job


def work(job: Job, report) -> None:
    """Does what the job's label says."""
    report(Event(job.id, "progress", steps=1, total=2))
    if job.agent == "bad":
        raise DataError("The prices are gone.")
    if job.agent == "bug":
        raise ZeroDivisionError("one by nought")
    if job.agent == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if job.agent == "slow":
        (Path(job.home) / f"{os.getpid()}.pid").touch()
        time.sleep(60)
    with building(job.folder) as folder:
        write_json(
            folder / "metrics.json", {"pid": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"]}
        )

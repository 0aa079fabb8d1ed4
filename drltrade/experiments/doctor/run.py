"""Runs a visit to the doctor: its jobs side by side, then the diagnosis."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from drltrade.experiments.doctor.examine import examine, result_file
from drltrade.experiments.doctor.findings import Diagnosis, gather
from drltrade.experiments.doctor.plan import Visit, plan_visit
from drltrade.experiments.jobs import Event
from drltrade.experiments.runner import run_jobs, worker_count

__all__ = ["carry_out_visit", "run_doctor"]


def run_doctor(
    *agents: Any,
    markets: Sequence[str] = (),
    seeds: int = 1,
    steps: int | None = None,
    window: int = 1,
    quick: bool = False,
    sets: Sequence[str] = (),
    workers: int | None = 1,
    progress: Callable[[Event], None] | None = None,
) -> Diagnosis:
    """Trains agents on the known-answer markets and says whether they are sound.

    Args:
        agents: names, YAML files, `path.py:Name`, mappings or settings; by default the five of
            `drltrade doctor`.
        markets: names of CASES; by default all, with `quick` three.
        seeds: trainings of each agent on each market.
        steps: account-steps of each training; by default those of the doctor's table.
        window: rows of the signal in an observation; more than 1 makes an encoder work.
        quick: fewer markets and steps, marks lowered by .05.
        sets: `agent.key=value` for every agent.
        workers: processes side by side, None one a core. More than 1 needs the guard
            `if __name__ == "__main__":` in a script.
        progress: receives what the trainings tell.

    Raises:
        UsageError: a name, a setting or a number is wrong.

    Example:
        >>> found = run_doctor("a2c", markets=["two_state"], steps=2_000)
        >>> found.agents
        ('a2c',)
    """
    with tempfile.TemporaryDirectory(prefix="drltrade-doctor-") as home:
        visit = plan_visit(
            agents, markets=markets, seeds=seeds, steps=steps, window=window, quick=quick,
            sets=sets, home=Path(home),
        )  # fmt: skip
        return carry_out_visit(visit, workers=workers, progress=progress)


def carry_out_visit(
    visit: Visit,
    *,
    workers: int | None = None,
    progress: Callable[[Event], None] | None = None,
) -> Diagnosis:
    """Does what a plan says; see `run_doctor`. Results that are there already are kept."""
    began = time.monotonic()
    waiting = [job for job in visit.jobs if not result_file(job).is_file()]
    count = worker_count(len(waiting), workers)
    failures = run_jobs(waiting, examine, progress or (lambda event: None), count)
    return gather(visit, failures, time.monotonic() - began)

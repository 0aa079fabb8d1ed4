"""Does finished jobs again in fresh processes and compares what they left, bit for bit."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from drltrade.errors import DrltradeError, UsageError, unknown
from drltrade.experiments.differences import differences
from drltrade.experiments.folders import is_done, read_json
from drltrade.experiments.jobs import Event
from drltrade.experiments.rebuilding import Markets, Rebuilt, rebuild
from drltrade.experiments.results import experiment_jobs, noted
from drltrade.experiments.runner import run_jobs, worker_count
from drltrade.experiments.saved import is_backtest, redo_backtest
from drltrade.experiments.training import run_job

__all__ = [
    "Attempt",
    "Reproduced",
    "finished_jobs",
    "prepare",
    "redo",
    "reproduce",
    "reproduce_backtest",
    "unfinished",
]


@dataclass(frozen=True)
class Reproduced:
    """What became of one job.

    Attributes:
        job: the name of its folder.
        identical: whether it left the same, bit for bit.
        differences: what differs, or why it could not be done again.
        notes: what is not as it was when it was done first, the likely reason; with these it may
            still be identical.
        done: whether it could be done again.
    """

    job: str
    identical: bool
    differences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    done: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON content."""
        return asdict(self)


@dataclass(frozen=True)
class Attempt:
    """A finished job, and the same made ready to be done again.

    Attributes:
        folder: what it left.
        again: the job; None where it cannot be done again.
        hindrance: why it cannot.
    """

    folder: Path
    again: Rebuilt | None
    hindrance: str = ""


def reproduce(
    folder: Path,
    scratch: Path,
    *,
    count: int | None = None,
    agents: Sequence[str] = (),
    workers: int | None = None,
    progress: Callable[[Event], None] = lambda event: None,
) -> list[Reproduced]:
    """Does the jobs of a run again, each in a process of its own, and compares what they leave.

    Nothing is taken from the run but its settings: code comes from the installed package and, for
    plug-ins, from the current folder, where it must be what it was.

    Args:
        folder: a job's folder, an experiment's, or a saved backtest's.
        scratch: an empty folder; nothing is written elsewhere.
        count: do only so many jobs, spread over the agents.
        agents: do only those of these agents, by their labels.
        workers: how many jobs run at once; one a core unless said otherwise.
        progress: receives each event while jobs run.

    Raises:
        UsageError: the folder holds no job, or none of an agent.
    """
    if is_backtest(folder):
        return [reproduce_backtest(folder, scratch)]
    attempts = prepare(finished_jobs(folder, count=count, agents=agents), scratch)
    return redo(attempts, workers=workers, progress=progress)


def finished_jobs(
    folder: Path, *, count: int | None = None, agents: Sequence[str] = ()
) -> list[Path]:
    """Lists the jobs of a run that can be compared, or some of them; see `reproduce`."""
    if is_done(folder):
        jobs = [folder]
    else:
        here = folder.resolve()
        jobs = [job for job in experiment_jobs(folder) if here in job.resolve().parents]
    if not jobs:
        raise UsageError(f"'{folder}' holds no finished job of its own.")
    groups: dict[str, list[Path]] = {}
    for job in jobs:
        groups.setdefault(_label(job), []).append(job)
    for agent in agents:
        if agent not in groups:
            raise unknown("agent", agent, groups)
    chosen = [groups[agent] for agent in agents or groups]
    # One of each agent, then the next of each.
    spread = [job for row in itertools.zip_longest(*chosen) for job in row if job is not None]
    kept = set(spread if count is None else spread[:count])
    return [job for job in jobs if job in kept]


def _label(job: Path) -> str:
    try:
        return str(read_json(job / "job.json").get("agent"))
    except DrltradeError:
        return job.name


def unfinished(folder: Path) -> list[str]:
    """Lists the jobs that an experiment asked for and that are not done."""
    return [str(name) for name in noted(folder, "jobs") if not is_done(folder / str(name))]


def prepare(jobs: Sequence[Path], scratch: Path) -> list[Attempt]:
    """Makes jobs ready to be done again, each in a folder of its own below `scratch`."""
    markets = Markets()
    return [_attempt(job, scratch / f"{at:03d}", markets) for at, job in enumerate(jobs)]


def _attempt(folder: Path, home: Path, markets: Markets) -> Attempt:
    try:
        return Attempt(folder, rebuild(folder, home, markets))
    except (DrltradeError, RecursionError) as error:
        return Attempt(folder, None, str(error))


def redo(
    attempts: Sequence[Attempt],
    *,
    workers: int | None = None,
    progress: Callable[[Event], None] = lambda event: None,
) -> list[Reproduced]:
    """Does what can be done again and compares it; see `reproduce`."""
    jobs = [attempt.again.job for attempt in attempts if attempt.again is not None]
    failures = run_jobs(jobs, run_job, progress, worker_count(len(jobs), workers), fresh=True)
    failed = {event.job: event.message for event in failures}
    return [_judge(attempt, failed) for attempt in attempts]


def _judge(attempt: Attempt, failed: Mapping[str, str]) -> Reproduced:
    name = attempt.folder.name
    if attempt.again is None:
        return Reproduced(name, False, (attempt.hindrance,), done=False)
    job, notes = attempt.again.job, attempt.again.notes
    if not is_done(job.folder):
        return Reproduced(name, False, (failed.get(job.id, "It ended."),), notes, done=False)
    return _compared(attempt.folder, job.folder, notes)


def _compared(then: Path, now: Path, notes: tuple[str, ...]) -> Reproduced:
    try:
        found = tuple(differences(then, now))
    except (DrltradeError, RecursionError) as error:
        return Reproduced(then.name, False, (str(error),), notes, done=False)
    return Reproduced(then.name, not found, found, notes)


def reproduce_backtest(folder: Path, scratch: Path) -> Reproduced:
    """Does a saved backtest of a strategy again, in this process, and compares it."""
    try:
        notes = redo_backtest(folder, scratch)
    except DrltradeError as error:
        return Reproduced(folder.name, False, (str(error),), done=False)
    return _compared(folder, scratch, notes)

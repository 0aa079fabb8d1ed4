"""Shows training as it happens: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from drltrade.cli.output import console, note

if TYPE_CHECKING:
    from drltrade.experiments.jobs import Event, Job

__all__ = ["progress_view"]

_PAUSE = 10.0
"""Seconds between two plain lines of one job."""


@contextmanager
def progress_view(jobs: Sequence[Job], total: int) -> Iterator[Callable[[Event], None]]:
    """Gives the function that receives the events of some jobs and shows them on stderr.

    Args:
        jobs: what will be trained.
        total: how many jobs the experiment has, with those that are done already.
    """
    if sys.stderr.isatty():
        with _Bars(jobs, total) as bars:
            yield bars.show
    else:
        yield _Lines(jobs, total).show


def _details(event: Event) -> str:
    """Speed, time left and validation score, as far as they are known."""
    parts = []
    speed = event.steps / event.seconds if event.seconds > 0 else 0.0
    if speed:
        left = max(event.total - event.steps, 0) / speed
        parts += [f"{speed:,.0f} steps/s", f"ETA {_clock(left)}"]
    if event.score is not None:
        parts.append(f"validation {event.score:.3f}")
    if event.best is not None and event.best != event.score:
        parts.append(f"best {event.best:.3f}")
    return ", ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class _Lines:
    """One line when a job starts, now and then while it runs, and when it ends."""

    def __init__(self, jobs: Sequence[Job], total: int) -> None:
        self._labels = {job.id: job.label for job in jobs}
        self._done, self._total = total - len(jobs), total
        self._last: dict[str, float] = {}
        self._newest: dict[str, Event] = {}

    def show(self, event: Event) -> None:
        label = self._labels[event.job]
        if event.kind == "started":
            note(f"{label}: training")
            self._last[event.job] = time.monotonic()
        elif event.kind == "progress":
            self._newest[event.job] = event
            if time.monotonic() - self._last.get(event.job, 0.0) >= _PAUSE:
                self._last[event.job] = time.monotonic()
                note(f"{label}: {event.steps:,} of {event.total:,} steps, {_details(event)}")
        elif event.kind == "failed":
            note(f"{label}: failed. {event.message}")
        elif event.kind == "note":
            note(f"{label}: {event.message}")
        else:
            self._done += 1
            newest = self._newest.get(event.job)
            told = "" if newest is None else _ending(newest)
            note(f"{label}: done{told} [{self._done} of {self._total} jobs]")


def _ending(newest: Event) -> str:
    speed = f" ({newest.steps / newest.seconds:,.0f} steps/s)" if newest.seconds > 0 else ""
    best = "" if newest.best is None else f", best validation {newest.best:.3f}"
    return f" in {_clock(newest.seconds)}{speed}{best}"


class _Bars:
    """A bar for each running job and one for the whole experiment."""

    def __init__(self, jobs: Sequence[Job], total: int) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        self._jobs = {job.id: job for job in jobs}
        self._tasks: dict[str, Any] = {}
        self._newest: dict[str, Event] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[details]}"),
            console=console(stderr=True),
        )
        self._whole = self._progress.add_task("all jobs", total=total, details="")
        self._progress.update(self._whole, completed=total - len(jobs))

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, event: Event) -> None:
        label = self._jobs[event.job].label
        if event.kind == "started":
            self._tasks[event.job] = self._progress.add_task(label, total=None, details="")
        elif event.kind == "progress":
            self._newest[event.job] = event
            self._progress.update(
                self._tasks[event.job],
                total=event.total,
                completed=event.steps,
                details=_details(event),
            )
        elif event.kind == "note":
            self._progress.console.print(f"{label}: {event.message}", markup=False)
        else:
            self._end(event, label)

    def _end(self, event: Event, label: str) -> None:
        self._progress.remove_task(self._tasks.pop(event.job))
        if event.kind == "failed":
            self._progress.console.print(f"{label}: failed. {event.message}", markup=False)
            return
        newest = self._newest.get(event.job)
        told = "" if newest is None else _ending(newest)
        self._progress.console.print(f"{label}: done{told}", markup=False)
        self._progress.advance(self._whole)

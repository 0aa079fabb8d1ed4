"""Runs jobs side by side in processes of their own, and leaves none behind."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from drltrade.errors import DrltradeError
from drltrade.experiments.jobs import Event, Job

__all__ = ["Report", "Work", "run_jobs", "worker_count"]

STOPPED = 128 + signal.SIGTERM
"""Exit code of a worker that was told to stop."""

Report = Callable[[Event], None]
Work = Callable[[Job, Report], None]


def worker_count(jobs: int, wanted: int | None = None) -> int:
    """Returns how many processes to use: one a core, never more than there are jobs."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(wanted or cores or 1, jobs))


def run_jobs(
    jobs: Sequence[Job], work: Work, report: Report, workers: int = 1, *, fresh: bool = False
) -> list[Event]:
    """Runs every job and returns the failures.

    With one worker the jobs run here; with several, each worker is a fresh process (spawn) that
    takes one job after the other. A failing job does not stop the
    others. On Ctrl-C, or any other way out, the workers are ended before this returns.

    Args:
        jobs: what to do, in this order.
        work: an importable function that does one job and reports its progress.
        report: receives every event, in this process.
        workers: how many jobs run at once.
        fresh: give every job a process of its own, also where there is one worker.
    """
    failures: list[Event] = []

    def observe(event: Event) -> None:
        if event.kind == "failed":
            failures.append(event)
        report(event)

    if workers <= 1 and not fresh:
        for job in jobs:
            _do(work, job, observe)
    else:
        _run_in_processes(jobs, work, observe, workers, fresh)
    return failures


def _do(work: Work, job: Job, report: Report) -> None:
    """Does one job; whatever goes wrong becomes a `failed` event of one sentence."""
    report(Event(job.id, "started"))
    try:
        work(job, report)
    except DrltradeError as error:
        report(Event(job.id, "failed", message=str(error), exit_code=error.exit_code))
    except MemoryError:
        message = "There was not enough memory. Use fewer accounts, or --workers 1."
        report(Event(job.id, "failed", message=message))
    except SystemExit:
        message = "The code that was run called exit(); a plug-in must not."
        report(Event(job.id, "failed", message=message))
    except Exception as error:
        if os.environ.get("DRLTRADE_TRACEBACK"):
            raise
        message = f"{type(error).__name__}: {error}".strip().rstrip(".")
        message += ". Set DRLTRADE_TRACEBACK=1 and --workers 1 to see where."
        report(Event(job.id, "failed", message=message))
    else:
        report(Event(job.id, "done"))


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    job: Job | None = None


def _run_in_processes(
    jobs: Sequence[Job], work: Work, report: Report, workers: int, fresh: bool
) -> None:
    context = multiprocessing.get_context("spawn")
    waiting = list(reversed(jobs))
    crew: list[_Worker] = []
    try:
        while waiting or any(worker.job for worker in crew):
            while waiting and len(crew) < workers:
                crew.append(_hire(context, work))
                _hand(crew[-1], waiting)
            for pipe in wait([worker.pipe for worker in crew]):
                worker = next(worker for worker in crew if worker.pipe is pipe)
                if not _listen(worker, [] if fresh else waiting, report):
                    crew.remove(worker)
    finally:
        for worker in crew:
            _end(worker)


def _hire(context: Any, work: Work) -> _Worker:
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, work), daemon=True)
    with _one_thread():
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextlib.contextmanager
def _one_thread() -> Any:
    """Lets a child start with one thread a maths library: the workers share the cores already."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _hand(worker: _Worker, waiting: list[Job]) -> None:
    """Gives a worker its next job, or tells it that there is none left."""
    worker.job = waiting.pop() if waiting else None
    with contextlib.suppress(OSError):  # a worker that died is noticed when it is listened to
        worker.pipe.send(worker.job)


def _listen(worker: _Worker, waiting: list[Job], report: Report) -> bool:
    """Passes on one event; returns False when the worker is gone."""
    try:
        event: Event = worker.pipe.recv()
    except (EOFError, OSError):
        worker.process.join()
        if worker.job is not None:
            report(Event(worker.job.id, "failed", message=_death(worker.process.exitcode)))
        worker.pipe.close()
        return False
    report(event)
    if event.kind in ("done", "failed"):
        _hand(worker, waiting)
    return True


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = " Most often the memory ran out: try --workers 1." if name == "SIGKILL" else ""
        return f"Its process was ended by {name}.{hint}"
    hint = (
        " In a script of your own, call it below: if __name__ == '__main__'." if code == 1 else ""
    )
    return f"Its process ended without a word (exit code {code}).{hint}"


def _end(worker: _Worker) -> None:
    """Ends a worker that may be in the midst of a job; a job half done leaves no result."""
    worker.pipe.close()
    if worker.job is not None:
        worker.process.terminate()
    worker.process.join(5)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()


def _serve(pipe: Connection, work: Work) -> None:
    """The life of a worker: job after job, until told that there is none."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    # At once and without a word: an exception might be raised inside a library's callback. What is
    # half-built is safe at any moment, as it is from kill -9.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(STOPPED))
    threading.Thread(target=_die_with_parent, daemon=True).start()
    while (job := pipe.recv()) is not None:
        _do(work, job, pipe.send)


def _die_with_parent() -> None:
    """Waits for the parent to be gone, however it went, and goes too."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

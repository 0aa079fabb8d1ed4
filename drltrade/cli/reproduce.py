"""`drltrade reproduce`: whether a run comes out the same once more."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drltrade.cli.options import Json, Out, Workers, whole

if TYPE_CHECKING:
    from drltrade.experiments.reproduce import Reproduced

__all__ = ["reproduce"]


def reproduce(
    run: Annotated[
        str,
        typer.Argument(
            help="A run: an experiment's folder, a job's, a saved backtest's, or a name below"
            " --out.",
            show_default=False,
        ),
    ],
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            parser=whole("--jobs"),
            metavar="N",
            help="Only so many of its jobs, spread over the agents.",
        ),
    ] = None,
    agent: Annotated[
        list[str] | None,
        typer.Option("--agent", help="Only the jobs of this agent. May be repeated."),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", help="A new folder for what is made; else it is thrown away."),
    ] = None,
    out: Out = Path("runs"),
    workers: Workers = None,
    as_json: Json = False,
) -> int:
    """Do finished jobs once more and say whether they come out the same, bit for bit.

    Each is rebuilt from its job.json in a process of its own and compared: weights, validation
    scores, every bar and every figure. Data and plug-ins must be what they were; where other
    versions run, that is said. Plug-ins are taken from the current folder, never from the run.
    Leaves with 1 if anything differs or cannot be done again.

    For example:

      drltrade reproduce runs/first

      drltrade reproduce runs/first --jobs 2 --json

      drltrade reproduce runs/first/ppo-seed0-0123456789ab --keep again
    """
    from drltrade.cli.output import note, print_json
    from drltrade.experiments.reproduce import unfinished
    from drltrade.experiments.results import find_run

    folder = find_run(run, out)
    missing = unfinished(folder)
    if missing:
        note(f"{len(missing)} of its jobs are not finished and left out: {', '.join(missing)}.")
    with tempfile.TemporaryDirectory(prefix="drltrade-reproduce-") as scratch:
        place = Path(scratch) if keep is None else _new(keep)
        results = _conduct(folder, place, jobs, agent or (), workers)
    same = all(each.identical for each in results)
    if as_json:
        content: dict[str, Any] = {"run": str(folder), "identical": same}
        content["jobs"] = [each.to_dict() for each in results]
        print_json(content | {"unfinished": missing})
    else:
        _show(results)
        if keep is not None:
            note(f"made again: {keep}")
    return 0 if same else 1


def _new(folder: Path) -> Path:
    from drltrade.errors import UsageError

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"'{folder}' is there already. Name a new folder for --keep.")
    return folder


def _conduct(
    folder: Path, scratch: Path, count: int | None, agents: Sequence[str], workers: int | None
) -> list[Reproduced]:
    """Does the jobs again under a progress view."""
    from drltrade.cli.output import note, warn
    from drltrade.cli.progress import progress_view
    from drltrade.experiments.reproduce import finished_jobs, prepare, redo, reproduce_backtest
    from drltrade.experiments.saved import is_backtest

    if is_backtest(folder):
        result = reproduce_backtest(folder, scratch)
        warn(result.notes)
        return [result]
    found = finished_jobs(folder, count=count, agents=agents)
    attempts = prepare(found, scratch)
    again = [attempt.again for attempt in attempts if attempt.again is not None]
    note(f"{folder}: {len(again)} of {len(found)} jobs are done again.")
    warn(dict.fromkeys(sentence for rebuilt in again for sentence in rebuilt.notes))
    jobs = [rebuilt.job for rebuilt in again]
    with progress_view(jobs, len(jobs)) as show:
        return redo(attempts, workers=workers, progress=show)


def _show(results: Sequence[Reproduced]) -> None:
    from drltrade.cli.output import print_table, say

    rows = []
    for each in results:
        if each.identical:
            words = "identical"
        else:
            words = "differs: " if each.done else "cannot be reproduced: "
            words += "; ".join(each.differences)
        rows.append((each.job, words))
    print_table(["job", "done again"], rows, prose=True)
    same = sum(each.identical for each in results)
    say(f"{same} of {len(results)} identical, bit for bit.")

"""`drltrade bench`: how fast this machine does it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drltrade.cli.options import Json

if TYPE_CHECKING:
    from drltrade.experiments.bench import Bench

__all__ = ["bench"]


def bench(
    peers: Annotated[
        bool,
        typer.Option(
            "--peers",
            help="Measure gym-anytrading and gym-trading-env too, and training on them, each"
            " installed with its own torch into an environment of its own (the first time from the"
            " network, some gigabytes).",
        ),
    ] = False,
    peers_dir: Annotated[
        Path | None,
        typer.Option(
            "--peers-dir",
            help="The folder of those environments; by default one in the user's cache.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            help="A section to measure alone: engine, gym_env, training; give it twice for two.",
            show_default=False,
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--page",
            help="Write the figures as a page with a plot beside it, as in experiments/BENCH.md.",
            show_default=False,
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Rehearse in seconds: every size once, trainings of two updates, no compilation."
            " Not for quoting.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure the engine, the environments, the backtester and training on this machine.

    Takes some ten minutes, twenty more with --peers; leave the machine alone meanwhile. Ratios come
    first: they carry over to other machines, figures do not.

    For example:

      drltrade bench

      drltrade bench --peers --page experiments/BENCH.md

      drltrade bench --only training --json
    """
    from drltrade.cli.output import note, print_json
    from drltrade.experiments.bench import run_bench, write_page
    from drltrade.experiments.bench.figures import FULL, QUICK
    from drltrade.experiments.bench.peers import default_folder

    _check_page(page)
    chosen = tuple(only or ())
    folder = (peers_dir or default_folder()) if peers or peers_dir else None
    effort = QUICK if quick else FULL
    found = run_bench(effort, folder, lambda what: note(f"measuring {what}"), chosen)
    options = ["--quick"] * quick + ["--peers"] * (folder is not None)
    options += [f"--only {name}" for name in chosen]
    command = " ".join(["drltrade bench", *options, f"--page {page}"])
    written = write_page(found, page, command) if page else []
    if as_json:
        print_json(found.content)
    else:
        _show(found)
    for file in written:
        note(f"written: {file}")


def _check_page(page: Path | None) -> None:
    """Refuses before the measuring what could not be written after it."""
    from drltrade.errors import UsageError

    if page and (page.is_dir() or page.suffix != ".md"):
        raise UsageError(f"--page is '{page}'; name a file that ends in .md, as BENCH.md.")


def _show(found: Bench) -> None:
    from drltrade.cli.output import note, print_table
    from drltrade.experiments.bench.page import goal_rows, number, ratio_rows

    print_table(["ratio", "", "of", "over"], ratio_rows(found))
    if goals := goal_rows(found):
        print_table(["to be reached", "measured", "goal", "", "of a bare sketch"], goals)
    rows = [[figure.what, number(figure.value), figure.unit] for figure in found.figures]
    print_table(["measured", "", "unit"], rows)
    for words in dict.fromkeys(found.notes.values()):
        note(words)
    print_table(["machine", ""], list(found.machine.items()))

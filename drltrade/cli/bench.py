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
            help="Measure gym-anytrading and gym-trading-env too, each installed into an"
            " environment of its own (the first time from the network).",
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
            help="Rehearse in seconds: every size once, no training, no compilation. Not for"
            " quoting.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure the engine, the environments and the backtester on this machine.

    Takes some three minutes; leave the machine alone meanwhile. Ratios come first: they carry over
    to other machines, figures do not.

    For example:

      drltrade bench

      drltrade bench --peers --page experiments/BENCH.md

      drltrade bench --json
    """
    from drltrade.cli.output import note, print_json
    from drltrade.experiments.bench import run_bench, write_page
    from drltrade.experiments.bench.figures import FULL, QUICK
    from drltrade.experiments.bench.peers import default_folder

    _check_page(page)
    folder = (peers_dir or default_folder()) if peers or peers_dir else None
    effort = QUICK if quick else FULL
    found = run_bench(effort, folder, lambda what: note(f"measuring {what}"))
    written = write_page(found, page, _command(peers, peers_dir, page, quick)) if page else []
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


def _command(peers: bool, peers_dir: Path | None, page: Path | None, quick: bool) -> str:
    words = ["drltrade bench", "--quick" if quick else "", "--peers" if peers or peers_dir else ""]
    return " ".join([word for word in words if word] + [f"--page {page}"])


def _show(found: Bench) -> None:
    from drltrade.cli.output import print_table
    from drltrade.experiments.bench.page import goal_rows, number, ratio_rows

    print_table(["ratio", "", "of", "over"], ratio_rows(found))
    if goals := goal_rows(found):
        print_table(["to be reached", "measured", "goal", "", "of a bare sketch"], goals)
    rows = [[figure.what, number(figure.value), figure.unit] for figure in found.figures]
    print_table(["measured", "", "unit"], rows)
    print_table(["machine", ""], list(found.machine.items()))

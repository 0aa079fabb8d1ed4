"""`drltrade list`: everything that has a name."""

from __future__ import annotations

from typing import Annotated

import typer

from drltrade.cli.options import Json

__all__ = ["list_"]


def list_(
    kinds: Annotated[
        list[str] | None,
        typer.Argument(
            help="envs, agents, strategies, references, features, rewards, datasets, metrics,"
            " experiments, settings, runs; everything but settings by default.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List what can be named: in settings, in flags, and the runs that were made.

    For example:

      drltrade list

      drltrade list strategies rewards
    """
    from drltrade.cli.output import print_json, print_table
    from drltrade.experiments.listing import list_names

    found = list_names(tuple(kinds or ()))
    if as_json:
        print_json(
            {
                kind: [dict(zip(("name", "about"), row, strict=True)) for row in rows]
                for kind, rows in found.items()
            }
        )
        return
    for kind, rows in found.items():
        print_table([kind, "what it is"], rows or [("none yet", "")], prose=True)

"""`drltrade new`: a workspace of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["new"]


def new(
    folder: Annotated[Path, typer.Argument(help="The folder to make.", show_default=False)],
) -> None:
    """Copy the shipped data, envs, agents and experiments into a folder of your own.

    For example:

      drltrade new lab && cd lab && drltrade train experiments/first.yaml
    """
    from drltrade.cli.output import say
    from drltrade.experiments.workspace import ROOMS, new_workspace

    files = new_workspace(folder)
    say(f"'{folder}' now has {len(files)} files in {', '.join(ROOMS)}.")
    say(f"Next: cd {folder} && drltrade train experiments/first.yaml")

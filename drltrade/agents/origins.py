"""Where the code that a policy names may come from: the user's workspace, never a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drltrade.errors import DrltradeError
from drltrade.plugins import find_file, plugins_named

__all__ = ["CARD_FILE", "check_origins"]

CARD_FILE = "policy.json"

_RUN = (CARD_FILE, "job.json", "experiment.json")
"""A folder with one of these files is a run's."""


def check_origins(content: Any, trusted: Sequence[Path], roots: Sequence[Path]) -> None:
    """Refuses a policy whose plug-ins are not the user's own: its folder may be a stranger's.

    Before any of them is run, each must be found below the current folder or one that is trusted,
    and neither in a run's folder nor below one.

    Args:
        content: whatever a policy's card says in which a `path.py:Name` may stand.
        trusted: the folders, beside the current one, that code is taken from.
        roots: all folders that the policy's files are looked up in.

    Raises:
        DrltradeError: a plug-in lies where none may be.
    """
    homes = [root.resolve() for root in (Path(), *trusted)]
    for ref in plugins_named(content):
        file = find_file(ref.rpartition(":")[0], roots)
        if file is None:
            continue  # told by whoever needs it
        if not any(file.is_relative_to(home) for home in homes):
            raise DrltradeError(
                f"The policy names the plug-in '{ref}', and '{file}' lies outside of the workspace."
                " Go to the folder that it was trained in, or copy the file to yours and train"
                " again."
            )
        if any((folder / mark).exists() for folder in file.parents for mark in _RUN):
            raise DrltradeError(
                f"The policy names the plug-in '{ref}', and '{file}' lies in a run folder. Code is"
                " never taken from there: go to your workspace, or copy the file to it if you trust"
                " it."
            )

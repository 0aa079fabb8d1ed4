"""Saves a training now and then, so that a killed one goes on from there."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drltrade.agents.snapshot import Damaged, load_tree, save_tree
from drltrade.errors import DrltradeError, UsageError

__all__ = ["Checkpoint"]


class Checkpoint:
    """The file that a training is saved in.

    A training is never stopped by its checkpoint: what goes wrong is told once.

    Args:
        path: the file; None saves nothing.
        seconds: how much time may pass between two savings.
        owner: what decides the training's result, in words; a file of another training is refused.
        tell: receives a sentence on what happened.
    """

    def __init__(
        self,
        path: Path | None,
        seconds: float,
        owner: str,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self._path, self._seconds, self._owner = path, seconds, owner
        self._tell = tell or (lambda sentence: None)
        self._told: set[str] = set()
        self._offered = False
        self._saved_at = time.monotonic()

    def load(self) -> Any:
        """Returns the tree that was saved last, None where there is none that can be used.

        Raises:
            UsageError: it was saved by another training.
            DrltradeError: the file is there, but cannot be read.
        """
        if self._path is None or not self._path.exists():
            return None
        try:
            content = load_tree(self._path)
        except Damaged as error:
            self._tell(f"starts over: {error}")
            return None
        if not isinstance(content, dict) or content.get("owner") != self._owner:
            raise UsageError(
                f"'{self._path}' is the checkpoint of another training: of other settings, data or"
                " seed, or of another version. Remove it, or name another file."
            )
        return content["tree"]

    def decline(self) -> None:
        """Says once that an agent gives nothing to save, unless it has done so before."""
        if self._path is not None and not self._offered:
            self._path = None
            self._tell(
                "trains without checkpoints: the agent hands no state to watch.after_update."
            )

    def offer(self, tree: Callable[[], Any]) -> None:
        """Saves what `tree` returns if it is time to."""
        self._offered = True
        if self._path is None or time.monotonic() - self._saved_at < self._seconds:
            return
        try:
            save_tree(self._path, {"owner": self._owner, "tree": tree()})
        except UsageError as error:  # what cannot be kept now never will be
            self._path = None
            self._tell(f"trains without checkpoints: {error}")
        except (DrltradeError, OSError) as error:  # the disk may have room again later
            if str(error) not in self._told:
                self._told.add(str(error))
                self._tell(f"could not save a checkpoint: {error}")
        self._saved_at = time.monotonic()

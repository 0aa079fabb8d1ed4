"""TensorBoard scalars: opened, and cut back to a checkpoint when a training goes on from one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["cut_log", "log_state", "open_log", "restore_log"]

_EVENTS = "events.out.tfevents.*"


def open_log(folder: Path | None, agent: str = "") -> Any:
    """A Stable-Baselines3 Logger that writes TensorBoard scalars by their stable names, or nothing.

    Args:
        folder: where to write; None for nothing.
        agent: whose training it is: some scalars of the library mean another thing for some agents.
    """
    from stable_baselines3.common.logger import TensorBoardOutputFormat

    from drltrade.agents.scalars import ScalarLog

    if folder is None:
        return ScalarLog(None, [], agent)
    folder.mkdir(parents=True, exist_ok=True)
    return ScalarLog(str(folder), [TensorBoardOutputFormat(str(folder))], agent)


def log_state(log: Any) -> dict[str, Any]:
    """Returns what is recorded but not yet written, and how long the files are."""
    for output in log.output_formats:
        output.writer.flush()
    files = sorted(Path(log.dir).glob(_EVENTS)) if log.dir else []
    values = {
        key: value
        for key, value in log.name_to_value.items()
        if isinstance(value, int | float | str | np.generic)
    }
    return {
        "files": {file.name: file.stat().st_size for file in files},
        "values": values,
        "counts": {key: log.name_to_count[key] for key in values if key in log.name_to_count},
        "excluded": {key: log.name_to_excluded[key] for key in values},
    }


def restore_log(log: Any, state: Mapping[str, Any]) -> None:
    """Records again what was recorded but not yet written."""
    log.name_to_value.update(state["values"])
    log.name_to_count.update(state["counts"])
    log.name_to_excluded.update(state["excluded"])


def cut_log(folder: Path | None, state: Mapping[str, Any] | None) -> None:
    """Removes what was written after a checkpoint, or everything where there is none.

    To be called before the log is opened: what follows is written to a file of its own, and each
    scalar stands there once.
    """
    sizes = {} if state is None else state["files"]
    for file in [] if folder is None else sorted(folder.glob(_EVENTS)):
        if file.name not in sizes:
            file.unlink()
        elif file.stat().st_size > sizes[file.name]:
            with contextlib.suppress(OSError):  # scalars that stand twice harm no result
                os.truncate(file, sizes[file.name])

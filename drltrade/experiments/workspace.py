"""Makes a workspace: the shipped settings, copied where a user can change them."""

from __future__ import annotations

import shutil
from pathlib import Path

from drltrade.errors import DrltradeError, UsageError
from drltrade.plugins import builtin_workspace

__all__ = ["ROOMS", "new_workspace"]

ROOMS = ("data", "envs", "agents", "experiments")
"""The four folders of settings, each named after the library room that reads it."""

_README = """# {name}: a drltrade workspace

| folder | a file here is |
|---|---|
| data/ | prices: CSV or parquet |
| envs/ | an environment: data, features, costs, reward; your own rewards in `rewards.py` |
| agents/ | an agent and its settings; `breakout.py` is a strategy written by rule |
| experiments/ | env x agents x splits x seeds |

    drltrade train experiments/first.yaml
    drltrade backtest sma_cross --env envs/aapl-daily.yaml
    drltrade list
"""

_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "cache", "BENCH.md", "bench.svg")


def new_workspace(folder: Path) -> list[Path]:
    """Copies data, envs, agents and experiments with their READMEs and plug-ins into a folder.

    Args:
        folder: made if it is missing; a folder that holds any of the four names is refused.

    Returns:
        The files written, in order.

    Raises:
        UsageError: something of that name is in the way.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"'{folder}' is a file. Name a folder that does not exist yet.")
    taken = [name for name in (*ROOMS, "README.md") if (folder / name).exists()]
    if taken:
        raise UsageError(
            f"'{folder}' already has {', '.join(taken)}; nothing was changed. Name a new folder."
        )
    source = builtin_workspace()
    try:
        for room in ROOMS:
            shutil.copytree(source / room, folder / room, ignore=_IGNORED)
        (folder / "README.md").write_text(_README.format(name=folder.resolve().name), "utf-8")
    except OSError as error:
        where = error.filename or folder
        raise DrltradeError(f"Cannot write '{where}': {error.strerror or error}.") from error
    return sorted(path for path in folder.rglob("*") if path.is_file())

"""Run folders: written beside, renamed when whole, found again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drltrade.errors import DrltradeError, UsageError

__all__ = [
    "building",
    "is_done",
    "is_experiment",
    "job_folders",
    "read_json",
    "write_json",
    "write_text",
]

RESULT = "metrics.json"
"""The last file of a job: a folder that has it is done."""


def is_done(folder: Path) -> bool:
    """Says whether a job's result is there."""
    return (folder / RESULT).is_file()


def is_experiment(folder: Path) -> bool:
    """Says whether a folder is an experiment's: it records one, or holds finished jobs."""
    return (folder / "experiment.json").is_file() or any(True for _ in job_folders(folder))


def job_folders(home: Path) -> Iterator[Path]:
    """Yields the finished jobs of an experiment folder, by name."""
    if home.is_dir():
        for folder in sorted(home.iterdir()):
            if folder.is_dir() and not folder.name.startswith(".") and is_done(folder):
                yield folder


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Gives a hidden folder beside `folder` to fill, and renames it when the block succeeds.

    What a killed process left half-built is removed; what another process finished first stays.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _clear_abandoned(folder)
        partial = folder.parent / f".{folder.name}.{os.getpid()}.partial"
        partial.mkdir()
    except OSError as error:
        raise DrltradeError(
            f"Cannot write below '{folder.parent}': {error.strerror}. Choose another --out."
        ) from error
    try:
        yield partial
        if is_done(folder):
            shutil.rmtree(partial)
        else:
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _clear_abandoned(folder: Path) -> None:
    for partial in folder.parent.glob(f".{folder.name}.*.partial"):
        owner = partial.suffixes[-2].lstrip(".")
        if not owner.isdigit() or int(owner) == os.getpid() or not _alive(int(owner)):
            shutil.rmtree(partial, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_text(path: Path, text: str) -> None:
    """Writes a file beside its place and renames it, so that no reader meets half of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DrltradeError(f"Cannot write '{path}': {error.strerror}.") from error


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes JSON that any parser reads: an undefined figure is null, never NaN."""
    from drltrade.backtest.files import plain

    write_text(path, json.dumps(plain(content), indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object that drltrade wrote.

    Raises:
        UsageError: the file is missing.
        DrltradeError: it is not a JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"Cannot read '{path}': {error.strerror}.") from error
    except ValueError as error:
        raise DrltradeError(f"'{path}' is damaged: it is not JSON ({error}).") from error
    if not isinstance(content, dict):
        raise DrltradeError(f"'{path}' is damaged: it holds a {type(content).__name__}.")
    return content

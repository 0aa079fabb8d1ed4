"""Run folders: written beside by one process at a time, renamed when whole, found again."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Collection, Iterator, Mapping
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
CHECKPOINT = "checkpoint.safetensors"
"""What a job that was interrupted goes on from; gone when it is done."""


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
def building(folder: Path, keep: Collection[str] = ()) -> Iterator[Path]:
    """Gives a hidden folder beside `folder` to fill, and renames it when the block succeeds.

    One process at a time fills it. Where the block fails or the process is killed, the hidden
    folder stays if it holds a checkpoint, and is given out again by the next call.

    Args:
        folder: what it is to become.
        keep: what the next call finds in it beside the checkpoint.

    Raises:
        DrltradeError: another process is filling it, or the disk refuses.
    """
    partial = folder.parent / f".{folder.name}.partial"
    with _alone(folder):
        try:
            _clear(partial, {CHECKPOINT, *keep})
            partial.mkdir(exist_ok=True)
        except OSError as error:
            raise _refused(folder, error) from error
        try:
            yield partial
            _publish(partial, folder)
        except BaseException:
            if not (partial / CHECKPOINT).is_file():
                shutil.rmtree(partial, ignore_errors=True)
            raise


def _clear(partial: Path, keep: Collection[str]) -> None:
    """Removes what a killed process left, but for what can be gone on from."""
    if not (partial / CHECKPOINT).is_file():
        shutil.rmtree(partial, ignore_errors=True)
        return
    for path in partial.iterdir():
        if path.name in keep:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _publish(partial: Path, folder: Path) -> None:
    """Gives a whole folder its name; what another process finished first stays."""
    if is_done(folder):
        shutil.rmtree(partial)
        return
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    # Only now: whoever is killed before the rename does not lose the training.
    (folder / CHECKPOINT).unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Holds the lock of a folder; that of a killed process is free."""
    from filelock import FileLock, SoftFileLock, Timeout

    file = folder.parent / f".{folder.name}.lock"
    lock = FileLock(file, timeout=0)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        if not isinstance(lock, SoftFileLock):  # that one keeps its own words in the file
            file.write_text(f"process {os.getpid()} on {platform.node()}", encoding="utf-8")
    except Timeout as error:
        raise DrltradeError(
            f"Another command is working on '{folder}'{_owner(file)}. Wait for it, or end it; the"
            " same command then goes on."
        ) from error
    except OSError as error:
        raise _refused(folder, error) from error
    try:
        yield
    finally:
        file.unlink(missing_ok=True)  # while it is held: who waits for this file looks again
        lock.release()


def _owner(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return f" ({text})" if text.startswith("process ") else ""


def _refused(folder: Path, error: OSError) -> DrltradeError:
    reason = error.strerror or error
    return DrltradeError(f"Cannot write below '{folder.parent}': {reason}. Choose another --out.")


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
    except (ValueError, RecursionError) as error:
        raise DrltradeError(f"'{path}' is damaged: it is not JSON ({error}).") from error
    if not isinstance(content, dict):
        raise DrltradeError(f"'{path}' is damaged: it holds a {type(content).__name__}.")
    return content

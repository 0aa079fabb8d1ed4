"""One job: everything that decides its result, and the id that stands for all of it."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from drltrade.errors import UsageError
from drltrade.plugins import find_file, plugins_named

__all__ = ["Event", "Job", "code_hash", "plugin_hashes", "version"]

_DECIDING = ("data", "features", "sim", "envs", "agents", "backtest", "experiments")
_LIBRARIES = ("numpy", "numba", "TA-Lib", "torch", "stable-baselines3", "sb3-contrib", "gymnasium")


def version() -> str:
    """Returns the version of drltrade that is running."""
    return importlib.metadata.version("drltrade")


@functools.cache
def code_hash() -> str:
    """Hashes the rooms and the libraries' versions that decide a result.

    A changed checkout or an upgrade is another version: its jobs are run again.
    """
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for room in _DECIDING:
        for file in sorted((package / room).rglob("*.py")):
            digest.update(file.relative_to(package).as_posix().encode() + file.read_bytes())
    for library in _LIBRARIES:
        digest.update(f"{library} {importlib.metadata.version(library)}".encode())
    digest.update(platform.python_version().encode())
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Job:
    """One (configuration, fold, seed) of an experiment.

    Attributes:
        agent: the agent's label, unique within the experiment.
        seed: what every generator of the job is spawned from.
        config: the resolved settings as plain JSON: env, agent, splits, budget.
        data: the fingerprint of the market.
        plugins: for every `path.py:Name` in the settings, the hash of its file.
        home: the experiment's folder, `runs/<experiment>`.
        roots: where plug-ins and data files are looked up after the current folder.
        fold: which fold of the splits this is: the number of `splits`, its spans by role.
        folds: how many folds the experiment has; not a part of the id.
        version: the version of drltrade and the hash of its code.
        device: where the networks are trained; not a part of the id.
        checkpoint_seconds: how often it is saved; not a part of the id.
        diagnostics: whether it says what its result rests on; not a part of the id.
    """

    agent: str
    seed: int
    config: Mapping[str, Any]
    data: str
    plugins: Mapping[str, str]
    home: Path
    roots: tuple[Path, ...] = ()
    fold: int = 0
    folds: int = 1
    version: str = field(default_factory=lambda: f"{version()}+{code_hash()}")
    device: str = "auto"
    start: Path | None = None
    checkpoint_seconds: float = 30.0
    diagnostics: bool = True

    @property
    def label(self) -> str:
        """What to call it: the agent, the fold where there are several, and the seed."""
        fold = f" fold {self.fold}" if self.folds > 1 else ""
        return f"{self.agent}{fold} seed {self.seed}"

    @property
    def id(self) -> str:
        """What to call it for the reader, then the hash of all that decides the result."""
        content = {
            "config": self.config,
            "data": self.data,
            "fold": self.fold,
            "plugins": dict(self.plugins),
            "seed": self.seed,
            "version": self.version,
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        fold = f"-fold{self.fold}" if self.folds > 1 else ""
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        return f"{self.agent}{fold}-seed{self.seed}-{digest}"

    @property
    def folder(self) -> Path:
        """Where the result is, once there is one."""
        return self.home / self.id


@dataclass(frozen=True)
class Event:
    """What a job tells while it runs.

    Attributes:
        job: its id.
        kind: what happened.
        steps: environment steps so far.
        total: environment steps in all.
        seconds: time spent training.
        score: the validation score of the newest checkpoint, None before the first.
        best: the best validation score so far.
        message: the failure or the note in words, where there is one.
        exit_code: what the command should leave with after a failure.
    """

    job: str
    kind: Literal["started", "progress", "note", "done", "failed"]
    steps: int = 0
    total: int = 0
    seconds: float = 0.0
    score: float | None = None
    best: float | None = None
    message: str = ""
    exit_code: int = 1


def plugin_hashes(content: Any, roots: Sequence[Path]) -> dict[str, str]:
    """Hashes the file of every `path.py:Name` found anywhere in settings.

    Raises:
        UsageError: a named file does not exist.
    """
    hashes = {}
    for ref in plugins_named(content):
        file = ref.rpartition(":")[0]
        path = find_file(file, roots)
        if path is None:
            places = ", ".join(dict.fromkeys(str(place) for place in (Path.cwd(), *roots)))
            raise UsageError(f"Plug-in file '{file}' does not exist. Looked in {places}.")
        hashes[ref] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashes

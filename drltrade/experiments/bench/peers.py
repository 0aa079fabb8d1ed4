"""Installs other trading environments apart from ours, and measures them in turn with ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from drltrade.errors import DrltradeError
from drltrade.experiments.bench import loop
from drltrade.experiments.bench.figures import Case, Effort, Figure
from drltrade.experiments.bench.process import PATIENCE, ask

__all__ = ["PEERS", "Peer", "ask_peer", "default_folder", "peer_cases", "prepare"]

ROUNDS = 3
"""Times that each takes its turn: a machine that slows down slows all of them."""


@dataclass(frozen=True)
class Peer:
    """Another package.

    Attributes:
        key: its name in the figures and in `loop.MAKERS`.
        requirements: what pip installs.
    """

    key: str
    requirements: tuple[str, ...]

    @property
    def title(self) -> str:
        """Its name and version."""
        return self.requirements[0].replace("==", " ")


PEERS = (
    Peer("gym_anytrading", ("gym-anytrading==2.0.0", "pandas<3")),
    Peer("gym_trading_env", ("gym-trading-env==0.3.5", "pandas<3")),
)


@cache
def _learner() -> tuple[str, ...]:
    """What trains on a peer: the very versions that train here, or two things would differ."""
    names = ("stable-baselines3", "torch")
    return tuple(f"{name}=={version(name).partition('+')[0]}" for name in names)


def default_folder() -> Path:
    """Where the environments are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "drltrade" / "bench-peers"


def prepare(folder: Path, peer: Peer) -> Path:
    """Makes a virtual environment with one peer, once; returns its Python.

    Raises:
        DrltradeError: it cannot be made or installed, as without a network.
    """
    home = folder / peer.key
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = home / "requirements.txt"
    requirements = (*peer.requirements, *_learner())
    wanted = "\n".join((*requirements, f"# {sys.version}", ""))
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    if home.exists() and not (home / "pyvenv.cfg").exists():
        raise DrltradeError(f"'{home}' is in the way. Name another folder with --peers-dir.")
    try:
        shutil.rmtree(home, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DrltradeError(f"Cannot write '{folder}': {error.strerror or error}.") from error
    _run([sys.executable, "-m", "venv", home], peer)
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--retries", "1"]
    _run([python, "-m", "pip", "install", *quiet, *requirements], peer)
    stamp.write_text(wanted, encoding="utf-8")
    return python


def _run(command: list[str | Path], peer: Peer) -> None:
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        said = (answer.stderr or answer.stdout).strip().splitlines() or ["no message"]
        errors = [line for line in said if line.startswith("ERROR")] or said
        raise DrltradeError(
            f"Cannot install {' and '.join(peer.requirements)} for the comparison: {errors[-1]}"
            " --peers needs a network the first time; without one run drltrade bench alone."
        )


def peer_cases(folder: Path, pythons: dict[str, Path]) -> tuple[Case, Case]:
    """Installs the peers, so that a missing network is told at once; then steps all in turn.

    Args:
        folder: where their environments are kept.
        pythons: is given the Python of each by its key, ours too.
    """

    def install(effort: Effort) -> list[Figure]:
        pythons["drltrade"] = Path(sys.executable)
        pythons.update({peer.key: prepare(folder, peer) for peer in PEERS})
        return []

    def compare(effort: Effort) -> list[Figure]:
        return _compare(pythons, effort)

    return (
        Case(f"peers: installing into {folder}, once", 1.0, install),
        Case("peers in their own environments, in turn with ours", 30.0, compare),
    )


def ask_peer(
    python: Path, file: str, arguments: list[str], what: str, path: str = "",
    patience: float = PATIENCE,
) -> Any:  # fmt: skip
    """Runs one file in a peer's environment, apart from everything else; returns what it told."""
    # -P: nothing beside that file is importable by accident.
    command: list[str | Path] = [python, "-P", file, *arguments]
    return json.loads(ask(command, what, {**os.environ, "PYTHONPATH": path}, patience))


def _compare(pythons: dict[str, Path], effort: Effort) -> list[Figure]:
    steps = max(500, round(100_000 * effort.seconds / 0.25))
    best = dict.fromkeys(pythons, (0.0, 0.0))
    ours = str(Path(loop.__file__).resolve().parents[3])
    for _ in range(ROUNDS if effort.repeats > 1 else 1):
        for key, python in pythons.items():
            arguments = [key, str(steps), str(effort.repeats)]
            path = ours if key == "drltrade" else ""
            rate, cpu = ask_peer(python, loop.__file__, arguments, f"measuring {key}", path)
            best[key] = max(best[key], (rate, cpu))
    titles = {"drltrade": "drltrade's Gymnasium env"}
    titles |= {peer.key: peer.title for peer in PEERS}
    same = f"one env, window {loop.WINDOW} x 2, {loop.BARS:,} bars, random actions, reset when done"
    return [
        Figure("peers", f"{key}_steps_per_second", rate, "steps/s", f"{titles[key]}, {same}", cpu)
        for key, (rate, cpu) in best.items()
    ]

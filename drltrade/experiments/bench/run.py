"""Runs every case in turn and hands back the figures with their ratios."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drltrade.experiments.bench.figures import FULL, Case, Effort, Figure, ratios
from drltrade.experiments.bench.machine import describe_machine

__all__ = ["Bench", "run_bench"]


@dataclass(frozen=True)
class Bench:
    """What a run of the bench found.

    Attributes:
        figures: in the order in which they were measured.
        machine: name to value, in words.
        seconds: length of the run.
        whole: measured with full effort, not rehearsed.
    """

    figures: tuple[Figure, ...]
    machine: dict[str, str]
    seconds: float
    whole: bool = True

    @property
    def groups(self) -> dict[str, dict[str, float]]:
        """The figures as `engine`, `gym_env` and `peers`; the last is empty unless asked for."""
        groups: dict[str, dict[str, float]] = {"engine": {}, "gym_env": {}, "peers": {}}
        for figure in self.figures:
            groups[figure.group][figure.key] = figure.value
        return groups

    @property
    def ratios(self) -> dict[str, float]:
        """Figures over figures."""
        return ratios(self.groups)

    @property
    def content(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {**self.groups, "ratios": self.ratios, "machine": self.machine}


def run_bench(
    effort: Effort = FULL,
    peers: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> Bench:
    """Measures the engine, its faces, the backtest and training on this machine.

    Args:
        effort: how much is done for one figure.
        peers: a folder for the environments of other packages, which are measured too; None
            leaves them out.
        progress: told before each case what comes, and how long all the rest will take.

    Raises:
        DrltradeError: something cannot be measured, such as peers without a network.
    """
    machine = describe_machine()
    cases = _cases(effort, peers)
    figures: list[Figure] = []
    planned = sum(case.seconds for case in cases)
    begun, done = time.monotonic(), 0.0
    trust = 20.0  # seconds for which the expected pace counts beside the one that is seen
    for at, case in enumerate(cases, start=1):
        if progress:
            spent = time.monotonic() - begun
            left = round((planned - done) * (spent + trust * effort.pace) / (done + trust))
            progress(f"{at}/{len(cases)} {case.name}; {left // 60}:{left % 60:02d} left")
        figures += case.measure(effort)
        done += case.seconds
    return Bench(tuple(figures), machine, time.monotonic() - begun, effort is FULL)


def _cases(effort: Effort, peers: Path | None) -> list[Case]:
    from drltrade.experiments.bench.engine import engine_cases
    from drltrade.experiments.bench.faces import face_cases
    from drltrade.experiments.bench.peers import peer_cases
    from drltrade.experiments.bench.process import process_cases

    install, *compare = peer_cases(peers) if peers else [None]
    faces = [case for case in face_cases() if effort.train_steps or case.name != "training PPO"]
    return [
        *([install] if install else []), *faces, *compare, *engine_cases(), *process_cases(effort),
    ]  # fmt: skip

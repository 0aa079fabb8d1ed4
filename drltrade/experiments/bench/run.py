"""Runs every case in turn and hands back the figures with their ratios."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drltrade.errors import unknown
from drltrade.experiments.bench.figures import FULL, Case, Effort, Figure, ratios
from drltrade.experiments.bench.machine import describe_machine

__all__ = ["SECTIONS", "Bench", "run_bench"]

SECTIONS = ("engine", "gym_env", "training")
"""What can be measured alone; the figures of other packages come with the section they concern."""


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
        """The figures as `engine`, `gym_env`, `training` and `peers`, empty where not asked for."""
        groups: dict[str, dict[str, float]] = {
            "engine": {}, "gym_env": {}, "training": {}, "peers": {},
        }  # fmt: skip
        for figure in self.figures:
            groups[figure.group][figure.key] = figure.value
        return groups

    @property
    def ratios(self) -> dict[str, float]:
        """Figures over figures."""
        return ratios(self.groups)

    @property
    def notes(self) -> dict[str, str]:
        """What must be known of some figures, by `group.key`."""
        return {f"{each.group}.{each.key}": each.note for each in self.figures if each.note}

    @property
    def content(self) -> dict[str, Any]:
        """What `--json` prints."""
        told = {"ratios": self.ratios, "notes": self.notes, "machine": self.machine}
        return {**self.groups, **told}


def run_bench(
    effort: Effort = FULL,
    peers: Path | None = None,
    progress: Callable[[str], None] | None = None,
    only: Sequence[str] = (),
) -> Bench:
    """Measures the engine, its faces, the backtest and training on this machine.

    Args:
        effort: how much is done for one figure.
        peers: a folder for the environments of other packages, which are measured too; None
            leaves them out.
        progress: told before each case what comes, and how long all the rest will take.
        only: names of SECTIONS; none takes all of them.

    Raises:
        UsageError: there is no such section.
        DrltradeError: something cannot be measured, such as peers without a network.
    """
    for name in only:
        if name not in SECTIONS:
            raise unknown("section", name, SECTIONS)
    machine = describe_machine()
    cases = _cases(effort, peers, only or SECTIONS)
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


def _cases(effort: Effort, peers: Path | None, sections: Sequence[str]) -> list[Case]:
    from drltrade.experiments.bench.engine import engine_cases
    from drltrade.experiments.bench.faces import face_cases
    from drltrade.experiments.bench.peer_training import peer_training_cases
    from drltrade.experiments.bench.peers import peer_cases
    from drltrade.experiments.bench.process import process_cases
    from drltrade.experiments.bench.training import training_cases

    pythons: dict[str, Path] = {}
    install, compare = peer_cases(peers, pythons) if peers else (None, None)
    cases = [install] if install else []
    if "gym_env" in sections:
        cases += [*face_cases(), *([compare] if compare else [])]
    if "engine" in sections:
        cases += [*engine_cases(), *process_cases(effort)]
    if "training" in sections:
        cases += [*training_cases(), *(peer_training_cases(pythons) if peers else [])]
    return cases

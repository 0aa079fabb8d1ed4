"""Measures training: account-steps a second, with copied windows too, and the memory of replays."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import TYPE_CHECKING

from drltrade.experiments.bench.figures import Case, Effort, Figure
from drltrade.experiments.bench.process import ask_child

if TYPE_CHECKING:
    from drltrade.agents import Progress, TrainTask
    from drltrade.envs import Game

__all__ = ["Pace", "sample_game", "sample_task", "speed", "training_cases"]


@dataclass(frozen=True)
class Pace:
    """How fast one training went.

    Attributes:
        rate: account-steps a second, by the training's own clock.
        cpu: CPU seconds of the process per second on the wall.
        steps: account-steps done.
    """

    rate: float
    cpu: float
    steps: int


@dataclass(frozen=True)
class _Pair:
    """Trainings that take turns, so that noise hits both."""

    agent: str
    encoder: str
    copies: bool = True
    long: bool = False

    @property
    def key(self) -> str:
        """Names the figures."""
        return f"{self.agent}_{self.encoder}{'_long' if self.long else ''}"


_PAIRS = (
    _Pair("ppo", "mlp"),
    _Pair("a2c", "mlp", copies=False),
    _Pair("ppo", "cnn"),
    _Pair("ppo", "gru"),
    _Pair("ppo", "transformer"),
    _Pair("ppo", "gru", long=True),
)


def training_cases() -> list[Case]:
    """Each agent and encoder, the time to a known optimum, and a replay that is really filled."""
    from drltrade.experiments.bench.race import race_cases

    return [
        *(_pair_case(pair) for pair in _PAIRS),
        *race_cases(),
        Case("the memory of a replay", 30.0, _replay),
    ]


def _pair_case(pair: _Pair) -> Case:
    name = f"training {pair.agent} with {pair.encoder}" + (" on a long market" * pair.long)
    return Case(name, 50.0 if pair.copies else 15.0, lambda effort: _measure(pair, effort))


def _measure(pair: _Pair, effort: Effort) -> list[Figure]:
    tasks = {"": sample_task(pair.agent, pair.encoder, effort, long=pair.long)}
    if pair.copies:
        tasks["_windows"] = sample_task(pair.agent, pair.encoder, effort, False, pair.long)
    found: dict[str, list[Pace]] = {way: [] for way in tasks}
    for task in tasks.values():
        speed(task, 0.0)  # whatever is compiled or cached at first use
    for _ in range(effort.trainings):
        for way, task in tasks.items():
            found[way].append(speed(task, effort.train_seconds))
    where = f"a market of {effort.bars:,} bars" if pair.long else "AAPL of the sample"
    what = f"training {pair.agent} with {pair.encoder}, window 16 x 8, {where}"
    return [
        Figure(
            "training",
            f"{pair.key}{way}_steps_per_second",
            median(pace.rate for pace in paces),
            "account-steps/s",
            what + (", windows copied" if way else ""),
            median(pace.cpu for pace in paces),
        )
        for way, paces in found.items()
    ]


@lru_cache(maxsize=2)
def sample_game(bars: int = 0) -> Game:
    """The default environment on the sample's AAPL, or on a random walk of so many bars."""
    from drltrade.envs import EnvSettings, build_game
    from drltrade.experiments.bench.market import bench_market

    settings = EnvSettings()
    return build_game(settings, market=bench_market(bars)) if bars else build_game(settings)


def sample_task(
    agent: str, encoder: str, effort: Effort, indexed: bool = True, long: bool = False
) -> TrainTask:
    """What `drltrade train` hands on for one seed, on the sample or on a long market."""
    from drltrade.agents import TrainTask, parse_agent

    settings = parse_agent({"name": agent, "encoder": encoder})
    game = sample_game(effort.bars if long else 0)
    return TrainTask(game, settings, seed=0, steps=effort.train_steps, indexed=indexed)


class _EnoughError(Exception):
    """Ends a training between two updates."""


def speed(task: TrainTask, seconds: float) -> Pace:
    """Trains for so long, or to the end where that comes first, whole updates only."""
    from drltrade.agents import train

    last: list[Progress] = []

    def tell(now: Progress) -> None:
        last[:] = [now]
        if now.seconds >= seconds and now.steps < now.total:
            raise _EnoughError

    wall, cpu = time.perf_counter(), time.process_time()
    with suppress(_EnoughError):
        train(task, progress=tell)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Pace(last[0].steps_per_second, cpu / wall, last[0].steps)


def _replay(effort: Effort) -> list[Figure]:
    found = ask_child(["replay", str(effort.transitions)], "filling a replay")
    of = f"a replay of {found['transitions']:,.0f} transitions of windows 64 x 20"
    told = {
        "replay_bytes": ("replay", f"{of}, filled by DQN"),
        "replay_series_bytes": ("series", "features that all windows of it are gathered from"),
        "replay_resident_growth_bytes": ("grown", "growth of the process by it and its training"),
        "replay_windows_bytes": ("windows", f"{of}, were they whole windows: by arithmetic"),
    }
    return [
        Figure("training", key, found[name], "bytes", what)
        for key, (name, what) in told.items()
        if name in found
    ]

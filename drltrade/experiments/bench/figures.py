"""What a measurement is, how one is taken, and what is put side by side as a ratio."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "FULL",
    "QUICK",
    "RATIOS",
    "Case",
    "Effort",
    "Figure",
    "Group",
    "best_rate",
    "engine_key",
    "flatten",
    "ratios",
]

Group = Literal["engine", "gym_env", "peers"]


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
        group: where it stands in the JSON.
        key: its name there; it never changes.
        value: the number.
        unit: of the number.
        what: in words, what was done.
        cpu: CPU seconds of the process per second on the wall; None where it says nothing.
    """

    group: Group
    key: str
    value: float
    unit: str
    what: str
    cpu: float | None = None


@dataclass(frozen=True)
class Effort:
    """How much is done for one figure.

    Attributes:
        seconds: least length of one repeat.
        repeats: of which the best counts.
        bars: length of the market that accounts are strewn over.
        long_bars: length of the long backtest and of the matrix that must not be copied.
        train_steps: of PPO; 0 leaves training out, and the cold start with it.
        pace: expected time over that of the full effort.
    """

    seconds: float
    repeats: int
    bars: int
    long_bars: int
    train_steps: int
    pace: float = 1.0


FULL = Effort(seconds=0.25, repeats=5, bars=100_000, long_bars=1_000_000, train_steps=400_000)
QUICK = Effort(seconds=0.001, repeats=1, bars=2_000, long_bars=20_000, train_steps=0, pace=0.1)


@dataclass(frozen=True)
class Case:
    """Something to measure.

    Attributes:
        name: what progress says.
        seconds: how long it takes at full effort, roughly; for the time that is left.
        measure: does it.
    """

    name: str
    seconds: float
    measure: Callable[[Effort], list[Figure]]


def engine_key(assets: int, window: int, accounts: int) -> str:
    """Names an engine figure in the JSON."""
    return f"assets_{assets}_window_{window}_accounts_{accounts}"


def best_rate(work: Callable[[int], int], effort: Effort) -> tuple[float, float]:
    """Times some work several times, after a warm-up that finds out how much fills a repeat.

    Args:
        work: does a number of rounds and returns how many steps they were.
        effort: how long and how often.

    Returns:
        Steps a second of the best repeat, and its CPU seconds per second on the wall.
    """
    work(1)
    rounds, spent = 1, 0.0
    while True:
        start = time.perf_counter()
        work(rounds)
        spent = time.perf_counter() - start
        if spent >= effort.seconds / 4:
            break
        rounds *= 4
    rounds = max(1, round(rounds * effort.seconds / spent))
    best = (0.0, 0.0)
    for _ in range(effort.repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        steps = work(rounds)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        best = max(best, (steps / wall, cpu / wall))
    return best


RATIOS: dict[str, tuple[str, str]] = {
    "gym_env_over_gym_anytrading": (
        "peers.drltrade_steps_per_second",
        "peers.gym_anytrading_steps_per_second",
    ),
    "gym_env_over_gym_trading_env": (
        "peers.drltrade_steps_per_second",
        "peers.gym_trading_env_steps_per_second",
    ),
    "gym_env_over_empty_env": (
        "gym_env.steps_per_second",
        "gym_env.empty_env_steps_per_second",
    ),
    "vector_env_over_gym_env": (
        "gym_env.vector_accounts_1024_steps_per_second",
        "gym_env.steps_per_second",
    ),
    "sb3_env_over_vector_env": (
        "gym_env.sb3_accounts_1024_steps_per_second",
        "gym_env.vector_accounts_1024_steps_per_second",
    ),
    "engine_over_vector_env": (
        "engine.assets_1_window_16_accounts_1024",
        "gym_env.vector_accounts_1024_steps_per_second",
    ),
    "two_threads_over_one": (
        "engine.two_threads_steps_per_second",
        "engine.one_thread_steps_per_second",
    ),
    "impact_over_none_window_16": (
        "engine.impact_assets_1_window_16_accounts_1024",
        "engine.assets_1_window_16_accounts_1024",
    ),
    "impact_over_none_window_1": (
        "engine.impact_assets_1_window_1_accounts_1024",
        "engine.assets_1_window_1_accounts_1024",
    ),
    "cold_start_over_cached_start": (
        "engine.cold_start_seconds",
        "engine.cached_start_seconds",
    ),
}
"""Each ratio's upper and lower figure."""


def flatten(groups: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Names each figure `group.key`."""
    return {
        f"{group}.{key}": value for group, keys in groups.items() for key, value in keys.items()
    }


def ratios(groups: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Divides figures by figures; a ratio whose figures were not measured is left out."""
    flat = flatten(groups)
    return {
        name: flat[upper] / flat[lower]
        for name, (upper, lower) in RATIOS.items()
        if upper in flat and lower in flat
    }

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

Group = Literal["engine", "gym_env", "training", "peers"]


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
        note: what a reader must know before he quotes the number; mostly nothing.
    """

    group: Group
    key: str
    value: float
    unit: str
    what: str
    cpu: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Effort:
    """How much is done for one figure.

    Attributes:
        seconds: least length of one repeat.
        repeats: of which the best counts.
        bars: length of the market that accounts are strewn over.
        long_bars: length of the long backtest and of the matrix that must not be copied.
        train_steps: account-steps of a training, most of which are enough for all accounts.
        train_seconds: after which a training is stopped between two updates.
        trainings: of which the median counts.
        race_seconds: after which one that has not reached its share of the optimum gives up.
        transitions: in the replay that is filled.
        compiles: whether the first call is measured with an empty cache.
        pace: expected time over that of the full effort.
    """

    seconds: float
    repeats: int
    bars: int
    long_bars: int
    train_steps: int
    train_seconds: float = 10.0
    trainings: int = 3
    race_seconds: float = 300.0
    transitions: int = 1_000_000
    compiles: bool = True
    pace: float = 1.0


FULL = Effort(
    seconds=0.25, repeats=5, bars=100_000, long_bars=1_000_000,
    train_steps=32 * 16 * 1024,  # 1,024 accounts, 32 updates
)  # fmt: skip
QUICK = Effort(
    seconds=0.001, repeats=1, bars=2_000, long_bars=20_000, train_steps=256, train_seconds=0.0,
    trainings=1, race_seconds=0.0, transitions=20_000, compiles=False, pace=0.1,
)  # fmt: skip


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


_LEARNERS = tuple(
    f"{peer}_{way}"
    for peer in ("gym_anytrading", "gym_trading_env")
    for way in ("tuned", "default")
)

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
    **{
        f"{kind}_over_copied_windows": (
            f"training.{kind}_steps_per_second",
            f"training.{kind}_windows_steps_per_second",
        )
        for kind in ("ppo_mlp", "ppo_cnn", "ppo_gru", "ppo_transformer", "ppo_gru_long")
    },
    **{
        f"train_ppo_over_sb3_on_{peer}": (
            "peers.train_drltrade_steps_per_second",
            f"peers.train_{peer}_steps_per_second",
        )
        for peer in _LEARNERS
    },
    **{
        f"ou_time_gym_trading_env_{way}_over_ours{least}": (
            f"peers.ou_gym_trading_env_{way}{least}_seconds",
            "training.ou_ppo_seconds",
        )
        for way in ("tuned", "default")
        for least in ("", "_at_least")
    },
    "replay_of_windows_over_indices": (
        "training.replay_windows_bytes",
        "training.replay_bytes",
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

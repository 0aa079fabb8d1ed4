"""Measures the faces of the engine: the Gymnasium env, the vector env, SB3's, and training."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import gymnasium as gym
import numpy as np

from drltrade.envs import EnvSettings, Game, TradingEnv, VectorTradingEnv, build_game
from drltrade.experiments.bench.engine import RULES
from drltrade.experiments.bench.figures import Case, Effort, Figure, best_rate
from drltrade.experiments.bench.market import FEATURES, bench_market

__all__ = ["face_cases"]

KINDS = 64
"""Different rows of actions that take turns."""


def face_cases() -> list[Case]:
    """One account, many, SB3's view of them, and PPO learning from it."""
    cases = [Case("the empty Gymnasium env", 2.0, _empty), Case("Gymnasium env", 2.5, _single)]
    for accounts in (64, 1024, 4096):
        cases.append(_batched("vector", accounts))
    for accounts in (64, 1024):
        cases.append(_batched("sb3", accounts))
    cases.append(Case("training PPO", 12.0, _train))
    return cases


@lru_cache(maxsize=1)
def _game(bars: int) -> Game:
    """The default environment: window 16, eight features, three levels, log return."""
    settings = EnvSettings(carry=RULES.carry, margin=RULES.margin)
    return build_game(settings, market=bench_market(bars))


class _Empty(gym.Env[Any, Any]):  # type: ignore[misc]  # gymnasium is untyped here
    """Does nothing: the limit of the Gymnasium interface itself."""

    observation_space = gym.spaces.Box(-1, 1, (FEATURES,), np.float32)
    action_space = gym.spaces.Discrete(3)

    def __init__(self) -> None:
        self._observation = np.zeros(FEATURES, dtype=np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Returns the same zeros."""
        return self._observation, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Returns the same zeros."""
        return self._observation, 0.0, False, False, {}


def _play(env: gym.Env[Any, Any]) -> Callable[[int], int]:
    actions = np.random.default_rng(3).integers(0, 3, 4096).tolist()
    env.reset(seed=0)

    def work(rounds: int) -> int:
        for k in range(rounds):
            _, _, terminated, truncated, _ = env.step(actions[k % 4096])
            if terminated or truncated:
                env.reset()
        return rounds

    return work


def _empty(effort: Effort) -> list[Figure]:
    rate, cpu = best_rate(_play(_Empty()), effort)
    what = "Gymnasium env that does nothing: the limit"
    return [Figure("gym_env", "empty_env_steps_per_second", rate, "steps/s", what, cpu)]


def _single(effort: Effort) -> list[Figure]:
    rate, cpu = best_rate(_play(TradingEnv(_game(effort.bars))), effort)
    what = "Gymnasium env, one account, default settings (window 16 x 8), episodes of 252 bars"
    return [Figure("gym_env", "steps_per_second", rate, "steps/s", what, cpu)]


def _batched(face: str, accounts: int) -> Case:
    titles = {"vector": "Gymnasium vector env", "sb3": "Stable-Baselines3 VecEnv"}
    name = f"{titles[face]}, window 16 x {FEATURES}, {accounts:,} accounts"

    def measure(effort: Effort) -> list[Figure]:
        env = _make(face, _game(effort.bars), accounts)
        actions = np.random.default_rng(3).integers(0, 3, (KINDS, accounts))
        env.reset()

        def work(rounds: int) -> int:
            for k in range(rounds):
                env.step(actions[k % KINDS])
            return rounds * accounts

        rate, cpu = best_rate(work, effort)
        key = f"{face}_accounts_{accounts}_steps_per_second"
        return [Figure("gym_env", key, rate, "account-steps/s", name, cpu)]

    return Case(name, 2.5, measure)


def _make(face: str, game: Game, accounts: int) -> Any:
    if face == "vector":
        return VectorTradingEnv(game, accounts)
    from drltrade.envs.sb3 import SB3TradingEnv

    return SB3TradingEnv(game, accounts)


def _train(effort: Effort) -> list[Figure]:
    from drltrade.agents import TrainTask, parse_agent, train
    from drltrade.experiments.training import one_thread

    game = _game(effort.bars)
    task = TrainTask(
        game=game, agent=parse_agent("ppo"), seed=0, steps=effort.train_steps, evaluations=1
    )
    wall, cpu = time.perf_counter(), time.process_time()
    with one_thread():
        result = train(task)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    what = f"training PPO with its default settings for {result.steps:,} steps, once, one thread"
    key = "train_ppo_steps_per_second"
    return [Figure("gym_env", key, result.steps / wall, "account-steps/s", what, cpu / wall)]

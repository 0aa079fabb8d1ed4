"""Finds the one constant that rewards are multiplied by, so that every agent sees them near one."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from drltrade.envs import Game

__all__ = ["estimate_reward_scale"]

_ACCOUNTS, _BARS, _HOLD = 128, 256, 8


def estimate_reward_scale(game: Game) -> float:
    """Returns one over the root mean square of the reward of accounts that act at random.

    128 accounts hold each random action for about 8 bars, over 256 bars of the game's interval.
    The draws are fixed, so that every seed of an experiment trains on the same scale.

    Args:
        game: the game on its train interval.

    Returns:
        A positive constant; 1 where every reward is zero.
    """
    from drltrade.envs.sb3 import SB3TradingEnv

    rng = np.random.default_rng(0)
    env = SB3TradingEnv(game, _ACCOUNTS, seed=0, indexed=True)
    env.reset()
    actions = _draw(game.action_space, rng)
    square = 0.0
    for _ in range(_BARS):
        again = rng.random(_ACCOUNTS) < 1 / _HOLD
        actions[again] = _draw(game.action_space, rng)[again]
        rewards = env.step(actions)[1]
        square += float(np.square(rewards, dtype=np.float64).mean())
    size = np.sqrt(square / _BARS)
    return float(1.0 / size) if size > 0 else 1.0


def _draw(space: gym.Space[Any], rng: np.random.Generator) -> NDArray[Any]:
    """One uniform action an account."""
    if isinstance(space, gym.spaces.Discrete):
        return rng.integers(space.n, size=_ACCOUNTS)
    if isinstance(space, gym.spaces.MultiDiscrete):
        return rng.integers(space.nvec, size=(_ACCOUNTS, len(space.nvec)))
    shape = (_ACCOUNTS, *(space.shape or ()))
    return rng.uniform(-1.0, 1.0, shape).astype(np.float32)

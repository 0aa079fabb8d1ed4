"""Exploration for many accounts at once; SB3's own treats the whole batch as one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib import QRDQN
from stable_baselines3 import DQN
from stable_baselines3.common.noise import NormalActionNoise, VectorizedActionNoise

__all__ = ["BatchDQN", "BatchNoise", "BatchQRDQN"]


class _OwnCoins:
    """Makes every account toss its own coin, and the target network follow after every update.

    SB3 tosses one coin for all accounts at once, and moves the target every so many steps.
    """

    online: ClassVar[str]
    """Attribute of the network that learns; its target's has `_target` behind."""

    def predict(
        self: Any,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], Any]:
        """Acts greedily except where an account's own coin says to explore."""
        action, state = self.policy.predict(observation, state, episode_start, True)
        if not deterministic:
            # SB3 draws from numpy's global generator, seeded for this training and restored after.
            explore = np.random.random(len(action)) < self.exploration_rate  # noqa: NPY002
            random = np.random.randint(self.action_space.n, size=len(action))  # noqa: NPY002
            action = np.where(explore, random, action)
        return action, state

    def _on_step(self: Any) -> None:
        """Only the exploration rate moves here; the target follows the updates, as in SAC."""
        self.exploration_rate = self.exploration_schedule(self._current_progress_remaining)

    def train(self: Any, gradient_steps: int, batch_size: int = 100) -> None:
        """Moves the target network a little after every update."""
        learning = getattr(self, self.online)
        following = getattr(self, f"{self.online}_target")
        for _ in range(gradient_steps):
            super().train(1, batch_size)  # type: ignore[misc]
            with torch.no_grad():
                for target, online in zip(
                    following.parameters(), learning.parameters(), strict=True
                ):
                    target.lerp_(online, self.tau)
        self.logger.record("rollout/exploration_rate", self.exploration_rate)


class BatchDQN(_OwnCoins, DQN):
    """DQN of many accounts."""

    online = "q_net"


class BatchQRDQN(_OwnCoins, QRDQN):
    """Quantile-regression DQN of many accounts."""

    online = "quantile_net"


class BatchNoise(VectorizedActionNoise):
    """Gaussian noise for all accounts in one draw; SB3's own asks each account in turn."""

    def __init__(self, sigma: float, accounts: int, size: int) -> None:
        super().__init__(NormalActionNoise(np.zeros(size), np.full(size, sigma)), 1)
        self._sigma, self._shape = sigma, (accounts, size)

    def __call__(self) -> NDArray[np.float32]:
        """Draws [B, size]."""
        noise = np.random.standard_normal(self._shape)  # noqa: NPY002 - see _OwnCoins.predict
        return (self._sigma * noise).astype(np.float32)

    def reset(self, indices: Iterable[int] | None = None) -> None:
        """White noise has nothing to forget."""

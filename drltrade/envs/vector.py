"""The Gymnasium vector face: B accounts in one kernel call."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from drltrade.envs.batch import Batch
from drltrade.envs.game import Game
from drltrade.errors import UsageError

__all__ = ["VectorTradingEnv"]


class VectorTradingEnv(gym.vector.VectorEnv[NDArray[np.float32], Any, NDArray[Any]]):
    """B accounts as a `gymnasium.vector.VectorEnv` with same-step autoreset.

    When an account's episode ends, the observation returned is the first of its next episode, and
    the last one stands in `infos["final_obs"]`.

    Args:
        game: the rules, from `build_game`; `make_vec_env` builds both.
        num_envs: accounts B.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "render_modes": [],
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(self, game: Game, num_envs: int) -> None:
        self.game, self.num_envs = game, num_envs
        self.single_observation_space = game.observation_space
        self.single_action_space = game.action_space
        self.observation_space = batch_space(game.observation_space, num_envs)
        self.action_space = batch_space(game.action_space, num_envs)
        self._batch = Batch(game, num_envs, self.np_random)
        self._started = False

    def reset(
        self, *, seed: int | list[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Starts an episode in every account; one seed makes all of them."""
        super().reset(seed=seed[0] if isinstance(seed, list) else seed)
        self._batch.rng = self.np_random
        self._batch.restart(self._batch.rows)
        self._started = True
        return self._batch.observations.copy(), {}

    def step(
        self, actions: Any
    ) -> tuple[
        NDArray[np.float32],
        NDArray[np.float64],
        NDArray[np.bool_],
        NDArray[np.bool_],
        dict[str, Any],
    ]:
        """Takes every account through one bar; ended ones start anew in the same call."""
        if not self._started:
            raise UsageError("Call reset() before the first step().")
        rewards = self._batch.step(actions)
        step = self._batch.step_view
        terminated, truncated = step.terminated.copy(), step.truncated.copy()
        infos: dict[str, Any] = {"equity": step.equity.copy()}
        done = terminated | truncated
        if done.any():
            rows = np.flatnonzero(done)
            final = np.empty(self.num_envs, dtype=object)
            final[rows] = list(self._batch.observations[rows].copy())
            infos |= {"final_obs": final, "_final_obs": done.copy()}
            self._batch.restart(rows)
        return self._batch.observations.copy(), rewards, terminated, truncated, infos

"""The Gymnasium face: one account, one market."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from drltrade.envs.batch import Batch
from drltrade.envs.game import Game
from drltrade.errors import UsageError

__all__ = ["TradingEnv"]


class TradingEnv(gym.Env[NDArray[np.float32], Any]):
    """One account as a `gymnasium.Env`.

    Observations are fresh float32 arrays named column by column in `game.layout`. The end of the
    data or of the episode is `truncated`; ruin is `terminated`. Starts are drawn from the env's own
    generator, so `reset(seed=...)` reproduces an episode exactly.

    Args:
        game: the rules, from `build_game`; `make_env` builds both.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(self, game: Game) -> None:
        self.game = game
        self.observation_space = game.observation_space
        self.action_space = game.action_space
        self._batch = Batch(game, 1, self.np_random)
        self._over = True
        self._stamps = game.market.stamps

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Starts an episode: all cash at the close of its first bar."""
        super().reset(seed=seed)
        self._batch.rng = self.np_random
        self._batch.restart(self._batch.rows)
        self._over = False
        return self._batch.observations[0].copy(), self._info()

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Takes the account through one bar.

        Raises:
            UsageError: the episode is over, or an index is outside the action space. Numbers are
                clipped to [-1, 1], as Stable-Baselines3 does: a Gaussian policy leaves the box.
        """
        if self._over:
            raise UsageError("The episode is over: call reset() before the next step().")
        reward = float(self._batch.step(np.asarray(action)[None])[0])
        step = self._batch.step_view
        terminated, truncated = bool(step.terminated[0]), bool(step.truncated[0])
        self._over = terminated or truncated
        info = self._info()
        info["reward_terms"] = {
            name: float(values[0]) for name, values in self._batch.reward.terms.items()
        }
        return self._batch.observations[0].copy(), reward, terminated, truncated, info

    def _info(self) -> dict[str, Any]:
        step = self._batch.step_view
        bar = int(step.bar[0])
        return {
            "bar": bar,
            "stamp": self._stamps[bar],
            "equity": float(step.equity[0]),
            "weights": step.weights[0].copy(),
            "costs": float(step.commission[0] + step.slippage[0]),
            "drawdown": float(step.drawdown[0]),
            "status": step.status[0].copy(),
        }

"""The Stable-Baselines3 face: B accounts for its algorithms, without copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from drltrade.envs.batch import Batch
from drltrade.envs.game import Game
from drltrade.errors import UsageError

__all__ = ["SB3TradingEnv"]


class SB3TradingEnv(VecEnv):
    """B accounts as an SB3 `VecEnv` with same-step autoreset.

    SB3 keeps a reference to the last observations across a step, so two buffers take turns; it
    edits rewards in place, so they are fresh each step; accounts that go on share one empty info.
    The first episodes are cut at random bars: ends that fall together would cost a burst of
    value estimates, and correlate the accounts.

    Args:
        game: the rules, from `build_game`.
        num_envs: accounts B.
        seed: of the generator that draws episode starts.
        reward_scale: a constant that rewards are multiplied by for training.
        indexed: observations hold the bar's number in place of the window: for networks that
            gather windows themselves (`drltrade.agents.networks.Sight`).
    """

    def __init__(
        self,
        game: Game,
        num_envs: int,
        *,
        seed: int = 0,
        reward_scale: float = 1.0,
        indexed: bool = False,
    ) -> None:
        self.game, self.reward_scale = game, reward_scale
        rng = np.random.default_rng(seed)
        self.batch = Batch(game, num_envs, rng, buffers=2, indexed=indexed)
        self._returns = np.zeros(num_envs)
        self._lengths = np.zeros(num_envs, dtype=np.int64)
        self._infos: list[dict[str, Any]] = [{} for _ in range(num_envs)]
        self._actions: Any = None
        seen = game.index_space if indexed else game.observation_space
        super().__init__(num_envs, seen, game.action_space)

    def reset(self) -> NDArray[np.float32]:
        """Starts an episode in every account."""
        if self._seeds[0] is not None:
            self.batch.rng = np.random.default_rng(self._seeds[0])
        self._reset_seeds()
        self._reset_options()
        self.batch.restart(self.batch.rows, stagger=True)
        self._returns[:] = 0.0
        self._lengths[:] = 0
        return self.batch.observations

    def step_async(self, actions: Any) -> None:
        """Keeps the actions for `step_wait`."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Takes every account through one bar; ended ones start anew in the same call."""
        rewards = self.batch.step(self._actions)
        step = self.batch.step_view
        done = step.terminated | step.truncated
        self._returns += rewards
        self._lengths += 1
        infos = self._infos
        if done.any():
            infos = self._finish(np.flatnonzero(done))
        scaled = (rewards * self.reward_scale).astype(np.float32)
        return self.batch.observations, scaled, done, infos

    def _finish(self, rows: NDArray[np.int64]) -> list[dict[str, Any]]:
        infos = list(self._infos)
        final = self.batch.observations[rows]
        truncated = self.batch.step_view.truncated
        for at, row in enumerate(rows):
            infos[row] = {
                "terminal_observation": final[at],
                "TimeLimit.truncated": bool(truncated[row]),
                "episode": {
                    "r": float(self._returns[row]),
                    "l": int(self._lengths[row]),
                    "t": 0.0,
                },
            }
        self._returns[rows] = 0.0
        self._lengths[rows] = 0
        self.batch.restart(rows)
        return infos

    def state(self) -> dict[str, Any]:
        """Returns all that it takes to go on from here in another process; see `Batch.state`."""
        counts = {"returns": self._returns.copy(), "lengths": self._lengths.copy()}
        return {"batch": self.batch.state(), **counts}

    def restore(self, state: Mapping[str, Any]) -> NDArray[np.float32]:
        """Goes on where `state` was taken, and returns the observations of that moment."""
        self.batch.restore(state["batch"])
        self._returns[:] = state["returns"]
        self._lengths[:] = state["lengths"]
        return self.batch.observations

    def close(self) -> None:
        """Nothing is held open."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Answers for every account; only `render_mode` and this env's own attributes exist."""
        value = None if attr_name == "render_mode" else getattr(self, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuses: accounts of one engine share everything."""
        raise UsageError(f"'{attr_name}' cannot be set on an account; build another env.")

    def env_method(
        self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any
    ) -> list[Any]:
        """Refuses: there is no env behind an account."""
        raise UsageError(f"'{method_name}' cannot be called on an account; use the env's game.")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> Sequence[bool]:
        """Says that no account is wrapped; `Monitor` is answered by the infos above."""
        return [False for _ in self._get_indices(indices)]

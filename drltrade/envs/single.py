"""The Gymnasium face: one account, one market."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from drltrade.envs.batch import Batch
from drltrade.envs.game import Game
from drltrade.errors import UsageError
from drltrade.sim import PLACES, Row, Step

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
        self._bind()

    def _bind(self) -> None:
        """Takes hold of what one account reads and writes in every step."""
        engine, space = self._batch.engine, self.action_space
        self._levels: list[float] = []
        if isinstance(space, gym.spaces.Discrete) and engine.prices.assets == 1:
            self._levels = self.game.scheme.targets(np.arange(space.n))[:, 0].tolist()
        memory = engine.memory
        self._held = _Held(
            advance=engine.stepper(),
            numbers=memory.cast("d"),
            bars=memory.cast("q"),
            flags=memory.cast("?"),
            targets=engine.targets,
            order=engine.targets.reshape(-1).data,
            step=engine.current,
            row=Row(memory.cast("d")),
            weights=engine.current.weights[0],
            status=engine.current.status[0],
            observation=engine.observations[0],
        )

    def __getstate__(self) -> dict[str, Any]:
        """A copy holds arrays of its own."""
        return {name: value for name, value in self.__dict__.items() if name != "_held"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restores a copy."""
        self.__dict__.update(state)
        self._bind()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Starts an episode: all cash at the close of its first bar."""
        super().reset(seed=seed)
        self._batch.rng = self.np_random
        self._batch.restart(self._batch.rows)
        self._over = False
        return self._held.observation.copy(), self._info()

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Takes the account through one bar.

        Raises:
            UsageError: the episode is over, or an index is outside the action space. Numbers are
                clipped to [-1, 1], as Stable-Baselines3 does: a Gaussian policy leaves the box.
        """
        if self._over:
            raise UsageError("The episode is over: call reset() before the next step().")
        held = self._held
        if self._levels:
            held.order[0] = self._level(action)
        else:
            held.targets[:] = self.game.scheme.targets(np.asarray(action)[None])
        held.advance()
        reward, terms = self._batch.reward.single(held.step, held.row)
        terminated, truncated = held.flags[TERMINATED], held.flags[TRUNCATED]
        self._over = terminated or truncated
        info = self._info()
        info["reward_terms"] = terms
        return held.observation.copy(), reward, terminated, truncated, info

    def _level(self, action: Any) -> float:
        try:
            index = action if type(action) is int else operator.index(action)
            if index >= 0:
                return self._levels[index]
        except (TypeError, IndexError):
            pass
        # The scheme says what is wrong, or takes an array that holds one index.
        return float(self.game.scheme.targets(np.asarray(action)[None])[0, 0])

    def _info(self) -> dict[str, Any]:
        held = self._held
        numbers, bar = held.numbers, held.bars[BAR]
        return {
            "bar": bar,
            "stamp": self._stamps[bar],
            "equity": numbers[EQUITY],
            "weights": held.weights.copy(),
            "costs": numbers[COMMISSION] + numbers[SLIPPAGE] + numbers[IMPACT],
            "drawdown": numbers[DRAWDOWN],
            "status": held.status.copy(),
        }


@dataclass(slots=True)
class _Held:
    """The one account's memory: reading a number so takes a tenth of an array of one."""

    advance: Callable[[], None]
    numbers: Any
    bars: Any
    flags: Any
    targets: NDArray[np.float64]
    order: Any
    step: Step
    row: Row
    weights: NDArray[np.float64]
    status: NDArray[np.uint8]
    observation: NDArray[np.float32]


BAR, EQUITY, COMMISSION, SLIPPAGE, IMPACT, DRAWDOWN = (
    PLACES[name] // 8 for name in ("bar", "equity", "commission", "slippage", "impact", "drawdown")
)
TERMINATED, TRUNCATED = PLACES["terminated"], PLACES["truncated"]

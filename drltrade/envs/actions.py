"""Action schemes: how an agent's action becomes target weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from drltrade.errors import UsageError, unknown

__all__ = ["DISCRETE", "SCHEMES", "ActionScheme"]

SCHEMES = ("levels", "choices", "continuous", "portfolio")
"""Every scheme; `auto` takes the first one that an agent can use."""
DISCRETE = ("levels", "choices")
"""Schemes with finitely many actions: by default an unchanged one is no order."""


@dataclass(frozen=True, eq=False)
class ActionScheme:
    """One scheme on N assets.

    `levels`: the index of a weight, for several assets one index each, scaled by L / N.
    `choices`: the index of a portfolio: cash, equal weight, then each asset alone.
    `continuous`: per asset a number from -1 to 1, spread over the range of the levels.
    `portfolio`: per asset x = (a + 1) / 2, long only, w = x / max(1, sum x); the rest is cash.

    Attributes:
        name: one of SCHEMES.
        assets: number of assets N.
        levels: the weights of `levels`; their range bounds `continuous`.
        leverage: limit L that the weights are scaled by.
    """

    name: str
    assets: int
    levels: tuple[float, ...] = (-1.0, 0.0, 1.0)
    leverage: float = 1.0
    space: gym.Space[Any] = field(init=False)
    _table: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.name not in SCHEMES:
            raise unknown("action scheme", self.name, SCHEMES)
        table = np.asarray(self.levels, dtype=np.float64)[:, None] * self.leverage / self.assets
        if self.name == "choices":
            equal = np.full((1, self.assets), 1.0 / self.assets)
            cash = np.zeros((1, self.assets))
            table = np.concatenate([cash, equal, np.eye(self.assets)]) * self.leverage
        object.__setattr__(self, "_table", table)
        object.__setattr__(self, "space", self._space())

    def _space(self) -> gym.Space[Any]:
        if self.name == "levels" and self.assets > 1:
            return gym.spaces.MultiDiscrete(np.full(self.assets, len(self.levels)))
        if self.name in DISCRETE:
            return gym.spaces.Discrete(len(self._table))
        return gym.spaces.Box(-1.0, 1.0, (self.assets,), np.float32)

    @property
    def shorts(self) -> bool:
        """Whether some action asks for a negative weight."""
        return self.name in ("levels", "continuous") and min(self.levels) < 0

    def targets(self, actions: Any) -> NDArray[np.float64]:
        """Turns the actions of B accounts into weights.

        Args:
            actions: [B] integers, [B, N] integers (`levels` on several assets) or [B, N] numbers,
                clipped to [-1, 1].

        Returns:
            [B, N] float64 target weights.

        Raises:
            UsageError: an index is outside the list, or a number is NaN.
        """
        if self.name in DISCRETE:
            return self._look_up(np.asarray(actions))
        values = np.asarray(actions, dtype=np.float64)
        if values.shape[-1:] != (self.assets,):
            raise UsageError(
                f"{self.name} takes one number an asset, [B, {self.assets}]; got the shape"
                f" {values.shape}."
            )
        values = values.reshape(-1, self.assets)
        unit = (np.clip(values, -1.0, 1.0) + 1.0) / 2.0
        if np.isnan(unit).any():
            raise UsageError("An action is NaN: the policy's weights have probably diverged.")
        if self.name == "continuous":
            low, high = min(self.levels), max(self.levels)
            return (low + unit * (high - low)) * self.leverage
        return unit / np.maximum(1.0, unit.sum(axis=1, keepdims=True)) * self.leverage

    def _look_up(self, actions: NDArray[Any]) -> NDArray[np.float64]:
        if actions.dtype.kind not in "iu":
            raise UsageError(f"{self.name} takes whole-number actions; got {actions.dtype}.")
        if actions.size and (actions.min() < 0 or actions.max() >= len(self._table)):
            raise UsageError(
                f"{self.name} takes actions 0 to {len(self._table) - 1}; got {actions.min()} to"
                f" {actions.max()}."
            )
        rows = self._table[actions.reshape(-1)]
        return rows.reshape(-1, self.assets)

    def labels(self, symbols: tuple[str, ...]) -> tuple[str, ...]:
        """Names each discrete action, for reports; empty for continuous schemes."""
        if self.name == "levels":
            return tuple(f"{level:+g}" if level else "flat" for level in self.levels)
        return ("cash", "equal weight", *symbols) if self.name == "choices" else ()

"""Strategies that follow a price signal; each asset on its own, at most 1/N of equity.

Long or flat by default. Until a signal has its look-back, the asset stays in cash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field, model_validator

from drltrade.agents.strategies.base import Floats, Rule, hold, order_changes, sample_every
from drltrade.features.columns import log_returns, volatility
from drltrade.features.rolling import rolling_mean, rolling_moments

if TYPE_CHECKING:
    from drltrade.data.market import Market

__all__ = ["MeanReversion", "Momentum", "SmaCross", "VolatilityTarget"]

# Two averages of the same constant price may differ in the last bit: that is no trend.
_ROUNDING = 1e-12


class SmaCross(Rule):
    """Is long while the fast simple moving average of the close is above the slow one.

    Source: Brock, Lakonishok and LeBaron (1992), Simple Technical Trading Rules.
    """

    name: ClassVar[str] = "sma_cross"

    fast: int = Field(20, ge=1)
    """Bars of the fast average."""
    slow: int = Field(50, ge=2)
    """Bars of the slow average."""
    shorts: bool = False
    """Whether to be short, instead of flat, below."""

    @model_validator(mode="after")
    def _fast_is_faster(self) -> SmaCross:
        if self.fast >= self.slow:
            raise ValueError(f"fast ({self.fast}) must be below slow ({self.slow})")
        return self

    def _orders(self, market: Market, first: int) -> Floats:
        spread = rolling_mean(market.close, self.fast) / rolling_mean(market.close, self.slow) - 1.0
        spread[np.abs(spread) < _ROUNDING] = 0.0
        return order_changes(_sides(spread, self.shorts), first)


class Momentum(Rule):
    """Is long while the return over the look-back is positive; decides every few bars.

    Source: Moskowitz, Ooi and Pedersen (2012), Time Series Momentum.
    """

    name: ClassVar[str] = "momentum"

    lookback: int = Field(252, ge=1)
    """Bars whose return is the signal."""
    every: int = Field(21, ge=1)
    """Bars between two decisions, counted from the first bar."""
    shorts: bool = False
    """Whether to be short, instead of flat, after a loss."""

    def _orders(self, market: Market, first: int) -> Floats:
        sides = _sides(log_returns(market.close, self.lookback), self.shorts)
        return order_changes(hold(sample_every(sides, first, self.every)), first)


class MeanReversion(Rule):
    """Buys far below the moving average and sells at the average: Bollinger's bands.

    The distance z is (close - mean) / standard deviation of the last `window` closes. It goes long
    below -entry and leaves at -exit or above; with `shorts` the mirror image as well. It starts
    flat at the first bar, whatever came before.

    Source: Bollinger (2001); Avellaneda and Lee (2010) for thresholds apart for entry and exit.
    """

    name: ClassVar[str] = "mean_reversion"

    window: int = Field(20, ge=2)
    """Bars of the average and the deviation."""
    entry: float = Field(2.0, gt=0)
    """Distance at which a position is opened, in standard deviations."""
    exit: float = Field(0.0, ge=0)
    """Distance at which it is closed."""
    shorts: bool = False
    """Whether to be short far above the average."""

    @model_validator(mode="after")
    def _exit_is_inside(self) -> MeanReversion:
        if self.exit >= self.entry:
            raise ValueError(f"exit ({self.exit:g}) must be below entry ({self.entry:g})")
        return self

    def _orders(self, market: Market, first: int) -> Floats:
        mean, squares = rolling_moments(market.close, self.window)
        deviation = np.sqrt(squares / self.window)
        flat = deviation == 0
        distance = np.where(flat, 0.0, (market.close - mean) / np.where(flat, 1.0, deviation))
        distance[:first] = np.nan
        positions = self._latch(-distance)
        if self.shorts:
            positions = positions - self._latch(distance)
        return order_changes(positions, first)

    def _latch(self, distance: Floats) -> Floats:
        """1 from above `entry` until `exit` or below, else 0; NaN until the distance is known."""
        events = np.where(distance <= self.exit, 0.0, np.nan)
        events[distance > self.entry] = 1.0
        started = np.maximum.accumulate(~np.isnan(distance), axis=0)
        held = hold(events)
        return np.where(started & np.isnan(held), 0.0, held)


class VolatilityTarget(Rule):
    """Holds each asset long in inverse proportion to its recent volatility, never above 1/N.

    Weight = min(1, target / annualised volatility) / N, set anew every few bars.

    Source: Moreira and Muir (2017), Volatility-Managed Portfolios.
    """

    name: ClassVar[str] = "volatility_target"

    target: float = Field(0.15, gt=0)
    """Volatility a year that each asset's share is sized for."""
    window: int = Field(20, ge=2)
    """Bars that the recent volatility is taken from."""
    every: int = Field(5, ge=1)
    """Bars between two adjustments, counted from the first bar."""

    def _orders(self, market: Market, first: int) -> Floats:
        recent = volatility(market, self.window) * np.sqrt(market.periods_per_year)
        share = np.minimum(1.0, self.target / np.maximum(recent, np.finfo(np.float64).tiny))
        return sample_every(share / market.assets, first, self.every)


def _sides(signal: Floats, shorts: bool) -> Floats:
    """1 above zero, else -1 (with shorts) or 0; NaN where the signal is not known."""
    side = np.sign(signal)
    return side if shorts else np.maximum(side, 0.0)

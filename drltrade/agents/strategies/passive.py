"""Strategies that look at no price: the yardsticks every agent is held against."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from drltrade.agents.strategies.base import Floats, Rule, order_changes, sample_every

if TYPE_CHECKING:
    from drltrade.data.market import Market

__all__ = ["BuyAndHold", "Cash", "EqualWeight", "Random", "SellAndHold"]


class Cash(Rule):
    """Holds cash and never trades: what an agent without skill should fall back to."""

    name: ClassVar[str] = "cash"

    def _orders(self, market: Market, first: int) -> Floats:
        return _once(market, first, 0.0)


class BuyAndHold(Rule):
    """Buys 1/N of equity of each asset at the first bar and never trades again."""

    name: ClassVar[str] = "buy_and_hold"

    def _orders(self, market: Market, first: int) -> Floats:
        return _once(market, first, 1.0)


class SellAndHold(Rule):
    """Sells 1/N of equity of each asset short at the first bar and never trades again."""

    name: ClassVar[str] = "sell_and_hold"

    def _orders(self, market: Market, first: int) -> Floats:
        return _once(market, first, -1.0)


class EqualWeight(Rule):
    """Brings every asset back to 1/N of equity: the constant rebalanced portfolio.

    Source: Cover (1991), Universal Portfolios; DeMiguel, Garlappi and Uppal (2009) on how hard
    1/N is to beat.
    """

    name: ClassVar[str] = "equal_weight"

    every: int = Field(1, ge=1)
    """Bars between two rebalancings."""

    def _orders(self, market: Market, first: int) -> Floats:
        weights = np.full((market.bars, market.assets), 1.0 / market.assets)
        return sample_every(weights, first, self.every)


class Random(Rule):
    """Draws each asset's position anew every few bars and holds it: luck with the same costs.

    Long or flat with equal chance; with `shorts`, long, flat or short. The draws come from a
    generator of its own, one row after another, so that they know nothing of the prices and a
    longer market begins with the same positions. Asset i takes the i-th draw of a row. A segment
    with a label draws by that too, or all segments of a clock would bet on the same bars.
    """

    name: ClassVar[str] = "random"

    seed: int = Field(0, ge=0)
    """Seed of its generator."""
    every: int = Field(10, ge=1)
    """Bars that a position is held; drawing at every bar would only show what costs do."""
    shorts: bool = False
    """Whether positions may be short."""

    def _orders(self, market: Market, first: int) -> Floats:
        label = market.labels[0] if len(market.labels) == 1 else ""
        rng = np.random.default_rng([self.seed, *label.encode()])
        levels = 3 if self.shorts else 2
        rounds = -(-(market.bars - first) // self.every)
        draws = np.floor(rng.random((rounds, market.assets)) * levels) - (levels - 2)
        positions = np.full((market.bars, market.assets), np.nan)
        positions[first:] = np.repeat(draws, self.every, axis=0)[: market.bars - first]
        return order_changes(positions, first)


def _once(market: Market, first: int, exposure: float) -> Floats:
    orders = np.full((market.bars, market.assets), np.nan)
    orders[first] = exposure / market.assets
    return orders

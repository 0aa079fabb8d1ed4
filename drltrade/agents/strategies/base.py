"""What a strategy is, and what the built-in ones share: segments, orders, holding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from drltrade.config import Settings
from drltrade.errors import UsageError
from drltrade.features.pieces import piece, spans

if TYPE_CHECKING:
    from drltrade.data.market import Market

__all__ = ["Account", "BarStrategy", "Rule", "Strategy", "hold", "order_changes", "sample_every"]

Floats = NDArray[np.float64]


class Strategy(Protocol):
    """Names target weights for all bars at once: the fast form."""

    @property
    def name(self) -> str:
        """What reports call it."""

    def targets(self, market: Market, first: int) -> Floats:
        """Returns [T, N] weights, fractions of equity; NaN is no order.

        Row t may use bars up to and including t. The backtest starts at bar `first`: rows before
        it are NaN, bars before it serve as look-back.
        """


@dataclass(frozen=True)
class Account:
    """What a strategy may know of its account when it decides bar by bar.

    Attributes:
        bar: index of the bar that was just completed.
        equity: at its close.
        cash: signed.
        weights: [N] drifted weights.
    """

    bar: int
    equity: float
    cash: float
    weights: Floats


class BarStrategy(Protocol):
    """Decides bar by bar, seeing its account: the general form."""

    @property
    def name(self) -> str:
        """What reports call it."""

    def target(self, view: Market, account: Account) -> Floats:
        """Returns [N] weights; NaN is no order. The view ends at the bar just completed."""


class Rule(Settings):
    """Base of the built-in strategies: its fields are the parameters, checked once.

    Every segment is a market of its own: nothing is looked up in another one, and a strategy that
    orders once orders once in each.
    """

    name: ClassVar[str]

    def targets(self, market: Market, first: int) -> Floats:
        """Returns [T, N] target weights from bar `first` on; NaN is no order.

        The sum of |weights| never exceeds 1. Row t uses bars of its own segment up to t.

        Raises:
            UsageError: `first` is not a bar of the market.
        """
        if not 0 <= first < market.bars:
            raise UsageError(f"first is {first}, but must be a bar from 0 to {market.bars - 1}.")
        targets = np.full((market.bars, market.assets), np.nan)
        for start, stop in spans(market.segment):
            begin = max(start, first)
            if begin < stop:
                orders = self._orders(piece(market, start, stop), begin - start)
                targets[begin:stop] = orders[begin - start :]
        return targets

    def _orders(self, market: Market, first: int) -> Floats:
        """Returns [T, N] for one segment; rows before `first` are not looked at."""
        raise NotImplementedError


def order_changes(positions: Floats, first: int) -> Floats:
    """Turns positions into orders of equal shares of equity, sent only when a position changes.

    Args:
        positions: [T, N] in [-1, 1]; NaN is not known yet, which keeps what is held.
        first: the bar at which nothing is held yet.

    Returns:
        [T, N] positions / N where an order is due, else NaN. A winner may thus drift above its
        share: no cost is paid to trim it. Where it leaves no room below the leverage limit, the
        engine fills the next order in part and says so in its status.
    """
    known = ~np.isnan(positions)
    due = np.zeros_like(known)
    due[1:] = positions[1:] != positions[:-1]
    due[first] = True
    return np.where(due & known, positions / positions.shape[1], np.nan)


def hold(events: Floats) -> Floats:
    """Carries the last event of each column forward; NaN before the first."""
    rows = np.arange(len(events))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(events), 0, rows), axis=0)
    return np.take_along_axis(events, last, axis=0)


def sample_every(values: Floats, first: int, every: int) -> Floats:
    """Keeps row `first` and every `every`-th after it; the others become NaN."""
    kept = np.full_like(values, np.nan)
    kept[first::every] = values[first::every]
    return kept

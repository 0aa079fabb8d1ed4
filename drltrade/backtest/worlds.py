"""Changes the future of a Market, so that one can see whether anything before it moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.data import Market
from drltrade.data.reserved import held

__all__ = ["CHANGES", "Cuts", "bumped", "changed", "choose_cuts", "elsewhere"]

Floats = NDArray[np.float64]
Tables = Mapping[str, Floats]

CHANGES = {
    "x10": "prices, volumes and columns ten times as large",
    "garbage": "random numbers instead",
    "truncated": "the bars taken away",
}
"""What is done to the bars after a cut."""

_TENFOLD = dict.fromkeys(("open", "high", "low", "close", "volume"), 10.0)
_BUMP = {"open": 1.2, "high": 1.5, "low": 1.1, "close": 1.37, "volume": 1.37}
"""By what one bar grows whose readers are sought: its shape changes, too."""
_EARLY = (2, 6, 13, 30)
"""Bars from the start: what fills a warm-up backwards shows nowhere else."""
_EACH = 3
"""Cuts inside the gaps of one column."""


@dataclass(frozen=True)
class Cuts:
    """Where the future begins: everything after bar `cut` is changed.

    Attributes:
        spread: bars over the whole clock, drawn from the seed.
        early: bars inside the first month.
        gaps: bars where a column has no value or nothing was traded.
    """

    spread: tuple[int, ...]
    early: tuple[int, ...]
    gaps: tuple[int, ...]

    @property
    def all(self) -> tuple[int, ...]:
        """Every cut, in order."""
        return tuple(sorted({*self.spread, *self.early, *self.gaps}))


def choose_cuts(
    market: Market, count: int, seed: int, first: int = 0, last: int | None = None
) -> Cuts:
    """Draws the cuts of a Market: `count` over its clock, a few early ones and some in gaps.

    Args:
        market: the data.
        count: cuts that are spread over the interval.
        seed: what they are drawn from.
        first: first bar of the interval.
        last: its last bar; None is the Market's.
    """
    rng = np.random.default_rng([seed, 1])
    end = market.bars - 1 if last is None else last
    last = max(end - 2, first)
    step = (end + 1 - first) / (count + 1)
    drawn = [first + int(step * (i + 1 + rng.uniform(-0.25, 0.25))) for i in range(count)]
    spread = sorted({min(max(cut, first), last) for cut in drawn})
    early = [first + bars for bars in _EARLY if first + bars < min(spread, default=0)]
    gaps: list[int] = []
    idle = market.volume == 0
    for missing in (*(np.isnan(values) for values in market.columns.values()), idle):
        rows = np.flatnonzero((missing & ~missing.all(axis=0)).any(axis=1))
        rows = rows[(rows >= first) & (rows <= last)]
        gaps += [int(row) for row in rng.permutation(rows)[:_EACH]]
    return Cuts(tuple(spread), tuple(early), tuple(sorted(set(gaps))))


def changed(market: Market, cut: int, how: str, seed: int) -> Market:
    """Returns the Market with every bar after `cut` changed in one of the CHANGES.

    Raises:
        DataError: the changed bars are no Market, as with prices that grow beyond any price.
    """
    if how == "truncated":
        return market.until(cut)
    later = np.arange(market.bars) > cut
    if how == "x10":
        return _mixed(market, later, _scaled(market, _TENFOLD), _columns(market, 10.0))
    return _mixed(market, later, *_noise(market, 1.0, [seed, cut]))


def elsewhere(market: Market, seed: int) -> Market:
    """Returns a Market on the same clock of which every bar is another, calm enough to play on."""
    return _mixed(market, np.ones(market.bars, np.bool_), *_noise(market, 0.005, [seed]))


def bumped(market: Market, bar: int, events: bool) -> Market:
    """Returns the Market with one bar alone changed, so that one sees who reads it.

    Args:
        market: the data.
        bar: which bar.
        events: change the reserved columns as well, of which splits and dividends move every
            adjusted price after them.
    """
    columns = _columns(market, 1.37)
    if not events:
        columns |= {key: market.columns[key] for key in held(columns, market.raw)}
    return _mixed(market, np.arange(market.bars) == bar, _scaled(market, _BUMP), columns)


def _mixed(market: Market, rows: NDArray[np.bool_], prices: Tables, columns: Tables) -> Market:
    """Takes some rows from other tables; what the data do not have stays missing."""
    there = rows[:, None]
    own = {key: getattr(market, key) for key in prices}
    fields: dict[str, Any] = {
        key: np.where(there, _like(own[key], prices[key]), own[key]) for key in prices
    }
    known = market.columns
    mixed = {key: np.where(there, columns[key], values) for key, values in known.items()}
    return replace(market, periods=market.periods_per_year, columns=mixed, **fields)


def _like(own: Floats, other: Floats) -> Floats:
    return np.where(np.isnan(own), np.nan, other)


def _scaled(market: Market, factors: Mapping[str, float]) -> dict[str, Floats]:
    tables = {name: getattr(market, name) * factor for name, factor in factors.items()}
    tables["volume"] = tables["volume"] + (market.volume == 0)
    return tables


def _noise(
    market: Market, scale: float, seed: list[int]
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Draws prices around their median, and columns; the reserved ones have their rows mixed."""
    rng = np.random.default_rng(seed)
    shape, level = market.close.shape, np.median(market.close, axis=0)
    close, open_ = (level * np.exp(rng.normal(0, scale, shape)) for _ in range(2))
    wide = np.exp(np.abs(rng.normal(0, scale / 2, (2, *shape))))
    prices = {
        "open": open_,
        "high": np.maximum(open_, close) * wide[0],
        "low": np.minimum(open_, close) / wide[1],
        "close": close,
        "volume": (1.0 + np.median(market.volume, axis=0)) * rng.lognormal(0, 1.0, shape),
    }
    columns = {key: _like(own, rng.normal(0, 100.0, shape)) for key, own in market.columns.items()}
    for key in held(columns, market.raw):
        columns[key] = rng.permutation(market.columns[key])
    return prices, columns


def _columns(market: Market, factor: float) -> dict[str, Floats]:
    """Changes every value of every column; the reserved ones to another that is allowed."""
    reserved = held(market.columns, market.raw)
    return {
        key: _ALLOWED[key](values) if key in reserved else values * factor + 0.1
        for key, values in market.columns.items()
    }


def _split_otherwise(values: Floats) -> Floats:
    """Doubles and halves in turn, so that the product of all splits stays a number."""
    return values * np.where(np.arange(len(values)) % 2 == 0, 2.0, 0.5)[:, None]


_ALLOWED: Mapping[str, Callable[[Floats], Floats]] = {
    "tradable": lambda values: 1.0 - values,
    "delisted": lambda values: 1.0 - values,
    "funding": lambda values: 0.5 - values / 2,
    "split": _split_otherwise,
    "dividend": lambda values: 2.0 * values + 0.01,
}
"""How each reserved column becomes another one that a Market takes."""

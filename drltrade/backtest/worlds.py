"""Changes the future of a Market, so that one can see whether anything before it moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.data import Market

__all__ = ["CHANGES", "Cuts", "altered", "bumped", "changed", "choose_cuts", "elsewhere"]

Floats = NDArray[np.float64]

CHANGES = {
    "x10": "prices, volumes and columns ten times as large",
    "garbage": "random numbers instead",
    "truncated": "the bars taken away",
}
"""What is done to the bars after a cut."""

_PRICES = ("open", "high", "low", "close")
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
    return altered(market, np.arange(market.bars) > cut, how, [seed, cut])


def altered(market: Market, rows: NDArray[np.bool_], how: str, seed: list[int]) -> Market:
    """Returns the Market with some rows changed in one of the CHANGES that keep all bars.

    Raises:
        DataError: the changed bars are no Market.
    """
    other = _tables(market, 10.0) if how == "x10" else _garbage(market, seed)
    return _mixed(market, rows, other)


def elsewhere(market: Market, seed: int) -> Market:
    """Returns a Market on the same clock of which every bar is another: a calm random walk."""
    rng = np.random.default_rng([seed, market.bars])
    steps = rng.normal(0.0, 0.01, market.close.shape)
    factor = np.exp(np.cumsum(steps, axis=0)) * market.close[:1] / market.close
    other = {name: getattr(market, name) * factor for name in (*_PRICES, "volume")}
    other |= {f"column {k}": v[rng.permutation(len(v))] for k, v in market.columns.items()}
    return _mixed(market, np.ones(market.bars, np.bool_), other)


def bumped(market: Market, bar: int) -> Market:
    """Returns the Market with one bar alone changed, so that one sees who reads it."""
    return _mixed(market, np.arange(market.bars) == bar, _tables(market, 1.37))


def _tables(market: Market, factor: float) -> dict[str, Floats]:
    tables = {name: getattr(market, name) * factor for name in (*_PRICES, "volume")}
    tables["volume"] = tables["volume"] + (market.volume == 0)
    tables |= {f"column {k}": values * factor + 0.1 for k, values in market.columns.items()}
    return tables


def _garbage(market: Market, seed: list[int]) -> dict[str, Floats]:
    rng = np.random.default_rng(seed)
    shape = market.close.shape
    level = np.median(market.close, axis=0)
    close, open_ = (level * np.exp(rng.normal(0, 1.0, shape)) for _ in range(2))
    wide = np.exp(np.abs(rng.normal(0, 0.5, (2, *shape))))
    tables = {
        "open": open_,
        "high": np.maximum(open_, close) * wide[0],
        "low": np.minimum(open_, close) / wide[1],
        "close": close,
        "volume": (1.0 + np.median(market.volume, axis=0)) * rng.lognormal(0, 1.0, shape),
    }
    for key in market.columns:
        tables[f"column {key}"] = rng.normal(0, 100.0, shape)
    # What the data do not have stays missing.
    return {name: _like(market, name, values) for name, values in tables.items()}


def _like(market: Market, name: str, values: Floats) -> Floats:
    return np.where(np.isnan(_original(market, name)), np.nan, values)


def _original(market: Market, name: str) -> Floats:
    table, _, column = name.partition(" ")
    values: Floats = market.columns[column] if column else getattr(market, table)
    return values


def _mixed(market: Market, rows: NDArray[np.bool_], other: Mapping[str, Floats]) -> Market:
    new: dict[str, Any] = {
        name: np.where(rows[:, None], values, _original(market, name))
        for name, values in other.items()
    }
    new["columns"] = {key: new.pop(f"column {key}") for key in market.columns}
    return replace(market, periods=market.periods_per_year, **new)

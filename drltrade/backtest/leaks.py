"""Finds columns that read bars to come: changes the future, and looks for rows that move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.worlds import CHANGES, Cuts, changed
from drltrade.data import Market
from drltrade.errors import DrltradeError

__all__ = ["Event", "Subject", "Watched", "beyond_rounding", "differs", "values_of", "watch"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_ROUNDING = 1e-9
"""Relative change below which only the last digits moved."""


@dataclass(frozen=True)
class Event:
    """One column of one asset that moved at or before a cut.

    Attributes:
        column: which of the K columns.
        asset: which of the N assets.
        cut: the last bar that was left as it was.
        row: the first bar at which the value moved.
        share: of the bars up to the cut that have a value, how many moved.
        small: it moved in its last digits only.
        how: one of the CHANGES.
    """

    column: int
    asset: int
    cut: int
    row: int
    share: float
    small: bool
    how: str

    @property
    def ahead(self) -> int:
        """How many bars to come the value has read, at least."""
        return self.cut + 1 - self.row


@dataclass(frozen=True, eq=False)
class Subject:
    """Something that turns a Market into columns: a feature, or a strategy's target weights.

    Attributes:
        name: what to call it.
        compute: Market -> [T, N, K].
    """

    name: str
    compute: Callable[[Market], Floats]


@dataclass(eq=False)
class Watched:
    """What came of changing a subject's future.

    Attributes:
        base: its values on the data as they are, [T, N, K].
        repeats: whether it gave the same bits when asked again.
        events: what moved.
        worlds: how many changed Markets it was asked about.
        refused: how many of them it gave no values for, as with too few bars.
    """

    base: Floats
    repeats: bool
    events: list[Event] = field(default_factory=list)
    worlds: int = 0
    refused: int = 0


def watch(subjects: Sequence[Subject], market: Market, cuts: Cuts, seed: int) -> list[Watched]:
    """Computes every subject on changed Markets and compares each row up to the cut, bit for bit.

    Raises:
        DrltradeError: a subject fails on the data as they are.
    """
    found = []
    for subject in subjects:
        base = values_of(subject, market)
        repeats = not differs(base, values_of(subject, market)).any()
        found.append(Watched(base, repeats))
    for cut in cuts.all:
        for how in CHANGES:
            try:
                world = changed(market, cut, how, seed)
            except DrltradeError:
                continue
            for subject, seen in zip(subjects, found, strict=True):
                _look(subject, seen, world, cut, how)
    return found


def _look(subject: Subject, seen: Watched, world: Market, cut: int, how: str) -> None:
    if not seen.repeats:
        return
    try:
        values = values_of(subject, world)
    except DrltradeError:
        seen.refused += 1
        return
    seen.worlds += 1
    if values.shape[1:] == seen.base.shape[1:]:
        seen.events += _events(seen.base, values, cut, how)


def _events(base: Floats, values: Floats, cut: int, how: str) -> list[Event]:
    known, now = base[: cut + 1], values[: cut + 1]
    moved = differs(known, now)
    if not moved.any():
        return []
    large = moved & beyond_rounding(known, now, base)
    events = []
    for asset, column in np.argwhere(moved.any(axis=0)):
        at = (slice(None), asset, column)
        small = not large[at].any()
        rows = np.flatnonzero(moved[at] if small else large[at])
        there = int((np.isfinite(known[at]) | np.isfinite(now[at])).sum())
        share = len(rows) / max(1, there)
        events.append(Event(int(column), int(asset), cut, int(rows[0]), share, small, how))
    return events


def differs(one: NDArray[np.generic], other: NDArray[np.generic]) -> Bools:
    """Says where two arrays of one shape are not the same; NaN is the same as NaN."""
    unlike: Bools = np.asarray(one != other)
    if one.dtype.kind == "f":
        unlike &= ~(np.isnan(one) & np.isnan(other))
    return unlike


def beyond_rounding(one: Floats, other: Floats, scale: Floats) -> Bools:
    """Says where two arrays differ by more than last digits, on the scale of a whole column."""
    with np.errstate(all="ignore"):
        finite = np.where(np.isfinite(scale), scale, np.nan)
        spread = np.zeros(scale.shape[1:])
        some = np.isfinite(finite).any(axis=0)
        spread[some] = np.nanstd(finite[:, some], axis=0)
        near = np.abs(one - other) <= _ROUNDING * (np.abs(one) + spread)
    return ~near


def values_of(subject: Subject, market: Market) -> Floats:
    """Asks a subject for its columns, [T, N, K]."""
    with np.errstate(all="ignore"):  # garbage may divide by nought; that is not the question here
        return np.asarray(subject.compute(market), np.float64)

"""The one mechanism of the audit: plays something in changed futures and compares it bar by bar."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.findings import Watch
from drltrade.backtest.worlds import CHANGES, changed, elsewhere
from drltrade.data import Market
from drltrade.errors import DrltradeError

__all__ = ["Event", "Seen", "Subject", "beyond_rounding", "differs", "watch"]

Bools = NDArray[np.bool_]
Rows = Mapping[str, NDArray[Any]]

_ROUNDING = 1e-9
"""Relative change below which only the last digits moved."""


@dataclass(frozen=True, eq=False)
class Subject:
    """Something that happens on a Market: a feature, a strategy's targets, a game that is played.

    Attributes:
        play: (market, last bar) -> what came of it, arrays by name of one row a bar, up to the
            last bar or further.
        start: the bar of their first row.
    """

    play: Callable[[Market, int], Rows]
    start: int = 0

    def on(self, market: Market, last: int | None = None) -> Rows:
        """Plays on a Market, up to its last bar where no other is said."""
        with np.errstate(all="ignore"):  # garbage may divide by nought; that is not the question
            return self.play(market, market.bars - 1 if last is None else last)


@dataclass(frozen=True)
class Event:
    """One entry of an array's rows that moved at or before a cut.

    Attributes:
        place: its index within a row, such as the asset.
        cut: the last bar that was left as it was.
        row: the first bar at which the value moved.
        share: of the bars up to the cut that have a value, how many moved.
        small: it moved in its last digits only.
        how: one of the CHANGES.
    """

    place: tuple[int, ...]
    cut: int
    row: int
    share: float
    small: bool
    how: str

    @property
    def at(self) -> Any:
        """What takes the entry's own column out of an array."""
        return (slice(None), *self.place)

    @property
    def ahead(self) -> int:
        """How many bars to come the value has read, at least."""
        return self.cut + 1 - self.row


@dataclass(eq=False)
class Seen:
    """What came of changing the future of one array.

    Attributes:
        base: its values on the data as they are.
        start: the bar of its first row.
        repeats: whether it gave the same bits when asked again.
        blind: whether it gives them on altogether different data too.
        events: what moved.
        worlds: in how many changed futures it was played.
        bars: how many bars were compared there.
    """

    base: NDArray[Any]
    start: int
    repeats: bool
    blind: bool
    events: list[Event] = field(default_factory=list)
    worlds: int = 0
    bars: int = 0


def watch(subjects: Sequence[Subject], world: Watch, cuts: Sequence[int]) -> list[dict[str, Seen]]:
    """Plays every subject in every changed future and compares each row up to the cut, bit by bit.

    Returns:
        What came of each array of each subject.

    Raises:
        DrltradeError: a subject fails on the data as they are.
    """
    found = [_as_it_is(subject, world) for subject in subjects]
    for cut in cuts:
        for how in CHANGES:
            try:
                market = changed(world.market, cut, how, world.seed)
            except DrltradeError:
                continue  # what such a change makes of these prices is no market
            for subject, seen in zip(subjects, found, strict=True):
                _compare(subject, seen, market, cut, how)
    return found


def _as_it_is(subject: Subject, world: Watch) -> dict[str, Seen]:
    base, again = subject.on(world.market), subject.on(world.market)
    try:
        other = subject.on(elsewhere(world.market, world.seed))
    except DrltradeError:
        other = {}
    return {
        name: Seen(
            rows,
            subject.start,
            repeats=_same(rows, again[name]),
            blind=name in other and _same(rows, other[name]),
        )
        for name, rows in base.items()
    }


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return one.shape == other.shape and not differs(one, other).any()


def _compare(subject: Subject, found: dict[str, Seen], market: Market, cut: int, how: str) -> None:
    try:
        rows = subject.on(market, cut)
    except DrltradeError:
        return  # too few bars are left for it, or the garbage is no number
    for name, seen in found.items():
        base, now = seen.base, rows.get(name)
        if now is None or now.shape[1:] != base.shape[1:]:
            continue
        count = min(cut + 1 - seen.start, len(base), len(now))
        seen.worlds += 1
        seen.bars += count
        seen.events += _events(seen, now[:count], cut, how)


def _events(seen: Seen, now: NDArray[Any], cut: int, how: str) -> list[Event]:
    known = seen.base[: len(now)]
    moved = differs(known, now)
    if not moved.any():
        return []
    large = moved & beyond_rounding(known, now, seen.base)
    there = np.isfinite(known) | np.isfinite(now)
    events = []
    for place in np.argwhere(moved.any(axis=0)):
        at = (slice(None), *place)
        small = not large[at].any()
        rows = np.flatnonzero(moved[at] if small else large[at])
        share = len(rows) / max(1, int(there[at].sum()))
        first = seen.start + int(rows[0])
        events.append(Event(tuple(int(i) for i in place), cut, first, share, small, how))
    return events


def differs(one: NDArray[Any], other: NDArray[Any]) -> Bools:
    """Says where two arrays of one shape are not the same; NaN is the same as NaN."""
    unlike: Bools = np.asarray(one != other)
    if one.dtype.kind == "f":
        unlike &= ~(np.isnan(one) & np.isnan(other))
    return unlike


def beyond_rounding(one: NDArray[Any], other: NDArray[Any], scale: NDArray[Any]) -> Bools:
    """Says where two arrays differ by more than last digits, on the scale of a whole column."""
    with np.errstate(all="ignore"):
        finite = np.where(np.isfinite(scale), scale, np.nan)
        spread = np.zeros(scale.shape[1:])
        some = np.isfinite(finite).any(axis=0)
        spread[some] = np.nanstd(finite[:, some], axis=0)
        near = np.abs(one - other) <= _ROUNDING * (np.abs(one) + spread)
    return np.asarray(~near)

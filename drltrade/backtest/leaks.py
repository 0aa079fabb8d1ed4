"""Finds columns that read bars to come, and says what they look like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.worlds import CHANGES, Cuts, bumped, changed
from drltrade.data import Market
from drltrade.errors import DrltradeError

__all__ = ["Event", "Guess", "Subject", "Watched", "differs", "recognise", "watch"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_ROUNDING = 1e-9
"""Relative change below which only the last digits moved."""
_PROBES = 40
"""Single bars that are changed, at most, to see which of them a value reads."""


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


@dataclass(frozen=True)
class Guess:
    """What a leak looks like.

    Attributes:
        looks_like: such as "a centred moving average over 5 bars".
        ahead: bars that it reads beyond its own; None is up to the last.
        fix: what to do instead.
    """

    looks_like: str
    ahead: int | None
    fix: str


def watch(subjects: Sequence[Subject], market: Market, cuts: Cuts, seed: int) -> list[Watched]:
    """Computes every subject on changed Markets and compares each row up to the cut, bit for bit.

    Raises:
        DrltradeError: a subject fails on the data as they are.
    """
    found = []
    for subject in subjects:
        base = _values(subject, market)
        repeats = not differs(base, _values(subject, market)).any()
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
        values = _values(subject, world)
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
    large = moved & _beyond_rounding(known, now, base)
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


def _beyond_rounding(one: Floats, other: Floats, scale: Floats) -> Bools:
    with np.errstate(all="ignore"):
        finite = np.where(np.isfinite(scale), scale, np.nan)
        spread = np.zeros(scale.shape[1:])
        some = np.isfinite(finite).any(axis=0)
        spread[some] = np.nanstd(finite[:, some], axis=0)
        near = np.abs(one - other) <= _ROUNDING * (np.abs(one) + spread)
    return ~near


def _values(subject: Subject, market: Market) -> Floats:
    with np.errstate(all="ignore"):  # garbage may divide by nought; that is not the question here
        return np.asarray(subject.compute(market), np.float64)


def recognise(subject: Subject, seen: Watched, events: Sequence[Event], market: Market,
              cuts: Cuts) -> Guess:  # fmt: skip
    """Guesses what a leaking column is, from where it moved and from which bars move it.

    Args:
        subject: what leaks.
        seen: its values.
        events: how one of its columns moved.
        market: the data.
        cuts: where the future began.
    """
    if all(event.how == "truncated" for event in events):
        return Guess(
            "reads how many bars there are",
            None,
            "The length of the data says when they end: count bars from the start instead.",
        )
    later = [event for event in events if event.cut in cuts.spread[len(cuts.spread) // 2 :]]
    if any(event.share >= 0.5 or event.ahead > event.cut / 2 for event in later):
        return _whole_series(seen.base, events[0])
    worst = max(events, key=lambda event: event.ahead)
    if not any(event.cut in cuts.spread for event in events):
        return _back_fill(worst.ahead)
    for event in sorted(events, key=lambda event: (event.cut not in cuts.spread, -event.ahead)):
        guess = _probe(subject, seen, event, market, worst.ahead)
        if guess is not None:
            return guess
    return Guess(
        f"reads the future from bar t+{worst.ahead}", worst.ahead, "Use bars up to t only."
    )


def _whole_series(base: Floats, event: Event) -> Guess:
    one = base[:, event.asset, event.column]
    for values in (one, base[:, :, event.column]):
        known = values[np.isfinite(values)]
        if len(known) and abs(known.mean()) < 0.01 and abs(known.std() - 1.0) < 0.01:
            return Guess(
                "looks like a whole-series z-score",
                None,
                "Leave the scaling to the env (scaler: standard is fitted on the train split"
                " only), or take mean and deviation over a rolling window.",
            )
        if len(known) and len(np.unique(known)) > 2 and known.min() == 0 and known.max() == 1:
            return Guess(
                "looks like a whole-series min-max scaling",
                None,
                "Leave the scaling to the env, or take the extremes of a rolling window.",
            )
    return Guess(
        "looks like a whole-series statistic (a mean, a deviation, an extreme, the number of bars)",
        None,
        "Compute it over a rolling or an expanding window instead.",
    )


def _back_fill(ahead: int) -> Guess:
    return Guess(
        "looks like a back-fill",
        ahead,
        "Fill forward only (ffill); leave leading gaps NaN: they count as warm-up.",
    )


def _probe(
    subject: Subject, seen: Watched, event: Event, market: Market, furthest: int
) -> Guess | None:
    """Changes single bars after the cut until one of them moves a value before it."""
    base = seen.base[:, event.asset, event.column]
    stop = min(event.cut + 1 + min(furthest, _PROBES), market.bars)
    for bar in range(event.cut + 1, stop):
        try:
            values = _values(subject, bumped(market, bar))
        except DrltradeError:
            continue
        values = values[:, event.asset, event.column]
        unlike = differs(base, values) & _beyond_rounding(base, values, base)
        rows = np.flatnonzero(unlike)
        if len(rows) and rows[0] < bar:
            return _from_response(rows, bar, base, values)
    return None


def _from_response(rows: NDArray[np.intp], bar: int, base: Floats, values: Floats) -> Guess:
    """Reads the kind of a leak off the rows that one bar moves."""
    before, after = bar - int(rows[0]), int(rows[-1]) - bar
    span = slice(int(rows[0]), bar + 1)
    if rows[-1] >= bar and all(np.ptp(column[span]) == 0 for column in (base, values)):
        return _back_fill(before)
    contiguous = len(rows) == rows[-1] - rows[0] + 1
    if contiguous and before + after >= 2 and abs(before - after) <= 1:
        width = before + after + 1
        return Guess(
            f"looks like a centred moving average over {width} bars",
            before,
            f"Average the last {width} bars: rolling({width}).mean() without center=True.",
        )
    if after < 0 and len(rows) > 1:
        return Guess(
            f"reads the future from bar t+{-after} to t+{before}",
            before,
            "A window of bars to come is a label, not a feature: use the bars up to t.",
        )
    return Guess(
        f"looks like a feature shifted by -{before}",
        before,
        f"Drop the shift(-{before}); row t of a column may use bars up to t, shift(1) is the past.",
    )

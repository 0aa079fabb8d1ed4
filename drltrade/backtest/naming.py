"""Says what a leaking column looks like: from where it moves, and from which bars move it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.leaks import (
    Event,
    Subject,
    Watched,
    beyond_rounding,
    differs,
    values_of,
)
from drltrade.backtest.worlds import Cuts, bumped
from drltrade.data import Market
from drltrade.errors import DrltradeError

__all__ = ["Guess", "recognise"]

Floats = NDArray[np.float64]

_PROBES = 40
"""Single bars that are changed, at most, to see which of them a value reads."""


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
        return _back_fill(max(worst.ahead, _furthest(subject, seen, worst, market)))
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
    for bar in range(event.cut + 1, event.cut + 1 + min(furthest, _PROBES)):
        values, rows = _response(subject, base, event, market, bar)
        if len(rows) and rows[0] < bar:
            return _from_response(rows, bar, base, values)
    return None


def _furthest(subject: Subject, seen: Watched, event: Event, market: Market) -> int:
    """Says how many bars ahead the furthest single bar is that moves a value before the cut."""
    base = seen.base[:, event.asset, event.column]
    reach = 0
    for bar in range(event.cut + 1, event.cut + 1 + _PROBES):
        _, rows = _response(subject, base, event, market, bar)
        if len(rows) and rows[0] <= event.cut:
            reach = max(reach, bar - int(rows[0]))
    return reach


def _response(
    subject: Subject, base: Floats, event: Event, market: Market, bar: int
) -> tuple[Floats, NDArray[np.intp]]:
    """Changes one bar; returns the column that comes of it, and the rows that move."""
    nothing = np.zeros(0, np.intp)
    if bar >= market.bars:
        return base, nothing
    try:
        values = values_of(subject, bumped(market, bar))[:, event.asset, event.column]
    except DrltradeError:
        return base, nothing
    unlike = differs(base, values) & beyond_rounding(base, values, base)
    return values, np.flatnonzero(unlike)


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

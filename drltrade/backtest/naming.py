"""Says what a leaking column looks like: from where it moves, and from which bars move it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.findings import Watch
from drltrade.backtest.leaks import Event, Seen, beyond_rounding, differs
from drltrade.backtest.worlds import bumped
from drltrade.data import Market
from drltrade.errors import DrltradeError

__all__ = ["Guess", "recognise"]

Ask = Callable[[Market], NDArray[Any]]
Response = tuple[int, NDArray[np.intp], NDArray[Any]]
"""A bar, the rows of a column that move when it does, and what the column is then."""

_PROBES = 40
"""Single bars that are changed, at most, to see which of them a value reads."""


@dataclass(frozen=True)
class Guess:
    """What a leak looks like.

    Attributes:
        looks_like: such as "looks like a centred moving average over 5 bars".
        ahead: bars that it reads beyond its own; None is up to the last.
        fix: what to do instead.
    """

    looks_like: str
    ahead: int | None
    fix: str


def recognise(ask: Ask, seen: Seen, events: Sequence[Event], world: Watch) -> Guess:
    """Guesses what a leaking column is, from where it moved and from which bars move it.

    Args:
        ask: Market -> the column, [T, N].
        seen: the column on the data as they are.
        events: how it moved.
        world: the data and the cuts.
    """
    spread = world.cuts.spread
    if all(event.how == "truncated" for event in events):
        return _UNTIL_THE_END
    later = [event for event in events if event.cut in spread[len(spread) // 2 :]]
    if any(event.share >= 0.5 or event.ahead > event.cut / 2 for event in later):
        return _whole_series(seen.base, events[0])
    worst = max(events, key=lambda event: event.ahead)
    if not any(event.cut in spread for event in events):
        reach = [bar - int(rows[0]) for bar, rows, _ in _responses(ask, seen, worst, world)]
        return _back_fill(max([worst.ahead, *reach]))
    for event in sorted(events, key=lambda event: (event.cut not in spread, -event.ahead)):
        found = next(_responses(ask, seen, event, world, worst.ahead), None)
        if found is not None:
            return _from_response(seen.base[event.at], *found)
    return Guess(
        f"reads the future from bar t+{worst.ahead}", worst.ahead, "Use bars up to t only."
    )


def _responses(
    ask: Ask, seen: Seen, event: Event, world: Watch, reach: int = _PROBES
) -> Iterator[Response]:
    """Changes single bars after a cut, prices before events, and yields those that rows before see.

    Events come last: a split moves every adjusted price after it.
    """
    market = world.market
    base = seen.base[event.at]
    bars = range(event.cut + 1, min(event.cut + 1 + min(reach, _PROBES), market.bars))
    for events in (False, True):
        for bar in bars:
            try:
                values = ask(bumped(market, bar, events))[event.at]
            except DrltradeError:
                continue  # of such data it makes no values
            rows = np.flatnonzero(differs(base, values) & beyond_rounding(base, values, base))
            if len(rows) and rows[0] < bar:
                yield bar, rows, values


def _from_response(
    base: NDArray[Any], bar: int, rows: NDArray[np.intp], values: NDArray[Any]
) -> Guess:
    """Reads the kind of a leak off the rows that one bar moves."""
    first, last = int(rows[0]), int(rows[-1])
    before, after = bar - first, last - bar
    between = slice(first, bar + 1)
    if after >= 0 and np.ptp(base[between]) == 0 and np.ptp(values[between]) == 0:
        return _back_fill(before)
    contiguous = len(rows) == last - first + 1
    if contiguous and before + after >= 2 and abs(before - after) <= 1:
        width = before + after + 1
        return Guess(
            f"looks like a centred moving average over {width} bars",
            before,
            f"Average the last {width} bars: rolling({width}).mean() without center=True.",
        )
    if (after < 0 and len(rows) > 1) or (after == 0 and len(rows) > 2 and contiguous):
        return Guess(
            f"reads the future from bar t+{max(1, -after)} to t+{before}",
            before,
            "A window of bars to come is a label, not a feature: use the bars up to t.",
        )
    return Guess(
        f"looks like a feature shifted by -{before}",
        before,
        f"Drop the shift(-{before}); row t of a column may use bars up to t, shift(1) is the past.",
    )


def _back_fill(ahead: int) -> Guess:
    fix = "Fill forward only (ffill); leave leading gaps NaN: they count as warm-up."
    return Guess("looks like a back-fill", ahead, fix)


def _whole_series(base: NDArray[Any], event: Event) -> Guess:
    """Tells the scalings of a whole column apart: of one asset, or of all together."""
    for values in (base[event.at], base):
        known = values[np.isfinite(values)]
        if len(known) and abs(known.mean()) < 0.01 and abs(known.std() - 1.0) < 0.01:
            return Guess("looks like a whole-series z-score", None, _SCALE)
        if len(np.unique(known)) > 2 and known.min() == 0 and known.max() == 1:
            return Guess("looks like a whole-series min-max scaling", None, _SCALE)
    return Guess(
        "looks like a whole-series statistic (a mean, a deviation, an extreme, the number of bars)",
        None,
        "Compute it over a rolling or an expanding window instead.",
    )


_SCALE = (
    "Leave the scaling to the env (scaler: standard is fitted on the train split only), or scale"
    " by a rolling window."
)
_UNTIL_THE_END = Guess(
    "reads how many bars there are",
    None,
    "The length of the data says when they end: count bars from the start instead.",
)

"""Suspects what knows the next bar's return of having it from somewhere else than the data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.findings import Finding, Watch
from drltrade.backtest.leaks import Seen

__all__ = ["foresight"]

Floats = NDArray[np.float64]

_KNOWS = 0.3
"""Correlation with the next bar's return above which a column is suspected of knowing it."""
_SURE = 8.0
"""How many standard errors from none that correlation must lie."""
_FEWEST = 50
"""Bars below which a correlation says nothing."""


def foresight(who: str, seen: Seen, world: Watch) -> list[Finding]:
    """Suspects an array of knowing the next bar's return, wherever it has it from.

    A file that a plug-in reads by itself, or a column that was stamped in hindsight, does not
    change with the Market; only what it knows gives it away.

    Args:
        who: whose values, at the start of a sentence.
        seen: [rows, N] or [rows, 1]; what was known or ordered after each bar, NaN is what it was.
        world: the data.
    """
    market = world.market
    log = np.log(market.adjusted.close)
    rises = np.full(log.shape, np.nan)
    rises[:-1] = np.where(np.diff(market.segment)[:, None] == 0, np.diff(log, axis=0), np.nan)
    values = np.broadcast_to(_filled_forward(seen.base), (len(seen.base), market.assets))
    rises = rises[seen.start : seen.start + len(values)]
    for asset, symbol in enumerate(market.symbols):
        correlation, count = _correlation(values[:, asset], rises[:, asset])
        if abs(correlation) < max(_KNOWS, _SURE / np.sqrt(max(count, 1))):
            continue
        told = (
            f"{who} correlates with the next bar's return of {symbol} at {correlation:.2f} over"
            f" {count:,} bars"
        )
        details: dict[str, Any] = {"correlation": correlation, "symbol": symbol}
        if seen.blind:
            message = (
                f"{told} and does not change with the data that it is given: it reads tomorrow"
                " from somewhere else."
            )
            fix = "Take prices from the market or the view that is passed in, from nowhere else."
            details |= {"looks_like": "reads tomorrow", "ahead": 1}
            return [Finding("foresight", "LEAK", message, fix, details)]
        message = f"{told}: on real prices that is too good to be true."
        fix = (
            "See whether it reads a file of its own, or a column that was stamped in hindsight"
            " (lag: 1 makes it known a bar later)."
        )
        return [Finding("foresight", "warning", message, fix, details)]
    return []


def _correlation(values: Floats, rises: Floats) -> tuple[float, int]:
    known = np.isfinite(values) & np.isfinite(rises)
    one, two, count = values[known], rises[known], int(known.sum())
    if count < _FEWEST or np.ptp(one) == 0 or np.ptp(two) == 0:
        return 0.0, count
    return float(np.corrcoef(one, two)[0, 1]), count


def _filled_forward(values: Floats) -> Floats:
    """Carries the last number of each column forward: of orders, what the account is after."""
    rows = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(values), 0, rows), axis=0)
    return np.take_along_axis(values, last, axis=0)

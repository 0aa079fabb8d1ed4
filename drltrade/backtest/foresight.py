"""Suspects what knows the next bar's return of having it from somewhere else than the data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.findings import Finding, Watch

__all__ = ["filled_forward", "foresight"]

Floats = NDArray[np.float64]

_KNOWS = 0.3
"""Correlation with the next bar's return above which a column is suspected of knowing it."""
_SURE = 8.0
"""How many standard errors from none that correlation must lie."""
_FEWEST = 50
"""Bars below which a correlation says nothing."""


def foresight(what: str, values: Floats, world: Watch, blind: Callable[[], bool]) -> list[Finding]:
    """Suspects values of knowing the next bar's return, wherever they have it from.

    A file that a plug-in reads by itself, or a column that was stamped in hindsight, does not
    change with the Market; only what it knows gives it away.

    Args:
        what: whose values, at the start of a sentence.
        values: [T, N]; row t is what was known or held after bar t, NaN is nothing.
        world: the data.
        blind: says whether the values stay the same on altogether different data.
    """
    market = world.market
    rises = np.full(market.close.shape, np.nan)
    rises[:-1] = np.log(market.close[1:] / market.close[:-1])
    rises[:-1][np.diff(market.segment) != 0] = np.nan
    for asset in range(market.assets):
        correlation, count = _correlation(values[:, asset], rises[:, asset])
        if abs(correlation) < max(_KNOWS, _SURE / np.sqrt(max(count, 1))):
            continue
        told = (
            f"{what} correlates with the next bar's return of {market.symbols[asset]} at"
            f" {correlation:.2f} over {count:,} bars"
        )
        details = {"correlation": correlation, "symbol": market.symbols[asset]}
        if blind():
            return [
                Finding(
                    "foresight", "LEAK",
                    f"{told} and does not change with the data that it is given: it reads tomorrow"
                    " from somewhere else.",
                    "Take prices from the market or the view that is passed in, from nowhere else.",
                    {**details, "looks_like": "reads tomorrow", "ahead": 1},
                )
            ]  # fmt: skip
        return [
            Finding(
                "foresight", "warning",
                f"{told}: on real prices that is too good to be true.",
                "See whether it reads a file of its own, or a column that was stamped in hindsight"
                " (lag: 1 makes it known a bar later).",
                details,
            )
        ]  # fmt: skip
    return []


def _correlation(values: Floats, rises: Floats) -> tuple[float, int]:
    known = np.isfinite(values) & np.isfinite(rises)
    one, two, count = values[known], rises[known], int(known.sum())
    if count < _FEWEST or np.ptp(one) == 0 or np.ptp(two) == 0:
        return 0.0, count
    return float(np.corrcoef(one, two)[0, 1]), count


def filled_forward(targets: Floats) -> Floats:
    """Carries the last order forward: what the account is after."""
    rows = np.arange(len(targets))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(targets), 0, rows), axis=0)
    return np.take_along_axis(targets, last, axis=0)

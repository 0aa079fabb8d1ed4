"""Headline figures of many return series at once, by the formulas of the metric table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

__all__ = ["FIGURES", "Figure", "annual_figures", "max_drawdown", "sharpe_ratio"]

Floats = NDArray[np.float64]
Figure = Callable[[Floats], Floats]
"""Maps simple per-bar returns, [..., T], to one figure of each series, [...]."""

NOTHING = 1e-12
"""Returns of this size are what rounding leaves of none."""


def sharpe_ratio(excess: Floats, per_year: float = 1.0) -> Floats:
    """Mean over standard deviation (n - 1) of returns in excess of cash, times root of per_year.

    0 of an account that earned and risked nothing, as cash against itself; else NaN where nothing
    was risked.
    """
    return _ratio(excess.mean(axis=-1), excess.std(axis=-1, ddof=1), per_year)


def sortino_ratio(excess: Floats, per_year: float = 1.0) -> Floats:
    """Mean over the root of the mean squared negative excess return of all bars, a year.

    0 and NaN as of `sharpe_ratio`.
    """
    losses = np.minimum(excess, 0.0)
    return _ratio(excess.mean(axis=-1), np.sqrt(np.mean(losses * losses, axis=-1)), per_year)


def total_return(returns: Floats, per_year: float = 1.0) -> Floats:
    """What one unit became, less 1."""
    return _finite(_growth(returns) - 1.0)


def yearly_growth(returns: Floats, per_year: float = 1.0) -> Floats:
    """What one unit became, to the power of per_year over bars, less 1."""
    with np.errstate(over="ignore"):
        return _finite(_growth(returns) ** (per_year / returns.shape[-1]) - 1.0)


def volatility(returns: Floats, per_year: float = 1.0) -> Floats:
    """Standard deviation (n - 1) times root of per_year."""
    deviation: Floats = returns.std(axis=-1, ddof=1) * np.sqrt(per_year)
    return deviation


def max_drawdown(returns: Floats, per_year: float = 1.0) -> Floats:
    """Deepest fall below the highest equity so far, the one before entry included; at most 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        equity = np.cumprod(returns + 1.0, axis=-1)
        highest = np.maximum.accumulate(np.maximum(equity, 1.0), axis=-1)
        depth: Floats = np.minimum((equity / highest).min(axis=-1) - 1.0, 0.0)
    return depth


FIGURES: dict[str, Callable[..., Floats]] = {
    "sharpe": sharpe_ratio,
    "total_return": total_return,
    "cagr": yearly_growth,
    "volatility": volatility,
    "max_drawdown": max_drawdown,
    "sortino": sortino_ratio,
}
"""Each by its key in the metric table, as `figure(returns, per_year=1.0)`: [..., T] to [...]."""


def annual_figures(per_year: float) -> dict[str, Figure]:
    """Returns the figures of the metric table for so many bars a year."""
    return {name: partial(figure, per_year=per_year) for name, figure in FIGURES.items()}


def _growth(returns: Floats) -> Floats:
    with np.errstate(over="ignore"):
        growth: Floats = np.prod(returns + 1.0, axis=-1)
    return growth


def _finite(values: Floats) -> Floats:
    finite: Floats = np.where(np.isfinite(values), values, np.nan)
    return finite


def _ratio(mean: Floats, risk: Floats, per_year: float) -> Floats:
    flat = risk <= np.maximum(NOTHING, 1e-9 * np.abs(mean))
    undefined = np.where(np.abs(mean) <= NOTHING, 0.0, np.nan)
    ratio = np.where(flat, undefined, mean / np.where(flat, 1.0, risk))
    yearly: Floats = ratio * np.sqrt(per_year)
    return yearly

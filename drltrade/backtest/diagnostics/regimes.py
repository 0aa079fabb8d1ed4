"""How the policy did in rising and falling, calm and volatile markets, told before each bar."""

from __future__ import annotations

from bisect import insort
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.diagnostics.stage import Stage, ratios
from drltrade.features.rolling import rolling_mean, rolling_moments

__all__ = ["REGIMES", "label_regimes", "regimes"]

Floats = NDArray[np.float64]

TREND, VOLATILITY = 63, 21
"""Bars whose return is the trend, and whose deviation is the volatility: a quarter and a month of
trading days."""
REGIMES = ("up, calm", "up, volatile", "down, calm", "down, volatile", "too early")


def label_regimes(close: Floats, trend: int = TREND, window: int = VOLATILITY) -> NDArray[np.int64]:
    """Labels each bar of one segment by what its closes up to that bar tell.

    The market is the mean of its assets' simple returns, rebalanced every bar. It goes up where it
    has gained over the last `trend` bars; it is volatile where the standard deviation of its last
    `window` returns is above the median of all such deviations so far.

    Args:
        close: [T, N].
        trend: bars behind the direction.
        window: bars behind the volatility.

    Returns:
        [T] places in `REGIMES`; the last one before there are bars enough.
    """
    moves = np.full(len(close), np.nan)
    moves[1:] = np.mean(close[1:] / close[:-1] - 1.0, axis=1)
    gained = rolling_mean(np.log1p(moves), trend)
    _, squares = rolling_moments(moves, window)
    rough = _above_median(squares)
    labels = 2 * (gained <= 0.0).astype(np.int64) + rough
    labels[np.isnan(gained) | np.isnan(squares)] = len(REGIMES) - 1
    return labels


def _above_median(values: Floats) -> NDArray[np.bool_]:
    """[T] whether each value is above the median of those up to it; NaN is not."""
    seen: list[float] = []
    above = np.zeros(len(values), np.bool_)
    for row, value in enumerate(values.tolist()):
        if value == value:
            insort(seen, value)
            half = len(seen) // 2
            median = seen[half] if len(seen) % 2 else (seen[half - 1] + seen[half]) / 2.0
            above[row] = value > median
    return above


def regimes(stage: Stage) -> list[dict[str, Any]]:
    """Slices the returns of a record by the label of the bar before each.

    The label of bar t, made of closes up to t, takes the return from t to t + 1. Where several
    segments are played, each account's bars go by its own market, and are counted together.

    Returns:
        One entry a regime that was met: `name`; `bars`; `sharpe`, annual; `total_return`: what one
        account, the geometric mean over accounts, gained over its bars in the regime; `exposure`:
        mean sum of signed weights after the close of those bars.
    """
    game, record = stage.game, stage.record
    labels, returns, cash, exposure = [], [], [], []
    adjusted, segment = game.market.adjusted, game.market.segment
    for path in stage.paths:
        first, last = int(path.bars[0]), int(path.bars[-1])
        start = int(np.searchsorted(segment, segment[first]))
        known = label_regimes(adjusted.close[start:last])
        labels.append(known[first - start :])
        returns.append(path.equity[1:] / path.equity[:-1] - 1.0)
        days = np.diff(game.market.stamps[first : last + 1]) / np.timedelta64(1, "D")
        cash.append(record.cash_rate * days / 365.0)
        exposure.append(path.weights[1:].sum(axis=1))
    label, gain, idle, held = (np.concatenate(each) for each in (labels, returns, cash, exposure))
    found = []
    for place, name in enumerate(REGIMES):
        rows = label == place
        if rows.any():
            excess = (gain - idle)[rows][:, None]
            growth = float(np.log1p(gain[rows]).sum()) / len(stage.paths)
            found.append({
                "name": name,
                "bars": int(rows.sum()),
                "sharpe": float(ratios(excess, game.market.periods_per_year)[0]),
                "total_return": float(np.expm1(growth)),
                "exposure": float(held[rows].mean()),
            })  # fmt: skip
    return found

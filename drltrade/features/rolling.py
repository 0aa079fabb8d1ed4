"""Sums and moments over the last k rows, the same bits wherever the series starts.

A running sum carries the rounding of everything before it, so a value would depend on where the
data begin. Here a window is put together from windows of 1, 2, 4, 8 ... rows, always in the same
order: about log2(k) passes over the array, no drift, no dependence on the start.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["rolling_extreme", "rolling_mean", "rolling_moments", "shift"]

Floats = NDArray[np.float64]
# What is known of a window: (sum,), or (mean, squared deviations). Joined as
# join(newer, its rows, older, its rows).
_State = tuple[Floats, ...]
_Join = Callable[[_State, int, _State, int], _State]


def shift(values: Floats, rows: int) -> Floats:
    """Moves values `rows` down axis 0; the rows that have no past become NaN."""
    moved = np.full_like(values, np.nan)
    if rows < len(values):
        moved[rows:] = values[: len(values) - rows]
    return moved


def rolling_mean(values: Floats, window: int) -> Floats:
    """Averages the last `window` rows of axis 0, the current one included.

    Args:
        values: [T, ...] float64.
        window: rows, at least 1.

    Returns:
        The same shape; NaN for the first window - 1 rows and wherever a NaN lies in the window.
    """
    (total,) = _fold((values,), window, _add)
    return total / window


def rolling_moments(values: Floats, window: int) -> tuple[Floats, Floats]:
    """Computes the mean and the sum of squared deviations of the last `window` rows.

    Neighbouring windows are joined by the pairwise update of Chan, Golub and LeVeque (1979), so
    that a small spread about a large level loses no digits.

    Args:
        values: [T, ...] float64.
        window: rows, at least 1.

    Returns:
        Mean and sum of squares about it, each of the same shape; NaN as in `rolling_mean`.
    """
    mean, squares = _fold((values, values - values), window, _pool)
    return mean, squares


def rolling_extreme(values: Floats, window: int, highest: bool = True) -> Floats:
    """Finds the highest (or lowest) of the last `window` rows, the current one included.

    Returns:
        The same shape; NaN as in `rolling_mean`.
    """
    pick = np.maximum if highest else np.minimum
    block, size = values, 1
    while size * 2 <= window:
        block = pick(block, shift(block, size))
        size *= 2
    # The two last blocks may overlap: an extreme does not mind a row seen twice.
    return pick(block, shift(block, window - size))


def _fold(block: _State, window: int, join: _Join) -> _State:
    size, covered = 1, 0
    total: _State = ()
    while True:
        if window & size:
            total = join(total, covered, _past(block, covered), size) if covered else block
            covered += size
        if covered == window:
            return total
        block = join(block, size, _past(block, size), size)
        size *= 2


def _past(block: _State, rows: int) -> _State:
    return tuple(shift(values, rows) for values in block)


def _add(newer: _State, n: int, older: _State, m: int) -> _State:
    return (newer[0] + older[0],)


def _pool(newer: _State, n: int, older: _State, m: int) -> _State:
    delta = older[0] - newer[0]
    mean = newer[0] + delta * (m / (n + m))
    return mean, newer[1] + older[1] + delta * delta * (n * m / (n + m))

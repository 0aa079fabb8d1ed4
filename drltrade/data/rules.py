"""States what prices and volumes must satisfy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["PRICES", "TOLERANCE", "Fault", "find_faults"]

PRICES = ("open", "high", "low", "close")
TOLERANCE = 1e-6
"""Relative room for rounding when open, high, low and close are compared."""


_MOST = 1e15  # beyond it, and below its inverse, ratios of prices leave floating point


@dataclass(frozen=True)
class Fault:
    """The first place where one rule is broken, and how often it is broken.

    Attributes:
        bar: row in the arrays.
        asset: column in the arrays.
        column: the price or volume column.
        value: what stands there.
        problem: what is wrong, to follow the value in a sentence.
        fix: what the user can do about it.
        count: how many cells break this rule.
    """

    bar: int
    asset: int
    column: str
    value: float
    problem: str
    fix: str
    count: int


def find_faults(
    open: np.ndarray, high: np.ndarray, low: np.ndarray, close: np.ndarray, volume: np.ndarray
) -> list[Fault]:
    """Lists the rules that prices [T, N] and volume [T, N] break, at most one fault a rule.

    Columns that are NaN for a whole asset are taken as absent, except close.
    """
    faults: list[Fault] = []
    prices = dict(zip(PRICES, (open, high, low, close), strict=True))
    for name, values in prices.items():
        needed = np.ones(values.shape[1], bool) if name == "close" else ~np.isnan(values).all(0)
        _add(faults, np.isnan(values) & needed, name, values, "but must be a number", _FILL)
        _add(faults, np.isinf(values), name, values, "but must be finite", _FILL)
        _add(faults, values <= 0, name, values, "but prices must be above zero", _POSITIVE)
        odd = np.isfinite(values) & ((values > _MOST) | ((values > 0) & (values < 1 / _MOST)))
        _add(faults, odd, name, values, "which is beyond any price", _POSITIVE)
    present = ~np.isnan(volume).all(0)
    _add(faults, np.isnan(volume) & present, "volume", volume, "but must be a number", _VOLUME)
    _add(faults, np.isinf(volume), "volume", volume, "but must be finite", _VOLUME)
    huge = np.isfinite(volume) & (volume > _MOST**2)
    _add(faults, huge, "volume", volume, "which is beyond any volume", _VOLUME)
    _add(faults, volume < 0, "volume", volume, "but volume cannot be negative", _VOLUME)
    top = np.maximum(open, close)
    bottom = np.minimum(open, close)
    over = high < top * (1 - TOLERANCE)
    _add(faults, over, "high", high, _pair("below", "open or close", over, top), _CONTRADICTION)
    under = low > bottom * (1 + TOLERANCE)
    _add(faults, under, "low", low, _pair("above", "open or close", under, bottom), _CONTRADICTION)
    return faults


_FILL = "Remove the row, or write the price that held."
_POSITIVE = "Correct the row or remove it."
_VOLUME = "Write the volume, zero where nothing traded, or leave the column out."
_CONTRADICTION = "Correct the row, or keep the close column alone."


def _pair(side: str, other: str, mask: np.ndarray, values: np.ndarray) -> str:
    shown = f" {values[mask][0]:g}" if mask.any() else ""
    return f"{side} {other}{shown}"


def _add(
    faults: list[Fault], mask: np.ndarray, column: str, values: np.ndarray, problem: str, fix: str
) -> None:
    count = int(mask.sum())
    if count:
        bar, asset = (int(i) for i in np.argwhere(mask)[0])
        faults.append(Fault(bar, asset, column, float(values[bar, asset]), problem, fix, count))

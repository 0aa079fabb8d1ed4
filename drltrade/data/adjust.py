"""Puts prices on one basis: splits and dividends out, rounding smoothed."""

from __future__ import annotations

import numpy as np

from drltrade.data.rules import TOLERANCE

__all__ = ["SPLITS", "adjust", "nearest_split", "total_return_factors", "widen"]

SPLITS = (1.25, 4 / 3, 1.5, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 100)
"""Shares that one share commonly becomes; reverse splits are one over these."""


def nearest_split(ratio: np.ndarray, tolerance: float) -> np.ndarray:
    """Returns the split each ratio stands for, 1 where it is none.

    Args:
        ratio: [T] new shares per old one, as prices or adjustment factors suggest.
        tolerance: how far from a common split it may be, relative.
    """
    if not len(ratio):
        return np.ones(0)
    common = np.array([*SPLITS, *(1 / split for split in SPLITS)])
    distance = np.abs(ratio[:, None] / common - 1)
    best = common[np.argmin(distance, axis=1)]
    return np.where(distance.min(axis=1) <= tolerance, best, 1.0)


def adjust(
    fields: dict[str, np.ndarray], adjusted: np.ndarray
) -> tuple[dict[str, np.ndarray], int]:
    """Adjusts prices by one factor, adjusted close over close, and volume by the splits in it.

    Dividends move the factor by a few percent and leave the number of shares alone; only steps
    of the factor that match a common split within 2 % reach the volume.

    Args:
        fields: [T] arrays by name: close, perhaps open, high, low and volume.
        adjusted: [T] the adjusted close.

    Returns:
        The adjusted fields, and how many splits were found.
    """
    factor = adjusted / fields["close"]
    result = {name: values * factor for name, values in fields.items() if name != "volume"}
    result["close"] = adjusted
    steps = nearest_split(factor[1:] / factor[:-1], 0.02)
    if "volume" in fields:
        later = np.append(np.cumprod(steps[::-1])[::-1], 1.0)  # splits still to come after a bar
        result["volume"] = fields["volume"] * later
    return result, int((steps != 1).sum())


def total_return_factors(
    close: np.ndarray, split: np.ndarray, dividend: np.ndarray, segment: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns what raw prices are multiplied and raw volumes divided by, forward in time.

    One share held from the close C(t-1) is split(t) shares at the close C(t), each with the cash
    dividend(t): its gross return is split(t) (C(t) + dividend(t)) / C(t-1), the holding-period
    return of CRSP, (p(t) f(t) + d(t)) / p(t'), whose d is counted per old share. With the adjusted
    close A(t) = F(t) C(t) that return is A(t) / A(t-1) if

        F(t) / F(t-1) = split(t) (1 + dividend(t) / C(t)),

    the dividend reinvested at the close of its ex-date. So F(t) is the product of these steps over
    the bars s <= t and F = 1 in a segment's first bar, whose events fall to earlier holders: a
    product of the past, which later data cannot change. The usual backward factor has the same
    returns with the last bar at 1, and so rewrites the past with every event. One factor serves
    the whole bar, so returns within it are those traded, and the night before an ex-date earns
    dividend x open / close in place of the dividend.

    Args:
        close: [T, N] raw closes.
        split: [T, N] new shares for one old, 1 for none.
        dividend: [T, N] cash for one share after the split, 0 for none.
        segment: [T] int64.

    Returns:
        [T, N] the factor F of the prices, and the product of the splits alone, for volumes.
    """
    steps = split * (1 + dividend / close)
    first = np.append(True, np.diff(segment) != 0)
    factor, shares = np.ones_like(close), np.ones_like(close)
    starts = np.flatnonzero(first)
    for start, stop in zip(starts, [*starts[1:], len(close)], strict=True):
        factor[start + 1 : stop] = np.cumprod(steps[start + 1 : stop], axis=0)
        shares[start + 1 : stop] = np.cumprod(split[start + 1 : stop], axis=0)
    return factor, shares


def widen(fields: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], int]:
    """Moves high and low by the rounding that keeps them from containing open and close.

    Larger contradictions are left for the rules to refuse.

    Returns:
        The fields, and how many bars moved by more than floating point explains.
    """
    if "high" not in fields:
        return fields, 0
    high = np.maximum.reduce([fields["high"], fields["open"], fields["close"]])
    low = np.minimum.reduce([fields["low"], fields["open"], fields["close"]])
    up, down = high / fields["high"] - 1, 1 - low / fields["low"]
    small = (up <= TOLERANCE) & (down <= TOLERANCE)
    moved = small & (np.maximum(up, down) > 1e-12)
    kept = {
        "high": np.where(small, high, fields["high"]),
        "low": np.where(small, low, fields["low"]),
    }
    return fields | kept, int(moved.sum())

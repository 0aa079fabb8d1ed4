"""Derives how many bars make a year from the bars' own clock."""

from __future__ import annotations

import numpy as np

__all__ = ["bar_seconds", "periods_per_year"]

_DAY = 86_400.0
_TRADING_DAYS, _ALL_DAYS = 252.0, 365.0
_DAYS_A_YEAR = 365.2425
# (shortest step, longest step in days, bars a year)
_SLOW = ((6.0, 8.0, 52.0), (26.0, 35.0, 12.0), (80.0, 100.0, 4.0), (350.0, 380.0, 1.0))
# Hours that markets are known to be open; a count within 2 % of one of them is that one.
_SESSIONS = (24.0, 23.0, 6.5)


def bar_seconds(stamps: np.ndarray, segment: np.ndarray) -> float:
    """Returns the median step between neighbouring bars of one segment, in seconds.

    Args:
        stamps: [T] datetime64[ns].
        segment: [T] int64; steps from one segment into the next do not count.

    Returns:
        Seconds, or NaN where no two bars share a segment.
    """
    inside = segment[1:] == segment[:-1]
    steps = np.diff(stamps)[inside].astype("timedelta64[ns]").astype(np.int64)
    return float(np.median(steps)) / 1e9 if steps.size else float("nan")


def periods_per_year(stamps: np.ndarray, segment: np.ndarray) -> float:
    """Counts the bars of a year, snapped to the conventions of the field.

    Steps of a week, a month, a quarter or a year give 52, 12, 4 or 1. Daily bars give 365 where
    Saturdays and Sundays both trade, else 252. Faster bars give that number of days times the
    median number of bars on a day, snapped to a full session of 24, 23 or 6.5 hours: hourly
    crypto 365 * 24 = 8,760, hourly FX 252 * 24 = 6,048, hourly US stocks 252 * 7 = 1,764. Any
    other step gives the plain quotient; a clock of a single bar counts as daily.

    Args:
        stamps: [T] datetime64[ns], UTC.
        segment: [T] int64.
    """
    step = bar_seconds(stamps, segment) / _DAY
    if np.isnan(step):
        return _TRADING_DAYS
    for shortest, longest, count in _SLOW:
        if shortest <= step <= longest:
            return count
    days = _ALL_DAYS if _trades_all_week(stamps) else _TRADING_DAYS
    if 0.8 <= step < 1.5:
        return days
    if step < 0.8:
        return days * _bars_a_day(stamps, segment, step)
    return _DAYS_A_YEAR / step


def _trades_all_week(stamps: np.ndarray) -> bool:
    # Saturday alone decides nothing: a Sunday evening opens the FX week, in UTC and elsewhere.
    day = stamps.astype("datetime64[D]").astype(np.int64)
    weekday = (day + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    return bool(np.mean(weekday == 5) > 0.05 and np.mean(weekday == 6) > 0.05)


def _bars_a_day(stamps: np.ndarray, segment: np.ndarray, step: float) -> float:
    day = stamps.astype("datetime64[D]").astype(np.int64)
    turns = np.flatnonzero((np.diff(day) != 0) | (np.diff(segment) != 0)) + 1
    counts = np.diff([0, *turns, len(day)])
    if len(counts) > 2:
        counts = counts[1:-1]  # the first and the last day may be cut
    count = float(np.median(counts))
    for hours in _SESSIONS:
        full = float(np.ceil(round(hours / 24.0 / step, 6)))
        if abs(count - full) <= 0.02 * full:
            return full
    return count

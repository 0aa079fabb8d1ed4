"""Tells the local time of stamps that are kept in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

__all__ = ["day_fraction", "week_fraction"]

_SECOND = np.timedelta64(1, "s")
_DAY_SECONDS = 86_400
_WEEK_DAYS = 7
# 1970-01-01 was a Thursday, three days after its Monday.
_EPOCH_WEEKDAY = 3


def day_fraction(stamps: NDArray[np.datetime64], timezone: str) -> NDArray[np.float64]:
    """Returns how much of the local day has passed, [T] in [0, 1)."""
    return (_local_seconds(stamps, timezone) / _DAY_SECONDS) % 1.0


def week_fraction(stamps: NDArray[np.datetime64], timezone: str) -> NDArray[np.float64]:
    """Returns how much of the local week has passed since Monday 00:00, [T] in [0, 1)."""
    days = _local_seconds(stamps, timezone) / _DAY_SECONDS + _EPOCH_WEEKDAY
    return (days / _WEEK_DAYS) % 1.0


def _local_seconds(stamps: NDArray[np.datetime64], timezone: str) -> NDArray[np.float64]:
    seconds = (stamps - np.datetime64(0, "ns")) / _SECOND
    return seconds + _offsets(seconds, ZoneInfo(timezone))


def _offsets(seconds: NDArray[np.float64], zone: ZoneInfo) -> NDArray[np.float64]:
    """Asks the zone once a day, and bar by bar only on the two days a year when it changes."""
    days, where = np.unique(np.floor(seconds / _DAY_SECONDS), return_inverse=True)
    opening = np.array([_offset(day * _DAY_SECONDS, zone) for day in days])
    closing = np.array([_offset((day + 1) * _DAY_SECONDS - 1, zone) for day in days])
    offsets = opening[where]
    for row in np.flatnonzero((opening != closing)[where]):
        offsets[row] = _offset(seconds[row], zone)
    return offsets


def _offset(second: float, zone: ZoneInfo) -> float:
    shift = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
    return shift.total_seconds() if shift else 0.0

"""Reads and shows the dates and stamps that people write."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from drltrade.errors import UsageError

__all__ = ["check_zone", "read_stamp", "show"]


def read_stamp(value: Any, last: bool = False) -> np.datetime64:
    """Reads a date or stamp; a year, month or day means its last instant where `last` is set.

    Raises:
        UsageError: the value is not a date.
    """
    if isinstance(value, np.datetime64):
        return _nanoseconds(value)
    text = value.isoformat() if isinstance(value, date) else str(value).strip()
    try:
        stamp = _moment(text) if "T" in text or ":" in text else np.datetime64(text)
        if np.isnat(stamp):
            raise ValueError(text)
    except ValueError as error:
        raise UsageError(
            f"'{value}' is not a date. Write 2010-06-30, 2010-06-30 14:00, 2010-06 or 2010."
        ) from error
    coarse = np.datetime_data(stamp)[0] in ("Y", "M", "W", "D")
    return (
        _nanoseconds(stamp + 1) - np.timedelta64(1, "ns")
        if last and coarse
        else _nanoseconds(stamp)
    )


def _moment(text: str) -> np.datetime64:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(moment, "us")


def _nanoseconds(stamp: np.datetime64) -> np.datetime64:
    year = int(stamp.astype("datetime64[Y]").astype(np.int64)) + 1970
    # Nanoseconds reach from 1678 to 2262; 9999-12-31 is how people write "no end".
    held = np.datetime64("2261") if year > 2261 else np.datetime64("1678") if year < 1678 else stamp
    fine: np.datetime64 = held.astype("datetime64[ns]")
    return fine


def show(stamp: np.datetime64) -> str:
    """Writes a stamp to the second, a midnight as its date alone."""
    text = np.datetime_as_string(stamp.astype("datetime64[s]"))
    return str(text).replace("T", " ").removesuffix(" 00:00:00")


def check_zone(zone: str) -> None:
    """Refuses a time zone that nobody knows.

    Raises:
        UsageError: it is no name such as UTC or America/New_York.
    """
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise UsageError(
            f"Unknown time zone '{zone}'. Write a name such as UTC or America/New_York."
        ) from error

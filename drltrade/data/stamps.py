"""Turns a column of dates, times or epochs into UTC stamps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from drltrade.data.dates import check_zone
from drltrade.data.files import RawTable, shown
from drltrade.errors import DataError

__all__ = ["Stamps", "UnreadableStamps", "read_stamps"]

_OFFSET = re.compile(r"\d\d:\d\d\S*?\s?(Z|UTC|[+-]\d\d:?\d\d)$")
_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y.%m.%d", "%b %d, %Y", "%d %b %Y", "%d-%b-%Y")
_EITHER = ("%m/%d/%Y", "%d/%m/%Y", "%m.%d.%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y")
_HOURS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p")
# (least, most, nanoseconds in one) of epochs in seconds, milli-, micro- and nanoseconds
_EPOCHS = ((1e8, 1e11, 10**9), (1e11, 1e14, 10**6), (1e14, 1e17, 10**3), (1e17, 1e19, 1))
_FIX = "Write dates as 2020-01-31 and stamps as 2020-01-31 09:30."


_SHOWN = 10  # how many unreadable stamps a check lists one by one


class UnreadableStamps(DataError):
    """Cells that are no dates; the text is about the first, `sentences` is about all.

    Attributes:
        sentences: one for each of the first ten, and how many more there are.
        rows: the rows of all of them.
    """

    def __init__(self, table: RawTable, rows: np.ndarray, problems: list[str]) -> None:
        """Tells where each cell stands and its problem, as "is missing"."""
        pairs = zip(rows[:_SHOWN], problems, strict=False)
        told = [f"{table.where(int(row))}: the stamp {problem}. {_FIX}" for row, problem in pairs]
        super().__init__(told[0])
        more = len(rows) - len(told)
        rest = f"{table.label}: {more} more stamps cannot be read."
        self.sentences = (*told, rest) if more else tuple(told)
        self.rows = rows


@dataclass(frozen=True)
class Stamps:
    """The clock of one table.

    Attributes:
        values: [rows] datetime64[ns], UTC.
        dates: whether they are dates without a time of day, kept at midnight UTC.
        zone: the zone the data themselves name, if any.
    """

    values: np.ndarray
    dates: bool
    zone: str | None


def read_stamps(cells: pd.Series, table: RawTable, timezone: str | None) -> Stamps:
    """Reads a column of stamps.

    Dates stay dates. Stamps with an offset are converted to UTC. Intraday stamps without one are
    taken in `timezone`, or as UTC.

    Args:
        cells: the column as it stands in the file.
        table: where it comes from, for the errors.
        timezone: the zone of stamps that carry none.

    Raises:
        DataError: a cell is empty or no date, zones are mixed, or day and month cannot be told
            apart.
    """
    if timezone is not None:
        check_zone(timezone)
    missing = np.flatnonzero(cells.isna().to_numpy(bool))
    if len(missing):
        raise UnreadableStamps(table, missing, ["is missing"] * len(missing))
    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        return _aware(cells, cells.dt.tz_localize(None), str(cells.dt.tz))
    if pd.api.types.is_datetime64_dtype(cells.dtype):
        return _naive(cells, table, timezone)
    if pd.api.types.is_bool_dtype(cells.dtype):
        raise DataError(
            f"{table.where(0)}: the stamp is '{shown(cells.iloc[0])}', not a date. {_FIX}"
        )
    if pd.api.types.is_numeric_dtype(cells.dtype):
        return _naive(_numbers(cells, table), table, timezone)
    return _text(cells.astype(str).str.strip(), table, timezone)


def _text(cells: pd.Series, table: RawTable, timezone: str | None) -> Stamps:
    if not cells.str.contains("Z|UTC|[+-][0-9]{2}:?[0-9]{2}$", regex=True).any():
        return _naive(_parse(cells, table), table, timezone)
    offsets = cells.str.extract(_OFFSET, expand=False)
    aware = offsets.notna().to_numpy(bool)
    if not aware.any():
        return _naive(_parse(cells, table), table, timezone)
    if not aware.all():
        row = int(np.flatnonzero(aware != aware[0])[0])
        pair = f"'{shown(cells.iloc[row])}' and '{shown(cells.iloc[0])}'"
        raise DataError(
            f"{table.where(row)}: the stamps {pair} mix time zones: one has an offset and one "
            "has none. Write all of them alike."
        )
    minutes = offsets.map({text: _minutes(text) for text in offsets.unique()})
    # Summer time moves a zone by an hour; anything wider is two places' clocks in one column.
    if minutes.max() - minutes.min() > 60 or minutes.nunique() > 2:
        row = int(np.flatnonzero((minutes != minutes.iloc[0]).to_numpy(bool))[-1])
        raise DataError(
            f"{table.where(row)}: the stamps mix time zones, {offsets.iloc[0]} and "
            f"{offsets.iloc[row]}. Convert all of them to UTC."
        )
    bare = pd.Series([text[: -len(end)].strip() for text, end in zip(cells, offsets, strict=True)])
    local = _parse(bare, table)
    utc = local - pd.to_timedelta(minutes.to_numpy(), unit="min")
    return _aware(utc.dt.tz_localize("UTC"), local, None)


def _minutes(offset: str) -> int:
    if offset in ("Z", "UTC"):
        return 0
    digits = offset[1:].replace(":", "")
    size = int(digits[:2]) * 60 + int(digits[2:])
    return -size if offset[0] == "-" else size


def _aware(stamps: pd.Series, local: pd.Series, zone: str | None) -> Stamps:
    if _all_midnight(local):
        return Stamps(_nanoseconds(local), True, None)
    return Stamps(_nanoseconds(stamps.dt.tz_convert(None)), False, _named(zone))


def _naive(stamps: pd.Series, table: RawTable, timezone: str | None) -> Stamps:
    if _all_midnight(stamps) or timezone is None:
        return Stamps(_nanoseconds(stamps), _all_midnight(stamps), None)
    try:
        placed = stamps.dt.tz_localize(timezone, ambiguous="infer")
    except ValueError:
        placed = stamps.dt.tz_localize(timezone, ambiguous="NaT", nonexistent="NaT")
        row = int(np.flatnonzero(placed.isna())[0]) if placed.isna().any() else 0
        raise DataError(
            f"{table.where(row)}: the stamp {stamps.iloc[row]} happens twice or never in "
            f"{timezone}, where clocks change. Write the stamps in UTC."
        ) from None
    return Stamps(_nanoseconds(placed.dt.tz_convert(None)), False, timezone)


def _numbers(cells: pd.Series, table: RawTable) -> pd.Series:
    first = float(cells.iloc[0])
    least, most = float(cells.min()), float(cells.max())
    if least >= 19_000_101 and most <= 21_001_231:
        return _parse(cells.astype("int64").astype(str), table)
    for low, high, scale in _EPOCHS:
        if low <= least and most < high:
            whole = pd.api.types.is_integer_dtype(cells.dtype)
            exact = cells.to_numpy("int64") * scale if whole else np.round(cells * scale)
            return pd.Series(np.asarray(exact, np.int64).astype("datetime64[ns]"))
    raise DataError(f"{table.where(0)}: the stamp {first:g} is neither a date nor an epoch. {_FIX}")


def _parse(cells: pd.Series, table: RawTable) -> pd.Series:
    text = cells
    if cells.str.contains("T", regex=False).any():
        text = cells.str.replace(r"(?<=\d)T(?=\d)", " ", regex=True)
    sample = text.iloc[:50]
    hits = {
        (day, hour): int(pd.to_datetime(sample, format=day + hour, errors="coerce").notna().sum())
        for day in (*_DAYS, *_EITHER)
        for hour in _HOURS
    }
    days = dict.fromkeys(day for (day, _), count in hits.items() if count)
    # A file may drop the seconds or the midnight of some stamps: the commonest form goes first.
    readings = []
    for day in days:
        counts = [(-hits[day, hour], i, hour) for i, hour in enumerate(_HOURS)]
        readings.append(_read_as(text, day, [hour for _, _, hour in sorted(counts)]))
    whole = [reading for reading in readings if not reading.isna().any()]
    if not whole:
        best = min(readings, key=lambda r: r.isna().sum()) if readings else pd.Series([pd.NaT])
        rows = np.flatnonzero(best.isna().to_numpy(bool))
        problems = [f"'{shown(cells.iloc[row])}' is not a date" for row in rows[:_SHOWN]]
        raise UnreadableStamps(table, rows, problems)
    ordered = [reading for reading in whole if reading.is_monotonic_increasing] or whole
    if len(ordered) > 1 and not ordered[0].equals(ordered[1]):
        raise DataError(
            f"{table.label}: '{cells.iloc[0]}' can be read with the day or the month first. {_FIX}"
        )
    return ordered[0]


def _read_as(text: pd.Series, day: str, hours: list[str]) -> pd.Series:
    result = pd.Series(pd.NaT, index=text.index, dtype="datetime64[ns]")
    for hour in hours:
        gaps = result.isna()
        if not gaps.any():
            break
        part = pd.to_datetime(text[gaps], format=day + hour, errors="coerce")
        inside = part.where(part.dt.year.between(1700, 2260))  # what nanoseconds can hold
        result[gaps] = inside.astype("datetime64[ns]")
    return result


def _all_midnight(stamps: pd.Series) -> bool:
    return bool((stamps == stamps.dt.normalize()).all())


def _nanoseconds(stamps: pd.Series) -> np.ndarray:
    return stamps.to_numpy().astype("datetime64[ns]")


def _named(zone: str | None) -> str | None:
    try:
        return ZoneInfo(zone).key if zone else None
    except (KeyError, ValueError, OSError):
        return None  # a fixed offset such as UTC-05:00 is no place

"""Recognises which column of a table holds what."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from drltrade.data.files import RawTable, shown
from drltrade.errors import DataError

__all__ = ["Layout", "recognise"]

_STAMP = ("datetime", "timestamp", "date", "time", "stamp", "day", "date_time", "open_time",
          "gmt_time", "unix", "dtyyyymmdd", "period")  # fmt: skip
_SYMBOL = ("symbol", "ticker", "tic", "asset", "instrument", "name", "code")
_FIELDS = {
    "open": ("open", "open_price"),
    "high": ("high", "high_price"),
    "low": ("low", "low_price"),
    "close": ("close", "close_price", "price", "last", "close/last"),
    "adjusted": ("adj_close", "adjclose", "adjusted_close", "close_adj", "adjusted"),
    "volume": ("volume", "vol", "tick_volume", "tickvol"),
}
_LETTERS = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}


@dataclass(frozen=True)
class Layout:
    """Where things stand in a table, by column label.

    Attributes:
        stamp: the column of stamps, or the columns of dates and of times of day.
        symbol: the column of symbols, if there is one.
        fields: open, high, low, close, adjusted, volume: the column of each that is there.
        wide: symbol -> its column of closes, where every column is an asset.
        extras: name -> any other column.
    """

    stamp: tuple[object, ...]
    symbol: object | None
    fields: dict[str, object]
    wide: dict[str, object]
    extras: dict[str, object]


def recognise(table: RawTable) -> Layout:
    """Finds the stamps, the symbols and the prices of a table, whatever the case of their names.

    A table is long (one close column, perhaps a symbol column) or wide (one column of closes per
    symbol).

    Raises:
        DataError: a name stands twice, there are no stamps, or prices are missing.
    """
    named = _names(table)
    stamp, rest = _find_stamp(table, named)
    fields = _find_fields(rest)
    symbol = next((rest[name] for name in _SYMBOL if name in rest), None)
    if (
        symbol is not None
        and not fields
        and pd.api.types.is_numeric_dtype(table.frame[symbol].dtype)
    ):
        symbol = None  # a wide table with an asset of that name
    if "close" not in fields and "adjusted" not in fields:
        known = [name for name in ("open", "high", "low", "volume") if name in fields]
        if symbol is not None or len(known) >= 2 or 0 < len(known) == len(rest):
            raise DataError(
                f"{table.label} has no close column. It has: {_listed(table.frame.columns)}. "
                "Add a column named close."
            )
        return Layout(stamp, None, {}, _wide(table, rest), {})
    _check_together(table, fields)
    used = {id_ for id_ in (*fields.values(), symbol) if id_ is not None}
    extras = {name: column for name, column in rest.items() if column not in used}
    return Layout(stamp, symbol, fields, {}, extras)


def _names(table: RawTable) -> dict[str, object]:
    labels = list(table.frame.columns)
    if all(re.fullmatch(r"[\d\s.:/+-]+", str(label)) for label in labels):
        raise DataError(
            f"{table.label} has no header line; it begins with {_listed(labels[:3])}. "
            "Add one, such as date,open,high,low,close,volume."
        )
    named: dict[str, object] = {}
    for label in labels:
        name = _plain(label)
        copy = re.sub(r"\.\d+$", "", name)  # how pandas writes the second of two equal names
        if name in named or (copy != name and copy in named):
            raise DataError(f"{table.label} has two columns named '{shown(copy)}'. Keep one.")
        named[name] = label
    return named


def _plain(label: object) -> str:
    return re.sub(r"[\s\-]+", "_", str(label).strip().strip("<>").strip().lower())


def _find_stamp(
    table: RawTable, named: dict[str, object]
) -> tuple[tuple[object, ...], dict[str, object]]:
    days = next((name for name in ("date", "dtyyyymmdd", "day") if name in named), None)
    if (
        days
        and "time" in named
        and not pd.api.types.is_datetime64_any_dtype(table.frame[named[days]].dtype)
    ):
        found: tuple[str, ...] = (days, "time")
    else:
        found = tuple(name for name in _STAMP if name in named)[:1]
    if not found:
        first = next(iter(named))
        if first.startswith("unnamed:") or first in ("", "index"):
            found = (first,)
    if not found:
        raise DataError(
            f"{table.label} has no column of dates. It has: {_listed(table.frame.columns)}. "
            "Name one date, datetime or timestamp."
        )
    rest = {name: label for name, label in named.items() if name not in found}
    return tuple(named[name] for name in found), rest


def _find_fields(named: dict[str, object]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for field, aliases in _FIELDS.items():
        found = next((name for name in aliases if name in named), None)
        if found is not None:
            fields[field] = named[found]
    if not fields and all(letter in named for letter in "ohlc"):
        return {field: named[name] for name, field in _LETTERS.items() if name in named}
    return fields


def _check_together(table: RawTable, fields: dict[str, object]) -> None:
    missing = [name for name in ("open", "high", "low") if name not in fields]
    if 0 < len(missing) < 3:
        raise DataError(
            f"{table.label} lacks the column {' and '.join(missing)}. It has: "
            f"{_listed(table.frame.columns)}. Give open, high and low together, or close alone."
        )


def _wide(table: RawTable, named: dict[str, object]) -> dict[str, object]:
    wide = {str(label).strip(): label for label in named.values()}
    if not wide:
        raise DataError(f"{table.label} has dates but no prices. Add a column named close.")
    return wide


def _listed(labels: Iterable[object]) -> str:
    names = [shown(label) for label in labels]
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")

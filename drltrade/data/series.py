"""Takes a table apart into one series per symbol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from drltrade.data.columns import Layout, recognise
from drltrade.data.files import RawTable, shown
from drltrade.data.findings import Findings
from drltrade.data.stamps import Stamps, read_stamps
from drltrade.errors import DataError

__all__ = ["Series", "read_series"]


@dataclass(frozen=True)
class Series:
    """One asset as its file has it.

    Attributes:
        symbol: its name.
        table: the table it comes from.
        rows: [T] its rows in that table.
        stamps: [T] datetime64[ns], UTC, strictly increasing.
        dates: whether the stamps are plain dates.
        zone: the time zone the data name, if any.
        fields: [T] arrays: close, and open, high, low, volume where there are any.
        extras: [T] further numeric columns.
    """

    symbol: str
    table: RawTable
    rows: np.ndarray
    stamps: np.ndarray
    dates: bool
    zone: str | None
    fields: dict[str, np.ndarray]
    extras: dict[str, np.ndarray]


def read_series(table: RawTable, timezone: str | None, findings: Findings) -> list[Series]:
    """Reads every symbol of a table; what the numbers say is checked by `vet`.

    Args:
        table: a long table, a wide one of closes, or one with two header rows (field, symbol).
        timezone: the zone of intraday stamps that carry none.
        findings: where errors, warnings and notes go.

    Raises:
        DataError: it has no dates or prices, or one of their cells cannot be read.
    """
    if isinstance(table.frame.columns, pd.MultiIndex):
        return [part for piece in _by_ticker(table) for part in _one(piece, timezone, findings)]
    return list(_one(table, timezone, findings))


def _by_ticker(table: RawTable) -> Iterator[RawTable]:
    columns = table.frame.columns
    levels = [{str(v).lower() for v in columns.get_level_values(i)} for i in range(columns.nlevels)]
    level = next((i for i, names in enumerate(levels) if "close" in names), None)
    if columns.nlevels != 2 or level is None:
        raise DataError(f"{table.label} has several header rows and none names a Close.")
    names = columns.get_level_values(1 - level)[1:]
    for symbol in dict.fromkeys(names):
        chosen = [i for i, name in enumerate(names, start=1) if name == symbol]
        frame = table.frame.iloc[:, [0, *chosen]].copy()
        frame.columns = pd.Index(["date", *columns.get_level_values(level)[chosen]])
        held = frame.iloc[:, 1:].notna().any(axis=1).to_numpy(bool)
        rows = frame[held].reset_index(drop=True)
        if len(rows):
            yield RawTable(table.label, str(symbol), rows, table.lines[held], table.unit)


def _one(table: RawTable, timezone: str | None, findings: Findings) -> Iterator[Series]:
    layout = recognise(table)
    stamps = read_stamps(_stamp_cells(table, layout), table, timezone)
    if layout.wide:
        yield from _wide(table, layout, stamps, findings)
        return
    fields = {
        name: _numbers(table, column, name, findings) for name, column in layout.fields.items()
    }
    extras = {}
    for name, column in layout.extras.items():
        if pd.api.types.is_numeric_dtype(table.frame[column].dtype):
            extras[name] = table.frame[column].to_numpy(np.float64, na_value=np.nan)
        else:
            findings.notes.append(
                f"{table.label}: column '{shown(column)}' holds text and is left out."
            )
    for symbol, rows in _groups(table, layout):
        yield Series(
            symbol,
            table,
            rows,
            stamps.values[rows],
            stamps.dates,
            stamps.zone,
            {name: values[rows] for name, values in fields.items()},
            {name: values[rows] for name, values in extras.items()},
        )


def _stamp_cells(table: RawTable, layout: Layout) -> pd.Series:
    first = table.frame[layout.stamp[0]]
    if len(layout.stamp) == 1:
        return first
    whole = first.notna() & table.frame[layout.stamp[1]].notna()
    both = (
        first.astype(str).str.strip() + " " + table.frame[layout.stamp[1]].astype(str).str.strip()
    )
    return both.where(whole)


def _wide(table: RawTable, layout: Layout, stamps: Stamps, findings: Findings) -> Iterator[Series]:
    for symbol, column in layout.wide.items():
        close = _numbers(table, column, symbol, findings)
        held = np.flatnonzero(~np.isnan(close))
        if not len(held):
            findings.error(f"{table.label}: the column {shown(symbol)} holds no prices. Remove it.")
            continue
        # Before its listing and after its end an asset has no price; a hole between is a fault.
        rows = np.arange(held[0], held[-1] + 1)
        yield Series(
            symbol, table, rows, stamps.values[rows], stamps.dates, stamps.zone,
            {"close": close[rows]}, {},
        )  # fmt: skip


def _groups(table: RawTable, layout: Layout) -> Iterator[tuple[str, np.ndarray]]:
    if layout.symbol is None:
        yield table.stem, np.arange(len(table.frame))
        return
    codes, names = pd.factorize(table.frame[layout.symbol])
    if (codes < 0).any():
        row = int(np.flatnonzero(codes < 0)[0])
        raise DataError(f"{table.where(row)}: the symbol is missing. Write it in every row.")
    for code, name in enumerate(names):
        yield str(name).strip(), np.flatnonzero(codes == code)


def _numbers(table: RawTable, column: object, name: str, findings: Findings) -> np.ndarray:
    cells = table.frame[column]
    if pd.api.types.is_numeric_dtype(cells.dtype):
        return cells.to_numpy(np.float64, na_value=np.nan)
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = np.isnan(numbers) & cells.notna().to_numpy(bool)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        what = f"{shown(name)} is '{shown(cells.iloc[row])}'"
        raise DataError(
            f"{table.where(row)}: {what}, which is not a number. "
            "Write numbers with a point and without units or thousands separators."
        )
    return numbers

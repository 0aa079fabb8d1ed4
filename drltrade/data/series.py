"""Takes a table apart into one series per symbol."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from drltrade.data.columns import Layout, recognise
from drltrade.data.files import RawTable, shown
from drltrade.data.findings import Findings
from drltrade.data.reserved import RESERVED, canonical
from drltrade.data.stamps import Stamps, UnreadableStamps, read_stamps
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


def read_series(
    table: RawTable,
    timezone: str | None,
    findings: Findings,
    raw: bool = False,
    keep: bool = False,
) -> list[Series]:
    """Reads every symbol of a table; what the numbers say is checked by `vet`.

    Args:
        table: a long table, a wide one of closes, or one with two header rows (field, symbol).
        timezone: the zone of intraday stamps that carry none.
        findings: where errors, warnings and notes go.
        raw: whether prices are as traded: splits and dividends are then known by their aliases too.
        keep: whether an empty cell of a wide table is a missing bar, not a fault.

    Raises:
        DataError: it has no dates or prices, or one of their cells cannot be read.
    """
    several = isinstance(table.frame.columns, pd.MultiIndex)
    pieces = list(_by_ticker(table)) if several else [table]
    return [part for piece in pieces for part in _one(piece, timezone, findings, raw, keep)]


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


def _one(
    table: RawTable, timezone: str | None, findings: Findings, raw: bool, keep: bool
) -> Iterator[Series]:
    layout = recognise(table)
    try:
        stamps = read_stamps(_stamp_cells(table, layout), table, timezone)
    except UnreadableStamps as error:
        yield from _one(_without(table, error, findings), timezone, findings, raw, keep)
        return
    if layout.wide:
        yield from _wide(table, layout, stamps, findings, keep)
        return
    fields = {
        name: _numbers(table, column, name, findings) for name, column in layout.fields.items()
    }
    extras = _extras(table, layout, findings, raw)
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


def _without(table: RawTable, error: UnreadableStamps, findings: Findings) -> RawTable:
    """Reports the stamps that cannot be read and goes on without their rows."""
    for sentence in error.sentences:
        findings.error(sentence)
    kept = np.ones(len(table.frame), bool)
    kept[error.rows] = False
    if not kept.any():
        raise DataError(f"{table.label} has no row whose stamp can be read.")
    frame = table.frame[kept].reset_index(drop=True)
    return replace(table, frame=frame, lines=table.lines[kept])


def _extras(
    table: RawTable, layout: Layout, findings: Findings, raw: bool
) -> dict[str, np.ndarray]:
    extras: dict[str, np.ndarray] = {}
    for name, column in layout.extras.items():
        known = canonical(name, raw)
        if known in extras:
            raise DataError(
                f"{table.label} has two columns of {known}, one of them '{shown(column)}'. "
                "Keep one."
            )
        if known is not None:
            cells = _flags if RESERVED[known].unit == "flag" else _numbers
            extras[known] = cells(table, column, name, findings)
        elif pd.api.types.is_numeric_dtype(table.frame[column].dtype):
            extras[name] = table.frame[column].to_numpy(np.float64, na_value=np.nan)
        else:
            findings.notes.append(
                f"{table.label}: column '{shown(column)}' holds text and is left out."
            )
    return extras


def _stamp_cells(table: RawTable, layout: Layout) -> pd.Series:
    first = table.frame[layout.stamp[0]]
    if len(layout.stamp) == 1:
        return first
    whole = first.notna() & table.frame[layout.stamp[1]].notna()
    both = (
        first.astype(str).str.strip() + " " + table.frame[layout.stamp[1]].astype(str).str.strip()
    )
    return both.where(whole)


def _wide(
    table: RawTable, layout: Layout, stamps: Stamps, findings: Findings, keep: bool
) -> Iterator[Series]:
    for symbol, column in layout.wide.items():
        close = _numbers(table, column, symbol, findings)
        held = np.flatnonzero(~np.isnan(close))
        if not len(held):
            findings.error(f"{table.label}: the column {shown(symbol)} holds no prices. Remove it.")
            continue
        # Before its listing and after its end an asset has no price; a hole between is a fault.
        rows = held if keep else np.arange(held[0], held[-1] + 1)
        if _is_volume(symbol, close[held]):
            findings.warnings.append(
                f"{table.label}: the column {shown(symbol)} is read as the closes of an asset; it "
                "looks like a volume. Wide tables hold closes alone: name the symbols you want."
            )
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


def _is_volume(name: str, values: np.ndarray) -> bool:
    words = re.split(r"[^a-z]+", name.lower())
    if {"vol", "vols", "volume", "volumes"} & set(words):
        return True
    # Volvo is an asset: part of a word counts only where the values are whole, as shares are.
    return "vol" in name.lower() and bool((values == np.round(values)).all())


_WORDS = {
    "true": 1.0, "yes": 1.0, "1": 1.0, "1.0": 1.0, "false": 0.0, "no": 0.0, "0": 0.0, "0.0": 0.0,
}  # fmt: skip


def _flags(table: RawTable, column: object, name: str, findings: Findings) -> np.ndarray:
    cells = table.frame[column]
    if pd.api.types.is_numeric_dtype(cells.dtype):
        return cells.to_numpy(np.float64, na_value=np.nan)
    words = cells.astype(str).str.strip().str.lower()
    flags = words.map(_WORDS).to_numpy(np.float64, na_value=np.nan)
    wrong = np.isnan(flags) & cells.notna().to_numpy(bool)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"{table.where(row)}: {shown(name)} is '{shown(cells.iloc[row])}', which is neither "
            "true nor false. Write 1 or 0."
        )
    return flags


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

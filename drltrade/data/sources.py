"""Turns whatever the user names as data into one Market."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from drltrade.data.align import (
    arrange_columns,
    arrange_fields,
    common_clock,
    full_clock,
    refuse_lost_events,
)
from drltrade.data.door import FIELDS
from drltrade.data.files import SUFFIXES, RawTable, from_frame, read_table
from drltrade.data.findings import Findings
from drltrade.data.market import Market
from drltrade.data.series import Series, read_series
from drltrade.data.vetting import vet
from drltrade.errors import DataError, UsageError, nearest, unknown
from drltrade.plugins import find_file

__all__ = ["SAMPLE", "find_data", "load_market", "sample_table", "to_market"]

SAMPLE = Path(__file__).with_name("sample.parquet")
"""Daily AAPL, FB, GOOG, IBM and MSFT to March 2013, adjusted; see `data/README.md`."""


def load_market(
    source: str | Path | Sequence[str | Path] | pd.DataFrame = "sample",
    symbols: Sequence[str] | None = None,
    *,
    start: Any = None,
    end: Any = None,
    roots: Sequence[Path] = (),
    name: str | None = None,
    timezone: str | None = None,
    periods_per_year: float | None = None,
    prices: Literal["adjusted", "raw"] = "adjusted",
    align: Literal["common", "all"] = "common",
) -> Market:
    """Loads prices and checks them.

    Several symbols share one clock: by default bars that one of them lacks are left out and
    counted in the Market's notes.

    Args:
        source: "sample", a CSV or parquet file, a folder of them, several files, or a DataFrame.
            Tables are long, with a symbol column where there are several, or wide, one column of
            closes per symbol; a table without either is named after its file.
        symbols: which assets, in this order; None is all of them, of the sample AAPL alone.
        start: first date or stamp, inclusive.
        end: last date or stamp, inclusive.
        roots: folders in which files are looked up after the current one.
        name: what to call the Market; the file's name if None.
        timezone: the zone of intraday stamps that carry none, and of time-of-day features.
        periods_per_year: bars a year; None leaves it to the clock.
        prices: "raw" takes prices as traded, with `split` and `dividend` as columns beside them.
        align: "all" keeps the bars that some symbols lack: these hold their last close, untradable,
            and are delisted after their own last bar.

    Returns:
        The Market from `start` to `end`.

    Raises:
        DataError: the data cannot be used; the sentence names file, row, column and value.
        UsageError: a file or a symbol does not exist, the interval holds no bar, or the sample is
            asked for raw prices.

    Example:
        >>> load_market(symbols=["AAPL", "IBM"], start="2010", end="2012").bars
        754
    """
    _check_choice("prices", prices, ("adjusted", "raw"))
    _check_choice("align", align, ("common", "all"))
    raw, keep = prices == "raw", align == "all"
    wanted = [symbols] if isinstance(symbols, str) else list(symbols or ())
    if isinstance(source, str) and source == "sample":
        tables = [sample_table(raw)]
        wanted, label = wanted or ["AAPL"], "sample"
    elif isinstance(source, pd.DataFrame):
        tables, label = [from_frame(source)], "data"
    else:
        paths = find_data(source, roots)
        tables = [read_table(path) for path in paths]
        label = tables[0].stem if len(tables) == 1 else f"{len(tables)} files"
    findings = Findings()
    series = [
        part for table in tables for part in read_series(table, timezone, findings, raw, keep)
    ]
    chosen = [vet(part, findings, raw) for part in choose(series, wanted, label)]
    market = to_market(chosen, findings, name or label, timezone, periods_per_year, raw, keep)
    return market if start is None and end is None else market.between(start, end)


def _check_choice(setting: str, value: object, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise unknown(f"value of {setting}", value, allowed)


def sample_table(raw: bool = False) -> RawTable:
    """Returns the embedded sample as a table.

    Raises:
        UsageError: raw prices are wanted; it holds adjusted ones only.
    """
    if raw:
        raise UsageError(
            "The sample holds adjusted prices only. For prices: raw name a file of prices as "
            "traded, such as drltrade data fetch AAPL --start 2010 --raw writes."
        )
    frame = pd.read_parquet(SAMPLE)
    return RawTable("The sample", "sample", frame, np.arange(1, len(frame) + 1), "row")


def find_data(source: str | Path | Sequence[str | Path], roots: Sequence[Path]) -> list[Path]:
    """Finds the files a source names.

    Raises:
        UsageError: a file does not exist, or a folder holds no price files.
    """
    if not isinstance(source, (str, Path)):
        if not source:
            raise UsageError("No data file is named. Name one, or 'sample'.")
        return [path for one in source for path in find_data(one, roots)]
    found = find_file(source, roots)
    if found is not None:
        return [found]
    for folder in (Path(source).expanduser(), *(Path(root) / source for root in roots)):
        if folder.is_dir():
            return _inside(folder)
    parent = Path(source).expanduser().parent
    beside = [path.name for path in parent.glob("*")] if parent.is_dir() else []
    hint = nearest(Path(source).name, ["sample", *beside])
    raise UsageError(
        f"Data '{source}' does not exist: it is neither 'sample' nor a file or folder of prices."
        f"{hint} To pick symbols of the sample, name them as symbols; to download, use "
        "drltrade data fetch."
    )


def _inside(folder: Path) -> list[Path]:
    paths = sorted(path for path in folder.iterdir() if path.name.lower().endswith(SUFFIXES))
    if not paths:
        raise UsageError(f"The folder '{folder}' holds no file that ends in {', '.join(SUFFIXES)}.")
    return [path.resolve() for path in paths]


def choose(series: Sequence[Series], wanted: Sequence[str], label: str) -> list[Series]:
    """Picks the symbols asked for, in their order; all of them where none is asked for.

    Raises:
        DataError: two files bring the same symbol.
        UsageError: a symbol is not there or is asked for twice.
    """
    by_symbol: dict[str, Series] = {}
    for part in series:
        if part.symbol in by_symbol:
            raise DataError(
                f"{by_symbol[part.symbol].table.label} and {part.table.label} both hold "
                f"{part.symbol}. Name one of them, or join their rows in one file."
            )
        by_symbol[part.symbol] = part
    if len(set(wanted)) < len(wanted):
        raise UsageError(f"A symbol is named twice: {', '.join(wanted)}.")
    for symbol in wanted:
        if symbol not in by_symbol:
            raise unknown(f"symbol in {label}", symbol, by_symbol)
    return [by_symbol[symbol] for symbol in wanted or by_symbol]


def to_market(
    series: Sequence[Series],
    findings: Findings,
    name: str,
    timezone: str | None,
    periods: float | None,
    raw: bool = False,
    keep: bool = False,
) -> Market:
    """Puts series on one clock: their common stamps, or with `keep` all of them.

    Raises:
        DataError: dates meet times of day, or the symbols do not overlap.
    """
    clock = full_clock(series, findings) if keep else common_clock(series, findings)
    if not keep:
        refuse_lost_events(series, clock, raw)
    fields: dict[str, Any] = arrange_fields(series, clock, FIELDS)
    bare = [part.symbol for part in series if "open" not in part.fields]
    if 0 < len(bare) < len(series):
        findings.notes.append(f"Only closes are used: {', '.join(bare)} lacks open, high and low.")
        fields |= {key: np.full_like(fields["close"], np.nan) for key in ("open", "high", "low")}
    if raw:
        _note_missing_events(series, findings)
    dates = series[0].dates
    return Market(
        symbols=tuple(part.symbol for part in series),
        stamps=clock.stamps,
        columns=arrange_columns(series, clock, raw),
        timezone="UTC" if dates else timezone or series[0].zone or "UTC",
        name=name,
        notes=(*findings.warnings, *findings.notes),
        periods=periods,
        raw=raw,
        **fields,
    )


def _note_missing_events(series: Sequence[Series], findings: Findings) -> None:
    for event in ("split", "dividend"):
        silent = [part.symbol for part in series if event not in part.extras]
        if silent:
            findings.notes.append(
                f"Prices are taken as traded, but {', '.join(silent)} has no column {event}: "
                f"no {event} is assumed."
            )

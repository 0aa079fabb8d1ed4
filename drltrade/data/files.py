"""Opens one file as a raw table that remembers its line numbers."""

from __future__ import annotations

import gzip
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from drltrade.errors import DataError

__all__ = ["SUFFIXES", "RawTable", "from_frame", "read_table", "shown"]

_TEXT = (".csv", ".csv.gz", ".tsv", ".txt")
_PARQUET = (".parquet", ".pq")
SUFFIXES = (*_TEXT, *_PARQUET)
"""Endings of the files that can be read."""

_OTHER = {
    b"PK\x03\x04": "a workbook or zip archive; save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV",
    b"PAR1": "a parquet file; give it the ending .parquet",
    b"%PDF": "a PDF document; prices must come as CSV or parquet",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
    b"\x1f\x8b": "gzip-compressed; give it the ending .csv.gz",
}


@dataclass(frozen=True)
class RawTable:
    """A table as it stands in a file.

    Attributes:
        label: what to call it in an error, quotes included.
        stem: the file's name without its ending: the symbol, where the table has no other.
        frame: the cells; every row that holds something.
        lines: [rows] the place of each row, counted as people do.
        unit: what `lines` counts, "line" or "row".
    """

    label: str
    stem: str
    frame: pd.DataFrame
    lines: np.ndarray
    unit: str

    def where(self, row: int) -> str:
        """Names one row, to begin a sentence with."""
        return f"{self.label}, {self.unit} {self.lines[row]}"


def shown(cell: object) -> str:
    """Writes a cell or a column name so that it fits into a sentence."""
    text = " ".join(str(cell).split())
    return text if len(text) <= 40 else f"{text[:37]}..."


def read_table(path: Path) -> RawTable:
    """Reads a CSV or parquet file.

    Raises:
        DataError: the file is empty, is something else, or is no table.
    """
    near = path.is_relative_to(Path.cwd())
    label = f"'{path.relative_to(Path.cwd()) if near else path}'"
    name = path.name.lower()
    suffix = next((end for end in SUFFIXES if name.endswith(end)), None)
    if suffix is None:
        raise DataError(f"{label} is not a price file: its name must end in {', '.join(SUFFIXES)}.")
    try:
        if path.stat().st_size == 0:
            raise DataError(f"{label} is empty (0 bytes). Save the prices again.")
        if suffix in _PARQUET:
            return _tidy(_read_parquet(path, label), label, _stem(path), "row", 1)
        frame, first = _read_text(path, label)
    except OSError as error:
        raise DataError(f"{label} cannot be read: {error.strerror or error}.") from error
    return _tidy(frame, label, _stem(path), "line", first)


def from_frame(frame: pd.DataFrame) -> RawTable:
    """Wraps a DataFrame of the caller's own."""
    return _tidy(_with_index(frame), "The DataFrame", "asset", "row", 1)


def _stem(path: Path) -> str:
    name = path.name
    end = next((end for end in SUFFIXES if name.lower().endswith(end)), "")
    return name[: len(name) - len(end)]


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    named = any(name is not None for name in frame.index.names)
    if not named and not isinstance(frame.index, pd.DatetimeIndex):
        return frame.reset_index(drop=True)  # mere row numbers
    if isinstance(frame.columns, pd.MultiIndex):
        return _stamped(frame)
    names = ["date" if name is None else str(name) for name in frame.index.names]
    for name in names:
        if name in frame.columns:
            raise DataError(f"The table has '{name}' as a column and as its index. Keep one.")
    return frame.reset_index(names=names)


def _stamped(frame: pd.DataFrame) -> pd.DataFrame:
    # Two header rows, as yfinance makes them: the index becomes one more column of the first kind.
    stamped = frame.copy()
    stamped.insert(0, ("date", *[""] * (frame.columns.nlevels - 1)), frame.index)
    return stamped.reset_index(drop=True)


def _read_parquet(path: Path, label: str) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(path)
    except OSError:
        raise
    except Exception as error:  # pyarrow has many classes of its own for a damaged file
        raise DataError(f"{label} is not a readable parquet file. Save it again.") from error
    return _with_index(frame)


def _read_text(path: Path, label: str) -> tuple[pd.DataFrame, int]:
    head = _head(path, label)
    separator = max(",;\t|", key=head.split("\n")[0].count)
    double = head.startswith("Price,") and "\nTicker," in head
    try:
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
            if double:
                frame = pd.read_csv(path, header=[0, 1], index_col=0)
                return _stamped(frame), 4
            frame = pd.read_csv(
                path,
                sep=separator,
                index_col=False,
                skip_blank_lines=False,
                skipinitialspace=True,
                encoding="utf-8-sig",
                low_memory=False,
            )
    except UnicodeDecodeError as error:
        raise DataError(f"{label} is not UTF-8 text. Save it as UTF-8 CSV.") from error
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{label} has no columns. Save the prices again.") from error
    except pd.errors.ParserWarning as error:
        raise DataError(
            f"{label} is not a table: its rows have more cells than its header. Write one name per "
            "column, and quote cells that hold a comma."
        ) from error
    except (pd.errors.ParserError, ValueError) as error:
        detail = str(error).replace("Error tokenizing data. C error: ", "").strip().rstrip(".")
        raise DataError(
            f"{label} is not a table: {detail}. Give every row as many cells as the header."
        ) from error
    return frame, 2


def _head(path: Path, label: str) -> str:
    try:
        with gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb") as file:
            head = file.read(4096)
    except (gzip.BadGzipFile, EOFError) as error:
        raise DataError(f"{label} is not gzip-compressed although it ends in .gz.") from error
    for magic, kind in _OTHER.items():
        if head.startswith(magic):
            raise DataError(f"{label} is {kind}.")
    if b"\0" in head:
        raise DataError(f"{label} is not a table: it holds binary data.")
    if head.lstrip()[:1] in (b"<", b"{", b"["):
        opening = head.lstrip()[:20].lower()
        if not opening.startswith((b"<date", b"<ticker", b"<dtyyyymmdd")):  # MetaTrader's header
            kind = "a web page" if opening.startswith(b"<") else "JSON"
            raise DataError(f"{label} is {kind}, not a table. Save the prices as CSV.")
    text = head.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return text.lstrip("\ufeff")


def _tidy(frame: pd.DataFrame, label: str, stem: str, unit: str, first: int) -> RawTable:
    kept = ~frame.isna().all(axis=1).to_numpy(bool)
    lines = np.flatnonzero(kept) + first
    blank = [
        str(name).startswith("Unnamed:") and bool(frame.iloc[:, i].isna().all())
        for i, name in enumerate(frame.columns)
    ]
    tidy = frame.loc[kept, [not empty for empty in blank]].reset_index(drop=True)
    if not len(tidy):
        raise DataError(f"{label} has a header but no rows. Save the prices again.")
    return RawTable(label, stem, tidy, lines, unit)

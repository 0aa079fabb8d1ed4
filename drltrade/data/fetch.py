"""Fetches daily prices from Yahoo into a cache that answers the second call offline."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from drltrade.data import yahoo
from drltrade.data.dates import read_stamp
from drltrade.data.traded import PRICES, as_traded
from drltrade.errors import DataError, UsageError

__all__ = ["fetch"]

_BASIS = {
    False: "adjusted for splits and dividends",
    True: "as traded: its split adjustment undone, splits and dividends as columns",
}
_SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.^=\-]*")


def fetch(
    symbols: Sequence[str],
    start: Any,
    end: Any = None,
    *,
    cache: str | Path = Path("data/cache"),
    session: Any = None,
    progress: Callable[[str], None] | None = None,
    attempts: int = 3,
    pause: float = 2.0,
    raw: bool = False,
) -> Path:
    """Downloads daily prices, adjusted for splits and dividends, and writes them as one CSV file.

    With `raw` the prices are as traded, with columns dividend and split beside them: to be loaded
    with `prices: raw`. Yahoo itself has split-adjusted prices alone; the splits are undone here.

    Each symbol is kept in the cache with the days it was asked for; a call for days within those
    needs no network. A wider call downloads the whole span again, because adjusted prices of the
    past change with every dividend.

    Args:
        symbols: tickers as Yahoo spells them.
        start: first day.
        end: last day, inclusive; None is yesterday, since today's bar may still change.
        cache: the folder to keep prices in.
        session: a requests or curl_cffi session for yfinance.
        progress: called with one line about each step.
        attempts: how often to ask before giving up.
        pause: seconds before the second attempt; doubled for each further one.
        raw: whether prices are to be as traded.

    Returns:
        The CSV file, long, one row per symbol and day: what to name as data.

    Raises:
        DataError: a ticker is unknown, or Yahoo cannot be reached.
        UsageError: no symbol, or a span that is none.
    """
    tell = progress or (lambda line: None)
    wanted = _symbols(symbols)
    first, last = _span(start, end)
    folder = Path(cache)
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for i, symbol in enumerate(wanted, start=1):
        kept = _cached(folder, symbol, first, last, raw)
        count = f"[{i}/{len(wanted)}] {symbol}"
        if kept is None:
            tell(f"{count}: asking Yahoo for {first} to {last}")
            answer = _ask(symbol, first, last, session, tell, attempts, pause, raw)
            frame, notes = _raw(answer, last) if raw else _tidy(answer)
            _keep(folder, symbol, first, last, frame, notes, raw)
            for note in notes:
                tell(f"{count}: {note}")
            kept = frame
        else:
            tell(f"{count}: from the cache, no network needed")
        inside = kept[(kept["date"] >= str(first)) & (kept["date"] <= str(last))]
        if inside.empty:
            raise DataError(f"Yahoo has no bar of '{symbol}' from {first} to {last}.")
        tell(f"{count}: {len(inside)} bars, {inside['date'].iloc[0]} to {inside['date'].iloc[-1]}")
        parts.append(inside.assign(symbol=symbol))
    events = ["dividend", "split"] if raw else []
    table = pd.concat(parts)[["symbol", "date", *PRICES, "volume", *events]]
    path = folder / f"{_name(wanted)}_{first}_{last}{'_raw' if raw else ''}.csv"
    _write(path, table.to_csv(index=False).encode())
    return path


def _symbols(symbols: Sequence[str]) -> list[str]:
    listed = [symbols] if isinstance(symbols, str) else list(symbols)
    wanted = list(dict.fromkeys(str(symbol).strip().upper() for symbol in listed))
    for symbol in wanted:
        if not _SYMBOL.fullmatch(symbol):
            raise UsageError(
                f"'{symbol}' is no ticker. Write it as Yahoo does: AAPL, ^GSPC, BRK-B."
            )
    if not wanted:
        raise UsageError("No ticker is named. Name at least one, such as AAPL.")
    return wanted


def _span(start: Any, end: Any) -> tuple[date, date]:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    first = _day(read_stamp(start))
    last = yesterday if end is None else min(_day(read_stamp(end, last=True)), yesterday)
    if first > last:
        raise UsageError(
            f"There is no day from {first} to {last}. Choose a start before the end, "
            f"and both before today."
        )
    return first, last


def _day(stamp: np.datetime64) -> date:
    return date.fromisoformat(str(stamp.astype("datetime64[D]")))


def _ask(
    symbol: str,
    first: date,
    last: date,
    session: Any,
    tell: Callable[[str], None],
    attempts: int,
    pause: float,
    raw: bool,
) -> pd.DataFrame:
    reason = ""
    download = yahoo.download_raw if raw else yahoo.download
    for attempt in range(1, attempts + 1):
        try:
            return download(symbol, first, last, session)
        except yahoo.Unreachable as error:
            reason = str(error).rstrip(".")
            if attempt < attempts:
                wait = pause * 2 ** (attempt - 1)
                tell(f"{symbol}: no answer ({reason}); trying again in {wait:g} s")
                time.sleep(wait)
    raise DataError(
        f"Yahoo cannot be reached for '{symbol}' ({reason}; asked {attempts} times). Check the "
        "network; spans fetched before are answered from the cache."
    )


def _raw(frame: pd.DataFrame, last: date) -> tuple[pd.DataFrame, list[str]]:
    traded, doubts = as_traded(frame)
    table, notes = _tidy(traded[traded.index <= pd.Timestamp(last)])
    count = int((table["split"] != 1).sum()), int((table["dividend"] > 0).sum())
    return table, [f"{count[0]} splits and {count[1]} dividends", *doubts, *notes]


def _tidy(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    notes = []
    table = frame.reset_index()
    table["date"] = table["date"].dt.strftime("%Y-%m-%d")
    gone = table[PRICES].isna().any(axis=1) | (table[PRICES] <= 0).any(axis=1)
    if gone.any():
        days = ", ".join(table.loc[gone, "date"].iloc[:3])
        notes.append(f"{int(gone.sum())} days without a price are left out ({days} ...)")
    table = table[~gone].drop_duplicates("date").reset_index(drop=True)
    high, low = table[PRICES].max(axis=1), table[PRICES].min(axis=1)
    off = np.maximum(high / table["high"], table["low"] / low) - 1
    if (off > 1e-6).any():
        notes.append(
            f"high or low of {int((off > 1e-6).sum())} bars did not hold open and close, by up to "
            f"{off.max():.2%}; they are widened"
        )
    table["high"], table["low"] = high, low
    return table, notes


def _files(folder: Path, symbol: str, raw: bool) -> tuple[Path, Path]:
    kind = ".raw" if raw else ""
    return folder / f"{symbol}{kind}.prices.csv", folder / f"{symbol}{kind}.json"


def _cached(folder: Path, symbol: str, first: date, last: date, raw: bool) -> pd.DataFrame | None:
    prices, card = _files(folder, symbol, raw)
    try:
        known = json.loads(card.read_text(encoding="utf-8"))
        content = prices.read_bytes()
        covered = known["start"] <= str(first) and str(last) <= known["end"]
        if not covered or hashlib.sha256(content).hexdigest() != known["sha256"]:
            return None
        return pd.read_csv(prices, dtype={"date": str})
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a damaged entry is fetched again


def _keep(
    folder: Path,
    symbol: str,
    first: date,
    last: date,
    frame: pd.DataFrame,
    notes: list[str],
    raw: bool,
) -> None:
    prices, card = _files(folder, symbol, raw)
    content = frame.to_csv(index=False).encode()
    known = {
        "symbol": symbol,
        "source": f"Yahoo Finance through yfinance, {_BASIS[raw]}",
        "start": str(first),
        "end": str(last),
        "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": len(frame),
        "notes": notes,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    _write(prices, content)
    _write(card, json.dumps(known, indent=2).encode())


def _name(symbols: list[str]) -> str:
    if len(symbols) <= 5:
        return "_".join(symbols)
    digest = hashlib.sha256(" ".join(symbols).encode()).hexdigest()[:8]
    return f"{'_'.join(symbols[:3])}_and_{len(symbols) - 3}_more_{digest}"


def _write(path: Path, content: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    beside.write_bytes(content)
    os.replace(beside, path)

"""Turns whatever the user names as data into one Market."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from drltrade.data.market import Market
from drltrade.errors import UsageError, unknown

__all__ = ["load_market"]

_SAMPLE = Path(__file__).with_name("sample.parquet")


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
) -> Market:
    """Loads the embedded sample (files follow)."""
    if not isinstance(source, str) or source != "sample":
        raise UsageError("Only the embedded sample can be loaded yet.")
    table = pd.read_parquet(_SAMPLE)
    wanted = list(symbols or ["AAPL"])
    known = list(dict.fromkeys(table["symbol"]))
    for symbol in wanted:
        if symbol not in known:
            raise unknown("symbol in the sample", symbol, known)
    groups = [table[table["symbol"] == symbol].set_index("date") for symbol in wanted]
    stamps = groups[0].index
    for group in groups[1:]:
        stamps = stamps.intersection(group.index)
    fields: dict[str, Any] = {
        key: np.stack([group.loc[stamps, key].to_numpy(np.float64) for group in groups], axis=1)
        for key in ("open", "high", "low", "close", "volume")
    }
    market = Market(
        symbols=tuple(wanted),
        stamps=stamps.to_numpy("datetime64[ns]"),
        name=name or "sample",
        periods=periods_per_year,
        **fields,
    )
    return market.between(start, end) if start is not None or end is not None else market

"""Checks a Market once, when it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from drltrade.data.dates import check_zone, show
from drltrade.data.reserved import find_column_faults
from drltrade.data.rules import find_faults
from drltrade.errors import DataError

if TYPE_CHECKING:
    from drltrade.data.market import Market

__all__ = ["FIELDS", "check_clock", "check_shapes", "check_values"]

FIELDS = ("open", "high", "low", "close", "volume")


def check_shapes(market: Market) -> None:
    """Refuses arrays that do not fit together."""
    bars, assets = market.bars, market.assets
    if not bars or not assets:
        raise DataError(f"{market.name} is empty: {bars} bars of {assets} assets.")
    if len(set(market.symbols)) < assets:
        raise DataError(f"{market.name} names a symbol twice: {', '.join(market.symbols)}.")
    if market.segment.shape != (bars,):
        raise DataError(f"{market.name}: segment has shape {market.segment.shape}, not ({bars},).")
    tables = {key: getattr(market, key) for key in FIELDS} | dict(market.columns)
    for key, values in tables.items():
        if values.shape != (bars, assets):
            raise DataError(
                f"{market.name}: {key} has shape {values.shape}; {bars} stamps and {assets} "
                f"symbols ask for ({bars}, {assets})."
            )
    missing = [bool(np.isnan(getattr(market, key)).all()) for key in ("open", "high", "low")]
    if any(missing) and not all(missing):
        raise DataError(f"{market.name} needs open, high and low together, or none of the three.")
    check_zone(market.timezone)


def check_clock(market: Market) -> None:
    """Refuses stamps that do not increase within a segment."""
    if np.isnat(market.stamps).any():
        row = int(np.flatnonzero(np.isnat(market.stamps))[0])
        raise DataError(f"{market.name}: the stamp of bar {row} is missing.")
    turn = np.diff(market.segment)
    if market.segment[0] != 0 or not np.isin(turn, (0, 1)).all():
        raise DataError(f"{market.name}: segments must count 0, 0, ..., 1, 1, ... along time.")
    count, labels = int(market.segment[-1]) + 1, market.labels
    if labels and (len(labels) != count or len(set(labels)) < count):
        raise DataError(
            f"{market.name} has {count} segments, but the labels {', '.join(labels)}. Name each"
            " segment once, or none."
        )
    back = (np.diff(market.stamps) <= np.timedelta64(0, "ns")) & (turn == 0)
    if back.any():
        row = int(np.flatnonzero(back)[0]) + 1
        raise DataError(
            f"{market.name}: stamps must increase, but bar {row} ({show(market.stamps[row])}) "
            f"follows {show(market.stamps[row - 1])}. Sort the bars and keep one of each stamp."
        )


def check_values(market: Market) -> None:
    """Refuses impossible prices, volumes and reserved columns."""
    faults = find_faults(market.open, market.high, market.low, market.close, market.volume)
    faults += find_column_faults(market.columns, market.raw)
    if faults:
        fault = faults[0]
        where = f"{market.symbols[fault.asset]} at {show(market.stamps[fault.bar])}"
        raise DataError(
            f"{market.name}: {fault.column} of {where} is {fault.value:g}, {fault.problem}. "
            f"{fault.fix}"
        )

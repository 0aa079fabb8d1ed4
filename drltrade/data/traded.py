"""Turns Yahoo's split-adjusted prices back into those that were traded."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["PRICES", "as_traded"]

PRICES = ["open", "high", "low", "close"]
_ROOM = 0.1  # how far a dividend may be from what Adj Close says of it


def as_traded(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Undoes the splits in prices, volumes and dividends.

    Yahoo divides every price, volume and dividend of the past by the splits that came later, also
    where it calls prices unadjusted; only dividends are left in those. So prices and dividends are
    multiplied by the product of the later splits, and volumes divided by it. All splits up to
    today must be in the table, or the past stays adjusted for the ones that are missing. Events on
    days without a price move to the next day that has one.

    Args:
        frame: one row a day to today: open, high, low, close, volume, dividend, split (0 is none)
            and perhaps adjusted, the adjusted close.

    Returns:
        Open, high, low, close, volume, dividend (per share after the day's split) and split (1 is
        none), and what there is to say about them.
    """
    table = frame.copy()
    priced = table["close"].notna().to_numpy(bool)
    split = table["split"].fillna(0.0).to_numpy(np.float64)
    dividend = table["dividend"].fillna(0.0).to_numpy(np.float64)
    split, dividend = _moved(np.where(split == 0, 1.0, split), dividend, priced)
    later = np.append(np.cumprod(split[:0:-1])[::-1], 1.0) if len(split) else split
    table["split"] = split
    table["dividend"] = dividend * later
    for name in PRICES:
        table[name] = table[name].to_numpy(np.float64) * later
    volume = table["volume"].to_numpy(np.float64)
    table["volume"] = np.where(later == 1, volume, np.round(volume / later))
    notes = _doubts(frame, dividend, priced)
    return table[[*PRICES, "volume", "dividend", "split"]], notes


def _moved(
    split: np.ndarray, dividend: np.ndarray, priced: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    # In today's shares, in which Yahoo counts, dividends of several days simply add up.
    days = np.flatnonzero(priced)
    if not len(days):
        return split, dividend
    following = np.searchsorted(days, np.arange(len(split)))
    target = np.append(days, len(split) - 1)[following]  # after the last price they stay behind
    shares, cash = np.ones_like(split), np.zeros_like(dividend)
    np.multiply.at(shares, target, split)
    np.add.at(cash, target, dividend)
    return shares, cash


def _doubts(frame: pd.DataFrame, dividend: np.ndarray, priced: np.ndarray) -> list[str]:
    # Adj Close falls by dividend over the close before: an independent word on each dividend.
    if "adjusted" not in frame or frame["adjusted"].isna()[priced].any():
        return []
    close = frame["close"].to_numpy(np.float64)[priced]
    factor = frame["adjusted"].to_numpy(np.float64)[priced] / close
    paid = dividend[priced][1:]
    implied = close[:-1] * (1 - factor[:-1] / factor[1:])
    wrong = (paid > 0) & (np.abs(implied - paid) > _ROOM * paid)
    if not wrong.any():
        return []
    day = str(frame.index[priced][1:][wrong][0])[:10]
    return [
        f"{int(wrong.sum())} dividends do not fit Yahoo's own Adj Close ({day} ...); "
        "look them up before you rely on them"
    ]

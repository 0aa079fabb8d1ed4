"""Cuts a Market into its segments, so that no feature looks across a seam."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from drltrade.data.market import Market

__all__ = ["piece", "spans"]


def spans(segment: np.ndarray) -> list[tuple[int, int]]:
    """Returns the first row and the row after the last of every segment, in order.

    Args:
        segment: [T] int64, 0, 0, ..., 1, 1.
    """
    seams = np.flatnonzero(np.diff(segment)) + 1
    edges = [0, *(int(seam) for seam in seams), len(segment)]
    return list(pairwise(edges))


def piece(market: Market, start: int, stop: int) -> Market:
    """Returns the Market of rows start to stop - 1, which lie in one segment."""
    if start == 0 and stop == market.bars:
        return market
    prices = {
        key: getattr(market, key)[start:stop]
        for key in ("stamps", "open", "high", "low", "close", "volume")
    }
    return dataclasses.replace(
        market,
        columns={key: values[start:stop] for key, values in market.columns.items()},
        segment=np.zeros(stop - start, np.int64),
        labels=(),
        periods=market.periods_per_year,
        **prices,
    )

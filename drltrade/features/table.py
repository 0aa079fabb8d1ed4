"""The table of our own features; every TA-Lib function stands beside it by its own name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drltrade.features import columns

__all__ = ["FEATURES", "Feature"]


@dataclass(frozen=True)
class Feature:
    """One line of the table: a function and what must be known to use it.

    Attributes:
        compute: (market, **params) -> [T, N] or [T, N, K] float64, where the market is one segment.
        summary: what it is, in one line.
        params: parameter names with their defaults, whole numbers; the first may be given alone.
        needs: what it reads, of "close", "ohlc" and "volume".
        warmup: (**params) -> rows at the start of a segment that have no value yet.
        outputs: the names of K outputs; empty for one.
        least: the smallest value that a parameter may have.
    """

    compute: Callable[..., NDArray[np.float64]]
    summary: str
    params: Mapping[str, int] = field(default_factory=dict)
    needs: tuple[str, ...] = ("close",)
    warmup: Callable[..., int] = lambda: 0
    outputs: tuple[str, ...] = ()
    least: int = 1


FEATURES: dict[str, Feature] = {
    "log_return": Feature(
        columns.log_return,
        "log return of the close over `bars` bars",
        params={"bars": 1},
        warmup=lambda bars: bars,
    ),
    "gap": Feature(
        columns.gap,
        "log step from the last close to the open",
        needs=("ohlc",),
        warmup=lambda: 1,
    ),
    "range": Feature(
        columns.price_range,
        "log distance of the bar's high and low",
        needs=("ohlc",),
    ),
    "relative_volume": Feature(
        columns.relative_volume,
        "volume over its mean of the last `window` bars",
        params={"window": 20},
        needs=("volume",),
        warmup=lambda window: window - 1,
    ),
    "dollar_volume": Feature(
        columns.dollar_volume,
        "log of close x volume over its mean of the last `window` bars",
        params={"window": 20},
        needs=("volume",),
        warmup=lambda window: window - 1,
    ),
    "volatility": Feature(
        columns.volatility,
        "standard deviation of the last `window` log returns, per bar",
        params={"window": 20},
        warmup=lambda window: window,
        least=2,
    ),
    "time_of_day": Feature(
        columns.time_of_day,
        "sine and cosine of the time of day on the market's clock",
        outputs=("sin", "cos"),
    ),
    "time_of_week": Feature(
        columns.time_of_week,
        "sine and cosine of the time of the week on the market's clock",
        outputs=("sin", "cos"),
    ),
}

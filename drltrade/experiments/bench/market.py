"""The random market that every case is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from drltrade.data import Market
from drltrade.sim import Prices

__all__ = ["FEATURES", "Walk", "bench_market", "bench_prices", "feature_matrix", "random_walk"]

FEATURES = 8
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Walk:
    """Bars of independent random walks, each array [T, N]."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


def random_walk(bars: int, assets: int = 1) -> Walk:
    """Draws prices that move half a percent a bar, with gaps, extremes and volume."""
    rng = np.random.default_rng(0)
    shape = (bars, assets)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.005, shape), axis=0))
    opens = close * np.exp(rng.normal(0, 0.001, shape))
    reach = np.abs(rng.normal(0, 0.002, (2, *shape)))
    high = np.maximum(opens, close) * (1 + reach[0])
    low = np.minimum(opens, close) * (1 - reach[1])
    return Walk(opens, high, low, close, rng.lognormal(10, 0.5, shape))


@lru_cache(maxsize=2)
def bench_prices(bars: int, assets: int) -> Prices:
    """What the engine trades at."""
    walk = random_walk(bars, assets)
    return Prices(walk.open, walk.close, walk.high, walk.low, volume=walk.volume)


@lru_cache(maxsize=2)
def feature_matrix(bars: int, assets: int, features: int = FEATURES) -> NDArray[np.float32]:
    """[T, N, F] noise."""
    rng = np.random.default_rng(1)
    return rng.standard_normal((bars, assets, features), dtype=np.float32)


@lru_cache(maxsize=2)
def bench_market(bars: int) -> Market:
    """One asset, a bar a minute."""
    walk = random_walk(bars)
    stamps = np.datetime64("2000-01-01T00:00", "ns") + np.arange(bars) * np.timedelta64(60, "s")
    return Market.build(
        walk.close,
        open=walk.open,
        high=walk.high,
        low=walk.low,
        volume=walk.volume,
        stamps=stamps,
        name="bench",
    )

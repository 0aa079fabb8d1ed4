"""The features of our own: each a causal, scale-free function of a Market's bars.

Every function takes one segment of a Market and returns [T, N] or [T, N, K] float64, NaN in the
rows that its table entry calls warm-up. Row t uses bars up to and including t.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from drltrade.features import clock
from drltrade.features.rolling import rolling_mean, rolling_moments, shift

if TYPE_CHECKING:
    from drltrade.data.market import Market

__all__ = [
    "dollar_volume",
    "gap",
    "log_return",
    "log_returns",
    "price_range",
    "relative_volume",
    "time_of_day",
    "time_of_week",
    "volatility",
]

Floats = NDArray[np.float64]
# A bar without trade counts as this share of its mean, since log 0 is no number.
_LEAST_SHARE = 1e-3


def log_returns(close: Floats, bars: int = 1) -> Floats:
    """Computes log(C_t / C_(t-bars)) of closes [T, N]; NaN in the first `bars` rows."""
    returns: Floats = np.log(close / shift(close, bars))
    return returns


def log_return(market: Market, bars: int) -> Floats:
    """Log return of the close over `bars` bars: log(C_t / C_(t-bars))."""
    return log_returns(market.close, bars)


def gap(market: Market) -> Floats:
    """Log step from the last close to the open: log(O_t / C_(t-1))."""
    return np.log(market.open / shift(market.close, 1))


def price_range(market: Market) -> Floats:
    """Log distance of the bar's extremes: log(H_t / L_t) (Parkinson, 1980, before averaging)."""
    distance: Floats = np.log(market.high / market.low)
    return distance


def relative_volume(market: Market, window: int) -> Floats:
    """Volume over its mean of the last `window` bars, this one included: 0 to `window`.

    1 where nothing at all was traded in the window.
    """
    return _share_of_mean(market.volume, window)


def dollar_volume(market: Market, window: int) -> Floats:
    """Log of close * volume over its mean of the last `window` bars, this one included.

    A bar without trade counts as 0.001 of the mean; 0 where the whole window had none.
    """
    share = _share_of_mean(market.close * market.volume, window)
    return np.log(np.maximum(share, _LEAST_SHARE))


def volatility(market: Market, window: int) -> Floats:
    """Standard deviation (ddof 1) of the last `window` one-bar log returns, per bar."""
    _, squares = rolling_moments(log_returns(market.close), window)
    return np.sqrt(squares / (window - 1))


def time_of_day(market: Market) -> Floats:
    """Sine and cosine of the time of day on the market's clock, midnight at angle 0."""
    return _circle(clock.day_fraction(market.stamps, market.timezone), market.assets)


def time_of_week(market: Market) -> Floats:
    """Sine and cosine of the time of the week on the market's clock, Monday 00:00 at angle 0."""
    return _circle(clock.week_fraction(market.stamps, market.timezone), market.assets)


def _share_of_mean(amounts: Floats, window: int) -> Floats:
    mean = rolling_mean(amounts, window)
    idle = mean == 0
    return np.where(idle, 1.0, amounts / np.where(idle, 1.0, mean))


def _circle(fraction: Floats, assets: int) -> Floats:
    angle = 2.0 * np.pi * fraction
    circle = np.stack([np.sin(angle), np.cos(angle)], axis=-1)  # [T, 2]
    return np.repeat(circle[:, None, :], assets, axis=1)

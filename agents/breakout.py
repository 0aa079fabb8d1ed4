"""A strategy of your own: Donchian's breakout. `drltrade backtest agents/breakout.py:Breakout`."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


class Breakout:
    """Buys above the highest high of the last `entry` bars, sells below the lowest low of `exit`.

    Source: Donchian's channel, as in the Turtle rules of Dennis and Eckhardt (20 and 10 days).
    """

    name = "breakout"

    def __init__(self, entry: int = 20, exit: int = 10) -> None:
        self.entry = entry
        self.exit = exit

    def targets(self, market, first):
        """Returns [T, N] weights: row t is decided at the close of bar t; NaN is no order."""
        high = market.high if market.has_ohlc else market.close
        low = market.low if market.has_ohlc else market.close
        ceiling = before(high, self.entry, np.max)
        floor = before(low, self.exit, np.min)
        targets = np.full((market.bars, market.assets), np.nan)
        for asset in range(market.assets):
            held = False
            for bar in range(first, market.bars):
                close = market.close[bar, asset]
                # A channel that is not known yet is NaN, and no price is above or below NaN.
                if not held and close > ceiling[bar, asset]:
                    targets[bar, asset], held = 1 / market.assets, True
                elif held and close < floor[bar, asset]:
                    targets[bar, asset], held = 0.0, False
        return targets


def before(values, bars, extreme):
    """The extreme of the `bars` rows before each row, not counting the row itself."""
    result = np.full(values.shape, np.nan)
    if len(values) > bars:
        result[bars:] = extreme(sliding_window_view(values, bars, axis=0)[:-1], axis=-1)
    return result

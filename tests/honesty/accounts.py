"""Plays one account on prices that are written out in the test."""

import numpy as np

from drltrade.sim import Commission, Costs, Prices, Rules, Slippage, run_path

FREE = Costs(Commission(0.0), Slippage(0.0))
_QUOTES = ("open", "high", "low", "volume", "halted", "delisted", "split", "dividend", "funding")


def play(close, targets, start=1000.0, **named):
    """One account along targets; arrays are [T] for one asset or [T, N], one row a bar.

    Opens are the closes and trading is free unless said otherwise; `named` holds fields of Prices
    and of Rules, whose names have nothing in common.
    """
    table = np.array(close, dtype=float).reshape(len(close), -1)
    fields = {"open": table, "costs": FREE} | named
    quotes = {name: fields.pop(name) for name in Prices.__dataclass_fields__ if name in fields}
    for name, value in quotes.items():
        array = np.array(value, dtype=float)
        quotes[name] = array.reshape(table.shape) if name in _QUOTES else array
    wanted = np.array(targets, dtype=float).reshape(table.shape)
    prices, rules = Prices(close=table, **quotes), Rules(**fields)
    return run_path(prices, rules, wanted, 0, len(table) - 1, start)

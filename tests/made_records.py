"""Records made up from an equity curve, for tests of what is computed of them."""

import dataclasses

import numpy as np

from drltrade.backtest.record import Record
from drltrade.sim import Path


def record_of(equity, *, weights=None, turnover=None, per_year=252.0, cash_rate=0.0):
    """A record with a given equity curve and nothing traded, unless told."""
    equity = np.asarray(equity, dtype=np.float64)
    bars = len(equity)
    arrays = {
        field.name: np.zeros((bars, 1))
        if field.name in {"weights", "shares", "targets", "traded", "fill_price", "status"}
        else np.zeros(bars)
        for field in dataclasses.fields(Path)
        if field.name != "terminated"
    }
    arrays |= {"equity": equity, "fill_price": np.full((bars, 1), np.nan)}
    if weights is not None:
        arrays["weights"] = np.asarray(weights, dtype=np.float64).reshape(bars, -1)
    if turnover is not None:
        arrays["turnover"] = np.asarray(turnover, dtype=np.float64)
    return Record(
        name="by hand",
        symbols=("X",),
        stamps=np.datetime64("2020-01-01", "ns") + np.arange(bars) * np.timedelta64(1, "D"),
        path=Path(**arrays, terminated=False),
        close=np.ones((bars, 1)),
        periods_per_year=per_year,
        cash_rate=cash_rate,
    )

"""A policy's record on real bars, judged."""

from drltrade.backtest.metrics import METRICS, compute_metrics
from drltrade.backtest.record import Record
from drltrade.backtest.runner import Actor, run_backtest
from drltrade.backtest.trades import Trade, trade_list

__all__ = [
    "METRICS",
    "Actor",
    "Record",
    "Trade",
    "compute_metrics",
    "run_backtest",
    "trade_list",
]

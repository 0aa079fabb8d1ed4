"""A policy's record on real bars, judged."""

from drltrade.backtest.record import Record
from drltrade.backtest.runner import Account, Actor, run_backtest

__all__ = ["Account", "Actor", "Record", "run_backtest"]

"""What a backtest leaves behind: every bar of one account, with what was assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.hindsight import Yardstick
from drltrade.sim import Path

__all__ = ["Record"]


@dataclass(frozen=True, eq=False, repr=False)
class Record:
    """One policy rolled through one market once.

    Attributes:
        name: what was rolled, such as "ppo seed 1" or "buy_and_hold".
        symbols: the N assets.
        stamps: [T] datetime64[ns], UTC; row 0 is the start, before any order.
        path: the account's ledger, one row a bar.
        close: [T, N] closes of the same bars; of a halted one the last before, as it was valued.
        periods_per_year: bars in a year, from the market's clock.
        cash_rate: interest a year on idle cash, by calendar days over 365, that a Sharpe ratio
            subtracts.
        assumptions: fill, costs, dates, data, agent: what the figures rest on.
        warnings: what a careful reader must know before believing them.
        split: [T, N] new shares for one old in each bar; None where nothing was split.
        actions: [T - 1, ...] raw actions of a policy; None for a strategy.
        idle: [T - 1] what idle cash earned in each bar, where that is not `cash_rate` by the days
            between stamps: accounts that are pooled are paid between their own.
        hindsight: how near it came to perfect foresight; None where nobody knows.
    """

    name: str
    symbols: tuple[str, ...]
    stamps: NDArray[np.datetime64]
    path: Path
    close: NDArray[np.float64]
    periods_per_year: float
    cash_rate: float = 0.0
    assumptions: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    actions: NDArray[Any] | None = None
    split: NDArray[np.float64] | None = None
    hindsight: Yardstick | None = None
    idle: NDArray[np.float64] | None = None

    def __repr__(self) -> str:
        start, end = (str(stamp)[:16] for stamp in self.stamps[[0, -1]])
        growth = self.equity[-1] / self.equity[0] - 1
        return f"<Record {self.name}: {len(self.stamps):,} bars {start} to {end}, {growth:+.1%}>"

    @property
    def label(self) -> str:
        """The name for tables; of a reference with what it knows: "hindsight (not causal)"."""
        knows = self.assumptions.get("reference")
        return f"{self.name} ({knows})" if knows else self.name

    @property
    def equity(self) -> NDArray[np.float64]:
        """[T] equity at each close; the first is the stake before entry."""
        return self.path.equity

    @property
    def cash_returns(self) -> NDArray[np.float64]:
        """[T - 1] what idle cash earned in each bar."""
        if self.idle is not None:
            return self.idle
        days = np.diff(self.stamps).astype("timedelta64[ns]").astype(np.float64) / 86_400e9
        return self.cash_rate * days / 365.0

    @property
    def returns(self) -> NDArray[np.float64]:
        """[T - 1] simple returns of equity, bar by bar."""
        return self.path.equity[1:] / self.path.equity[:-1] - 1.0

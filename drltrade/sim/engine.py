"""Steps B accounts on one market with one kernel call, and shows what happened as a Step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.errors import UsageError, unknown
from drltrade.sim import kernel
from drltrade.sim.prices import Prices
from drltrade.sim.rules import Rules

__all__ = ["EXTRAS", "Engine", "Step"]

EXTRAS = ("drawdown", "log_equity", "target")
"""What an observation may hold beside the window and the weights.

`target`, the weights last asked for, takes N columns.
"""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Step:
    """What one bar did to each account: read-only views, [B] unless said, until the next step.

    Money is in the account's currency; fractions are of equity. Nothing here is ever NaN but
    `targets` (no order) and `fill_price` (no trade).

    Attributes:
        bar: index of the bar that was just completed.
        start: equity at the start of the episode.
        equity_before: equity at the close before.
        equity: equity at the close of `bar`.
        cash: signed cash after the bar.
        turnover: traded notional over `equity_before`, buys and sells both counted.
        commission: paid to the broker, >= 0.
        slippage: lost to spread and slip, >= 0.
        carry: interest and fees on what was held; received is positive.
        gap_pnl: gain of the old shares from the last close to the fill price.
        bar_pnl: gain of the new shares from the fill price to the close.
        shortfall: what ruin forgave, >= 0; zero but in the bar of ruin.
        drawdown: depth below the peak as a fraction of it, >= 0.
        drawdown_change: its rise during this bar.
        exposure: gross, the sum of |weights| after the close.
        benchmark_return: equal-weight close-to-close return of the market in this bar.
        terminated: the account was ruined.
        truncated: the data or the episode ended.
        weights: [B, N] drifted weights after the close.
        shares: [B, N].
        targets: [B, N] weights that were asked for.
        traded: [B, N] signed notional.
        fill_price: [B, N]; where ruin came at the fill, the price at which everything was closed.
        status: [B, N] uint8 codes of `sim.STATUS`.
    """

    bar: NDArray[np.int64]
    start: Floats
    equity_before: Floats
    equity: Floats
    cash: Floats
    turnover: Floats
    commission: Floats
    slippage: Floats
    carry: Floats
    gap_pnl: Floats
    bar_pnl: Floats
    shortfall: Floats
    drawdown: Floats
    drawdown_change: Floats
    exposure: Floats
    benchmark_return: Floats
    terminated: Bools
    truncated: Bools
    weights: Floats
    shares: Floats
    targets: Floats
    traded: Floats
    fill_price: Floats
    status: NDArray[np.uint8]

    @property
    def costs(self) -> Floats:
        """Commission and slippage together, [B]."""
        return self.commission + self.slippage

    @property
    def simple_return(self) -> Floats:
        """Equity over equity before, less one, [B]."""
        return self.equity / self.equity_before - 1.0

    @property
    def log_return(self) -> Floats:
        """Log of equity over equity before, [B]; finite, because ruin has a floor."""
        return np.log(self.equity / self.equity_before)


class Engine:
    """B accounts on one market.

    Args:
        prices: opens and closes, [T, N].
        rules: fill, costs, limits.
        accounts: how many accounts, B.
        start_equity: cash of a fresh account.
        features: [T, N, F] float32 rows from which windows are observed; None observes nothing.
        window: rows W of a window.
        extras: names of `EXTRAS` that each observation adds after the weights.
        buffers: how many observation buffers take turns; 2 keeps the last one intact for a step.

    Raises:
        UsageError: the shapes do not fit or the fill needs opens that are missing.
    """

    def __init__(
        self,
        prices: Prices,
        rules: Rules,
        accounts: int = 1,
        *,
        start_equity: float = 1.0,
        features: NDArray[np.float32] | None = None,
        window: int = 1,
        extras: Sequence[str] = (),
        buffers: int = 1,
    ) -> None:
        prices.check_fill(rules)
        if accounts < 1:
            raise UsageError(f"accounts is {accounts}; it must be at least 1.")
        if not (np.isfinite(start_equity) and start_equity > 0):
            raise UsageError(f"start_equity is {start_equity!r}; it must be a positive number.")
        for name in extras:
            if name not in EXTRAS:
                raise unknown("account column", name, EXTRAS)
        self.prices, self.rules, self.accounts = prices, rules, accounts
        self.start_equity, self.window = start_equity, window
        self._rules = rules.pack()
        self._account = np.zeros(accounts, dtype=kernel.ACCOUNT)
        self._book = np.zeros((accounts, len(kernel.BOOK), prices.assets))
        self._status = np.zeros((accounts, prices.assets), dtype=np.uint8)
        self._extras = np.array([EXTRAS.index(name) for name in extras], dtype=np.int64)
        self._features, self._width = self._window(features, window)
        columns = sum(prices.assets if name == "target" else 1 for name in extras)
        size = int(self._width[0]) + prices.assets + columns if features is not None else 0
        self._buffers = [np.zeros((accounts, size), dtype=np.float32) for _ in range(buffers)]
        self._turn = 0
        self.current = _view(self._account, self._book, self._status)

    def _window(
        self, features: NDArray[np.float32] | None, window: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        if features is None:
            return np.zeros(0, dtype=np.float32), np.zeros(2, dtype=np.int64)
        shape = (self.prices.bars, self.prices.assets)
        if features.shape[:2] != shape or features.dtype != np.float32:
            raise UsageError(
                f"features must be float32 [T, N, F] with T, N = {shape}; got {features.dtype}"
                f" {features.shape}."
            )
        if not 1 <= window <= self.prices.bars:
            raise UsageError(f"window is {window}; it must be from 1 to {self.prices.bars} bars.")
        row = features.shape[1] * features.shape[2]
        return np.ascontiguousarray(features).reshape(-1), np.array([window * row, row])

    @property
    def observations(self) -> NDArray[np.float32]:
        """The latest observations [B, W * N * F + N + extras], intact for `buffers` steps."""
        return self._buffers[self._turn]

    def reset(
        self, rows: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]
    ) -> None:
        """Starts fresh episodes for some accounts: all cash at the close of bar `first`.

        Args:
            rows: [R] which accounts.
            first: [R] bars after which the first decision is taken. Where the window reaches back
                before bar 0 the observation is NaN.
            last: [R] bars whose close ends the episode; above `first`.

        Raises:
            UsageError: an episode does not fit the data.
        """
        if rows.size == 0:
            return
        if first.min() < 0 or last.max() >= self.prices.bars:
            raise UsageError(
                f"Episodes must lie in bars 0..{self.prices.bars - 1}; got"
                f" {first.min()}..{last.max()}."
            )
        if (last <= first).any():
            raise UsageError("An episode needs at least one bar after its first.")
        kernel.reset(self._account, self._book, self._status, rows, first, last, self.start_equity)
        kernel.observe_rows(
            rows, self._account, self._book, self._features, self._width, self._extras,
            self._buffers[self._turn],
        )  # fmt: skip

    def step(self, targets: Floats) -> Step:
        """Takes every account through one bar.

        Args:
            targets: [B, N] float64 weights of equity; NaN is no order.
        """
        self._turn = (self._turn + 1) % len(self._buffers)
        kernel.advance(
            self._account, self._book, self._status, targets, self.prices.table,
            self.prices.benchmark, self._rules, self._features, self._width, self._extras,
            self._buffers[self._turn],
        )  # fmt: skip
        return self.current


def _view(account: NDArray[np.void], book: Floats, status: NDArray[np.uint8]) -> Step:
    fields = Step.__dataclass_fields__
    arrays: dict[str, NDArray[Any]] = {"status": status.view()}
    arrays |= {name: account[name] for name in kernel.ACCOUNT.names or () if name in fields}
    arrays |= {name: book[:, row] for row, name in enumerate(kernel.BOOK) if name in fields}
    for array in arrays.values():
        array.setflags(write=False)
    return Step(**arrays)

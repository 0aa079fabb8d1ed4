"""Steps B accounts through the ledger in torch, so that money has gradients by targets.

A third writing of LEDGER.md beside the compiled kernel and the plain-Python ledger of the tests.
Exact where money is smooth. At a kink (no trade, a limit, a cap, the cheaper side of a fee) the
gradient is that of one side, and of a jump (an order sent or not, a close-out or none) it is that
of the side taken: where a close-out begins, gradients do not see it coming.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drltrade.errors import UsageError
from drltrade.sim.prices import Prices
from drltrade.sim.rules import Rules
from drltrade.sim.twin_account import PIECES, Account, Bar
from drltrade.sim.twin_bar import (
    CAP,
    DELISTED,
    DIVIDEND,
    FUNDING,
    HALTED,
    IMPACT,
    SPLIT,
    Passage,
)
from drltrade.sim.twin_fill import Filler

__all__ = ["PIECES", "Account", "Bar", "Twin"]

_OPEN, _CLOSE = 0, 3  # columns of `Prices.quotes`
_NEUTRAL = {HALTED: 0.0, DELISTED: 0.0, SPLIT: 1.0, DIVIDEND: 0.0, FUNDING: 0.0}


class Twin:
    """The differentiable market of B accounts; B is free at each reset.

    Args:
        prices: quotes, events and clock of N assets. A bar's high and low enclose its open and
            close.
        rules: what accounts trade under; all of LEDGER.md but lots.
        dtype: torch.float64 or torch.float32.
        device: where the tables and accounts live.

    Raises:
        UsageError: the prices cannot serve the rules, or the rules round to lots.
    """

    def __init__(
        self,
        prices: Prices,
        rules: Rules,
        *,
        dtype: torch.dtype = torch.float64,
        device: str | torch.device = "cpu",
    ) -> None:
        prices.check(rules)
        if dtype not in (torch.float64, torch.float32):
            raise UsageError(f"dtype is {dtype}; it must be torch.float64 or torch.float32.")
        if rules.lot > 0:
            raise UsageError(
                f"lot is {rules.lot:g}, but whole lots have no gradient: the differentiable ledger"
                " needs lot: 0. Train without lots and backtest with them."
            )
        self.prices, self.rules, self.dtype = prices, rules, dtype
        self.device = torch.device(device)
        self._filler = Filler(rules, prices.assets, dtype)
        self._quotes = self._table(prices.quotes)
        self._days, self._benchmark = self._table(prices.clock).unbind(1)
        events = prices.events(rules)
        self._events = self._table(events)
        self._said = [k for k, usual in _NEUTRAL.items() if (events[:, :, k] != usual).any()]
        self._said += [IMPACT] if rules.costs.impact.coefficient > 0 else []
        self._said += [CAP] if rules.participation.rate is not None else []
        carry = rules.carry
        self._carries = carry.cash > 0 or carry.debit > 0 or carry.borrow > 0

    def _table(self, array: NDArray[np.float64]) -> Tensor:
        return torch.tensor(array, dtype=self.dtype, device=self.device)

    def reset(self, bars: Tensor, start_equity: float | Tensor = 1.0) -> Account:
        """Starts accounts in cash.

        Args:
            bars: [B] int64, after whose close each account starts.
            start_equity: cash at the start, one number or [B].

        Raises:
            UsageError: a bar has no bar after it.
        """
        bars = torch.as_tensor(bars, dtype=torch.int64, device=self.device)
        lowest, highest = int(bars.min()), int(bars.max())
        if lowest < 0 or highest > self.prices.bars - 2:
            raise UsageError(
                f"Accounts start at bars 0..{self.prices.bars - 2}; got {lowest}..{highest}."
            )
        start = torch.as_tensor(start_equity, dtype=self.dtype, device=self.device)
        cash = start.detach().expand(bars.shape).clone()
        never = torch.zeros_like(bars, dtype=torch.bool)
        flat = cash.new_zeros((len(bars), self.prices.assets))
        return Account(
            cash=cash, shares=flat, price=self._quotes[bars, :, _CLOSE], ordered=flat,
            asked=flat, equity=cash,
            start=cash, peak=cash, bar=bars, terminated=never, liquidated=never,
            room=self.prices.bars - 1 - highest,
        )  # fmt: skip

    def restart(
        self, account: Account, which: Tensor, bars: Tensor, start_equity: float | Tensor = 1.0
    ) -> Account:
        """Starts some of the accounts anew and lets the others be.

        Args:
            account: all of them.
            which: [B] bool, those to start.
            bars: [B] int64 as in `reset`; read where `which` holds, but valid everywhere.
            start_equity: as in `reset`.
        """
        fresh = self.reset(bars, start_equity)
        tensors = {}
        for name, old in vars(account).items():
            if isinstance(old, Tensor):
                rows = which if old.ndim == 1 else which[:, None]
                tensors[name] = torch.where(rows, getattr(fresh, name), old)
        room = self.prices.bars - 1 - int(tensors["bar"].max())
        return Account(**tensors, room=room)

    def step(self, account: Account, targets: Tensor) -> tuple[Account, Bar]:
        """Takes every account through one bar.

        Args:
            account: where they stand.
            targets: [B, N] weights of equity; NaN is no order.

        Raises:
            UsageError: the shape does not fit, or the data ends here.
        """
        if targets.shape != account.shares.shape:
            raise UsageError(
                f"targets must be [B, N] = {tuple(account.shares.shape)}; got"
                f" {tuple(targets.shape)}."
            )
        if account.room < 1:
            raise UsageError("An account stands at the last bar of the data; restart it first.")
        row, fill, targets = account.bar + 1, self.rules.fill, targets.to(self.dtype)
        quote = self._quotes.index_select(0, row).unbind(2)
        event = self._at(row)
        days = self._days.index_select(0, row) if self._carries else None
        passage = Passage(account, self.rules, self._filler)
        if fill == "same_close":
            passage.fill(account.price, targets, self._at(account.bar))
        passage.hold(days, event)
        passage.check(quote[_OPEN], event)
        if fill == "next_open":
            passage.fill(quote[_OPEN], targets, event)
        passage.extremes(quote, event)
        if fill == "next_close":
            passage.fill(quote[_CLOSE], targets, event)
        return passage.mark(quote[_CLOSE], row, self._benchmark)

    def run(
        self, targets: Tensor, first: int | Tensor, start_equity: float = 1.0
    ) -> dict[str, Tensor]:
        """Steps fresh accounts along given targets.

        Args:
            targets: [T, B, N] weights; row k is decided k bars after the first.
            first: the bar, or [B] bars, after whose close the accounts start.
            start_equity: cash at the start.

        Returns:
            Each of `PIECES`, [T, B] or [T, B, N].
        """
        bars = torch.as_tensor(first, device=self.device).expand(targets.shape[1])
        account, pieces = self.reset(bars, start_equity), []
        for row in targets:
            account, bar = self.step(account, row)
            pieces.append([getattr(bar, name) for name in PIECES])
        columns = zip(PIECES, zip(*pieces, strict=True), strict=True)
        return {name: torch.stack(column) for name, column in columns}

    def _at(self, row: Tensor) -> dict[int, Tensor]:
        """The columns [B, N] of the events table that say anything."""
        if not self._said:
            return {}
        columns = self._events.index_select(0, row).unbind(2)
        return {kind: columns[kind] for kind in self._said}

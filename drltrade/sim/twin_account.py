"""What the differentiable ledger keeps and tells: B accounts, and what one bar did to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from drltrade.sim.twin_fill import Tariff, total

__all__ = ["PIECES", "Account", "Bar", "Leg", "Payment"]

PIECES = (
    "equity_before", "equity", "cash", "turnover", "commission", "slippage", "impact", "interest",
    "borrow", "funding", "dividends", "haircut", "gap_pnl", "bar_pnl", "shortfall", "drawdown",
    "drawdown_change", "exposure", "benchmark_return", "terminated", "liquidated", "weights",
    "shares", "traded",
)  # fmt: skip
"""What `Twin.run` stacks: properties of a Bar, as in `sim.Step`."""


@dataclass(frozen=True, eq=False)
class Account:
    """B accounts at the close of their bars.

    Attributes:
        cash: [B] signed.
        shares: [B, N] signed.
        price: [B, N] close of `bar`.
        ordered: [B, N] weights last ordered, NaN where they are sent again; no gradient.
        asked: [B, N] targets of the last bar, which stand while they are sent again; no gradient.
        equity: [B] at the close.
        start: [B] equity at the start of the episode.
        peak: [B] the highest equity so far.
        bar: [B] int64 index of the last complete bar.
        terminated: [B] bool; such an account stands still.
        liquidated: [B] bool, terminated by a close-out that left more than the floor.
        room: bars that every account can still go before the data ends.
    """

    cash: Tensor
    shares: Tensor
    price: Tensor
    ordered: Tensor
    asked: Tensor
    equity: Tensor
    start: Tensor
    peak: Tensor
    bar: Tensor
    terminated: Tensor
    liquidated: Tensor
    room: int

    @property
    def weights(self) -> Tensor:
        """[B, N] drifted weights."""
        return self.shares * self.price / self.equity[:, None]

    @property
    def drawdown(self) -> Tensor:
        """[B] depth below the peak as a fraction of it."""
        return 1.0 - self.equity / self.peak

    def detach(self) -> Account:
        """The same accounts cut off from the graph: where back-propagation through time ends."""
        return replace(
            self, cash=self.cash.detach(), shares=self.shares.detach(),
            equity=self.equity.detach(), peak=self.peak.detach(),
        )  # fmt: skip


class Leg(NamedTuple):
    """Shares that were held from one price to another; `gap` says whether it was before a fill."""

    gap: bool
    shares: Tensor
    since: Tensor
    until: Tensor


class Payment(NamedTuple):
    """Trades [B, N] of signed notional that were paid for."""

    trade: Tensor
    price: Tensor
    impact: Tensor | None


@dataclass(frozen=True, eq=False)
class Bar:
    """What one bar did to each account; pieces are worked out, with gradients, when asked for.

    Names and signs are those of `sim.Step`. equity - equity_before = gap_pnl + bar_pnl + dividends
    + interest - borrow + funding - commission - slippage - impact - haircut + shortfall.

    Attributes:
        before: the accounts before the bar.
        after: the accounts after it.
        traded: [B, N] signed notional of the fill.
        interest, borrow, funding, dividends, haircut, shortfall: [B].
    """

    before: Account
    after: Account
    traded: Tensor
    interest: Tensor
    borrow: Tensor
    funding: Tensor
    dividends: Tensor
    haircut: Tensor
    shortfall: Tensor
    _unpaid: Tensor  # [B] notional closed by ruin at the fill: turnover without costs
    _legs: Sequence[Leg]
    _payments: Sequence[Payment]
    _tariff: Tariff
    _benchmark: Tensor  # [T]

    @property
    def equity_before(self) -> Tensor:
        """[B] at the close before."""
        return self.before.equity

    @property
    def equity(self) -> Tensor:
        """[B] at the close."""
        return self.after.equity

    @property
    def cash(self) -> Tensor:
        """[B] signed."""
        return self.after.cash

    @property
    def shares(self) -> Tensor:
        """[B, N]."""
        return self.after.shares

    @property
    def weights(self) -> Tensor:
        """[B, N] after the close."""
        return self.after.weights

    @property
    def terminated(self) -> Tensor:
        """[B] bool."""
        return self.after.terminated

    @property
    def liquidated(self) -> Tensor:
        """[B] bool; once true it stays so."""
        return self.after.liquidated

    @property
    def log_return(self) -> Tensor:
        """[B] finite, because ruin has a floor."""
        return torch.log(self.after.equity / self.before.equity)

    @property
    def turnover(self) -> Tensor:
        """[B] traded notional, closing out included, over `equity_before`."""
        return (self._notional + self._unpaid) / self.before.equity

    @property
    def commission(self) -> Tensor:
        """[B] paid to the broker, >= 0."""
        if self._tariff.linear:
            return self._tariff.rate * self._notional
        fees = [total(self._tariff.commission(p.trade.abs(), p.price)) for p in self._payments]
        return _sum(fees, self.equity)

    @property
    def slippage(self) -> Tensor:
        """[B] lost to spread and slip, >= 0."""
        return self._tariff.slip * self._notional

    @property
    def impact(self) -> Tensor:
        """[B] what the trades moved the price against themselves, >= 0."""
        paid = [
            total(self._tariff.impact(p.trade.abs(), p.price, p.impact))
            for p in self._payments
            if p.impact is not None
        ]
        return _sum(paid, self.equity)

    @property
    def costs(self) -> Tensor:
        """[B] commission, slippage and impact."""
        return _sum([self._tariff.cost(*payment) for payment in self._payments], self.equity)

    @property
    def carry(self) -> Tensor:
        """[B] interest and funding less borrowing."""
        return self.interest + self.funding - self.borrow

    @property
    def gap_pnl(self) -> Tensor:
        """[B] gain of the old shares from the last close to the fill price."""
        return self._earned(gap=True)

    @property
    def bar_pnl(self) -> Tensor:
        """[B] gain of the new shares from the fill price to the close."""
        return self._earned(gap=False)

    @property
    def drawdown(self) -> Tensor:
        """[B] depth below the peak as a fraction of it."""
        return self.after.drawdown

    @property
    def drawdown_change(self) -> Tensor:
        """[B] its rise during this bar."""
        return self.after.drawdown - self.before.drawdown

    @property
    def exposure(self) -> Tensor:
        """[B] gross, after the close."""
        return total(self.after.weights.abs())

    @property
    def benchmark_return(self) -> Tensor:
        """[B] return of the benchmark in this bar; 0 for an account that stands still."""
        returns = self._benchmark.index_select(0, self.after.bar)
        return torch.where(self.before.terminated, 0.0, returns)

    @property
    def _notional(self) -> Tensor:
        return _sum([total(payment.trade.abs()) for payment in self._payments], self.equity)

    def _earned(self, gap: bool) -> Tensor:
        legs = [leg for leg in self._legs if leg.gap == gap]
        return _sum([total(leg.shares * (leg.until - leg.since)) for leg in legs], self.equity)


def _sum(parts: list[Tensor], like: Tensor) -> Tensor:
    whole = torch.zeros_like(like) if not parts else parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole

"""Takes B accounts through one bar in torch: the section "One bar" of LEDGER.md, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from drltrade.sim.rules import Rules
from drltrade.sim.twin_account import Account, Bar, Leg, Payment
from drltrade.sim.twin_fill import Filler, total

__all__ = ["CAP", "DELISTED", "DIVIDEND", "FUNDING", "HALTED", "IMPACT", "SPLIT", "Passage"]

HALTED, DELISTED, SPLIT, DIVIDEND, FUNDING, IMPACT, CAP = range(7)
"""Columns of `Prices.events`."""

_OPEN, _HIGH, _LOW = range(3)
_Event = Mapping[int, Tensor]  # columns [B, N] of the bar's events, those that ever say anything


class Passage:
    """B accounts on their way from one close to the next.

    Args:
        account: where they stand.
        rules: what they trade under.
        filler: fills their orders.
    """

    def __init__(self, account: Account, rules: Rules, filler: Filler) -> None:
        self._rules, self._filler, self._before = rules, filler, account
        self._cash, self._shares, self._ordered = account.cash, account.shares, account.ordered
        self._asked = account.asked
        self._base = account.price  # the price at which the shares were last valued
        self._alive = ~account.terminated
        self._floor = rules.ruin * account.start
        self._gap = rules.fill != "same_close"
        none = torch.zeros_like(account.start)
        self._interest = self._borrow = self._funding = self._dividends = none
        self._haircut = self._shortfall = self._unpaid = none
        self._liquidated = account.liquidated
        self._traded = torch.zeros_like(account.shares)
        self._legs: list[Leg] = []
        self._payments: list[Payment] = []

    def hold(self, days: Tensor | None, event: _Event) -> None:
        """Carry over these days, None where it is free; then events."""
        held = self._shares * self._base
        if days is not None:
            carry = self._rules.carry
            years = torch.where(self._alive, days, 0.0) / 365
            short = total(torch.relu(-held))
            free = self._cash - short
            earned = carry.cash * torch.relu(free) - carry.debit * torch.relu(-free)
            self._interest = earned * years
            self._borrow = carry.borrow * short * years
            self._cash = self._cash + self._interest - self._borrow
        if FUNDING in event:
            self._funding = -total(held * event[FUNDING])
            self._cash = self._cash + self._funding
        if SPLIT in event:
            self._shares = self._shares * event[SPLIT]
            self._base = self._base / event[SPLIT]
        if DIVIDEND in event:
            self._dividends = total(self._shares * event[DIVIDEND])
            self._cash = self._cash + self._dividends
        if DELISTED in event:
            gone = event[DELISTED] > 0
            value = torch.where(gone, self._shares * self._base, 0.0)
            self._haircut = self._rules.delisting.haircut * total(value.abs())
            self._cash = self._cash + total(value) - self._haircut
            self._shares = torch.where(gone, 0.0, self._shares)

    def _slacks(self, price: Tensor) -> tuple[Tensor, Tensor]:
        """How far equity is above the maintenance margin and above the floor."""
        held = self._shares * price
        equity = self._cash + total(held)
        margin = equity - self._rules.margin.maintenance * total(held.abs())
        return margin, equity - self._floor

    def _fails(self, price: Tensor) -> Tensor:
        with torch.no_grad():
            margin, floor = self._slacks(price)
            return ((margin < 0) | (floor <= 0)) & self._alive

    def check(self, price: Tensor, event: _Event) -> None:
        """Closes out those that fail at the open. Few bars see one: the others skip the work."""
        fails = self._fails(price)
        if bool(fails.any()):
            self._close_out(fails, price, event)

    def extremes(self, quote: tuple[Tensor, ...], event: _Event) -> None:
        """Closes out those that fail on the way from the open to the bar's worst prices."""
        worst = torch.where(self._shares.detach() >= 0, quote[_LOW], quote[_HIGH])
        fails = self._fails(worst)
        if not bool(fails.any()):
            return
        way = torch.ones_like(self._cash)
        slacks = zip(self._slacks(quote[_OPEN]), self._slacks(worst), strict=True)
        for first, last in slacks:
            crossed = fails & (last < 0)
            fall = torch.where(crossed, first - last, 1.0)
            reached = torch.where(first <= 0, 0.0, first / fall)
            way = torch.where(crossed & (reached < way), reached, way)
        price = torch.lerp(quote[_OPEN], worst, way[:, None].expand_as(worst))
        self._close_out(fails, price, event)

    def _close_out(self, which: Tensor, price: Tensor, event: _Event) -> None:
        """Sells and covers everything of some accounts at the price's cost."""
        shares = torch.where(which[:, None], self._shares, 0.0)
        payment = Payment(-shares * price, price, event.get(IMPACT))
        left = self._cash + total(shares * price) - self._filler.tariff.cost(*payment)
        self._payments.append(payment)
        self._legs.append(Leg(self._gap, shares, self._base, price))
        self._settle(which, left)

    def fill(self, price: Tensor, targets: Tensor, event: _Event) -> None:
        """Trades to the targets, and ends those whom the costs ruin."""
        self._earn(price)
        self._gap = False
        held = self._shares * price
        equity = self._cash + total(held)
        halted = event[HALTED] > 0 if HALTED in event else None
        impact = event.get(IMPACT)
        if self._filler.resends or halted is not None:
            standing = targets.isnan() & self._ordered.isnan()
            targets = torch.where(standing, self._before.asked, targets)
            self._asked = targets.detach()
        filled = self._filler.fill(
            equity, held, self._shares, price, targets, self._ordered, self._alive, halted, impact,
            event.get(CAP),
        )  # fmt: skip
        self._cash = self._cash - total(filled.trade) - filled.cost
        self._shares, self._ordered, self._traded = filled.shares, filled.ordered, filled.trade
        self._payments.append(Payment(filled.trade, price, impact))
        left = equity - filled.cost
        ruined = (left <= self._floor) & self._alive
        if bool(ruined.any()):
            self._unpaid = torch.where(ruined, total((held + filled.trade).abs()), 0.0)
            self._settle(ruined, left)

    def mark(self, close: Tensor, row: Tensor, benchmark: Tensor) -> tuple[Account, Bar]:
        """Values the accounts at the close of bar `row`, [B]; `benchmark` is the table [T]."""
        self._earn(close)
        before = self._before
        equity = self._cash + total(self._shares * close)
        after = replace(
            before, cash=self._cash, shares=self._shares, price=close, ordered=self._ordered,
            asked=self._asked, equity=equity, peak=torch.maximum(before.peak, equity), bar=row,
            terminated=~self._alive, liquidated=self._liquidated, room=before.room - 1,
        )  # fmt: skip
        bar = Bar(
            before=before, after=after, traded=self._traded, interest=self._interest,
            borrow=self._borrow, funding=self._funding, dividends=self._dividends,
            haircut=self._haircut, shortfall=self._shortfall, _unpaid=self._unpaid,
            _legs=tuple(self._legs), _payments=tuple(self._payments),
            _tariff=self._filler.tariff, _benchmark=benchmark,
        )  # fmt: skip
        return after, bar

    def _earn(self, price: Tensor) -> None:
        """Values the shares at a new price."""
        self._legs.append(Leg(self._gap, self._shares, self._base, price))
        self._base = price

    def _settle(self, which: Tensor, left: Tensor) -> None:
        """Ends some accounts with what is left, or with the floor."""
        missing, enough = torch.relu(self._floor - left), self._floor * (1 + self._filler.smallest)
        self._shortfall = self._shortfall + torch.where(which, missing, 0.0)
        self._liquidated = self._liquidated | (which & (left > enough))
        self._cash = torch.where(which, left + missing, self._cash)
        self._shares = torch.where(which[:, None], 0.0, self._shares)
        self._alive = self._alive & ~which

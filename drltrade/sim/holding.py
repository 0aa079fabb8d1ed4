"""What happens to a book that is held: carry, events, the bar's extremes, and closing out."""

# mypy: disable-error-code="no-untyped-def"
# numba infers the types of every argument; the engine is the typed door.
from __future__ import annotations

import numpy as np

from drltrade.sim.compiling import inlined, seldom
from drltrade.sim.rows import (
    CLOSE,
    DAYS,
    DELISTED,
    DIVIDEND,
    EXIT_PRICE,
    FUNDING,
    HIGH,
    IMPACT,
    LOW,
    OPEN,
    SHARES,
    SPLIT,
)

__all__ = [
    "charges",
    "close_out",
    "live_through",
    "live_through_apart",
    "overnight",
    "overnight_apart",
    "settle",
    "value_at",
]


@inlined
def carry(b, accounts, book, table, events, clock, rules, t):
    """Pays interest, the borrow fee and funding on the book at the close of t."""
    account = accounts[b]
    shorts, funding = 0.0, 0.0
    for i in range(book.shape[2]):
        worth = book[b, SHARES, i] * table[t, CLOSE, i]
        shorts -= min(worth, 0.0)
        if rules.events:
            funding -= worth * events[t + 1, i, FUNDING]
    days = clock[t + 1, DAYS]
    free = account.cash - shorts  # the proceeds of short sales stay with the lender
    earned = rules.cash_rate * max(free, 0.0)
    account.interest = days * (earned - rules.debit_rate * max(-free, 0.0))
    account.borrow = days * rules.borrow_rate * shorts
    account.funding = funding
    account.cash += account.interest - account.borrow + funding


@seldom
def happen(b, accounts, book, table, events, rules, t):
    """Splits, dividends and delistings of bar t + 1; returns the worth at close t that left."""
    account = accounts[b]
    left = 0.0
    for i in range(book.shape[2]):
        book[b, EXIT_PRICE, i] = np.nan
        shares = book[b, SHARES, i] * events[t + 1, i, SPLIT]
        account.dividends += shares * events[t + 1, i, DIVIDEND]
        if events[t + 1, i, DELISTED] > 0.0 and shares != 0.0:
            price = table[t, CLOSE, i] / events[t + 1, i, SPLIT]
            left += shares * price
            account.haircut += rules.haircut * abs(shares * price)
            book[b, EXIT_PRICE, i] = price
            shares = 0.0
        book[b, SHARES, i] = shares
    account.cash += account.dividends + left - account.haircut
    return left


@inlined
def charges(size, price, impact, rules):
    """What a trade of notional `size` pays: (commission, impact, cost of one more unit)."""
    commission, marginal = rules.commission * size, rules.commission
    if commission < rules.minimum:
        commission, marginal = rules.minimum, 0.0
    if rules.per_share > 0.0:
        commission += rules.per_share / price * size
        marginal += rules.per_share / price
    moved = 0.0
    if impact > 0.0:
        root = np.sqrt(size / price)
        moved = impact * root * size
        marginal += 1.5 * impact * root
    return commission, moved, marginal + rules.slippage


@inlined
def settle(b, accounts, book, equity, floor):
    """Ends a closed-out account with what is left, or at the floor: the rest is forgiven."""
    account = accounts[b]
    account.liquidated = equity > floor * (1.0 + 1e-9)
    account.shortfall = max(floor - equity, 0.0)
    account.cash = account.equity = max(equity, floor)
    account.terminated = True
    for i in range(book.shape[2]):
        book[b, SHARES, i] = 0.0


@seldom
def close_out(b, accounts, book, table, events, bar, way, rules, floor):
    """Closes every position `way` from the open to its adverse extreme; returns their worth."""
    account = accounts[b]
    worth, notional = 0.0, 0.0
    for i in range(book.shape[2]):
        shares = book[b, SHARES, i]
        start = table[bar, OPEN, i]
        extreme = table[bar, LOW, i] if shares > 0.0 else table[bar, HIGH, i]
        price = start + way * (extreme - start)
        if shares == 0.0:
            continue
        book[b, EXIT_PRICE, i] = price
        size = abs(shares * price)
        impact = events[bar, i, IMPACT] if rules.impact else 0.0
        commission, moved, _ = charges(size, price, impact, rules)
        account.commission += commission
        account.slippage += rules.slippage * size
        account.impact += moved
        account.cash -= commission + rules.slippage * size + moved
        worth += shares * price
        notional += size
    account.turnover += notional / account.equity_before
    settle(b, accounts, book, account.cash + worth, floor)
    return worth


@inlined
def _way_to_failure(equity, gross, extreme_equity, extreme_gross, maintenance, floor):
    """How far from the open to the extremes an account fails: 0 at the open, above 1 not at all."""
    margin = equity - maintenance * gross
    if margin < 0.0 or equity <= floor:
        return 0.0
    way = 2.0
    extreme_margin = extreme_equity - maintenance * extreme_gross
    if extreme_margin < 0.0:
        way = margin / (margin - extreme_margin)
    if extreme_equity <= floor:
        way = min(way, (equity - floor) / (equity - extreme_equity))
    return way


def _live_through(b, accounts, book, table, bar, rules, floor):
    """Takes the book from the open over its extremes: (worth at open, at close, way to failure)."""
    at_open, gross, at_extreme, extreme_gross, at_close = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(book.shape[2]):
        shares = book[b, SHARES, i]
        extreme = table[bar, LOW, i] if shares > 0.0 else table[bar, HIGH, i]
        opened = shares * table[bar, OPEN, i]
        at_open += opened
        gross += abs(opened)
        worst = shares * extreme
        at_extreme += worst
        extreme_gross += abs(worst)
        at_close += shares * table[bar, CLOSE, i]
    cash = accounts[b].cash
    way = _way_to_failure(
        cash + at_open, gross, cash + at_extreme, extreme_gross, rules.maintenance, floor
    )
    return at_open, at_close, way


@inlined
def value_at(b, book, table, bar, column):
    """(worth, gross worth) of the book at some prices."""
    worth, gross = 0.0, 0.0
    for i in range(book.shape[2]):
        value = book[b, SHARES, i] * table[bar, column, i]
        worth += value
        gross += abs(value)
    return worth, gross


def _overnight(b, accounts, book, table, events, clock, rules, t):
    """Carry and events between the close of t and the next open; returns the worth at close t."""
    worth, _ = value_at(b, book, table, t, CLOSE)
    if rules.carry:
        carry(b, accounts, book, table, events, clock, rules, t)
    if rules.events:
        worth -= happen(b, accounts, book, table, events, rules, t)
    return worth


# The usual fill has both in its loop; the others call them, which spares a second compilation.
overnight, overnight_apart = inlined(_overnight), seldom(_overnight)
live_through, live_through_apart = inlined(_live_through), seldom(_live_through)

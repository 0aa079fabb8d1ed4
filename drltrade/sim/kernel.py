"""The money arithmetic: accounts through bars, compiled by numba as one unit.

Everything else in the library that needs a fill, a cost or a mark calls these functions.
`LEDGER.md` beside this file states the rules in words; `orders.py` holds the fill and `holding.py`
what happens between fills.
"""

# mypy: disable-error-code="no-untyped-def"
# numba infers the types of every argument; the engine is the typed door.
from __future__ import annotations

import numpy as np
from numba import carray

from drltrade.sim.compiling import at, entry, inlined, seldom
from drltrade.sim.holding import (
    close_out,
    live_through,
    live_through_apart,
    overnight,
    overnight_apart,
    settle,
    value_at,
)
from drltrade.sim.orders import fill, standing
from drltrade.sim.rows import (
    ACCOUNT,
    ACCOUNTS,
    ACCOUNTS_AT,
    ASSETS,
    BARS,
    BENCHMARK,
    BOOK,
    BOOK_AT,
    CLOCK_AT,
    CLOSE,
    CLOSED_OUT,
    COLUMNS,
    EVENT_BARS,
    EVENTS_AT,
    EXIT_PRICE,
    EXTRA_COUNT,
    EXTRAS_AT,
    FEATURES_AT,
    FILL_PRICE,
    NEXT_CLOSE,
    NEXT_OPEN,
    NO_ORDER,
    OBSERVATIONS_AT,
    OPEN,
    ORDERED,
    ROW,
    RULES_AT,
    SAME_CLOSE,
    SHARES,
    STATUS_AT,
    TABLE_AT,
    TARGETS,
    TARGETS_AT,
    TRADED,
    WEIGHTS,
    WINDOW,
)
from drltrade.sim.rules import RULES

__all__ = ["advance", "observe_rows", "reset", "run"]


@inlined
def _state(world):
    """The arrays that change: accounts [B], book [B, 7, N], status [B, N]."""
    accounts, assets = world[ACCOUNTS], world[ASSETS]
    return (
        carray(at(world[ACCOUNTS_AT]), (accounts,), ACCOUNT),
        carray(at(world[BOOK_AT]), (accounts, len(BOOK), assets), np.float64),
        carray(at(world[STATUS_AT]), (accounts, assets), np.uint8),
    )


@entry
def reset(world, rows, first, last, start):
    """Puts flat accounts at their first bar: all cash, nothing ordered, no history."""
    accounts, book, status = _state(world)
    for index in range(rows.size):
        b = rows[index]
        account = accounts[b]
        account.bar = first[index]
        account.last = last[index]
        account.cash = account.equity = account.start = account.peak = start
        account.equity_before = start
        account.turnover = account.commission = account.slippage = account.impact = 0.0
        account.interest = account.borrow = account.funding = account.dividends = 0.0
        account.haircut = account.gap_pnl = account.bar_pnl = account.shortfall = 0.0
        account.drawdown = account.drawdown_change = account.exposure = 0.0
        account.benchmark_return = 0.0
        account.terminated = account.truncated = account.liquidated = False
        book[b] = 0.0
        book[b, TARGETS] = np.nan
        book[b, FILL_PRICE] = np.nan
        book[b, EXIT_PRICE] = np.nan
        status[b] = NO_ORDER


@seldom
def _refuse(b, book, status, targets):
    """Notes orders of an account that was closed out before they could be filled."""
    for i in range(book.shape[2]):
        weight = standing(targets[b, i], book[b, ORDERED, i], book[b, TARGETS, i])
        book[b, TARGETS, i] = weight
        book[b, TRADED, i] = 0.0
        book[b, FILL_PRICE, i] = np.nan
        status[b, i] = CLOSED_OUT if weight == weight else NO_ORDER


@seldom
def _ruin(b, accounts, book, table, bar, column, equity, floor):
    """Closes an account that its own costs ruined, at the fill prices."""
    account = accounts[b]
    _, gross = value_at(b, book, table, bar, column)
    account.turnover += gross / account.equity_before
    for i in range(book.shape[2]):
        if book[b, SHARES, i] != 0.0:
            book[b, EXIT_PRICE, i] = table[bar, column, i]
    settle(b, accounts, book, equity, floor)


@inlined
def _before_fill(b, accounts, book, table, events, clock, rules, floor):
    """Takes the old book to the fill price: the equity there; a failing account is closed out."""
    account = accounts[b]
    t = account.bar
    before = overnight(b, accounts, book, table, events, clock, rules, t)
    if rules.fill == NEXT_OPEN:
        worth, gross = value_at(b, book, table, t + 1, OPEN)
        equity = account.cash + worth
        way = 0.0 if equity < rules.maintenance * gross or equity <= floor else 2.0
    else:
        _, worth, way = live_through_apart(b, accounts, book, table, t + 1, rules, floor)
        equity = account.cash + worth
    if way <= 1.0:
        worth = close_out(b, accounts, book, table, events, t + 1, way, rules, floor)
    account.gap_pnl = worth - before
    return equity


@inlined
def _after_fill(b, accounts, book, table, events, clock, rules, floor):
    """Takes the new book from the fill price to the close."""
    account = accounts[b]
    t = account.bar
    if rules.fill == NEXT_CLOSE:
        worth, _ = value_at(b, book, table, t + 1, CLOSE)
    else:
        if rules.fill == SAME_CLOSE:
            before = overnight_apart(b, accounts, book, table, events, clock, rules, t)
        opened, worth, way = live_through(b, accounts, book, table, t + 1, rules, floor)
        if rules.fill == NEXT_OPEN:
            before = opened
        if way <= 1.0:
            worth = close_out(b, accounts, book, table, events, t + 1, way, rules, floor)
        account.bar_pnl = worth - before
    if not account.terminated:
        account.equity = account.cash + worth


@inlined
def _one_bar(b, accounts, book, status, targets, table, events, clock, rules):
    """Takes one account from bar t to t + 1."""
    account = accounts[b]
    assets = book.shape[2]
    account.equity_before = account.equity
    drawdown_before = account.drawdown
    account.turnover = account.commission = account.slippage = account.impact = 0.0
    account.interest = account.borrow = account.funding = account.dividends = 0.0
    account.haircut = account.gap_pnl = account.bar_pnl = account.shortfall = 0.0
    account.drawdown_change = 0.0
    if account.terminated or account.truncated:
        account.benchmark_return = 0.0
        for i in range(assets):
            book[b, TARGETS, i] = np.nan
            book[b, TRADED, i] = 0.0
            book[b, FILL_PRICE, i] = np.nan
            book[b, EXIT_PRICE, i] = np.nan
            status[b, i] = NO_ORDER
        return
    floor = rules.ruin * account.start
    same_close = rules.fill == SAME_CLOSE
    equity = account.equity
    if not same_close:
        equity = _before_fill(b, accounts, book, table, events, clock, rules, floor)
    if account.terminated:
        _refuse(b, book, status, targets)
    else:
        bar = account.bar if same_close else account.bar + 1
        column = OPEN if rules.fill == NEXT_OPEN else CLOSE
        equity = fill(b, accounts, book, status, targets, table, events, bar, column, rules, equity)
        if equity <= floor:
            _ruin(b, accounts, book, table, bar, column, equity, floor)
        else:
            _after_fill(b, accounts, book, table, events, clock, rules, floor)
    t = account.bar + 1
    account.peak = max(account.peak, account.equity)
    account.drawdown = 1.0 - account.equity / account.peak
    account.drawdown_change = account.drawdown - drawdown_before
    exposure, inverse = 0.0, 1.0 / account.equity
    for i in range(assets):
        weight = book[b, SHARES, i] * table[t, CLOSE, i] * inverse
        book[b, WEIGHTS, i] = weight
        exposure += abs(weight)
    account.exposure = exposure
    account.benchmark_return = clock[t, BENCHMARK]
    account.bar = t
    account.truncated = not account.terminated and t >= account.last


@inlined
def _observe(b, accounts, book, features, world, extras, observations):
    """Writes one observation: the last rows of features, drifted weights, what the spec adds.

    `features` is [T * N * F] flat, so that a window is one contiguous copy. `extras` are codes of
    `engine.EXTRAS`.
    """
    account = accounts[b]
    assets = book.shape[2]
    size = world[WINDOW]
    end = (account.bar + 1) * world[ROW]
    if end < size:
        for k in range(observations.shape[1]):
            observations[b, k] = np.nan  # the window is not whole yet: nobody may act on it
        return
    begin = np.uint64(end - size)  # unsigned: no test for a negative index, so a plain copy
    for k in range(size):
        observations[b, k] = features[begin + np.uint64(k)]
    for i in range(assets):
        observations[b, size + i] = book[b, WEIGHTS, i]
    column = size + assets
    for k in range(extras.size):
        if extras[k] == 0:
            observations[b, column] = account.drawdown
            column += 1
        elif extras[k] == 1:
            observations[b, column] = np.log(account.equity / account.start)
            column += 1
        else:
            for i in range(assets):
                target = book[b, TARGETS, i]
                observations[b, column + i] = target if target == target else 0.0
            column += assets


@inlined
def _sight(world):
    """The arrays that observations are made of and written to."""
    return (
        carray(at(world[FEATURES_AT]), (world[BARS] * world[ROW],), np.float32),
        carray(at(world[EXTRAS_AT]), (world[EXTRA_COUNT],), np.int64),
        carray(at(world[OBSERVATIONS_AT]), (world[ACCOUNTS], world[COLUMNS]), np.float32),
    )


@entry
def _bars(world):
    """Takes every account through one bar: the one place where that is compiled."""
    accounts, book, status = _state(world)
    bars, assets = world[BARS], world[ASSETS]
    targets = carray(at(world[TARGETS_AT]), (accounts.size, assets), np.float64)
    table = carray(at(world[TABLE_AT]), (bars, 4, assets), np.float64)
    events = carray(at(world[EVENTS_AT]), (world[EVENT_BARS], assets, 7), np.float64)
    clock = carray(at(world[CLOCK_AT]), (bars, 2), np.float64)
    rules = carray(at(world[RULES_AT]), (1,), RULES)[0]
    for b in range(accounts.size):
        _one_bar(b, accounts, book, status, targets, table, events, clock, rules)


@seldom
def _look(world, rows, every):
    """Writes the observations of every account, or of some."""
    if world[COLUMNS] == 0:
        return
    accounts, book, _ = _state(world)
    features, extras, observations = _sight(world)
    for index in range(accounts.size if every else rows.size):
        b = index if every else rows[index]
        _observe(b, accounts, book, features, world, extras, observations)


@entry
def advance(world):
    """Takes every account through one bar and writes its next observation."""
    _bars(world)
    _look(world, world, True)


@entry
def observe_rows(world, rows):
    """Writes the observations of some accounts, as after their reset."""
    _look(world, rows, False)


@entry
def run(world, wanted, out, out_book, out_status):
    """Runs one account along targets [T, N] and records every bar."""
    accounts, book, status = _state(world)
    targets = carray(at(world[TARGETS_AT]), (1, world[ASSETS]), np.float64)
    for step in range(out.size):
        if step > 0:
            targets[0] = wanted[step - 1]
            _bars(world)
        out[step] = accounts[0]
        out_book[step] = book[0]
        out_status[step] = status[0]

"""The money arithmetic: one account through one bar, compiled by numba as one unit.

Everything else in the library that needs a fill, a cost or a mark calls these functions. The
bar's order of events is: gap from the last close to the fill price, fill with its costs, move
from the fill price to the close, drawdown; ruin is checked before and after the fill and at the
close. `NO_ORDER` ... are the codes of `rules.STATUS`. What is compiled stays in this one file:
numba's cache notices a change of the file that holds the function, but not of those it calls into.
"""

# mypy: disable-error-code="no-untyped-def"
# numba infers the types of every argument; the engine is the typed door.
from __future__ import annotations

import numpy as np
from numba import njit

from drltrade.sim.rules import STATUS

__all__ = ["ACCOUNT", "BOOK", "advance", "observe_rows", "reset", "run"]

ACCOUNT = np.dtype(
    [
        ("bar", "i8"),  # the last complete bar
        ("last", "i8"),  # the episode's last bar: reaching it truncates
        ("cash", "f8"),
        ("equity", "f8"),
        ("start", "f8"),  # equity at the start of the episode
        ("peak", "f8"),
        ("equity_before", "f8"),
        ("turnover", "f8"),  # traded notional over equity_before
        ("commission", "f8"),
        ("slippage", "f8"),
        ("carry", "f8"),
        ("gap_pnl", "f8"),  # old shares, from the last close to the fill price
        ("bar_pnl", "f8"),  # new shares, from the fill price to the close
        ("shortfall", "f8"),  # what ruin forgives: the floor less the equity that was left
        ("drawdown", "f8"),
        ("drawdown_change", "f8"),
        ("exposure", "f8"),  # gross, after the close
        ("benchmark_return", "f8"),
        ("terminated", "?"),
        ("truncated", "?"),
    ],
    align=True,
)
"""State of one account and what its last bar did; one row an account."""

BOOK = ("shares", "ordered", "weights", "targets", "traded", "fill_price")
"""Rows of the [B, 6, N] book: what each account holds and last asked, asset by asset."""

SHARES, ORDERED, WEIGHTS, TARGETS, TRADED, FILL_PRICE = range(6)
OPEN_ROW, CLOSE_ROW = 0, 1  # rows of the [2, T, N] price table
NO_ORDER, FILLED, SCALED, PARTIAL, SHORT_REFUSED, TOO_SMALL, RUINED = STATUS.values()
NEXT_OPEN, NEXT_CLOSE, SAME_CLOSE = range(3)
SMALLEST_TRADE = 1e-9  # of equity
NEWTON_STEPS = 8

# One function a thought, one compiled loop: calls between them would cost more than their work.
_inline = njit(cache=True, nogil=True, error_model="numpy", inline="always")


@njit(cache=True, nogil=True, error_model="numpy")
def reset(accounts, book, status, rows, first, last, start):
    """Puts flat accounts at their first bar: all cash, nothing ordered, no history."""
    for index in range(rows.size):
        b = rows[index]
        account = accounts[b]
        account.bar = first[index]
        account.last = last[index]
        account.cash = account.equity = account.start = account.peak = start
        account.equity_before = start
        account.turnover = account.commission = account.slippage = account.carry = 0.0
        account.gap_pnl = account.bar_pnl = account.shortfall = 0.0
        account.drawdown = account.drawdown_change = account.exposure = 0.0
        account.benchmark_return = 0.0
        account.terminated = account.truncated = False
        book[b] = 0.0
        book[b, TARGETS] = np.nan
        book[b, FILL_PRICE] = np.nan
        status[b] = NO_ORDER


@_inline
def _sort_orders(b, book, status, targets, row, prices, price_row, price_bar, rules):
    """Reads one account's orders: (how many, notional kept, |weights| ordered, their scale)."""
    asked, count = 0.0, 0
    for i in range(book.shape[2]):
        weight = targets[row, i]
        book[b, TARGETS, i] = weight
        book[b, TRADED, i] = 0.0
        book[b, FILL_PRICE, i] = np.nan
        refused = weight < 0.0 and not rules.shorts
        unchanged = rules.on_change and weight == book[b, ORDERED, i]
        if weight != weight or unchanged:
            status[b, i] = NO_ORDER
        else:
            status[b, i] = SHORT_REFUSED if refused else FILLED
            count += 1
        if weight == weight and not refused:
            asked += abs(weight)
    scale = rules.leverage / asked if asked > rules.leverage * (1.0 + 1e-12) else 1.0
    kept, ordered = 0.0, 0.0
    if count > 0:
        for i in range(book.shape[2]):
            if status[b, i] == NO_ORDER:
                kept += abs(book[b, SHARES, i] * prices[price_row, price_bar, i])
            elif status[b, i] == FILLED:
                weight = targets[row, i]
                ordered += abs(weight) * scale
                if scale < 1.0 and weight != 0.0:
                    status[b, i] = SCALED
    return count, kept, ordered, scale


@_inline
def _stretch(value, kept, ordered, leverage):
    """Notional per unit of target weight at equity `value`, and how it grows with `value`.

    It is `value` itself while the gross limit leaves room beside the holdings that are kept.
    """
    room = leverage * value - kept
    if room >= ordered * value * (1.0 - 1e-12):
        return value, 1.0
    if room <= 0.0:
        return 0.0, 0.0
    return room / ordered, leverage / ordered


@_inline
def _equity_after_costs(
    b, book, status, targets, row, prices, price_row, price_bar, rules, equity, kept, ordered, scale
):
    """Solves V' = V - k sum |x_i(V') - h_i| by Newton's method, exactly.

    The right-hand side is piecewise linear in V' and each trade only changes sign once, so two
    equal slopes mean that the last step was taken on the root's own piece and landed on the root.
    """
    rate = rules.commission + rules.slippage
    value, last_slope = equity, np.inf
    for _ in range(NEWTON_STEPS):
        unit, unit_slope = _stretch(value, kept, ordered, rules.leverage)
        costs, slope = 0.0, 0.0
        for i in range(book.shape[2]):
            if status[b, i] == NO_ORDER:
                continue
            weight = 0.0 if status[b, i] == SHORT_REFUSED else targets[row, i] * scale
            trade = weight * unit - book[b, SHARES, i] * prices[price_row, price_bar, i]
            costs += abs(trade)
            slope += weight * unit_slope if trade > 0.0 else -weight * unit_slope
        if slope == last_slope:
            break
        last_slope = slope
        value -= (value - equity + rate * costs) / (1.0 + rate * slope)
    return value


@_inline
def _fill(b, accounts, book, status, targets, row, prices, price_row, price_bar, rules, equity):
    """Trades one account to its targets at the fill price; returns the equity left after costs."""
    account = accounts[b]
    count, kept, ordered, scale = _sort_orders(
        b, book, status, targets, row, prices, price_row, price_bar, rules
    )
    if count == 0:
        return equity
    value = _equity_after_costs(
        b, book, status, targets, row, prices, price_row, price_bar, rules, equity, kept, ordered,
        scale,
    )  # fmt: skip
    unit, _ = _stretch(value, kept, ordered, rules.leverage)
    notional = 0.0
    for i in range(book.shape[2]):
        code = status[b, i]
        if code == NO_ORDER:
            continue
        price = prices[price_row, price_bar, i]
        aim = 0.0 if code == SHORT_REFUSED else targets[row, i] * scale * unit
        trade = aim - book[b, SHARES, i] * price
        book[b, ORDERED, i] = targets[row, i]
        if unit < value and targets[row, i] != 0.0 and code != SHORT_REFUSED:
            status[b, i] = PARTIAL
            book[b, ORDERED, i] = np.nan  # asked again although the target is unchanged
        if abs(trade) <= SMALLEST_TRADE * equity:
            if trade != 0.0 and code == FILLED:
                status[b, i] = TOO_SMALL
            continue
        book[b, SHARES, i] = aim / price
        book[b, TRADED, i] = trade
        book[b, FILL_PRICE, i] = price
        account.cash -= trade
        notional += abs(trade)
    account.commission = rules.commission * notional
    account.slippage = rules.slippage * notional
    account.cash -= account.commission + account.slippage
    account.turnover = notional / account.equity_before
    return equity - account.commission - account.slippage


@_inline
def _close_for_ruin(b, accounts, book, equity, floor):
    """Closes a ruined account at the floor; the shortfall is what the floor forgives."""
    account = accounts[b]
    account.shortfall = floor - equity
    account.cash = account.equity = floor
    account.terminated = True
    for i in range(book.shape[2]):
        book[b, SHARES, i] = 0.0


@_inline
def _one_bar(b, accounts, book, status, targets, row, prices, benchmark, rules):
    """Takes one account from bar t to t + 1."""
    account = accounts[b]
    assets = book.shape[2]
    account.equity_before = account.equity
    drawdown_before = account.drawdown
    account.turnover = account.commission = account.slippage = account.carry = 0.0
    account.gap_pnl = account.bar_pnl = account.shortfall = account.drawdown_change = 0.0
    if account.terminated or account.truncated:
        account.benchmark_return = 0.0
        for i in range(assets):
            book[b, TARGETS, i] = np.nan
            book[b, TRADED, i] = 0.0
            book[b, FILL_PRICE, i] = np.nan
            status[b, i] = NO_ORDER
        return
    t = account.bar
    price_row = OPEN_ROW if rules.fill == NEXT_OPEN else CLOSE_ROW
    price_bar = t if rules.fill == SAME_CLOSE else t + 1
    floor = rules.ruin * account.start

    equity = account.cash
    for i in range(assets):
        price = prices[price_row, price_bar, i]
        equity += book[b, SHARES, i] * price
        account.gap_pnl += book[b, SHARES, i] * (price - prices[CLOSE_ROW, t, i])
    if equity <= floor:
        for i in range(assets):
            book[b, TARGETS, i] = targets[row, i]
            book[b, TRADED, i] = 0.0
            status[b, i] = RUINED if targets[row, i] == targets[row, i] else NO_ORDER
    else:
        equity = _fill(
            b, accounts, book, status, targets, row, prices, price_row, price_bar, rules, equity
        )
    if equity <= floor:
        for i in range(assets):
            book[b, FILL_PRICE, i] = prices[price_row, price_bar, i]
        _close_for_ruin(b, accounts, book, equity, floor)
    else:
        equity = account.cash
        for i in range(assets):
            close = prices[CLOSE_ROW, t + 1, i]
            equity += book[b, SHARES, i] * close
            account.bar_pnl += book[b, SHARES, i] * (close - prices[price_row, price_bar, i])
        account.equity = equity
        if equity <= floor:
            _close_for_ruin(b, accounts, book, equity, floor)

    account.peak = max(account.peak, account.equity)
    account.drawdown = 1.0 - account.equity / account.peak
    account.drawdown_change = account.drawdown - drawdown_before
    account.exposure = 0.0
    for i in range(assets):
        weight = book[b, SHARES, i] * prices[CLOSE_ROW, t + 1, i] / account.equity
        book[b, WEIGHTS, i] = weight
        account.exposure += abs(weight)
    account.benchmark_return = benchmark[t + 1]
    account.bar = t + 1
    account.truncated = not account.terminated and account.bar >= account.last


@_inline
def observe(b, accounts, book, features, width, extras, observations):
    """Writes one observation: the last rows of features, drifted weights, what the spec adds.

    `features` is [T * N * F] flat and `width` = (W * N * F, N * F), so that a window is one
    contiguous copy. `extras` are codes of `engine.EXTRAS`.
    """
    account = accounts[b]
    assets = book.shape[2]
    row_width = width[1]
    end = (account.bar + 1) * row_width
    size = width[0]
    if end < size:
        for k in range(observations.shape[1]):
            observations[b, k] = np.nan  # the window is not whole yet: nobody may act on it
        return
    begin = np.uint64(end - size)  # unsigned: no test for a negative index, so a plain copy
    for k in range(size):
        observations[b, k] = features[begin + np.uint64(k)]
    for i in range(assets):
        observations[b, size + i] = book[b, WEIGHTS, i]
    at = size + assets
    for k in range(extras.size):
        if extras[k] == 0:
            observations[b, at] = account.drawdown
            at += 1
        elif extras[k] == 1:
            observations[b, at] = np.log(account.equity / account.start)
            at += 1
        else:
            for i in range(assets):
                target = book[b, TARGETS, i]
                observations[b, at + i] = target if target == target else 0.0
            at += assets


@njit(cache=True, nogil=True, error_model="numpy")
def advance(
    accounts, book, status, targets, prices, benchmark, rules_row, features, width, extras,
    observations,
):  # fmt: skip
    """Takes every account through one bar and writes its next observation."""
    rules = rules_row[0]
    for b in range(accounts.size):
        _one_bar(b, accounts, book, status, targets, b, prices, benchmark, rules)
        if width[0] > 0:
            observe(b, accounts, book, features, width, extras, observations)


@njit(cache=True, nogil=True, error_model="numpy")
def observe_rows(rows, accounts, book, features, width, extras, observations):
    """Writes the observations of some accounts, as after their reset."""
    if width[0] > 0:
        for index in range(rows.size):
            observe(rows[index], accounts, book, features, width, extras, observations)


@njit(cache=True, nogil=True, error_model="numpy")
def run(accounts, book, status, targets, prices, benchmark, rules_row, out, out_book, out_status):
    """Runs one account along targets [T, N] and records every bar."""
    rules = rules_row[0]
    out[0] = accounts[0]
    out_book[0] = book[0]
    out_status[0] = status[0]
    for step in range(out.size - 1):
        _one_bar(0, accounts, book, status, targets, step, prices, benchmark, rules)
        out[step + 1] = accounts[0]
        out_book[step + 1] = book[0]
        out_status[step + 1] = status[0]

"""What the kernel's arrays hold: every column and code by its name."""

from __future__ import annotations

import numpy as np

from drltrade.sim.rules import FILLS, STATUS

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
        ("impact", "f8"),
        ("interest", "f8"),  # signed: earned less paid
        ("borrow", "f8"),
        ("funding", "f8"),  # signed
        ("dividends", "f8"),  # signed
        ("haircut", "f8"),
        ("gap_pnl", "f8"),  # old shares, from the last close to the fill price
        ("bar_pnl", "f8"),  # new shares, from the fill price to the close
        ("shortfall", "f8"),  # what ruin forgives: the floor less the equity that was left
        ("drawdown", "f8"),
        ("drawdown_change", "f8"),
        ("exposure", "f8"),  # gross, after the close
        ("benchmark_return", "f8"),
        ("terminated", "?"),
        ("truncated", "?"),
        ("liquidated", "?"),
    ],
    align=True,
)
"""State of one account and what its last bar did; one row an account."""

BOOK = ("shares", "ordered", "weights", "targets", "traded", "fill_price", "exit_price")
"""Rows of the [B, 7, N] book: what each account holds and last asked, asset by asset."""

SHARES, ORDERED, WEIGHTS, TARGETS, TRADED, FILL_PRICE, EXIT_PRICE = range(7)
WANTED, HELD = WEIGHTS, FILL_PRICE  # during a fill those rows hold weights and notionals
OPEN, HIGH, LOW, CLOSE = range(4)  # columns of the [T, 4, N] price table
HALTED, DELISTED, SPLIT, DIVIDEND, FUNDING, IMPACT, CAP = range(7)  # of the [T, N, 7] events
DAYS, BENCHMARK = range(2)  # of the [T, 2] clock
(
    ACCOUNTS,
    ASSETS,
    BARS,
    EVENT_BARS,
    WINDOW,
    ROW,
    EXTRA_COUNT,
    COLUMNS,  # sizes
    ACCOUNTS_AT,
    BOOK_AT,
    STATUS_AT,
    TARGETS_AT,
    TABLE_AT,
    EVENTS_AT,
    CLOCK_AT,
    RULES_AT,
    FEATURES_AT,
    EXTRAS_AT,
    OBSERVATIONS_AT,  # addresses
) = range(19)  # of the world: where everything lies that a call of the kernel needs
NO_ORDER, FILLED, SCALED, PARTIAL, SHORT_REFUSED, TOO_SMALL = range(6)
CLOSED_OUT, HALT, LIMITED, IN_BAND, ROUNDED, CAPPED = range(6, len(STATUS))
NEXT_OPEN, NEXT_CLOSE, SAME_CLOSE = range(len(FILLS))
SMALLEST_TRADE = 1e-9  # of equity
NOTHING = 1e-12  # of equity: rounding, not a trade
SOLVER_STEPS = 60
UNKNOWN_SLOPE = 1e9  # far from every slope, and no infinity

"""The compiled kernel equals the plain-Python ledger on random markets, rules and orders."""

import numpy as np
import pytest
from hypothesis import given, settings
from random_games import games
from reference_ledger import run

from drltrade.sim import Engine, Prices, Recorder, run_path

SCALARS = ("equity", "cash", "commission", "slippage", "gap_pnl", "bar_pnl", "shortfall",
           "turnover", "drawdown", "exposure")  # fmt: skip


def reference(open_, close, targets, rules, start=1000.0):
    return run(
        open_.tolist(), close.tolist(), targets.tolist(), fill=rules.fill,
        commission=rules.costs.commission.rate, slippage=rules.costs.slippage.rate,
        leverage=rules.leverage, shorts=rules.shorts, on_change=rules.on_change,
        first=0, last=len(close) - 1, start=start,
    )  # fmt: skip


@settings(max_examples=2000, deadline=None)
@given(games())
def test_the_kernel_equals_the_plain_python_ledger_to_1e_12(game):
    open_, close, targets, rules = game
    path = run_path(Prices(open_, close), rules, targets, 0, len(close) - 1, 1000.0)
    rows, dead = reference(*game)
    size = largest_sum(rows)
    for name in SCALARS:
        wanted = np.array([row[name] for row in rows])
        unit = size / path.equity if name in ("turnover", "exposure", "drawdown") else size
        difference = np.abs(getattr(path, name) - wanted) / unit
        assert difference.max() < 1e-12, (name, getattr(path, name), wanted)
    assert path.terminated == dead


def largest_sum(rows):
    """The largest amount that was added or taken: cash is rounded on that scale, not on today's.

    A fraction of equity carries that rounding divided by the equity that is left.
    """
    return max(
        max(abs(row["gap_pnl"]), abs(row["bar_pnl"]), row["equity"] * (1 + row["exposure"]))
        for row in rows
    )


@settings(max_examples=300, deadline=None)
@given(games())
def test_stepping_an_engine_equals_the_path_bit_for_bit_in_any_row(game):
    open_, close, targets, rules = game
    prices, last = Prices(open_, close), len(close) - 1
    path = run_path(prices, rules, targets, 0, last, 1000.0)
    engine = Engine(prices, rules, accounts=3, start_equity=1000.0)
    rows = np.arange(3)
    engine.reset(rows, np.zeros(3, int), np.full(3, last))
    recorder = Recorder(engine, last + 1, row=1)
    recorder.record()
    other = np.flip(targets, axis=0)
    for bar in range(last):
        engine.step(np.stack([other[bar], targets[bar], -other[bar]]))
        recorder.record()
    stepped = recorder.path()
    for name in type(path).__dataclass_fields__:
        assert np.array_equal(getattr(path, name), getattr(stepped, name), equal_nan=True), name


def test_the_reference_is_checked_by_hand_too():
    rows, dead = run([[10.0], [10.0]], [[10.0], [11.0]], [[1.0], [1.0]], fill="next_open",
                     commission=0.01, slippage=0.0, leverage=1.0, shorts=True, on_change=True,
                     first=0, last=1, start=101.0)  # fmt: skip
    assert rows[1]["shares"][0] == pytest.approx(10.0)  # 101 / 1.01 = 100 invested at 10
    assert rows[1]["commission"] == pytest.approx(1.0)
    assert rows[1]["equity"] == pytest.approx(110.0)
    assert not dead

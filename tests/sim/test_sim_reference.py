"""The compiled kernel equals the plain-Python ledger, and an engine's row equals a path."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_games import START, full_games, games, many
from reference_ledger import MONEY, run

from drltrade.sim import STATUS, Engine, Prices, Recorder, Rules, run_path

FRACTIONS = ("turnover", "drawdown", "exposure")


def reference(game, start=START):
    return run(game.plain(), game.targets.tolist(), game.rules, 0, game.last, start)


def assert_agree(path, rows):
    size = largest_sum(rows)
    before = np.append(path.equity[:1], path.equity[:-1])
    for name in MONEY:
        wanted = np.array([row[name] for row in rows])
        least = np.minimum(path.equity, before)
        unit = size / least * (1 + np.abs(wanted)) if name in FRACTIONS else size
        difference = np.abs(getattr(path, name) - wanted) / unit
        assert difference.max() < 1e-12, (name, getattr(path, name), wanted)
    for row, filled, left in zip(rows, path.fill_price, path.exit_price, strict=True):
        assert filled == pytest.approx(row["fill_price"], rel=1e-10, nan_ok=True)
        # Whether ruin at the fill left a position of 1e-14 or none is decided by the last bit.
        dust = row["terminated"] & (np.abs(row["closed"]) < 1e-12 * size)
        assert left[~dust] == pytest.approx(
            np.array(row["exit_price"])[~dust], rel=1e-10, nan_ok=True
        )
    for row, shares in zip(rows, path.shares, strict=True):
        assert shares == pytest.approx(row["shares"], rel=1e-10, abs=1e-12 * size)
    wanted = [[STATUS[code] for code in row["status"]] for row in rows]
    assert path.status.tolist() == wanted
    assert path.terminated == rows[-1]["terminated"]
    assert path.liquidated == any(row["liquidated"] for row in rows)


def largest_sum(rows):
    """The largest amount that was added or taken: cash is rounded on that scale, not on today's.

    A fraction of equity carries that rounding divided by the equity that is left, as often as it
    is large itself.
    """
    amounts = [abs(row[name]) for row in rows for name in MONEY if name not in FRACTIONS]
    return max(*amounts, *(row["equity"] * row["exposure"] for row in rows))


@many
@given(games())
def test_the_kernel_equals_the_plain_python_ledger_to_1e_12(game):
    assert_agree(game.play(), reference(game))


@many
@given(full_games())
def test_the_kernel_equals_the_plain_python_ledger_under_every_rule(game):
    assert_agree(game.play(), reference(game))


some = settings(max_examples=300, deadline=None)


@some
@given(full_games())
def test_stepping_an_engine_equals_the_path_bit_for_bit_in_any_row(game):
    engine = Engine(game.prices, game.rules, accounts=3, start_equity=START)
    rows = np.arange(3)
    engine.reset(rows, np.zeros(3, int), np.full(3, game.last))
    stepped = follow(engine, game, 0, row=1)
    assert_same(game.play(), stepped)


@some
@given(full_games(), st.integers(1, 8), st.integers(0, 8))
def test_a_row_that_is_reset_in_mid_path_lives_as_a_fresh_one(game, before, first):
    engine = Engine(game.prices, game.rules, accounts=3, start_equity=START)
    engine.reset(np.arange(3), np.zeros(3, int), np.full(3, game.last))
    for bar in range(before):
        engine.step(np.repeat(game.targets[bar : bar + 1], 3, axis=0))
    engine.reset(np.array([2]), np.array([first]), np.array([game.last]))
    stepped = follow(engine, game, first, row=2)
    assert_same(run_path(game.prices, game.rules, game.targets, first, game.last, START), stepped)


def follow(engine, game, first, row):
    """Steps the engine to the end with the game's targets in one row and others beside it."""
    recorder = Recorder(engine, game.last - first + 1, row=row)
    recorder.record()
    for bar in range(first, game.last):
        targets = np.stack([game.targets[bar - 3], -game.targets[bar], game.targets[bar // 2]])
        targets[row] = game.targets[bar]
        engine.step(targets)
        recorder.record()
    return recorder.path()


def assert_same(path, stepped):
    for name in type(path).__dataclass_fields__:
        assert np.array_equal(getattr(path, name), getattr(stepped, name), equal_nan=True), name


def test_the_engine_says_once_which_account_was_truncated_and_which_terminated():
    close = np.array([[10.0], [10.0], [40.0], [40.0]])
    engine = Engine(Prices(close, close), Rules(), accounts=2, start_equity=START)
    engine.reset(np.arange(2), np.zeros(2, int), np.full(2, 3))
    ends = []
    for _ in range(3):
        step = engine.step(np.array([[1.0], [-1.0]]))
        ends.append((step.truncated.tolist(), step.terminated.tolist()))
    assert ends[0] == ([False, False], [False, False])
    assert ends[1] == ([False, False], [False, True])  # the short is ruined at the open of bar 2
    assert ends[2][0][0]
    assert not ends[2][0][1]

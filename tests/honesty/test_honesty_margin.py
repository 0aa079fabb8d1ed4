"""When the broker ends an account: margin, ruin inside a bar, and what closing out costs."""

import numpy as np
import pytest
from honesty.accounts import FREE, play

from drltrade.sim import STATUS, Commission, Costs, Engine, Margin, Prices, Rules, Slippage

ONE_PERCENT = Costs(Commission(0.006), Slippage(0.004))
# 1000 buy 20 shares at 100 with 1000 borrowed. A quarter of 20 p is all that is left of
# 20 p - 1000 where p is 200 / 3.
TRIGGER = 200 / 3
LEFT = 20 * TRIGGER - 1000


def leveraged(low, close, open=100.0, weight=2, then=None, **named):
    """A position of twice the account, opened in bar 1, and what happens to it in bar 2.

    `then` is what is ordered for bar 2.
    """
    end = [close, close]
    rows = {
        "open": [100, 100, open, close],
        "low": [100, 100, min(low, open, close), close],
        "high": [100, 100, max(low, open, close), close],
    }
    targets = [weight, weight if then is None else then, weight, 0]
    return play([100, 100, *end], targets, leverage=2.0, **(rows | named))


def test_an_account_below_its_maintenance_margin_is_closed_out():
    path = leveraged(low=60, close=60)
    assert path.terminated
    assert path.liquidated
    assert path.shares[2:].tolist() == [[0.0], [0.0]]
    assert path.equity[2:].tolist() == pytest.approx([LEFT, LEFT])
    safe = leveraged(low=70, close=70)
    assert not safe.terminated
    assert safe.equity[2] == pytest.approx(400)


def test_margin_is_checked_inside_the_bar_and_not_at_its_close_alone():
    for fill in ("next_open", "next_close"):
        path = leveraged(low=50, close=100, fill=fill)
        assert path.liquidated
        assert path.equity[2] == pytest.approx(LEFT)


def test_a_position_is_tried_at_the_end_of_the_bar_that_hurts_it():
    up = leveraged(low=150, close=100)
    assert not up.terminated
    short = leveraged(low=140, close=100, weight=-2)
    # 20 shares short and 3000 in cash: 3000 - 20 p is a quarter of 20 p at p = 120.
    assert short.liquidated
    assert short.exit_price[2, 0] == pytest.approx(120)
    assert short.equity[2] == pytest.approx(600)
    assert not leveraged(low=50, close=100, weight=-2).terminated


def test_margin_is_checked_at_the_open_before_anything_is_filled():
    path = leveraged(low=60, open=60, close=100, then=0.5)
    assert path.liquidated
    assert path.traded[2, 0] == 0.0
    assert path.exit_price[2, 0] == pytest.approx(60)
    assert path.equity[2] == pytest.approx(200)


def test_a_liquidation_takes_place_at_the_trigger_and_not_at_the_better_open():
    path = leveraged(low=50, close=50)
    assert path.exit_price[2, 0] == pytest.approx(TRIGGER)
    assert path.bar_pnl[2] == pytest.approx(20 * (TRIGGER - 100))


def test_a_gap_through_the_trigger_is_paid_in_full():
    for fill in ("next_open", "next_close", "same_close"):
        path = leveraged(low=55, open=55, close=90, fill=fill)
        end = np.flatnonzero(np.isfinite(path.exit_price[:, 0]))
        assert path.exit_price[end, 0].tolist() == [55.0]
        assert path.equity[end].tolist() == pytest.approx([100])


def test_a_liquidation_pays_what_an_order_pays():
    path = leveraged(low=50, close=50, costs=ONE_PERCENT)
    closed = -path.shares[1, 0] * path.exit_price[2, 0]
    assert path.costs[2] == pytest.approx(0.01 * abs(closed))
    assert path.commission[2] == pytest.approx(0.006 * abs(closed))
    before_costs = path.cash[1] - closed
    assert path.equity[2] == path.cash[2] == pytest.approx(before_costs - path.costs[2])


def test_what_is_closed_out_is_turnover():
    path = leveraged(low=50, close=50)
    assert path.turnover[2] == pytest.approx(20 * TRIGGER / path.equity[1])


def test_a_liquidation_terminates_and_is_no_truncation():
    fall = np.array([100.0, 100, 60, 60, 60])[:, None]
    engine = Engine(Prices(fall, fall), Rules(costs=FREE, leverage=2.0), start_equity=1000.0)
    engine.reset(np.array([0]), np.array([0]), np.array([4]))
    ends = []
    for _ in range(4):
        step = engine.step(np.full((1, 1), 2.0))
        ends.append((bool(step.terminated[0]), bool(step.truncated[0]), bool(step.liquidated[0])))
    assert ends[0] == (False, False, False)
    assert ends[1:] == [(True, False, True)] * 3


def test_an_order_that_came_too_late_for_a_closed_out_account_says_so():
    path = play(
        [100, 100, 60, 60], [2, 0.5, 1, 0], open=[100, 100, 60, 60], costs=FREE, leverage=2.0
    )
    assert path.liquidated
    assert path.status[2, 0] == STATUS["closed_out"]
    assert path.traded[2, 0] == 0.0


def test_an_account_that_is_ruined_inside_a_bar_does_not_see_its_close():
    for margin in (0.0, 0.25):
        path = play(
            [10, 10, 10, 5],
            [-1, -1, -1, 0],
            open=[10, 10, 10, 5],
            high=[10, 10, 25, 5],
            low=[10, 10, 10, 5],
            margin=Margin(margin),
        )
        assert path.terminated
        assert path.liquidated == (margin > 0)
        assert path.shortfall[2] == pytest.approx(0, abs=1e-9)  # it is closed on the way
        assert path.equity[3] == path.equity[2] == pytest.approx(400 if margin else 0.1)


def test_a_hedged_account_is_tried_with_both_sides_at_their_worst():
    # Each side alone would survive; together they leave 300 for a gross position of 1900.
    quotes = {"open": [[10, 10]] * 4, "high": [[10, 10], [10, 10], [10, 13], [10, 10]]}
    quotes["low"] = [[10, 10], [10, 10], [6, 10], [10, 10]]
    path = play([[10, 10]] * 4, [[1, -1]] * 4, leverage=2.0, **quotes)
    assert path.liquidated

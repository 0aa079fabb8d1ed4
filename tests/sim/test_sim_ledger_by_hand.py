"""Ledgers worked out by hand, cent by cent."""

import numpy as np
import pytest

from drltrade.errors import UsageError
from drltrade.sim import Commission, Costs, Engine, Prices, Rules, Slippage, run_path


def column(*values):
    return np.array(values, dtype=float)[:, None]


def play(open_, close, targets, rules, start=1010.0):
    return run_path(Prices(column(*open_), column(*close)), rules, column(*targets), 0,
                    len(close) - 1, start)  # fmt: skip


ONE_PERCENT = Costs(Commission(0.006), Slippage(0.004))


def test_a_long_bought_at_the_open_and_sold_at_the_next():
    path = play([10, 20, 25], [10, 22, 24], [1, 0, 0], Rules(costs=ONE_PERCENT))
    # Bar 1: V' = 1010 - 1 % V', so 1000 is invested at 20: 50 shares, 6 + 4 paid, cash 0.
    assert path.shares[1, 0] == pytest.approx(50)
    assert path.commission[1] == pytest.approx(6.00)
    assert path.slippage[1] == pytest.approx(4.00)
    assert path.cash[1] == pytest.approx(0.00, abs=1e-9)
    assert path.bar_pnl[1] == pytest.approx(50 * 2.00)
    assert path.equity[1] == pytest.approx(1100.00)
    # Bar 2: the gap from 22 to 25 earns 150; selling 1250 costs 12.50.
    assert path.gap_pnl[2] == pytest.approx(150.00)
    assert path.commission[2] == pytest.approx(7.50)
    assert path.slippage[2] == pytest.approx(5.00)
    assert path.equity[2] == pytest.approx(1237.50)
    assert path.cash[2] == pytest.approx(1237.50)


def test_a_short_earns_when_the_price_falls_and_pays_its_costs():
    path = play([10, 20, 20], [10, 18, 20], [-1, 0, 0], Rules(costs=ONE_PERCENT))
    # V' = 1010 - 1 % V' = 1000: 50 shares short at 20 bring 1000, 10 are paid: cash 2000.
    assert path.shares[1, 0] == pytest.approx(-50)
    assert path.cash[1] == pytest.approx(2000.00)
    assert path.equity[1] == pytest.approx(2000 - 50 * 18)  # 1100.00
    # The gap back to 20 loses 100; buying back 1000 costs 10.
    assert path.gap_pnl[2] == pytest.approx(-100.00)
    assert path.equity[2] == pytest.approx(990.00)


def test_a_flip_from_long_to_short_pays_for_both_halves():
    path = play([10, 20, 20], [10, 20, 20], [1, -1, 0], Rules(costs=ONE_PERCENT))
    # Long 1000 from 1010. The flip sells 1000 + V': V' = 1000 - 1 % (1000 + V') = 990 / 1.01.
    after = 990 / 1.01
    assert path.traded[2, 0] == pytest.approx(-1000 - after)
    assert path.equity[2] == pytest.approx(after)  # V (1 - c) / (1 + c) with V = 1000
    assert path.equity[2] == pytest.approx(1000 * (1 - 0.01) / (1 + 0.01))


def test_a_short_through_a_tripling_gap_is_ruined_at_the_floor():
    path = play([10, 10, 30, 30], [10, 10, 30, 30], [-1, -1, 1, 1], Rules(costs=ONE_PERCENT))
    # 100 shares short at 10 from 1010: cash 2000. At 30 the account is worth 2000 - 3000 = -1000.
    assert path.equity[1] == pytest.approx(1000.00)
    assert path.gap_pnl[2] == pytest.approx(-2000.00)
    assert path.equity[2] == pytest.approx(0.101)  # 1e-4 of 1010
    assert path.shortfall[2] == pytest.approx(1000.101)
    assert path.terminated
    assert path.equity[3] == path.equity[2]
    assert path.shares[2, 0] == 0.0


def test_the_three_fills_use_their_own_price():
    bars = ([10, 12, 12], [10, 16, 16])
    shares = {}
    for fill in ("next_open", "next_close", "same_close"):
        path = play(*bars, [1, 1, 1], Rules(fill=fill, costs=ONE_PERCENT))
        shares[fill] = path.shares[1, 0]
    assert shares["next_open"] == pytest.approx(1000 / 12)
    assert shares["next_close"] == pytest.approx(1000 / 16)
    assert shares["same_close"] == pytest.approx(1000 / 10)


def test_shannon_rebalancing_between_cash_and_a_coin():
    for bars, wealth in ((2, 1.125), (20, 3.247321), (100, 361.098864)):
        close = column(*(2.0 if k % 2 else 1.0 for k in range(bars + 1)))
        free = Rules("same_close", Costs(Commission(0.0), Slippage(0.0)), on_change=False)
        path = run_path(Prices(close, close), free, np.full((bars + 1, 1), 0.5), 0, bars)
        assert path.equity[-1] == pytest.approx(wealth, rel=1e-6)
        held = run_path(Prices(close, close), free, close * 0 + 1, 0, bars)
        assert held.equity[-1] == pytest.approx(1.0)


def test_transaction_remainder_of_jiang_et_al():
    flat = np.full((3, 2), 10.0)
    rules = Rules("same_close", Costs(Commission(0.0025), Slippage(0.0)), on_change=False)
    swap = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    path = run_path(Prices(flat, flat), rules, swap, 0, 2)
    # Cash to stock .9975; our c is charged on what is bought, theirs on what is paid: 1 / (1 + c)
    # against 1 - c, and so (1 - c) / (1 + c) against (1 - c)^2 for a swap.
    assert path.equity[1] == pytest.approx(1 / 1.0025)
    assert path.equity[1] == pytest.approx(0.9975, abs=5e-5)
    assert path.equity[2] / path.equity[1] == pytest.approx((1 - 0.0025) / (1 + 0.0025))


def test_an_unchanged_level_is_no_order_but_every_bar_goes_back():
    bars = ([10, 10, 10, 20], [10, 10, 20, 20])
    drift = play(*bars, [0.5, 0.5, 0.5, 0.5], Rules(costs=ONE_PERCENT, on_change=True))
    back = play(*bars, [0.5, 0.5, 0.5, 0.5], Rules(costs=ONE_PERCENT, on_change=False))
    assert np.count_nonzero(drift.traded) == 1
    assert np.count_nonzero(back.traded[3]) == 1
    assert drift.weights[3, 0] == pytest.approx(2 / 3, abs=0.01)
    assert back.weights[3, 0] == pytest.approx(0.5)


def test_two_accounts_do_not_touch_each_other():
    prices = Prices(column(10, 11, 12), column(10, 11, 12))
    engine = Engine(prices, Rules(costs=ONE_PERCENT), accounts=2, start_equity=1010.0)
    engine.reset(np.arange(2), np.zeros(2, int), np.full(2, 2))
    step = engine.step(np.array([[1.0], [0.0]]))
    assert step.equity.tolist() == pytest.approx([1000.0, 1010.0])
    engine.reset(np.array([0]), np.array([0]), np.array([1]))
    step = engine.step(np.array([[0.0], [1.0]]))
    assert step.truncated.tolist() == [True, True]
    assert step.equity_before[0] == 1010.0


@pytest.mark.parametrize(
    ("rules", "word"),
    [
        (lambda: Rules(fill="close"), "next_close"),
        (lambda: Rules(leverage=0), "leverage is 0"),
        (lambda: Commission(-0.1), "commission.rate is -0.1"),
        (lambda: Slippage(5), "slippage.rate is 5"),
        (lambda: Commission(float("nan")), "commission.rate is nan"),
        (lambda: Rules(leverage=20, costs=Costs(Commission(0.05))), "half"),
        (lambda: Prices(column(1, 2), column(1, -2)), "positive"),
        (lambda: Prices(column(1), column(1)), "at least 2"),
    ],
)
def test_rules_that_cannot_be_are_refused_in_words(rules, word):
    with pytest.raises(UsageError, match=word):
        rules()


def test_closes_only_refuse_the_next_open_and_name_the_fix():
    prices = Prices(column(np.nan, np.nan), column(1, 2))
    with pytest.raises(UsageError, match="fill: next_close"):
        run_path(prices, Rules(), column(1, 1), 0, 1)


def test_steps_are_read_only():
    engine = Engine(Prices(column(1, 2), column(1, 2)), Rules())
    with pytest.raises(ValueError, match="read-only"):
        engine.current.equity[0] = 5.0


def test_costs_that_eat_the_account_ruin_it_at_the_fill():
    dear = Rules("same_close", Costs(Commission(0.1), Slippage(0.0)), on_change=False)
    path = play([10, 19.5, 1, 1], [10, 19.5, 1, 1], [-1, 0, 0, 0], dear, 1100.0)
    # V' = 1100 / 1.1 = 1000: 100 shares short, cash 2000. At 19.5 it is worth 50.
    assert path.equity[1] == pytest.approx(50.0)
    # Buying back 1950 would cost 195: 50 - 195 = -145. The later fall to 1 must not revive it.
    assert path.commission[2] == pytest.approx(195.0)
    assert path.shortfall[2] == pytest.approx(145.0 + 0.11)
    assert path.equity[2:].tolist() == pytest.approx([0.11, 0.11])
    assert path.terminated

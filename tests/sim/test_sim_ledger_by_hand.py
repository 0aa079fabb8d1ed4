"""Ledgers worked out by hand, cent by cent."""

import numpy as np
import pytest

from drltrade.errors import UsageError
from drltrade.sim import (
    STATUS,
    Carry,
    Commission,
    Costs,
    Delisting,
    Engine,
    Impact,
    Limits,
    Margin,
    Participation,
    Prices,
    Rules,
    Slippage,
    run_path,
)


def column(*values):
    return np.array(values, dtype=float)[:, None]


def play(open_, close, targets, rules, start=1010.0, **extras):
    """Plays one asset; extras are one value a bar."""
    columns = {name: np.array(x) if name == "days" else column(*x) for name, x in extras.items()}
    prices = Prices(column(*open_), column(*close), **columns)
    return run_path(prices, rules, column(*targets), 0, len(close) - 1, start)


def codes(path):
    """The names of the status codes of the only asset, one a bar."""
    names = {number: name for name, number in STATUS.items()}
    return [names[code] for code in path.status[:, 0]]


ONE_PERCENT = Costs(Commission(0.006), Slippage(0.004))
FREE = Costs(Commission(0.0), Slippage(0.0))


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
    assert path.commission[2] + path.slippage[2] == pytest.approx(30.00)  # 1 % of 3000 covered
    assert path.equity[2] == pytest.approx(0.101)  # 1e-4 of 1010
    assert path.shortfall[2] == pytest.approx(1030.101)
    assert not path.liquidated  # nothing was left
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


def test_a_long_that_gaps_through_its_margin_is_sold_at_the_open():
    path = play([20, 20, 12, 30], [20, 20, 30, 30], [2, 0, 2, 2],
                Rules(costs=ONE_PERCENT, leverage=2), 1020.0)  # fmt: skip
    # V' = 1020 - 1 % of 2 V' = 1000: 100 shares at 20, cash -1000.
    # At the open of 12 they are worth 1200, equity is 200 and a quarter of 1200 is 300.
    assert path.cash[1] == pytest.approx(-1000.00)
    assert path.gap_pnl[2] == pytest.approx(-800.00)
    assert path.commission[2] == pytest.approx(7.20)  # 0.6 % of 1200
    assert path.slippage[2] == pytest.approx(4.80)
    assert path.equity[2] == pytest.approx(188.00)
    assert path.turnover[2] == pytest.approx(1.2)  # 1200 over 1000
    assert path.exit_price[2, 0] == 12.0
    assert np.isnan(path.fill_price[2, 0])
    assert codes(path)[2] == "closed_out"  # the order to sell came too late
    assert path.equity[3] == path.equity[2]  # the recovery to 30 is not theirs
    assert path.terminated
    assert path.liquidated


def test_a_long_is_sold_within_the_bar_where_its_margin_is_used_up():
    path = play([20, 20, 20], [20, 20, 20], [2, 2, 2], Rules(costs=ONE_PERCENT, leverage=2), 1020.0,
                high=[20, 20, 20], low=[20, 20, 10])  # fmt: skip
    # 100 p - 1000 = 25 p at p = 13 1/3: worth 1333.33, equity 333.33, 13.33 to sell it.
    assert path.exit_price[2, 0] == pytest.approx(40 / 3)
    assert path.gap_pnl[2] == 0.0
    assert path.bar_pnl[2] == pytest.approx(100 * (40 / 3 - 20))
    assert path.equity[2] == pytest.approx(320.00)
    assert path.liquidated


def test_a_short_is_bought_back_within_the_bar_where_its_margin_is_used_up():
    path = play([20, 20, 20], [20, 20, 20], [-1, -1, -1], Rules(costs=ONE_PERCENT),
                high=[20, 20, 40], low=[20, 20, 20])  # fmt: skip
    # 50 shares short at 20, cash 2000. 2000 - 50 p = 12.5 p at p = 32: equity 400, less 16.
    assert path.exit_price[2, 0] == pytest.approx(32.0)
    assert path.bar_pnl[2] == pytest.approx(-600.00)
    assert path.equity[2] == pytest.approx(384.00)


def test_without_a_maintenance_margin_only_bankruptcy_closes_the_account():
    rules = Rules(costs=FREE, margin=Margin(0.0))
    path = play([20, 20, 20], [20, 20, 20], [-1, -1, -1], rules, 1000.0, high=[20, 20, 39.9],
                low=[20, 20, 20])  # fmt: skip
    assert path.equity[2] == pytest.approx(1000.00)  # at 39.90 still 5 were left
    path = play([20, 20, 20], [20, 20, 20], [-1, -1, -1], rules, 1000.0, high=[20, 20, 40],
                low=[20, 20, 20])  # fmt: skip
    assert path.exit_price[2, 0] == pytest.approx(39.998)  # 2000 - 50 x 39.998 = 0.10, the floor
    assert path.equity[2] == pytest.approx(0.10)
    assert path.terminated


@pytest.mark.parametrize(("weight", "cash"), [(1, 20.00), (-1, -20.00)])
def test_a_dividend_is_paid_to_the_long_and_by_the_short(weight, cash):
    path = play([20, 20, 19.6], [20, 20, 19.6], [weight] * 3, Rules(costs=FREE), 1000.0,
                dividend=[0, 0, 0.40])  # fmt: skip
    # 50 shares: 0.40 each is 20, and the price falls by as much.
    assert path.dividends[2] == pytest.approx(cash)
    assert path.gap_pnl[2] == pytest.approx(-cash)
    assert path.cash[2] == pytest.approx(path.cash[1] + cash)
    assert path.equity[2] == pytest.approx(1000.00)


def test_a_split_doubles_the_shares_and_nothing_else():
    path = play([20, 20, 10, 10], [20, 20, 11, 11], [1, 1, 1, 1], Rules(costs=FREE), 1000.0,
                split=[1, 1, 2, 1], dividend=[0, 0, 0.25, 0])  # fmt: skip
    assert path.shares[:, 0].tolist() == pytest.approx([0, 50, 100, 100])
    assert path.gap_pnl[2] == pytest.approx(0.00)  # 50 at 20 are 100 at 10
    assert path.bar_pnl[2] == pytest.approx(100.00)  # 100 shares from 10 to 11
    assert path.dividends[2] == pytest.approx(25.00)  # a quarter for each new share
    assert path.equity[2] == pytest.approx(1125.00)


def test_an_order_in_a_halt_waits_and_the_mark_stands_still():
    path = play([20, 20, 30, 25], [20, 20, 30, 25], [1, 0, 0, 0], Rules(costs=ONE_PERCENT),
                halted=[0, 0, 1, 0])  # fmt: skip
    assert codes(path) == ["no_order", "filled", "halted", "filled"]
    assert path.shares[2, 0] == pytest.approx(50)
    assert path.equity[2] == pytest.approx(1000.00)  # 50 at 20, whatever was quoted
    # The unchanged target is sent again: 250 from the gap, 12.50 to sell 1250.
    assert path.gap_pnl[3] == pytest.approx(250.00)
    assert path.equity[3] == pytest.approx(1237.50)


def test_a_bar_without_volume_is_a_halt_once_there_was_some():
    flat = [10, 10, 10, 10]
    path = play(flat, flat, [1, 0, 0, 0], Rules(costs=FREE), volume=[0, 0, 5, 0])
    # Zeros before the first volume are of a feed that knows none: filled. The last is a halt.
    assert codes(path) == ["no_order", "filled", "filled", "no_order"]
    path = play(flat, flat, [np.nan, 1, 1, 1], Rules(costs=FREE), volume=[0, 5, 0, 5])
    assert codes(path) == ["no_order", "no_order", "halted", "filled"]


@pytest.mark.parametrize("weight", [1, -1])
def test_a_delisting_pays_the_last_close_less_the_haircut(weight):
    path = play([20, 20, 1, 1], [20, 20, 1, 1], [weight] * 3 + [np.nan],
                Rules(costs=FREE, delisting=Delisting(0.3), on_change=False), 1000.0,
                delisted=[0, 0, 1, 0])  # fmt: skip
    # 50 shares leave at 20, long or short, and 30 % of 1000 are lost.
    assert path.haircut[2] == pytest.approx(300.00)
    assert path.gap_pnl[2] == 0.0
    assert path.exit_price[2, 0] == pytest.approx(20.0)
    assert path.shares[2, 0] == 0.0
    assert path.cash[2] == pytest.approx(700.00)
    assert path.equity[2:].tolist() == pytest.approx([700.00, 700.00])
    assert codes(path)[2:] == ["halted", "halted"]  # nobody trades it any more
    assert not path.terminated


def test_a_small_order_pays_the_minimum_fee():
    rules = Rules(costs=Costs(Commission(rate=0.01, minimum=20.0), Slippage(0.0)))
    path = play([20] * 4, [20] * 4, [0.5, 0, 1e-10, 0], rules, 1020.0)
    # 1 % of 500 would be 5: 20 is paid, so V' is 1000 and 500 are bought; the same to sell.
    assert path.commission[1] == pytest.approx(20.00)
    assert path.traded[1, 0] == pytest.approx(500.00)
    assert path.equity[2] == pytest.approx(980.00)
    assert path.commission[3] == 0.0
    assert codes(path)[3] == "too_small"


def test_a_fee_for_each_share_counts_shares():
    costs = Costs(Commission(rate=0.0, per_share=0.10), Slippage(0.0))
    path = play([20, 20, 25], [20, 20, 25], [1, 0, 0], Rules(costs=costs), 1005.0)
    # 50 shares cost 1000 and 5: V' = 1005 - 0.10 V' / 20.
    assert path.shares[1, 0] == pytest.approx(50)
    assert path.commission[1:].tolist() == pytest.approx([5.00, 5.00])
    assert path.equity[2] == pytest.approx(1245.00)


def test_impact_is_the_square_root_of_the_share_of_volume():
    rules = Rules(costs=Costs(Commission(0.0), Slippage(0.0), Impact(0.75)))
    path = play([100, 110, 99, 100], [100, 110, 99, 100], [np.nan, np.nan, 1, 1], rules, 10500.0,
                volume=[200, 100, 300, 7])  # fmt: skip
    # Before bar 3: returns +10 % and -10 %, sigma = sqrt(0.02); volumes of 200 a bar.
    # 100 shares at 100: 2/3 x 0.75 x sqrt(0.02) x sqrt(100 / 200) = 5 % of 10,000.
    assert path.impact[3] == pytest.approx(500.00)
    assert path.shares[3, 0] == pytest.approx(100)
    assert path.equity[3] == pytest.approx(10_000.00)


def test_an_order_beyond_the_cap_is_filled_over_several_bars():
    rules = Rules(costs=FREE, participation=Participation(0.1))
    path = play([20] * 5, [20] * 5, [1] * 5, rules, 1000.0, volume=[200, 100, 300, 7, 7])
    # A tenth of the mean volume before: 20 of 200, 15 of 150, 20 of 200; 50 are wanted.
    assert path.shares[:, 0].tolist() == pytest.approx([0, 20, 35, 50, 50])
    assert codes(path) == ["no_order", "capped", "capped", "filled", "no_order"]
    assert path.cash[1] == pytest.approx(600.00)


@pytest.mark.parametrize("side", [1, -1])
def test_shares_are_rounded_toward_zero_to_whole_lots(side):
    path = play([30] * 3, [30] * 3, [side, side / 2, 0], Rules(costs=FREE, lot=10), 1000.0)
    # 1000 / 30 = 33.3 shares: 30 for 900. 500 / 30 = 16.7: 10.
    assert path.shares[:, 0].tolist() == [0, 30 * side, 10 * side]
    assert path.cash[1] == pytest.approx(1000 - 900 * side)
    assert codes(path) == ["no_order", "rounded", "rounded"]


@pytest.mark.parametrize(
    ("weight", "interest", "borrow"),
    [
        (0.5, 0.15, 0.00),  # 500 in cash earn 1 basis point a day
        (2, -0.60, 0.00),  # 1000 borrowed cost 2 a day
        (-1, 0.30, 0.60),  # 2000 in cash less 1000 of proceeds earn 1; 1000 short cost 2
    ],
)
def test_carry_over_a_weekend_is_that_of_three_days(weight, interest, borrow):
    carry = Carry(cash=0.0365, debit=0.073, borrow=0.073)
    rules = Rules(costs=FREE, carry=carry, leverage=2)
    path = play([20] * 3, [20] * 3, [weight] * 3, rules, 1000.0, days=[0, 0, 3])
    assert path.interest[2] == pytest.approx(interest)
    assert path.borrow[2] == pytest.approx(borrow)
    assert path.carry[2] == pytest.approx(interest - borrow)
    assert path.equity[2] == pytest.approx(1000 + interest - borrow)


@pytest.mark.parametrize(("weight", "funding"), [(1, -1.00), (-1, 1.00)])
def test_funding_is_paid_by_the_long_to_the_short(weight, funding):
    path = play([20, 20, 20], [20, 20, 20], [weight] * 3, Rules(costs=FREE), 1000.0,
                funding=[0, 0, 0.001])  # fmt: skip
    assert path.funding[2] == pytest.approx(funding)  # a thousandth of 1000
    assert path.equity[2] == pytest.approx(1000 + funding)


def test_a_target_within_the_band_is_left_alone():
    path = play([20] * 4, [20] * 4, [0.5, 0.54, 0.56, 0], Rules(costs=FREE, band=0.05), 1000.0)
    assert codes(path) == ["no_order", "filled", "in_band", "filled"]
    assert path.traded[:, 0].tolist() == pytest.approx([0, 500, 0, 60])


def test_limits_cut_a_weight_and_how_fast_it_changes():
    flat = [20, 20, 20, 20, 20]
    path = play(flat, flat, [1, 1, 1, 1, 1], Rules(costs=FREE, limits=Limits(weight=0.4)), 1000.0)
    assert path.weights[:, 0].tolist() == pytest.approx([0, 0.4, 0.4, 0.4, 0.4])
    assert codes(path) == ["no_order", "limited", *["no_order"] * 3]
    path = play(flat, flat, [1, 1, 1, 1, 1], Rules(costs=FREE, limits=Limits(change=0.3)), 1000.0)
    assert path.weights[:, 0].tolist() == pytest.approx([0, 0.3, 0.6, 0.9, 1.0])  # sent again
    assert codes(path) == ["no_order", "limited", "limited", "limited", "filled"]


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
    dear = Rules("same_close", Costs(Commission(0.1), Slippage(0.0)), margin=Margin(0.0),
                 on_change=False)  # fmt: skip
    path = play([10, 19.5, 1, 1], [10, 19.5, 1, 1], [-1, 0, 0, 0], dear, 1100.0)
    # V' = 1100 / 1.1 = 1000: 100 shares short, cash 2000. At 19.5 it is worth 50.
    assert path.equity[1] == pytest.approx(50.0)
    # Buying back 1950 would cost 195: 50 - 195 = -145. The later fall to 1 must not revive it.
    assert path.commission[2] == pytest.approx(195.0)
    assert path.shortfall[2] == pytest.approx(145.0 + 0.11)
    assert path.equity[2:].tolist() == pytest.approx([0.11, 0.11])
    assert path.terminated


def test_an_order_sent_once_stands_until_it_is_filled():
    # 1,000 buys 10 shares at 100; a cap of 4 a bar (0.4 of 10) fills 4, 4 and 2 of them.
    flat, once = [100] * 6, [np.nan, 1, *[np.nan] * 4]
    rules = Rules(costs=FREE, participation=Participation(0.4))
    path = play(flat, flat, once, rules, 1000.0, volume=[10] * 6)
    assert path.shares[:, 0].tolist() == pytest.approx([0, 0, 4, 8, 10, 10])
    assert codes(path)[1:] == ["no_order", "capped", "capped", "filled", "no_order"]

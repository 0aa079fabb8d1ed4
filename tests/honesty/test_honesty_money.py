"""Mistakes of counting money that others made, each shown to be absent here."""

import numpy as np
import pytest
from small_worlds import random_market, small_game

from drltrade.backtest import run_backtest
from drltrade.envs import ActionScheme, EnvSettings, TradingEnv
from drltrade.sim import STATUS, Commission, Costs, Margin, Prices, Rules, Slippage, run_path

FREE = Costs(Commission(0.0), Slippage(0.0))
ONE_PERCENT = Costs(Commission(0.006), Slippage(0.004))


def play(open_, close, targets, start=1010.0, **rules):
    """One account on opens and closes [T] or [T, N] along targets of the same shape."""
    arrays = [np.array(a, dtype=float).reshape(len(a), -1) for a in (open_, close, targets)]
    rules = Rules(**({"costs": ONE_PERCENT} | rules))
    return run_path(Prices(*arrays[:2]), rules, arrays[2], 0, len(close) - 1, start)


class Fixed:
    """Asks for the same weights after every bar."""

    def __init__(self, *weights):
        self.weights = np.array(weights)

    def targets(self, market, first):
        return np.tile(self.weights, (market.bars, 1))


def test_cash_never_goes_negative_because_fees_were_left_out_of_the_sizing():
    corners = np.eye(2)[np.arange(40) % 2]
    market = random_market(40, 2)
    path = play(market.open, market.close, corners, on_change=False)
    assert path.cash.min() >= -1e-9
    # All in means all in: the fee comes out of the stake and nothing is left over.
    assert path.cash[1:] == pytest.approx(0.0, abs=1e-9)
    assert path.shares[1, 0] * path.fill_price[1, 0] == pytest.approx(1000.0)


def test_a_fee_is_charged_once_on_each_leg():
    path = play([20, 20, 20], [20, 20, 20], [1, 0, 0])
    # 1010 = 1000 in shares and 10 in fees; selling the 1000 costs 10 again.
    assert (path.commission + path.slippage).tolist() == pytest.approx([0, 10, 10])
    assert path.cash[-1] == path.equity[-1] == pytest.approx(990.0)


def test_no_fee_is_charged_on_the_cash_leg():
    half = play([20, 20], [20, 20], [0.5, 0], start=1005.0)
    assert half.traded[1, 0] == pytest.approx(500.0)
    assert half.equity[1] == pytest.approx(1000.0)  # 1 % of 500, not of what stays cash
    still = play([20, 30], [20, 30], [0, 0])
    assert still.equity.tolist() == [1010.0, 1010.0]


def test_the_commission_argument_is_used():
    _check_the_fee_is_used("commission")


def test_the_slippage_argument_is_used():
    _check_the_fee_is_used("slippage")


def _check_the_fee_is_used(fee):
    other = {"commission": "slippage", "slippage": "commission"}[fee]
    game = small_game(60, costs={fee: {"rate": 0.02}, other: {"rate": 0.0}})
    record = run_backtest(Fixed(1.0), game)
    assert getattr(record.path, fee)[1] == pytest.approx(0.02 * record.path.traded[1, 0])
    assert getattr(record.path, other).sum() == 0.0
    ledger = record.equity[0] - record.path.traded[1, 0] - record.path.cash[1]
    assert ledger == pytest.approx(0.02 * record.path.traded[1, 0])


def test_a_default_environment_charges_ten_basis_points_a_side():
    assert EnvSettings().costs.rate == pytest.approx(0.001)


def test_what_was_decided_on_bar_t_is_not_filled_at_the_close_of_t():
    opens, closes = [10, 20, 20], [10, 25, 25]
    path = play(opens, closes, [1, 1, 1])
    assert path.fill_price[1, 0] == 20.0
    assert path.shares[1, 0] == pytest.approx(1000 / 20)
    path = play(opens, closes, [1, 1, 1], fill="next_close")
    assert path.fill_price[1, 0] == 25.0
    assert path.shares[1, 0] == pytest.approx(1000 / 25)


def test_the_next_open_is_the_default_fill_and_a_fill_at_the_close_of_t_says_look_ahead():
    assert EnvSettings().fill == Rules().fill == "next_open"
    record = run_backtest(Fixed(1.0), small_game(60, fill="same_close"))
    assert any("LOOK-AHEAD" in warning for warning in record.warnings)
    assert not run_backtest(Fixed(1.0), small_game(60)).warnings


def test_shorts_earn_when_prices_fall_and_lose_when_they_rise():
    for after, gain in ((8.0, 200.0), (12.0, -200.0)):
        path = play([10, 10], [10, after], [-1, 0], start=1000.0, costs=FREE)
        assert path.shares[1, 0] == pytest.approx(-100.0)
        assert path.equity[1] == pytest.approx(1000.0 + gain)


def test_the_first_level_is_a_short_and_the_last_a_long():
    _check_the_lowest_action_is_a_short("levels")


def test_a_continuous_action_of_minus_one_is_a_short():
    _check_the_lowest_action_is_a_short("continuous")


def _check_the_lowest_action_is_a_short(scheme):
    env = TradingEnv(small_game(60, actions=scheme))
    low, high = (0, 2) if scheme == "levels" else ([-1.0], [1.0])
    for action, sign in ((low, -1.0), (high, 1.0)):
        env.reset(seed=0)
        assert env.step(action)[4]["weights"][0] == pytest.approx(sign, abs=0.1)


def test_the_leverage_limit_stretches_every_action_scheme():
    most = {"levels": [[2, 2]], "continuous": [[1.0, 0.0]], "portfolio": [[1.0, 1.0]],
            "choices": [1]}  # fmt: skip
    weights = {"levels": [1, 1], "continuous": [2, 0], "portfolio": [1, 1], "choices": [1, 1]}
    for name, action in most.items():
        scheme = ActionScheme(name, 2, leverage=2.0)
        assert scheme.targets(np.array(action)).tolist() == [weights[name]], name


def test_the_costs_that_a_step_tells_are_all_that_it_charged():
    env = TradingEnv(small_game(60, costs=_costs(0.01)))
    env.reset(seed=0)
    assert env.step(2)[4]["costs"] == pytest.approx(0.02 * 100_000 / 1.02)


def test_a_game_without_shorts_never_holds_one():
    path = play([10, 10, 8], [10, 10, 8], [-1, -1, 0], shorts=False)
    assert (path.shares == 0.0).all()
    assert (path.equity == 1010.0).all()


def test_a_portfolio_can_be_all_cash_or_all_in_one_asset():
    game = small_game(60, 3, actions="portfolio", episode=None, costs=_costs(0.0))
    for asset in range(3):
        env = TradingEnv(game)
        env.reset(seed=0)
        *_, info = env.step(np.where(np.arange(3) == asset, 1.0, -1.0))
        assert info["weights"] == pytest.approx(np.eye(3)[asset], abs=1e-12)
        *_, info = env.step(-np.ones(3))
        assert info["weights"] == pytest.approx(np.zeros(3), abs=1e-12)


def test_slippage_is_a_cost_at_every_trade_and_never_noise():
    market = random_market(40)
    orders = np.arange(40.0)[:, None] % 2
    first, again = (play(market.open, market.close, orders) for _ in range(2))
    traded = np.abs(first.traded[:, 0])
    assert np.array_equal(first.slippage, again.slippage)
    assert (first.slippage[traded > 0] > 0).all()
    assert first.slippage == pytest.approx(0.004 * traded)


def test_higher_fees_never_make_anyone_richer():
    market = random_market(40)
    orders = np.random.default_rng(3).choice([-1.0, 0.0, 1.0], 40)[:, None]
    for share in (0.0, 1.0):  # all slippage, all commission
        ends = []
        for rate in (0.0, 0.001, 0.01):
            costs = Costs(Commission(rate * share), Slippage(rate * (1.0 - share)))
            ends.append(play(market.open, market.close, orders, costs=costs).equity[-1])
        assert ends[0] > ends[1] > ends[2]


def test_the_gross_limit_holds_after_every_fill():
    market = random_market(40, 2)
    orders = np.random.default_rng(3).choice([-2.0, -0.6, 0.5, 1.5], (40, 2))
    path = play(market.open, market.close, orders, on_change=False)
    at_fill = np.abs(path.shares * np.nan_to_num(path.fill_price)).sum(axis=1)[1:]
    equity = path.cash[1:] + (path.shares * np.nan_to_num(path.fill_price)).sum(axis=1)[1:]
    assert (at_fill <= equity * (1 + 1e-9)).all()
    # The proportions that were asked for are kept, whatever the limit cut.
    assert path.traded[1] / orders[0] == pytest.approx(path.traded[1, 0] / orders[0, 0])


def test_a_holding_that_grew_leaves_less_room_and_is_no_reason_to_borrow():
    grown = [[10, 10], [10, 10], [30, 10], [30, 10]]
    path = play(grown, grown, [[0.5, 0], [0.5, 0.5], [0.5, 0.5], [0, 0]])
    assert path.weights[2].tolist() == pytest.approx([0.75, 0.25], abs=0.01)
    assert path.cash.min() >= -1e-9
    assert path.status[2].tolist() == [STATUS["no_order"], STATUS["partial"]]


def test_shorts_count_against_the_gross_limit_like_longs():
    grown = [[10, 10, 10], [10, 10, 10], [14, 10, 10], [14, 10, 10]]
    path = play(grown, grown, [[-0.5, 0, 0], [-0.5, 0.5, -0.5], [-0.5, 0.5, -0.5], [0, 0, 0]])
    assert path.exposure == pytest.approx(np.abs(path.weights).sum(axis=1))
    assert path.exposure[1] == pytest.approx(0.5)
    assert path.exposure[2] == pytest.approx(1.0)
    assert path.weights[2, 1] == pytest.approx(-path.weights[2, 2])


def test_an_unchanged_level_pays_once():
    path = play([10, 10, 12, 15], [10, 11, 13, 15], [0.5, 0.5, 0.5, 0])
    assert np.flatnonzero(path.traded).tolist() == [1]
    assert np.flatnonzero(path.commission + path.slippage).tolist() == [1]


def test_a_target_of_every_bar_is_gone_back_to():
    path = play([10, 10, 12, 15], [10, 11, 13, 15], [0.5, 0.5, 0.5, 0], on_change=False)
    assert np.flatnonzero(path.traded).tolist() == [1, 2, 3]
    assert (path.traded[2:] < 0).all()  # what rose is sold


def test_every_change_of_equity_is_explained():
    market = random_market(40, 2)
    orders = np.random.default_rng(3).choice([-0.6, 0.0, 0.5], (40, 2))
    path = play(market.open, market.close, orders)
    pieces = path.gap_pnl + path.bar_pnl - path.commission - path.slippage
    assert np.diff(path.equity) == pytest.approx(pieces[1:], abs=1e-9)
    assert path.equity == pytest.approx(path.cash + (path.shares * market.close).sum(axis=1))


def test_no_order_is_altered_in_silence():
    flat = np.full((2, 2), 10.0)
    path = play(flat, flat, [[1.5, -0.5], [0, 0]], shorts=False)
    assert path.status[1].tolist() == [STATUS["scaled"], STATUS["short_refused"]]


def test_nothing_moves_after_ruin():
    path = play([10, 10, 30, 1, 50], [10, 10, 30, 1, 50], [-1, -1, 1, 1, 1])
    assert path.terminated
    assert path.equity[2:].tolist() == pytest.approx([0.101] * 3)  # 1e-4 of 1010
    assert path.cash[2:].tolist() == path.equity[2:].tolist()
    # 100 shares short were worth 1000; at 30 they are worth -1000, and buying them back costs 30.
    assert path.shortfall.tolist() == pytest.approx([0, 0, 1030.101, 0, 0])
    assert (path.shares[2:] == 0).all()


def test_fees_that_eat_the_account_are_ruin_too():
    rules = {"costs": Costs(Commission(0.1), Slippage(0.0)), "margin": Margin(0.0)}
    for fill, price in (("same_close", [10, 19.5, 19.5]), ("next_close", [10, 10, 19.5])):
        path = play(price, price, [-1, 0, 0], 1100.0, fill=fill, **rules)
        # 100 shares short and cash 2000; at 19.5 worth 50, and buying back costs 195.
        assert path.terminated
        assert path.equity[2] == pytest.approx(0.11)
        assert path.shortfall[2] == pytest.approx(145 + 0.11)


def _costs(rate):
    return {"commission": {"rate": rate}, "slippage": {"rate": rate}}

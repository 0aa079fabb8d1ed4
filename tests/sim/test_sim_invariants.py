"""What must hold of every account on every market: the invariants of money."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_games import MILD, games

from drltrade.sim import STATUS, Commission, Costs, Prices, Rules, Slippage, run_path

FREE = Costs(Commission(0.0), Slippage(0.0))
many = settings(max_examples=1000, deadline=None)


def play(open_, close, targets, rules, start=1000.0):
    return run_path(Prices(open_, close), rules, targets, 0, len(close) - 1, start)


@many
@given(games())
def test_equity_is_cash_plus_shares_and_every_change_has_its_pieces(game):
    path = play(*game)
    close = game[1]
    worth = path.cash + (path.shares * close).sum(axis=1)
    size = 1 + np.abs(path.shares * close).sum(axis=1)
    assert (np.abs(worth - path.equity)[: path.bars.size] / size).max() < 1e-9
    pieces = (path.gap_pnl + path.bar_pnl + path.carry + path.shortfall
              - path.commission - path.slippage)[1:]  # fmt: skip
    moved = np.abs(path.gap_pnl) + np.abs(path.bar_pnl) + path.equity
    assert (np.abs(np.diff(path.equity) - pieces) / moved[1:]).max() < 1e-9


@many
@given(games())
def test_log_returns_telescope_and_stay_finite_through_ruin(game):
    path = play(*game)
    logs = np.log(path.equity[1:] / path.equity[:-1])
    assert np.isfinite(logs).all()
    assert logs.sum() == pytest.approx(np.log(path.equity[-1] / path.equity[0]), abs=1e-9)
    assert (path.equity >= 0.1 - 1e-12).all()  # the floor: 1e-4 of 1,000


@many
@given(games(weights=(0.0, 0.3, 0.5, 1.0), leverage=(1.0,)))
def test_costs_are_never_negative_and_dearer_fills_never_leave_more(game):
    open_, close, targets, rules = game
    two = (open_[:2], close[:2], targets[:2])
    cheap = play(*two, rules)
    dear = Costs(Commission(rules.costs.commission.rate + 0.01), rules.costs.slippage)
    costly = play(*two, replace(rules, costs=dear))
    assert (cheap.commission >= 0).all()
    assert (cheap.slippage >= 0).all()
    assert costly.equity[-1] <= cheap.equity[-1] + 1e-9


@many
@given(games(moves=(0.0,)))
def test_flat_prices_lose_exactly_the_costs(game):
    path = play(*game)
    lost = (path.commission + path.slippage - path.shortfall).sum()
    assert path.equity[-1] == pytest.approx(path.equity[0] - lost, abs=1e-9)


@given(st.sampled_from([0.0, 0.0005, 0.01, 0.1]), st.sampled_from([0.3, 0.5, 1.0]))
def test_a_round_trip_at_one_price_loses_exactly_two_sides(rate, weight):
    flat = np.full((3, 1), 50.0)
    path = play(flat, flat, np.array([[weight], [0.0], [0.0]]),
                Rules(costs=Costs(Commission(rate), Slippage(0.0))))  # fmt: skip
    bought = weight * 1000 / (1 + rate * weight)  # V' = V - rate * weight * V'
    assert path.traded[1, 0] == pytest.approx(bought)
    assert path.equity[-1] == pytest.approx(1000 - 2 * rate * bought)


@many
@given(games(moves=MILD, weights=(0.0, 0.3, 1.0), rules=Rules(costs=FREE, on_change=False)))
def test_long_and_short_mirror_each_other_at_zero_cost(game):
    open_, close, targets, rules = game
    long = play(open_[:2], close[:2], targets[:2], rules)
    short = play(open_[:2], close[:2], -targets[:2], rules)
    assert long.equity[-1] - 1000 == pytest.approx(1000 - short.equity[-1], abs=1e-9)


@many
@given(games(), st.sampled_from([1e-3, 7.0, 1e6]), st.sampled_from([1e-2, 3.0, 1e4]))
def test_neither_the_scale_of_cash_nor_of_prices_nor_the_order_of_assets_matters(game, cash, price):
    open_, close, targets, rules = game
    path = play(open_, close, targets, rules)
    assume(not path.terminated)  # where a ruin falls is decided by the last bit
    assume((path.exposure < 20).all())
    order = np.arange(close.shape[1])[::-1]
    other = play(open_[:, order] * price, close[:, order] * price, targets[:, order], rules,
                 1000 * cash)  # fmt: skip
    assert np.allclose(other.equity / cash, path.equity, rtol=1e-9)
    assert np.allclose(other.weights[:, order], path.weights, atol=1e-9)


@many
@given(games(moves=(0.0,)))
def test_the_same_target_at_the_same_price_is_no_second_trade(game):
    open_, close, targets, rules = game
    targets = np.repeat(targets[:1], len(targets), axis=0)
    path = play(open_, close, targets, replace(rules, on_change=False))
    assert (path.traded[2:] == 0).all()


@many
@given(games())
def test_gross_exposure_stays_within_the_limit_and_nothing_moves_after_ruin(game):
    open_, close, _, rules = game
    path = play(*game)
    prices = {"next_open": open_[1:], "next_close": close[1:], "same_close": close[:-1]}
    fill = prices[rules.fill]
    before, after = path.shares[:-1] * fill, path.shares[1:] * fill
    cash_after = path.cash[1:]
    for t in range(len(fill)):
        dead = path.equity[t + 1] <= 0.1 + 1e-12
        traded = path.traded[t + 1] != 0
        if traded.any() and not dead:
            kept = np.abs(before[t][~traded]).sum()
            equity = cash_after[t] + after[t].sum()
            limit = max(rules.leverage * equity, kept)
            assert np.abs(after[t]).sum() <= limit * (1 + 1e-8) + 1e-9
            if rules.leverage <= 1 and not (path.weights < 0).any():
                assert cash_after[t] >= -1e-8 * equity
    if path.terminated:
        end = int(np.argmax(path.equity <= 0.1 + 1e-12))
        assert (path.equity[end:] == path.equity[end]).all()
        assert (path.shares[end:] == 0).all()
        assert (path.traded[end + 1 :] == 0).all()


@many
@given(games())
def test_tomorrow_changes_nothing_before_it(game):
    open_, close, targets, rules = game
    cut = 6
    path = play(*game)
    later = [np.concatenate([a[:cut], a[cut:] * 10]) for a in (open_, close)]
    changed = play(*later, targets, rules)
    for name in ("equity", "cash", "shares", "commission", "drawdown"):
        assert np.array_equal(getattr(path, name)[:cut], getattr(changed, name)[:cut]), name


def test_every_altered_order_leaves_its_code():
    flat = np.full((4, 2), 10.0)
    targets = np.array([[1.5, -0.5], [np.nan, 0.0], [1e-12, 0.0], [0.0, 0.0]])
    path = play(flat, flat, targets, Rules(shorts=False, on_change=False))
    code = {name: number for name, number in STATUS.items()}
    assert path.status[1].tolist() == [code["scaled"], code["short_refused"]]
    assert path.status[2].tolist() == [code["no_order"], code["filled"]]
    path = play(flat, flat, np.array([[0.0], [1e-12], [0.0], [0.0]]).repeat(2, 1), Rules())
    assert path.status[2, 0] == code["too_small"]

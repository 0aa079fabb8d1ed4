"""No policy beats perfect foresight, and where it is exact a path in the ledger attains it."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_games import MILD, full_games, games

from drltrade.errors import UsageError
from drltrade.sim import (
    FILLS,
    Carry,
    Commission,
    Costs,
    Impact,
    Limits,
    Margin,
    Participation,
    Prices,
    Rules,
    Slippage,
    run_path,
)
from drltrade.sim.hindsight import hindsight

LEVELS = (-1.0, 0.0, 1.0)


def walk(bars=7, assets=1, seed=0, scale=0.03, **extras):
    """Opens gap away from closes, highs and lows go beyond both."""
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(rng.normal(0, scale, (bars, assets)), axis=0))
    opens = np.roll(close, 1, axis=0) * np.exp(rng.normal(0, scale / 2, (bars, assets)))
    opens[0] = close[0]
    wicks = np.exp(np.abs(rng.normal(0, scale, (2, bars, assets))))
    high, low = np.maximum(opens, close) * wicks[0], np.minimum(opens, close) / wicks[1]
    return Prices(opens, close, high, low, **extras)


def log_growth(prices, rules, targets, first=0, last=None):
    path = run_path(prices, rules, targets, first, prices.bars - 1 if last is None else last)
    return math.log(path.equity[-1] / path.equity[0])


def brute_force(prices, rules, portfolios):
    """The best of every sequence of portfolios, each run through the ledger."""
    best, targets = -math.inf, np.full((prices.bars, prices.assets), np.nan)
    for path in itertools.product(portfolios, repeat=prices.bars - 1):
        targets[:-1] = np.reshape(path, (prices.bars - 1, prices.assets))
        best = max(best, log_growth(prices, rules, targets))
    return best


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("on_change", [False, True])
@pytest.mark.parametrize("leverage", [1.0, 3.0])
def test_levels_of_one_asset_equal_the_best_of_all_sequences(fill, on_change, leverage):
    carry = Carry(0.3, 0.8, 0.5)
    rules = Rules(fill=fill, on_change=on_change, leverage=leverage, carry=carry)
    levels = np.array(LEVELS) * leverage
    for seed in range(6):
        days = np.array([1, 1, 3, 1, 2, 1, 4.0])
        prices = walk(seed=seed, days=days, scale=0.02)
        found = hindsight(prices, rules, levels)
        assert found.exact, found.why
        assert found.growth == pytest.approx(brute_force(prices, rules, levels), abs=1e-9)
        assert log_growth(prices, rules, found.targets) == pytest.approx(found.growth, abs=1e-9)


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("on_change", [False, True])
def test_splits_dividends_and_funding_move_levels_as_the_ledger_says(fill, on_change):
    rules = Rules(fill=fill, on_change=on_change, costs=Costs(Commission(0.001, per_share=0.02)))
    for seed in range(4):
        prices = walk(
            seed=seed,
            split=np.array([1, 1, 2, 1, 0.5, 1, 1.0])[:, None],
            dividend=np.array([0, 0, 0, 1.3, 0, 0.4, 0.0])[:, None],
            funding=np.array([0, 0.01, -0.02, 0, 0, 0.01, 0.0])[:, None],
        )
        found = hindsight(prices, rules, (-0.6, 0.0, 0.9))
        assert found.exact, found.why
        wanted = brute_force(prices, rules, (-0.6, 0.0, 0.9))
        assert found.growth == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("fill", FILLS)
def test_portfolios_of_two_assets_equal_the_best_of_all_sequences(fill):
    rules = Rules(fill=fill, on_change=False)
    portfolios = np.array([[0, 0], [0.5, -0.5], [-0.5, 0.5], [1, 0], [0.3, 0.3]])
    for seed in range(3):
        prices = walk(bars=5, assets=2, seed=seed)
        found = hindsight(prices, rules, portfolios)
        assert found.exact, found.why
        assert found.growth == pytest.approx(brute_force(prices, rules, portfolios), abs=1e-9)


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("on_change", [False, True])
def test_the_simplex_equals_the_best_sequence_of_single_assets_and_cash(fill, on_change):
    rules = Rules(fill=fill, on_change=on_change, shorts=False, carry=Carry(cash=0.2))
    corners = np.array([[0, 0], [1, 0], [0, 1.0]])
    for seed in range(5):
        prices = walk(bars=6, assets=2, seed=seed, scale=0.01)
        found = hindsight(prices, rules)
        assert found.exact, found.why
        assert found.growth == pytest.approx(brute_force(prices, rules, corners), abs=1e-9)


@pytest.mark.parametrize("fill", FILLS)
def test_halts_dividends_and_delistings_leave_the_simplex_exact_or_a_bound(fill):
    """Dividends make the optimum a mixture: no corner attains it, but the targets named do."""
    rules, exact = Rules(fill=fill, on_change=False, shorts=False), 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        halted = rng.random((7, 2)) < 0.2
        dividend = np.where(rng.random((7, 2)) < 0.3, 2.0, 0.0)
        delisted = np.zeros((7, 2), bool)
        delisted[5, 1] = True
        events = {"halted": halted, "dividend": dividend, "delisted": delisted}
        prices = walk(assets=2, seed=seed, **events)
        found = hindsight(prices, rules)
        exact += found.exact
        for corner in itertools.product(range(3), repeat=6):
            targets = np.full((7, 2), np.nan)
            targets[:-1] = np.eye(3)[list(corner)][:, 1:]
            assert log_growth(prices, rules, targets) <= found.growth + 1e-9
    assert exact == 8


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("on_change", [False, True])
def test_margin_calls_that_save_an_account_are_reckoned_with(fill, on_change):
    """Always three times long or short in a wild market: being closed out may be the best end."""
    rules = Rules(fill=fill, on_change=on_change, leverage=3.0)
    exact = 0
    for seed in range(12):
        prices = walk(bars=6, seed=seed, scale=0.2)
        found, best = hindsight(prices, rules, (-3, 3)), brute_force(prices, rules, (-3, 3))
        assert found.growth >= best - 1e-9
        assert not found.exact or found.growth == pytest.approx(best, abs=1e-9)
        exact += found.exact
    assert exact == 12 or on_change


@pytest.mark.parametrize("on_change", [False, True])
def test_halts_do_not_lift_levels_over_their_bound(on_change):
    for seed in range(12):
        halted = np.random.default_rng(seed).random((7, 1)) < 0.4
        prices, rules = walk(seed=seed, halted=halted), Rules(on_change=on_change, leverage=2.0)
        found, best = hindsight(prices, rules, (-2, 0, 2)), brute_force(prices, rules, (-2, 0, 2))
        assert found.growth >= best - 1e-9
        assert not found.exact or found.growth == pytest.approx(best, abs=1e-9)


def test_what_may_not_be_asked_for_is_not_named():
    for on_change in (False, True):
        prices, rules = walk(seed=2), Rules(on_change=on_change)
        found = hindsight(prices, rules, (0.0, 0.5))
        assert found.exact
        assert set(found.targets[:-1, 0]) <= {0.0, 0.5}
        assert found.growth == pytest.approx(brute_force(prices, rules, (0.0, 0.5)), abs=1e-9)


@pytest.mark.parametrize("fill", FILLS)
def test_interest_on_idle_cash_lies_within_the_bound(fill):
    prices = Prices(np.full((40, 2), 7.0), np.full((40, 2), 7.0), days=np.full(40, 3.0))
    rules = Rules(fill=fill, carry=Carry(cash=0.4))
    idle = log_growth(prices, rules, np.full((40, 2), np.nan))
    assert idle == pytest.approx(39 * math.log1p(0.4 * 3 / 365))
    for levels in (None, [[0, 0], [-0.5, 0.5]]):
        assert idle <= hindsight(prices, rules, levels).growth + 1e-12


def test_a_market_that_doubles_is_worth_its_doublings_less_one_purchase():
    close = 2.0 ** np.arange(6)[:, None]
    prices = Prices(close, close)
    rules = Rules(fill="same_close", costs=Costs(Commission(0.01), Slippage(0.0)))
    found = hindsight(prices, rules, LEVELS)
    assert found.exact
    assert found.growth == pytest.approx(5 * math.log(2) - math.log(1.01))
    assert found.targets[:5, 0].tolist() == [1, 1, 1, 1, 1]
    assert np.isnan(found.targets[5, 0])


def test_where_no_move_pays_for_two_trades_cash_is_best():
    close = np.array([100, 100.1, 100, 100.1, 100])[:, None]
    found = hindsight(Prices(close, close), Rules(fill="next_close"), LEVELS)
    assert (found.growth, found.exact) == (0.0, True)
    assert (found.targets[:4] == 0).all()


def test_only_the_interval_counts():
    prices, rules = walk(bars=30, seed=3), Rules()
    found = hindsight(prices, rules, LEVELS, first=10, last=16)
    cut = slice(10, 17)
    alone = Prices(*(getattr(prices, name)[cut] for name in ("open", "close", "high", "low")))
    assert found.growth == pytest.approx(hindsight(alone, rules, LEVELS).growth, abs=1e-12)
    assert np.isnan(found.targets[:10]).all()
    assert np.isnan(found.targets[16:]).all()
    assert np.isfinite(found.targets[10:16]).all()


def test_what_cannot_be_exact_is_called_a_bound():
    prices = walk(bars=40, assets=2, volume=np.full((40, 2), 1000.0))
    assert hindsight(prices, Rules(), None).why.startswith("bound")
    impact = Rules(costs=Costs(impact=Impact(1.0, 5)), on_change=False)
    assert not hindsight(walk(40, volume=np.full((40, 1), 9.0)), impact, LEVELS).exact
    capped = hindsight(prices, Rules(shorts=False, participation=Participation(0.01, 5)))
    assert not capped.exact
    assert capped.growth > 0


def test_shadow_prices_are_nearly_exact_where_the_spread_is_all_there_is():
    """One asset, +-1, fills at the open: the bound lies within one percent of the best levels."""
    prices, rules = walk(bars=600, scale=0.01, seed=5), Rules(on_change=False)
    exact, bound = hindsight(prices, rules, LEVELS), hindsight(prices, rules, None)
    assert exact.exact
    assert exact.growth <= bound.growth < 1.01 * exact.growth


def test_a_seam_or_a_range_that_does_not_fit_is_refused():
    prices = walk(bars=6, segment=np.array([0, 0, 0, 1, 1, 1]))
    with pytest.raises(UsageError, match="different segments"):
        hindsight(prices, Rules(), LEVELS)
    with pytest.raises(UsageError, match="0 <= first < last < 6"):
        hindsight(prices, Rules(), LEVELS, first=2, last=6)
    with pytest.raises(UsageError, match="levels have shape"):
        hindsight(walk(assets=2), Rules(), np.zeros((2, 3)))


# Properties: whatever the market, the rules and the orders, the bound holds.


def assert_unbeaten(game, levels, targets):
    found = hindsight(game.prices, game.rules, levels)
    earned = log_growth(game.prices, game.rules, targets)
    assert earned <= found.growth + 1e-7, found.why
    return found


def greedy(game, threshold):
    """All into the asset whose next move between fills is largest, if it passes a threshold."""
    column = 0 if game.rules.fill == "next_open" else 3
    marks = game.prices.table[:, column]
    moves = np.zeros_like(marks)
    ahead = 1 if game.rules.fill == "same_close" else 2
    moves[:-ahead] = marks[ahead:] / marks[ahead - 1 : -1] - 1
    if game.rules.fill == "next_open":
        moves[-2] = game.close[-1] / marks[-1] - 1
    side = np.sign(moves) if game.rules.shorts else (moves > 0).astype(float)
    best = np.abs(moves * side).argmax(axis=1)[:, None] == np.arange(moves.shape[1])
    pays = np.abs(moves).max(axis=1, keepdims=True) > threshold
    return np.where(pays, best * side * game.rules.leverage, np.nan)


@settings(max_examples=200)
@given(games(), st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([0.0, 0.25, 0.43]))
def test_no_random_policy_beats_it_under_proportional_costs(game, seed, wide, margin):
    """Portfolios drawn from a list, at any leverage, gaps and margin calls."""
    rng = np.random.default_rng(seed)
    assets, bars = game.close.shape[1], len(game.close)
    rules = replace(game.rules, margin=Margin(margin))
    game = replace(game, rules=rules)
    portfolios = rng.choice([-1.0, -0.4, 0.0, 0.5, 1.0], (4, assets)) * (2 if wide else 1)
    targets = portfolios[rng.integers(len(portfolios), size=bars)]
    assert_unbeaten(game, portfolios, targets)


@settings(max_examples=200)
@given(games(moves=MILD), st.integers(0, 2**32 - 1))
def test_no_random_mixture_beats_the_simplex(game, seed):
    rng = np.random.default_rng(seed)
    bars, assets = game.close.shape
    rules = replace(game.rules, shorts=False, leverage=1.0)
    game = replace(game, rules=rules)
    targets = rng.dirichlet(np.full(assets + 1, 0.4), bars)[:, :assets]
    targets[rng.random(bars) < 0.3] = np.nan
    found = assert_unbeaten(game, None, targets)
    assert found.exact, found.why


@settings(max_examples=200)
@given(full_games(), st.booleans())
def test_no_order_beats_the_bound_under_any_rule_of_the_ledger(game, short):
    """Fees, impact, caps, lots, bands, limits, halts, events and close-outs; orders that wait."""
    if not short:
        game = replace(game, rules=replace(game.rules, shorts=False, leverage=1.0))
    assert_unbeaten(game, None, game.targets)
    for threshold in (0.0, 0.03):
        assert_unbeaten(game, None, greedy(game, threshold))


@settings(max_examples=200)
@given(full_games(weights=(-1.0, 0.0, 0.5, 1.0)))
def test_no_levels_beat_the_bound_under_any_rule_of_the_ledger(game):
    assert_unbeaten(game, (-1.0, 0.0, 0.5, 1.0), game.targets)


def test_the_named_limits_keep_levels_inside_their_bound():
    prices = walk(bars=60, scale=0.05)
    for limits in (Limits(weight=0.4), Limits(change=0.3)):
        rules = Rules(limits=limits, on_change=False)
        found = hindsight(prices, rules, LEVELS)
        rng = np.random.default_rng(1)
        for _ in range(50):
            targets = rng.choice(LEVELS, (60, 1))
            assert log_growth(prices, rules, targets) <= found.growth + 1e-9

"""Claims about the nulls: they hold and trade as the record did, and only skill beats them."""

import numpy as np
import pytest
from looking_policies import Looking
from scipy.signal import lfilter
from small_worlds import random_market, small_game

from drltrade.agents import make_strategy
from drltrade.backtest import run_backtest
from drltrade.backtest.diagnostics import diagnose
from drltrade.backtest.diagnostics.nulls import SLACK, dealt, random_null, shifted_null, spells
from drltrade.backtest.diagnostics.stage import Stage
from drltrade.data import Market
from drltrade.envs import build_game

NULLS = {"random": random_null, "shifted": shifted_null}
every_null = pytest.mark.parametrize("null", NULLS.values(), ids=NULLS)


def smooth(bars, seed):
    """An AR(1) series of unit variance."""
    return lfilter([np.sqrt(0.19)], [1, -0.9], np.random.default_rng(seed).standard_normal(bars))


def told(column, seed=0, bars=600, usable="levels"):
    """A random walk with a column that a policy sees, and the game that shows nothing else."""
    walk = random_market(bars, seed=seed)
    fields = {name: getattr(walk, name) for name in ("open", "high", "low", "volume")}
    values = column(walk) if callable(column) else column
    market = Market.build(walk.close, columns={"told": values}, **fields)
    features = [{"column": "told", "lag": 0}]
    return small_game(market=market, features=features, window=1, scaler="none", usable=(usable,))


def tomorrow(market):
    """What holding from the next open to the one after would earn: an oracle's column."""
    gains = np.zeros(market.bars)
    gains[:-2] = market.open[2:, 0] / market.open[1:-1, 0] - 1
    return gains


# Long above a threshold, short below its negative, else flat.
LEVELS = Looking(lambda seen: 1 + (seen[:, 0] > 0.5).astype(int) - (seen[:, 0] < -0.5))
FREELY = Looking(lambda seen: np.tanh(seen[:, :1]))


def p_of(null, policy, game, draws=99):
    stage = Stage.of(policy, game, run_backtest(policy, game))
    return null(stage, np.random.default_rng(1), draws).p


def turnover(targets):
    return np.abs(np.diff(targets, axis=0)).sum()


@every_null
def test_who_follows_an_oracle_beats_every_path(null):
    oracle = Looking(lambda seen: np.where(seen[:, 0] > 0.004, 2, 0))
    assert p_of(null, oracle, told(tomorrow)) == pytest.approx(1 / 100)


@every_null
@pytest.mark.parametrize("policy", [LEVELS, FREELY], ids=["levels", "continuous"])
def test_of_pure_noise_p_is_spread_over_all_values(null, policy):
    usable = "levels" if policy is LEVELS else "continuous"
    found = [
        p_of(null, policy, told(smooth(600, seed + 50), seed, usable=usable)) for seed in range(24)
    ]
    assert min(found) < 0.25
    assert max(found) > 0.75
    assert 0.3 < np.mean(found) < 0.7
    assert np.mean(np.array(found) <= 0.1) < 0.35


@every_null
def test_one_position_all_along_has_no_reason(null):
    """Every path is then the record, whatever its last digits: on each of several markets."""
    for seed in range(8):
        game = told(smooth(600, 0), seed)
        assert p_of(null, Looking(lambda seen: np.full(len(seen), 2)), game) == 1.0
    assert p_of(null, Looking(lambda seen: np.ones(len(seen), int)), game) is None


@every_null
def test_costs_are_paid_on_the_paths_too(null):
    stage = Stage.of(LEVELS, game := told(smooth(600, 0)), run_backtest(LEVELS, game))
    low, middle, high = null(stage, np.random.default_rng(0), 60).sharpe
    assert low < middle < high
    free = told(smooth(600, 0))
    none = {"commission": {"rate": 0.0}, "slippage": {"rate": 0.0}}
    settings = free.settings.model_validate(free.settings.model_dump() | {"costs": none})
    game = build_game(settings, market=free.market, usable=("levels",))
    stage = Stage.of(LEVELS, game, run_backtest(LEVELS, game))
    assert null(stage, np.random.default_rng(0), 60).sharpe[1] > middle + 0.3


def test_spells_of_a_position_are_dealt_out_anew_among_its_own():
    path = np.repeat([1.0, 0, 1, 0, 1, 0, 1, 0], [1, 2, 3, 4, 5, 6, 7, 8])[:, None]
    starts, kinds = spells(path)
    assert starts.tolist() == [0, 1, 3, 6, 10, 15, 21, 28]
    assert kinds.tolist() == [1, 0] * 4
    seen = set()
    for seed in range(20):
        order = dealt(starts, kinds, len(path), np.random.default_rng(seed))
        assert sorted(order.tolist()) == list(range(len(path)))
        shuffled = path[order]
        assert turnover(np.vstack([shuffled, shuffled[:1]])) == 8  # round the circle: the same
        seen.add(tuple(order.tolist()))
    assert len(seen) == 20


@pytest.mark.parametrize("assets", [1, 3])
def test_a_path_that_always_moves_is_cut_so_that_it_trades_about_as_much(assets):
    path = np.stack([smooth(800, seed) for seed in range(assets)], axis=1)
    starts, kinds = spells(path)
    assert len(starts) > 10
    found = []
    for seed in range(10):
        order = dealt(starts, kinds, 800, np.random.default_rng(seed))
        assert sorted(order.tolist()) == list(range(800))
        found.append(turnover(path[order]) / turnover(path) - 1)
    assert abs(np.mean(found)) < 1.5 * SLACK


def test_every_account_and_scheme_has_its_nulls():
    market = random_market(120, 3)
    cases = [
        (small_game(market=market, usable=("levels",)), lambda s: (s[:, :3] > 0) * 2),
        (small_game(market=market, usable=("choices",)), lambda s: (s[:, 0] > 0) * 4),
        (small_game(market=market, usable=("portfolio",)), lambda s: np.tanh(s[:, :3])),
        (small_game(market=market.each(), usable=("levels",)), lambda s: (s[:, 0] > 0) * 2),
    ]
    for game, choose in cases:
        policy = Looking(choose)
        found = diagnose(policy, game, run_backtest(policy, game))["nulls"]
        for null in ("random", "shuffled"):
            assert 0 < found[null]["p"] <= 1
            assert found[null]["draws"] == 200
            assert found[null]["sharpe"] == sorted(found[null]["sharpe"])


def test_a_strategy_keeps_its_own_way_of_ordering():
    game = told(smooth(600, 0))
    holder, seldom = make_strategy("buy_and_hold"), make_strategy("equal_weight", every=20)
    stage = Stage.of(holder, game, run_backtest(holder, game))
    assert random_null(stage, np.random.default_rng(0), 39).p == 1.0  # nothing but one purchase
    stage = Stage.of(seldom, game, run_backtest(seldom, game))
    assert 0 < shifted_null(stage, np.random.default_rng(0), 39).p <= 1

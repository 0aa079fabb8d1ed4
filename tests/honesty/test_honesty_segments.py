"""Claims about one agent on many markets; each test is a mistake that is easy to make there."""

import numpy as np
from small_worlds import random_market, small_game

from drltrade.backtest import run_backtest
from drltrade.envs import VectorTradingEnv
from drltrade.experiments.settings import SplitSettings
from drltrade.experiments.splits import resolve_folds
from drltrade.features import compute_features

MARKET = random_market(120, assets=3, seed=6)


class Always:
    """Holds a fixed share of equity."""

    name = "always"

    def targets(self, market, first):
        """Half of equity at every bar."""
        return np.full((market.bars, market.assets), 0.5)


def test_no_window_shows_bars_of_another_market():
    features = [{"log_return": 1}]
    game = small_game(market=MARKET.each(), episode=None, features=features, scaler="none")
    env = VectorTradingEnv(game, 64)
    env.reset(seed=1)
    for _ in range(8):
        observed = env._batch.observations[:, : game.layout.window_size]
        for row, bar in enumerate(env._batch.step_view.bar.tolist()):
            segment, at = divmod(bar, MARKET.bars)
            close = np.log(MARKET.close[:, segment])
            window = np.diff(close)[at - 4 : at]
            assert at >= 4
            assert np.allclose(observed[row], window, atol=1e-6)
        env.step(np.ones(64, dtype=np.int64))


def test_no_episode_leaves_its_market():
    env = VectorTradingEnv(small_game(market=MARKET.each(), episode=None), 64)
    env.reset(seed=1)
    step, ended = env._batch.step_view, set()
    segment = step.bar // MARKET.bars
    for _ in range(MARKET.bars):
        env._batch.step(np.ones(64, dtype=np.int64))
        assert (step.bar // MARKET.bars == segment).all()
        ended |= set((step.bar[step.truncated] % MARKET.bars).tolist())
    assert step.truncated.all()
    assert ended == {MARKET.bars - 1}


def test_every_market_is_played():
    env = VectorTradingEnv(small_game(market=MARKET.each()), 64)
    env.reset(seed=1)
    played = np.bincount(env._batch.step_view.bar // MARKET.bars, minlength=3)
    assert played.min() > 10


def test_no_feature_looks_back_on_another_market():
    names = [{"log_return": 5}, "rsi", "volatility", "relative_volume"]
    whole, alone = (compute_features(m, names) for m in (MARKET.each(), MARKET))
    for asset in range(MARKET.assets):
        rows = whole.values[asset * MARKET.bars : (asset + 1) * MARKET.bars, 0]
        assert np.array_equal(rows, alone.values[:, asset], equal_nan=True)


def test_the_accounts_of_many_markets_share_the_money_of_one():
    game = small_game(market=MARKET.each(), episode=None)
    record = run_backtest(Always(), game)
    assert record.equity[0] == 100_000
    assert np.abs(record.path.exposure[1:] - 0.5).max() < 0.05


def test_the_equity_of_many_markets_is_what_their_positions_are_worth():
    record = run_backtest(Always(), small_game(market=MARKET.each(), episode=None))
    worth = record.path.cash + (record.path.shares * record.close).sum(axis=1)
    assert np.allclose(record.equity, worth)
    weights = record.path.shares * record.close / record.equity[:, None]
    assert np.allclose(record.path.weights, weights)


def test_every_market_is_cut_at_the_same_dates():
    (whole,), (each,) = (resolve_folds(SplitSettings(), m) for m in (MARKET, MARKET.each()))
    for role in ("train", "valid", "test"):
        (one,), (many,) = getattr(whole, role), getattr(each, role)
        assert (one.start, one.end, 3 * one.bars) == (many.start, many.end, many.bars)


def test_luck_is_not_the_same_in_every_market():
    from drltrade.agents.strategies import make_strategy

    game = small_game(market=MARKET.each(), episode=None)
    orders = run_backtest(make_strategy("random"), game).path.targets
    assert not np.array_equal(orders[:, 0], orders[:, 1], equal_nan=True)

"""Observations hold what their layout says, end at the present bar and never see the next."""

import numpy as np
import pytest
from small_worlds import changed_after, random_market, small_game

from drltrade.data import stack
from drltrade.envs import TradingEnv, VectorTradingEnv, build_game
from drltrade.features import Scaler, compute_features


def test_every_column_is_named_and_holds_what_it_names():
    game = small_game(assets=2, episode=None, account=("drawdown", "log_equity", "target"))
    env = TradingEnv(game)
    env.reset()
    observation, *_, info = env.step(np.array([1.0, -0.5]))
    columns = dict(zip(game.layout.columns, observation, strict=True))
    assert len(columns) == game.layout.size == observation.size
    bar, features = info["bar"], game.features
    for lag in range(game.layout.window):
        for n, symbol in enumerate(game.market.symbols):
            for f, name in enumerate(features.names):
                where = f"{symbol}.{name}[t-{lag}]" if lag else f"{symbol}.{name}[t]"
                assert columns[where] == features.values[bar - lag, n, f]
    assert columns["A0.weight"] == np.float32(info["weights"][0])
    assert columns["drawdown"] == np.float32(info["drawdown"])
    assert columns["log_equity"] == np.float32(np.log(info["equity"] / 100_000))
    assert columns["A0.target"] == np.float32(0.8)  # x = (1, 0.25), over their sum
    assert observation.dtype == np.float32


def test_the_position_is_in_the_observation():
    env = TradingEnv(small_game(episode=None))
    env.reset()
    assert env.step(2)[0][-1] == pytest.approx(1.0, abs=0.01)
    assert env.step(0)[0][-1] == pytest.approx(-1.0, abs=0.05)


@pytest.mark.parametrize("scaler", ["standard", "robust", "rolling", "none"])
def test_tomorrow_changes_no_observation_no_reward_and_no_fill_before_it(scaler):
    market, cut = random_market(), 300
    later = changed_after(market, cut)
    base = small_game(market=market, scaler=scaler, episode=None)
    fitted = np.arange(market.bars) <= cut
    seen = []
    for one in (market, later):
        scaled = Scaler.fit(scaler, compute_features(one, None), fitted)
        game = build_game(base.settings, market=one, scaler=scaled)
        env = TradingEnv(game)
        rows = [env.reset()[0]]
        rewards = []
        for bar in range(game.first_decision, cut):
            observation, reward, *_ = env.step(bar % 3)
            rows.append(observation)
            rewards.append(reward)
        seen.append((np.array(rows), np.array(rewards)))
    assert len(seen[0][0]) > 20
    assert np.array_equal(seen[0][0], seen[1][0])
    assert np.array_equal(seen[0][1], seen[1][1])


def test_the_decision_after_bar_t_is_filled_at_the_open_of_the_next_bar():
    game = small_game(episode=None)
    env = TradingEnv(game)
    _, info = env.reset()
    bar = info["bar"]
    *_, info = env.step(2)
    market = game.market
    bought = 100_000 / 1.001
    worth = bought * market.close[bar + 1, 0] / market.open[bar + 1, 0]
    assert info["equity"] == pytest.approx(worth)


def test_windows_never_cross_a_segment():
    market = stack([random_market(seed=1, bars=80), random_market(seed=2, bars=90)])
    game = small_game(market=market, episode=20)
    batch = VectorTradingEnv(game, 64)
    batch.reset(seed=0)
    warm = game.features.warmup + game.layout.window - 1
    assert game.stretches.tolist() == [[warm, 79], [80 + warm, 169]]
    for _ in range(100):
        before = batch._batch.step_view.bar.copy()
        batch.step(np.ones(64, dtype=np.int64))
        segment = market.segment
        assert (segment[before] == segment[np.minimum(before + 1, 169)]).all()


def test_an_interval_looks_back_on_earlier_bars_but_trades_only_its_own():
    game = small_game(market=random_market())
    later = game.between(str(game.market.stamps[200])[:10], None)
    assert later.first_decision == later.first == 200
    assert later.scaler is game.scaler

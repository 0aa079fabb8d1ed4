"""Every face pays what the kernel pays: halts, liquidations, splits, flips and all other rules."""

from copy import deepcopy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from random_games import full_games
from small_worlds import small_game

from drltrade.backtest import run_backtest
from drltrade.envs import PENALTIES, REWARDS, TradingEnv, VectorTradingEnv
from drltrade.envs.sb3 import SB3TradingEnv
from drltrade.sim import run_path

few = settings(max_examples=200, deadline=None)


@cache
def frame(bars, assets):
    """A game whose prices and rules are then taken from elsewhere."""
    return small_game(
        bars, assets, actions="continuous", episode=None, window=1, features=[{"log_return": 1}]
    )


def wrapped(drawn, reward="log_return"):
    game = frame(*drawn.close.shape)
    return replace(game, prices=drawn.prices, rules=drawn.rules, reward=reward)


def actions_of(drawn, game):
    wanted = np.nan_to_num(drawn.targets) / 3.0
    return wanted[game.first_decision : game.last].astype(np.float32)


class Replay:
    def __init__(self, actions):
        self.rest = list(actions)

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        return self.rest.pop(0)[None], None


@few
@given(full_games(bars=10))
def test_env_vector_row_sb3_row_and_backtest_pay_what_the_kernel_pays(drawn):
    game = wrapped(drawn)
    actions = actions_of(drawn, game)
    targets = np.full(drawn.close.shape, np.nan)
    targets[game.first_decision : game.last] = game.scheme.targets(actions)
    start = game.settings.equity
    path = run_path(game.prices, game.rules, targets, game.first_decision, game.last, start)

    env, batch, sb3 = TradingEnv(game), VectorTradingEnv(game, 2), SB3TradingEnv(game, 3)
    env.reset(seed=1)
    batch.reset(seed=1)
    sb3.reset()
    sb3.batch.restart(sb3.batch.rows)  # not staggered, to compare whole episodes
    for row, action in enumerate(actions, start=1):
        _, reward, terminated, truncated, info = env.step(action)
        both, many = np.repeat(action[None], 2, axis=0), np.repeat(action[None], 3, axis=0)
        _, rewards, ended, cut, _ = batch.step(both)
        _, scaled, done, _ = sb3.step(many)
        assert info["equity"] == path.equity[row]
        assert np.array_equal(info["weights"], path.weights[row])
        assert np.array_equal(info["status"], path.status[row])
        assert reward == np.log(path.equity[row : row + 1] / path.equity[row - 1 : row])[0]
        assert (rewards == reward).all()
        assert (scaled == np.float32(reward)).all()
        assert (ended == terminated).all()
        assert (cut == truncated).all()
        assert (done == (terminated or truncated)).all()
        if terminated or truncated:
            break
    assert terminated == path.terminated
    record = run_backtest(Replay(actions), game)
    whole = run_path(game.prices, game.rules, targets, game.first, game.last, start)
    assert np.array_equal(record.path.equity, whole.equity)
    assert np.array_equal(record.path.shares, whole.shares)


@pytest.mark.parametrize("name", REWARDS)
@settings(max_examples=20, deadline=None)
@given(drawn=full_games(bars=10))
def test_a_reward_is_the_same_to_the_bit_for_one_account_and_for_a_row_of_many(name, drawn):
    game = wrapped(drawn, {name: -0.5 if name in PENALTIES else 1.0})
    env, batch = TradingEnv(game), VectorTradingEnv(game, 5)
    env.reset(seed=1)
    batch.reset(seed=1)
    for action in actions_of(drawn, game):
        _, reward, terminated, truncated, info = env.step(action)
        _, rewards, *_ = batch.step(np.repeat(action[None], 5, axis=0))
        assert (rewards == reward).all()
        assert set(info["reward_terms"]) == {name}
        if terminated or truncated:
            break


def test_a_copied_env_goes_on_from_where_it_was_and_by_itself():
    env = TradingEnv(small_game(60))
    env.reset(seed=1)
    env.step(2)
    copy = deepcopy(env)
    mine = [env.step(action)[4]["equity"] for action in (2, 0, 1)]
    assert [copy.step(action)[4]["equity"] for action in (2, 0, 1)] == mine
    assert copy.step(2)[4]["equity"] != env.step(0)[4]["equity"]


@pytest.mark.parametrize("action", [np.int64(2), np.array(2), np.array([2])])
def test_a_level_may_come_as_any_whole_number(action):
    env, other = TradingEnv(small_game(60)), TradingEnv(small_game(60))
    env.reset(seed=1)
    other.reset(seed=1)
    assert env.step(action)[1] == other.step(2)[1]

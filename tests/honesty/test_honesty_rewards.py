"""Rewards that others paid for nothing, or forgot to pay."""

import numpy as np
import pytest
from small_worlds import random_market, small_game

from drltrade.data import Market
from drltrade.envs import PENALTIES, REWARDS, TradingEnv, VectorTradingEnv

LONG, FLAT = 2, 1


def market_of(close):
    close = np.asarray(close, dtype=float)
    return Market.build(close, open=close, high=close, low=close, volume=np.ones_like(close))


def rewards_of(actions, market, reward="log_return", **settings):
    """Rewards of an account that plays `actions` from the first bar; terms included."""
    plain = {"features": [{"log_return": 1}], "scaler": "none", "window": 2, "episode": None}
    game = small_game(market=market, reward=reward, **(plain | settings))
    env = TradingEnv(game)
    env.reset(seed=0)
    return np.array([env.step(action)[1] for action in actions])


def each_reward():
    return [{name: -1.0 if name in PENALTIES else 1.0} for name in REWARDS]


def test_buying_and_holding_a_doubling_market_is_rewarded_with_its_gain():
    rise = 10.0 * 2 ** (np.arange(60) / 50)
    free = {"commission": {"rate": 0.0}, "slippage": {"rate": 0.0}}
    held = {"costs": free, "fill": "next_close"}
    rewards = rewards_of([LONG] * 51, market_of(rise), **held)
    assert rewards[0] == pytest.approx(0.0, abs=1e-12)  # bought at the close of the first bar
    assert rewards[1:] == pytest.approx(np.log(2) / 50)
    profit = rewards_of([LONG] * 51, market_of(rise), "profit", **held)
    assert profit.sum() == pytest.approx(1.0)


def test_churning_on_a_flat_market_is_paid_with_its_costs():
    flat = market_of(np.full(60, 50.0))
    churn = rewards_of([LONG, FLAT] * 25, flat)
    assert (churn < 0).all()
    assert churn.sum() == pytest.approx(25 * np.log(0.999 / 1.001), rel=1e-3)


def test_no_built_in_reward_prefers_churning_to_keeping_still():
    flat = market_of(np.full(60, 50.0))
    for reward in each_reward():
        churn = rewards_of([LONG, FLAT] * 25, flat, reward).sum()
        still = rewards_of([FLAT] * 50, flat, reward).sum()
        assert churn <= still, reward


def test_a_reward_is_no_portfolio_level():
    market = random_market(60)
    for reward in each_reward():
        if reward.keys() & {"excess_over_benchmark"}:
            continue  # cash is no benchmark: it earns the difference
        assert (rewards_of([FLAT] * 40, market, reward) == 0.0).all(), reward
    for name in ("log_return", "profit", "mean_variance"):
        sold = rewards_of([LONG] * 10 + [FLAT] * 30, market, name)
        assert sold[:10].all()
        assert (sold[11:] == 0.0).all(), name  # what was won before is not paid again


def test_a_reward_does_not_know_how_much_money_there_is():
    market, actions = random_market(60), np.random.default_rng(0).integers(0, 3, 40)
    for reward in each_reward():
        poor = rewards_of(actions, market, reward, equity=100.0)
        rich = rewards_of(actions, market, reward, equity=1e9)
        assert poor == pytest.approx(rich, rel=1e-5, abs=1e-9), reward


def test_the_benchmark_of_a_bar_is_that_of_the_same_bar():
    market = random_market(60)
    free = {"commission": {"rate": 0.0}, "slippage": {"rate": 0.0}}
    excess = rewards_of([LONG] * 40, market, "excess_over_benchmark", costs=free, fill="same_close")
    assert excess == pytest.approx(np.zeros(40), abs=1e-12)


def test_each_term_of_a_sum_is_paid_with_its_weight():
    market, actions = random_market(60), np.random.default_rng(0).integers(0, 3, 40)
    terms = {"log_return": 2.0, "turnover": -0.5, "drawdown": -0.1}
    whole = rewards_of(actions, market, terms)
    parts = [rewards_of(actions, market, {name: -1.0}) for name in ("turnover", "drawdown")]
    plain = rewards_of(actions, market)
    assert whole == pytest.approx(2.0 * plain + 0.5 * parts[0] + 0.1 * parts[1])
    named = {"features": [{"log_return": 1}], "scaler": "none", "window": 2, "episode": None}
    many = VectorTradingEnv(small_game(market=market, reward=terms, **named), 2)
    many.reset(seed=0)
    rewards = np.array([many.step(np.full(2, action))[1] for action in actions])
    assert rewards == pytest.approx(np.stack([whole, whole], axis=1))


def test_a_deeper_drawdown_is_dearer_and_a_new_peak_costs_nothing():
    prices = market_of([10, 10, 10, 12, 6, 9, 12, 15, 15])
    free = {"commission": {"rate": 0.0}, "slippage": {"rate": 0.0}}
    long = rewards_of([LONG] * 6, prices, {"drawdown": -1.0}, costs=free, fill="same_close")
    assert long.tolist() == pytest.approx([0, -0.5, -0.25, 0, 0, 0])
    change = {"drawdown_change": -1.0}
    rise = rewards_of([LONG] * 6, prices, change, costs=free, fill="same_close")
    assert rise.tolist() == pytest.approx([0, -0.5, 0.25, 0.25, 0, 0])

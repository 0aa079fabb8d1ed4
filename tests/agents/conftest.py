"""A market whose optimum is known, and a tiny policy, shared by the agents' tests."""

import numpy as np
import pytest
from scipy.signal import lfilter

from drltrade.agents import AGENTS, TrainTask, train
from drltrade.data import Market
from drltrade.envs import EnvSettings, build_game


def ar1_market(bars: int, seed: int, rho: float = 0.9) -> Market:
    """The next bar's simple return is 1e-3 times an AR(1) signal of unit variance."""
    noise = np.random.default_rng(seed).standard_normal(bars + 100)
    signal = lfilter([np.sqrt(1 - rho**2)], [1, -rho], noise)[100:]
    close = 100 * np.cumprod(1 + np.r_[0, 1e-3 * signal[:-1]])
    opened = np.r_[close[0], close[:-1]]  # open(t+1) = close(t)
    return Market.build(
        close,
        open=opened,
        high=np.maximum(opened, close),
        low=np.minimum(opened, close),
        columns={"signal": signal},
    )


def ar1_game(agent: str = "ppo", seed: int = 1, bars: int = 6000, scaler=None, **settings):
    """The signal is the one feature; trading one unit costs 1e-3 (G = 1), as by default."""
    env = EnvSettings(features=[{"column": "signal", "lag": 0}], window=1, **settings)
    usable = AGENTS[agent].usable_schemes(1)
    return build_game(env, market=ar1_market(bars, seed), usable=usable, scaler=scaler)


@pytest.fixture(scope="session")
def game_of():
    return ar1_game


@pytest.fixture(scope="session")
def mean_return():
    """Mean of equity / equity_before - 1 of a policy, over several stretches of a game."""

    def measure(policy, game, accounts: int = 8) -> float:
        engine = game.make_engine(accounts)
        first = np.linspace(game.first_decision, game.last // 2, accounts).astype(np.int64)
        engine.reset(np.arange(accounts), first, np.full(accounts, game.last))
        state, returns = None, []
        for _ in range(game.last // 2):
            action, state = policy.predict(engine.observations, state)
            step = engine.step(game.scheme.targets(action))
            returns.append((step.equity / step.equity_before - 1).mean())
        return float(np.mean(returns))

    return measure


@pytest.fixture(scope="session")
def quick_policy():
    """Trains an agent for a moment; the policy is kept for the session."""
    kept = {}

    def get(agent: str, **settings):
        key = (agent, tuple(sorted(settings.items())))
        if key not in kept:
            game = ar1_game(agent, bars=600, **settings)
            chosen = AGENTS[agent].settings(accounts=16)
            kept[key] = train(TrainTask(game, chosen, seed=3, steps=600)).policy
        return kept[key]

    return get

"""Small markets and games for tests."""

import numpy as np

from drltrade.data import Market
from drltrade.envs import EnvSettings, build_game

TINY_EXPERIMENT = {
    "name": "tiny",
    "env": {"window": 4, "features": [{"log_return": 1}, {"volatility": 5}], "episode": 60},
    "agents": [
        {"name": "ppo", "accounts": 16, "n_steps": 16},
        {"name": "reinforce", "accounts": 16, "n_steps": 16},
    ],
    "splits": {
        "train": ["2004-01-01", "2006-12-31"],
        "valid": ["2007-01-01", "2007-12-31"],
        "test": ["2008-01-01", "2008-12-31"],
    },
    "seeds": 2,
    "budget": {"steps": 1024, "evaluations": 2},
    "baselines": ["buy_and_hold", "cash"],
}
"""An experiment of a few seconds: two agents, two seeds."""


def random_market(bars=400, assets=1, seed=0, scale=0.01):
    """A random walk with opens, highs, lows and volumes that do not contradict each other."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, scale, (bars, assets)), axis=0))
    open_ = np.roll(close, 1, axis=0) * np.exp(rng.normal(0, scale / 3, (bars, assets)))
    open_[0] = close[0]
    wide = np.exp(np.abs(rng.normal(0, scale / 2, (2, bars, assets))))
    return Market.build(
        close,
        open=open_,
        high=np.maximum(open_, close) * wide[0],
        low=np.minimum(open_, close) / wide[1],
        volume=rng.lognormal(10, 0.5, (bars, assets)),
        name="random",
    )


def changed_after(market, bar):
    """The same market with every price and volume after `bar` ten times as large."""
    late = np.where(np.arange(market.bars) > bar, 10.0, 1.0)[:, None]
    fields = {key: getattr(market, key) * late for key in ("open", "high", "low", "volume")}
    return Market.build(
        market.close * late, stamps=market.stamps, symbols=market.symbols, name="changed", **fields
    )


def small_game(bars=400, assets=1, seed=0, market=None, usable=None, **settings):
    """A game on a random market; keyword arguments are settings of the environment."""
    chosen = random_market(bars, assets, seed) if market is None else market
    chosen_settings = EnvSettings(**({"window": 4, "episode": 50} | settings))
    return build_game(chosen_settings, market=chosen, usable=usable)

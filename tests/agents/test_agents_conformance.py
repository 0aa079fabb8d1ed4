"""Every agent trains, saves and acts under every action scheme it admits, on one asset and two."""

import numpy as np
import pytest

from drltrade.agents import AGENTS, TrainTask, load_policy, train
from drltrade.data import Market
from drltrade.envs import EnvSettings, build_game

PAIRS = [
    (name, assets, scheme)
    for name, agent in AGENTS.items()
    for assets in (1, 2)
    for scheme in agent.usable_schemes(assets)
]


def market(assets: int) -> Market:
    rng = np.random.default_rng(assets)
    close = 50 * np.exp(np.cumsum(0.01 * rng.standard_normal((300, assets)), axis=0))
    return Market.build(close)


@pytest.mark.parametrize(("name", "assets", "scheme"), PAIRS)
def test_every_agent_plays_every_scheme_it_admits(name, assets, scheme, tmp_path):
    usable = AGENTS[name].usable_schemes(assets)
    env = EnvSettings(
        features=["log_return"], window=4, actions=scheme, fill="next_close", account=("drawdown",)
    )
    game = build_game(env, market=market(assets), usable=usable)
    task = TrainTask(game, AGENTS[name].settings(accounts=8), seed=1, steps=300)
    policy = load_policy(train(task).policy.save(tmp_path))
    again = policy.game(market(assets))
    assert again.action_space == game.action_space == policy.card.action.space()
    assert again.layout == game.layout
    engine = again.make_engine(3)
    first = np.full(3, again.first_decision)
    engine.reset(np.arange(3), first, np.full(3, again.last))
    action, _ = policy.predict(engine.observations)
    weights = again.scheme.targets(action)
    assert weights.shape == (3, assets)
    assert np.isfinite(weights).all()


@pytest.mark.parametrize("name", AGENTS)
def test_auto_takes_the_natural_scheme(name):
    for assets in (1, 2):
        usable = AGENTS[name].usable_schemes(assets)
        env = EnvSettings(features=["log_return"], window=2, fill="next_close")
        assert build_game(env, market=market(assets), usable=usable).scheme.name == usable[0]

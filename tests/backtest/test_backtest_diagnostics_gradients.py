"""Claims about integrated gradients: they find what a network looks at, for every agent."""

import sys

import numpy as np
import pytest
import torch
from looking_policies import Looking
from small_worlds import random_market, small_game

from drltrade.agents import AGENTS, TrainTask, train
from drltrade.backtest import run_backtest
from drltrade.backtest.diagnostics.gradients import integrated_gradients
from drltrade.backtest.diagnostics.scores import scores_of
from drltrade.errors import UsageError

MARKET = random_market(150, 1, seed=2)
PAIR = random_market(150, 2, seed=2)


def trained(agent, market=MARKET, **settings):
    usable = AGENTS[agent].usable_schemes(market.assets)
    game = small_game(
        market=market, usable=usable, features=["log_return", {"volatility": 5}], **settings
    )
    chosen = AGENTS[agent].settings(accounts=4)
    return train(TrainTask(game, chosen, seed=1, steps=40)).policy, game


@pytest.mark.parametrize("agent", [name for name in AGENTS if name != "recurrent_ppo"])
def test_every_agent_decides_by_scores_with_a_gradient(agent):
    for market in (MARKET, PAIR):
        policy, game = trained(agent, market)
        rows = torch.as_tensor(
            np.random.default_rng(0).normal(size=(20, game.layout.size)).astype(np.float32),
            device=policy.network.device,
        ).requires_grad_()
        scores, choices = scores_of(policy.network)
        parts = scores(rows)
        action, _ = policy.predict(rows.detach().numpy())
        if choices:
            found = torch.stack([part.argmax(1) for part in parts], 1).numpy()
            assert found.tolist() == action.reshape(20, -1).tolist()
        else:
            found = np.clip(parts[0].detach().numpy(), -1, 1)
            assert found == pytest.approx(action.reshape(20, -1), abs=1e-5)
        sum(part.sum() for part in parts).backward()
        assert rows.grad.abs().sum() > 0


@pytest.mark.parametrize("agent", ["ppo", "dqn", "sac", "cfq"])
def test_shares_sum_to_one_and_twice_is_the_same(agent):
    policy, game = trained(agent)
    record = run_backtest(policy, game)
    found = integrated_gradients(policy, game, record)
    assert [entry["name"] for entry in found["columns"]] == list(game.layout.features)
    assert [entry["lag"] for entry in found["lags"]] == [0, 1, 2, 3]
    for entries in found.values():
        assert sum(entry["score"] for entry in entries) == pytest.approx(1.0)
        assert all(entry["score"] >= 0 for entry in entries)
    assert integrated_gradients(policy, game, record) == found


def test_what_a_network_does_not_look_at_has_no_share():
    policy, game = trained("direct")
    first = policy.network.heads[0]
    with torch.no_grad():  # columns go bar by bar, two features each: see volatility at lag 1 alone
        keep = torch.zeros_like(first.weight)
        keep[:, 5] = 1.0
        first.weight.copy_(keep)
    found = integrated_gradients(policy, game, run_backtest(policy, game))
    assert {e["name"]: round(e["score"], 6) for e in found["columns"]} == {
        "log_return_1": 0.0,
        "volatility_5": 1.0,
    }
    assert [round(e["score"], 6) for e in found["lags"]] == [0.0, 1.0, 0.0, 0.0]


def test_what_cannot_be_explained_is_refused_in_words(monkeypatch):
    policy, game = trained("recurrent_ppo")
    record = run_backtest(policy, game)
    with pytest.raises(UsageError, match="remembers earlier ones"):
        integrated_gradients(policy, game, record)
    with pytest.raises(UsageError, match="need a trained policy"):
        integrated_gradients(Looking(lambda seen: seen), game, record)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(UsageError, match=r"pip install 'drltrade\[explain\]'"):
        integrated_gradients(policy, game, record)

"""Policies in whose network's place stands a rule, for tests of what policies do together."""

import numpy as np
from small_worlds import random_market, small_game

from drltrade.agents import PolicyCard
from drltrade.agents.policy import Policy

MARKET = random_market(bars=400)


class Rule:
    """A network in whose place stands a rule: observation [B, D] -> actions [B]."""

    def __init__(self, act):
        self.act = act

    def eval(self):
        return self

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        return np.asarray(self.act(np.asarray(observation))), state


def policy_of(act, game=None, agent="ppo", seed=0, score=None, **settings) -> Policy:
    game = small_game(market=MARKET, usable=("levels",), **settings) if game is None else game
    card = PolicyCard.of(
        game, {"name": agent}, reward_scale=1.0, seed=seed, steps=1, accounts=1
    ).model_copy(update={"score": score})
    return Policy(card, Rule(act))


def always(level):
    return lambda seen: np.full(len(seen), level)


def changing(seed, rate=0.2):
    """Levels that follow from what is seen, in no simple way."""
    weights = np.random.default_rng(seed).normal(size=1000)
    return lambda seen: np.digitize(seen @ weights[: seen.shape[1]] * rate, (-0.5, 0.5))


def same(one, other):
    for name in ("equity", "cash", "turnover", "shares", "targets", "status", "traded"):
        np.testing.assert_array_equal(getattr(one.path, name), getattr(other.path, name), name)

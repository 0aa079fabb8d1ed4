"""A batch whose state is kept and given back goes on as if nothing had happened."""

import json

import numpy as np
import pytest
from small_worlds import small_game

from drltrade.envs import PENALTIES, REWARDS, build_game, make_reward
from drltrade.envs.sb3 import SB3TradingEnv
from drltrade.errors import UsageError

ACCOUNTS = 5
REWARD_FORMS = [{name: -1.0 if name in PENALTIES else 1.0} for name in REWARDS] + [
    {"differential_sharpe": 1.0, "cvar": 0.5, "drawdown_change": -0.1}
]


def world(reward="log_return", seed=0, indexed=False, **settings):
    wanted = {"episode": 23, "leverage": 2.0, "account": ["drawdown", "target"]} | settings
    kept = reward if callable(reward) else None
    game = small_game(200, assets=2, reward="log_return" if kept else reward, **wanted)
    if kept:
        game = build_game(game.settings, market=game.market, reward=kept)
    return SB3TradingEnv(game, ACCOUNTS, seed=seed, indexed=indexed)


def play(env, steps, seed):
    """Everything that random actions show in `steps` bars."""
    rng = np.random.default_rng(seed)
    shown = []
    for _ in range(steps):
        actions = rng.uniform(-1, 1, (ACCOUNTS, *env.action_space.shape)).astype(np.float32)
        observations, rewards, dones, infos = env.step(actions)
        step = env.batch.step_view
        terms = {name: values.tobytes() for name, values in env.batch.reward.terms.items()}
        told = [{k: np.asarray(v).tolist() for k, v in info.items()} for info in infos]
        seen = (observations, rewards, dones, step.equity, step.weights, step.turnover, step.status)
        shown.append((*(np.array(each).tobytes() for each in seen), terms, json.dumps(told)))
    return shown


def kept_and_restored(build, before=40, after=40):
    """What two envs show after the same state: the one that made it, and a fresh one."""
    env = build(seed=0)
    env.reset()
    play(env, before, seed=1)
    state = env.state()
    other = build(seed=99)
    other.reset()
    play(other, 7, seed=2)  # its own past must not matter
    observations = env.batch.observations.copy()
    ahead = play(env, after, seed=3)
    np.testing.assert_array_equal(other.restore(state), observations)
    return ahead, play(other, after, seed=3)


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("reward", REWARD_FORMS, ids=lambda form: "+".join(form))
def test_a_restored_env_goes_on_bit_for_bit(reward, indexed):
    one, other = kept_and_restored(lambda seed: world(reward, seed, indexed))
    assert one == other
    assert len({shown[1] for shown in one}) > 1  # rewards did move


def test_a_restored_env_never_played_before_goes_on_bit_for_bit():
    env, other = world(seed=0), world(seed=5)
    env.reset()
    play(env, 30, seed=1)
    state = env.state()
    other.restore(state)
    assert play(other, 60, seed=2) == play(env, 60, seed=2)


def test_a_state_is_a_copy_and_giving_it_back_keeps_it():
    env = world("differential_sharpe")
    env.reset()
    state = env.state()
    first = play(env, 30, seed=1)
    env.restore(state)
    assert play(env, 30, seed=1) == first
    env.restore(state)
    assert play(env, 30, seed=1) == first


class Mine:
    """A user's reward with memory of several kinds."""

    def __init__(self):
        self.base, self.count, self.name = np.log1p, 0, "mine"

    def reset(self, rows):
        if self.count == 0:
            self.past = {"returns": [np.zeros(rows.size)], "pair": (1, None)}
        self.past["returns"][0][rows] = 0.0
        self.count += 1

    def __call__(self, step):
        self.count += 1
        past = self.past["returns"][0]
        past *= 0.9
        past += step.simple_return
        return self.base(past / self.count)


class Telling(Mine):
    """One that says itself what it remembers."""

    def __init__(self):
        super().__init__()
        self.odd = {1, 2}

    def state(self):
        return {"count": self.count, "past": self.past["returns"][0]}

    def restore(self, state):
        self.count, self.past = state["count"], {"returns": [state["past"]]}


@pytest.mark.parametrize("reward", [Mine, Telling, lambda step: step.log_return])
def test_the_memory_of_a_users_reward_is_kept(reward):
    one, other = kept_and_restored(lambda seed: world(reward, seed))
    assert one == other


class Slots:
    __slots__ = ("hidden",)

    def __call__(self, step):
        return step.log_return


class Odd:
    def __init__(self, value):
        self.strange = value

    def __call__(self, step):
        return step.log_return


@pytest.mark.parametrize(
    ("reward", "told"),
    [
        (Slots(), "'hidden'"),
        (Odd({1}), "'strange'"),
        (Odd(np.array([None])), "'strange'"),
        (Odd(np.random.default_rng(0)), "'strange'"),
        (Odd([{"a": object()}]), "'strange'"),
    ],
)
def test_what_cannot_be_kept_is_named(reward, told):
    with pytest.raises(UsageError, match=told):
        make_reward(reward).state()


def test_what_state_returns_is_checked():
    reward = Telling()
    reward.reset(np.arange(3))
    reward.past["returns"][0] = {1}
    with pytest.raises(UsageError, match=r"state\(\) of reward 'Telling'"):
        make_reward(reward).state()

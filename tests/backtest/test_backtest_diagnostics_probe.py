"""Claims about what a policy looks at, and how steady its hand is."""

import numpy as np
import pytest
from looking_policies import Counting, Looking
from small_worlds import random_market, small_game

from drltrade.agents import make_strategy
from drltrade.backtest import run_backtest
from drltrade.backtest.diagnostics import diagnose
from drltrade.backtest.diagnostics.importance import (
    account_groups,
    column_groups,
    importance,
    lag_groups,
)
from drltrade.backtest.diagnostics.probe import ROWS, make_probe
from drltrade.backtest.diagnostics.sensitivity import sensitivity
from drltrade.backtest.diagnostics.stage import Stage
from drltrade.envs.layout import Layout

FEATURES = ["log_return", {"volatility": 5}, {"rsi": 5}]


def probed(policy, game):
    return make_probe(policy, Stage.of(policy, game, run_backtest(policy, game)))


def scores(entries, key="score"):
    return [entry[key] for entry in entries]


def test_the_groups_are_all_columns_by_their_names():
    layout = Layout(3, ("A", "B"), ("x", "y"), ("drawdown", "target"))
    names = np.array(layout.columns)
    columns, account = column_groups(layout), account_groups(layout)
    assert names[columns["y"]].tolist() == [
        f"{asset}.y{lag}" for lag in ("[t-2]", "[t-1]", "[t]") for asset in "AB"
    ]
    assert names[account["weight"]].tolist() == ["A.weight", "B.weight"]
    assert names[account["drawdown"]].tolist() == ["drawdown"]
    assert names[account["target"]].tolist() == ["A.target", "B.target"]
    assert names[lag_groups(layout)[1, 1]].tolist() == ["A.x[t-1]", "A.y[t-1]", "B.x[t-1]",
                                                        "B.y[t-1]"]  # fmt: skip
    every = np.concatenate([*columns.values(), *account.values()])
    assert sorted(every.tolist()) == list(range(layout.size))


def test_a_long_window_is_put_into_groups_of_lags():
    groups = lag_groups(Layout(100, ("A",), ("x",)))
    assert len(groups) == 32
    assert [first for first, _ in groups] == sorted(first for first, _ in groups)
    assert (next(iter(groups))[0], list(groups)[-1][1]) == (0, 99)
    assert sorted(np.concatenate(list(groups.values())).tolist()) == list(range(100))


def test_what_is_not_looked_at_moves_nothing():
    # Columns go bar by bar, oldest first, three features each: 7 is the volatility one bar ago.
    game = small_game(features=FEATURES, window=4, usable=("levels",))
    policy = Looking(lambda seen: np.where(seen[:, 7] > 0, 2, 0))
    found = importance(probed(policy, game), np.random.default_rng(0))
    by_name = {entry["name"]: entry["score"] for entry in found["columns"]}
    assert list(by_name) == [*game.layout.features, "weight"]
    assert by_name["volatility_5"] > 0.5
    assert sum(by_name.values()) == by_name["volatility_5"]
    assert [entry["lag"] for entry in found["lags"]] == [0, 1, 2, 3]
    lags = scores(found["lags"])
    assert lags[1] > 0.5
    assert sum(lags) == lags[1]
    # Two independent signs differ in half of all bars, from -1 to 1.
    assert by_name["volatility_5"] == pytest.approx(2 * scores(found["columns"], "flips")[1])


def test_the_account_counts_where_it_is_looked_at():
    game = small_game(usable=("continuous",), account=("log_equity",))
    policy = Looking(lambda seen: np.clip(0.5 + 5 * seen[:, -1:], -1, 1))
    found = importance(probed(policy, game), np.random.default_rng(0))["columns"]
    by_name = {entry["name"]: entry["score"] for entry in found}
    assert by_name["log_equity"] > 0.01
    assert sum(by_name.values()) == by_name["log_equity"]


def test_a_memory_is_led_through_shuffled_series():
    # What it remembers is the sum of a feature so far: what it saw earlier moves it now.
    class Summing:
        def predict(self, observation, state=None, episode_start=None, deterministic=True):
            past = 0.0 if state is None else np.where(episode_start, 0.0, state)
            state = past + observation[:, 9]
            return np.where(state > 0, 2, 0), state

    game = small_game(features=FEATURES, window=4, usable=("levels",))
    probe = probed(Summing(), game)
    assert probe.remembers
    assert len(probe.seen) == 250
    found = importance(probe, np.random.default_rng(0))
    assert scores(found["columns"])[0] > 0.2
    assert scores(found["columns"])[1:] == [0, 0, 0]
    counted = importance(probed(Counting(), game), np.random.default_rng(0))
    assert set(scores(counted["columns"])) == {0.0}


def test_what_is_probed_is_what_the_policy_saw():
    seen = []

    def choose(observations):
        seen.append(observations.copy())
        return np.ones(len(observations), int)

    game = small_game(market=random_market(80), usable=("levels",))
    policy = Looking(choose)
    record = run_backtest(policy, game)
    own = np.concatenate(seen)
    probe = make_probe(policy, Stage.of(policy, game, record))
    assert probe.seen.tobytes() == own.tobytes()
    long = small_game(bars=900, usable=("levels",))
    assert len(probed(Looking(lambda s: np.ones(len(s), int)), long).seen) == ROWS


def test_small_noise_moves_who_stands_on_an_edge():
    game = small_game(usable=("levels",))
    edge = Looking(lambda seen: np.where(seen[:, 3] > 0, 2, 0))
    found = sensitivity(probed(edge, game), np.random.default_rng(0))
    assert [entry["noise"] for entry in found] == [0.01, 0.05, 0.1]
    moved = scores(found, "moved")
    assert 0 <= moved[0] < moved[1] < moved[2] < 0.5
    idle = Looking(lambda seen: np.full(len(seen), 2))
    assert scores(sensitivity(probed(idle, game), np.random.default_rng(0)), "moved") == [0] * 3


def test_the_scale_of_noise_is_that_of_the_feature():
    # A linear policy moves by its slope times the mean of |normal| = 0.798 deviations.
    game = small_game(features=["log_return"], window=1, scaler="none", usable=("continuous",))
    policy = Looking(lambda seen: 5 * seen[:, :1])
    probe = probed(policy, game)
    found = sensitivity(probe, np.random.default_rng(0))
    wanted = 5 * 0.798 * probe.seen[:, 0].std() * 0.1
    assert found[2]["moved"] == pytest.approx(wanted, rel=0.15)


def test_who_sees_nothing_is_not_asked():
    game = small_game()
    for actor in (make_strategy("sma_cross", fast=3, slow=9),):
        found = diagnose(actor, game, run_backtest(actor, game))
        assert found["importance"] is None
        assert found["sensitivity"] is None

"""Rewards: hand-computed values, one conformance test over the table, users' own functions."""

import numpy as np
import pytest
from small_worlds import small_game

from drltrade.envs import (
    PENALTIES,
    REWARDS,
    TradingEnv,
    VectorTradingEnv,
    make_env,
    make_reward,
    make_vec_env,
)
from drltrade.errors import UsageError
from drltrade.sim import Commission, Costs, Engine, Prices, Rules, Slippage


def one_step(weight=1.0, close=(10.0, 11.0)):
    column = np.array(close)[:, None]
    rules = Rules("same_close", Costs(Commission(0.01), Slippage(0.0)))
    engine = Engine(Prices(column, column), rules, start_equity=101.0)
    engine.reset(np.array([0]), np.array([0]), np.array([1]))
    return engine.step(np.array([[weight]]))


def rewarded(reward, step):
    made = make_reward(reward)
    made.reset(np.arange(1))
    return made(step)[0]


def test_each_built_in_reward_by_hand():
    # 101 becomes 100 in shares at 10 and 1 in fees; at 11 it is 110: 110 / 101.
    step, growth = one_step(), 110 / 101
    signs = {name: -1.0 if name in PENALTIES else 1.0 for name in REWARDS}
    values = {name: rewarded({name: sign}, step) for name, sign in signs.items()}
    assert values["log_return"] == pytest.approx(np.log(growth))
    assert values["profit"] == pytest.approx(growth - 1)
    assert values["excess_over_benchmark"] == pytest.approx(np.log(growth / 1.1))
    assert values["mean_variance"] == pytest.approx((growth - 1) - 2.5 * (growth - 1) ** 2)
    assert values["turnover"] == pytest.approx(-100 / 101)
    assert values["drawdown"] == values["drawdown_change"] == 0.0
    assert values["differential_sharpe"] == values["differential_sortino"] == 0.0
    assert values["cvar"] == pytest.approx(growth - 1)
    loss = one_step(close=(10.0, 5.0))
    assert rewarded({"drawdown": -2.0}, loss) == pytest.approx(-2 * (1 - 50 / 101))


def test_differential_sharpe_is_the_derivative_of_the_running_ratio():
    returns = np.random.default_rng(0).normal(0.001, 0.01, 200)
    reward = make_reward("differential_sharpe")
    reward.reset(np.arange(1))
    mean = square = 0.0
    unclipped = 0

    class Step:
        equity = equity_before = np.ones(1)

        def __init__(self, value):
            self.simple_return = np.array([value])

    for value in returns:
        got = reward(Step(value))[0]
        if square - mean**2 > 1e-12:
            # dS/d(decay) at 0 by a central difference of S = A / sqrt(B - A^2).
            def ratio(decay, mean=mean, square=square, value=value):
                a, b = mean + decay * (value - mean), square + decay * (value**2 - square)
                return a / np.sqrt(b - a * a)

            slope = (ratio(1e-6) - ratio(-1e-6)) / 2e-6
            assert got == pytest.approx(np.clip(slope, -10, 10), rel=1e-4)
            unclipped += abs(slope) < 10
        mean += 0.01 * (value - mean)
        square += 0.01 * (value**2 - square)
    assert unclipped > 150


@pytest.mark.parametrize("name", REWARDS)
def test_every_reward_returns_one_finite_number_an_account_and_ignores_its_neighbours(name):
    weight = -1.0 if name in PENALTIES else 1.0
    game = small_game(episode=None, reward={name: weight})
    alone, together = TradingEnv(game), VectorTradingEnv(game, 4)
    alone.reset(seed=0)
    together.reset(seed=0)
    rng = np.random.default_rng(2)
    for _ in range(60):
        actions = rng.integers(0, 3, 4)
        rewards = together.step(actions)[1]
        assert rewards.shape == (4,)
        assert np.isfinite(rewards).all()
        assert alone.step(int(actions[3]))[1] == rewards[3]


def test_a_weighted_sum_logs_each_term():
    env = TradingEnv(small_game(reward={"log_return": 1.0, "turnover": -0.01}))
    env.reset(seed=0)
    *_, reward, _, _, info = (*env.step(2),)
    terms = info["reward_terms"]
    assert set(terms) == {"log_return", "turnover"}
    assert reward == pytest.approx(terms["log_return"] - 0.01 * terms["turnover"])


def test_a_users_reward_is_the_same_from_yaml_and_python_alone_and_in_1024_accounts(tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text("def gain(step):\n    return step.equity / step.equity_before - 1\n")
    (tmp_path / "mine.yaml").write_text(f"reward: {plugin}:gain\nepisode: null\n")
    by_yaml = make_env(tmp_path / "mine.yaml")
    by_python = make_env("sample", reward=lambda s: s.equity / s.equity_before - 1, episode=None)
    many = VectorTradingEnv(by_yaml.game, 1024)
    by_yaml.reset(seed=0)
    by_python.reset(seed=0)
    many.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(40):
        action = int(rng.integers(3))
        reward = by_yaml.step(action)[1]
        assert by_python.step(action)[1] == reward
        assert (many.step(np.full(1024, action))[1] == reward).all()


def test_a_reward_given_as_an_object_is_remembered_by_each_batch_for_itself():
    class Counting:
        def reset(self, rows):
            self.count = 0

        def __call__(self, step):
            self.count += 1
            return np.full(step.equity.shape, float(self.count))

    game = make_env("sample", reward=Counting()).game
    one, two = TradingEnv(game), VectorTradingEnv(game, 5)
    one.reset(seed=0)
    two.reset(seed=0)
    assert one.step(1)[1] == 1.0
    assert two.step(np.ones(5, dtype=int))[1].tolist() == [1.0] * 5
    assert one.step(1)[1] == 2.0


def test_churning_earns_nothing_but_costs():
    flat = np.full(60, 50.0)
    market = type(small_game().market).build(flat, open=flat, high=flat, low=flat, volume=flat)
    game = small_game(market=market, episode=None, features=[{"log_return": 1}], scaler="none")
    env = TradingEnv(game)
    env.reset()
    total = sum(env.step(2 * (k % 2))[1] for k in range(50))
    assert total == pytest.approx(50 * np.log(0.999 / 1.001), rel=0.02)


def test_buying_a_doubling_market_is_rewarded():
    rise = 10.0 * 2 ** np.linspace(0, 1, 60)
    market = type(small_game().market).build(rise, open=rise, high=rise, low=rise, volume=rise)
    game = small_game(market=market, episode=None, features=[{"log_return": 1}], scaler="none")
    env = TradingEnv(game)
    env.reset()
    assert sum(env.step(2)[1] for _ in range(50)) > 0.5


@pytest.mark.parametrize(
    ("reward", "words"),
    [
        ("sharpe_ratio", "Unknown reward"),
        ({"turnover": 0.1}, "negatively"),
        ("envs/nothing.py:gain", "does not exist"),
        (lambda step: 1.0, "one number an account"),
        (lambda step: step.equity * np.nan, "NaN or infinity"),
    ],
)
def test_a_reward_that_cannot_work_is_told_in_words(reward, words):
    with pytest.raises(UsageError, match=words):
        make_reward(reward)(one_step())


def test_a_mistake_inside_a_reward_names_its_line():
    def rude(step):
        return step.log_return if step.equity > 0 else 0.0

    env = make_vec_env("sample", 3, reward=rude)
    env.reset(seed=0)
    with pytest.raises(UsageError, match=r"Reward 'rude' failed .*line \d+ of .*np\.where"):
        env.step(np.ones(3, dtype=int))

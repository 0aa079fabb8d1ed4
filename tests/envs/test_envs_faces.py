"""One engine, three faces: they pass the checkers and agree bit for bit, also with the backtest."""

import warnings
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from small_worlds import small_game
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

import drltrade
from drltrade.backtest import run_backtest
from drltrade.envs import SCHEMES, TradingEnv, VectorTradingEnv, make_env, make_vec_env
from drltrade.envs.make import SHIPPED
from drltrade.envs.sb3 import SB3TradingEnv
from drltrade.errors import UsageError

ROOT = Path(drltrade.__file__).parents[1]


def first_actions(game, steps, accounts=1, seed=5):
    space = game.action_space
    space.seed(seed)
    return [np.stack([space.sample() for _ in range(accounts)]) for _ in range(steps)]


@pytest.mark.parametrize("file", sorted((ROOT / "envs").glob("*.yaml")), ids=lambda f: f.stem)
def test_every_shipped_environment_passes_the_checkers_of_gymnasium_and_sb3(file):
    env = make_env(file)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env, skip_render_check=True)
        check_env_for_sb3(env)


def test_every_shipped_environment_has_a_registered_id():
    assert {file.stem for file in (ROOT / "envs").glob("*.yaml")} == set(SHIPPED)
    env = gym.make("drltrade.envs:drltrade/aapl-daily-v0", window=8)
    observation, _ = env.reset(seed=1)
    assert observation.shape == (8 * 8 + 1,)
    batch = gym.make_vec("drltrade/Trading-v0", num_envs=3, vectorization_mode="vector_entry_point")
    assert batch.reset(seed=1)[0].shape == (3, 129)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("assets", [1, 3])
def test_env_vector_sb3_and_backtest_agree_bit_for_bit(scheme, assets):
    game = small_game(60, assets, actions=scheme, episode=None, account=("drawdown", "target"))
    actions = first_actions(game, game.last - game.first_decision)
    env, batch = TradingEnv(game), VectorTradingEnv(game, 3)
    sb3 = SB3TradingEnv(game, 3)
    sb3.reset()
    sb3.batch.restart(sb3.batch.rows)  # not staggered, to compare whole episodes
    seen = [env.reset(seed=0)[0]]
    batch.reset(seed=0)
    equity = []
    for action in actions:
        observation, reward, terminated, truncated, info = env.step(action[0])
        rows = np.repeat(action, 3, axis=0)
        many, rewards, ended, cut, infos = batch.step(rows)
        others, sb3_rewards, dones, sb3_infos = sb3.step(rows)
        assert (rewards == reward).all()
        assert (sb3_rewards == np.float32(reward)).all()
        assert (terminated, truncated) == (ended[2], cut[2])
        assert bool(dones[1]) == (terminated or truncated)
        if truncated:
            assert np.array_equal(infos["final_obs"][2], observation)
            assert np.array_equal(sb3_infos[2]["terminal_observation"], observation)
            assert sb3_infos[2]["TimeLimit.truncated"]
        else:
            assert np.array_equal(many[2], observation)
            assert np.array_equal(others[0], observation)
        seen.append(observation)
        equity.append(info["equity"])
    assert truncated

    class Replay:
        def __init__(self):
            self.at = 0

        def predict(self, observation, state=None, episode_start=None, deterministic=True):
            assert np.array_equal(observation[0], seen[self.at])
            self.at += 1
            return actions[self.at - 1], None

    record = run_backtest(Replay(), game)
    flat = game.first_decision - game.first
    assert np.array_equal(record.equity[flat + 1 :], equity)
    assert (record.equity[: flat + 1] == game.settings.equity).all()


def test_reset_with_a_seed_reproduces_an_episode_and_another_seed_starts_elsewhere():
    env = TradingEnv(small_game())
    first, again, other = (env.reset(seed=seed)[1]["bar"] for seed in (3, 3, 4))
    assert first == again
    assert first != other
    assert len({env.reset()[1]["bar"] for _ in range(20)}) > 10


def test_the_global_generators_are_never_touched():
    np.random.seed(7)  # noqa: NPY002 - the legacy generator is what must stay as it is
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    env = make_vec_env("sample", 4)
    env.reset(seed=1)
    env.step(np.zeros(4, dtype=np.int64))
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_the_end_of_the_data_is_truncated_and_ruin_is_terminated():
    env = TradingEnv(small_game(60, episode=None))
    env.reset()
    ends = [env.step(2)[2:4] for _ in range(env.game.last - env.game.first_decision)]
    assert ends[-1] == (False, True)
    assert set(ends[:-1]) == {(False, False)}
    with pytest.raises(UsageError, match="reset"):
        env.step(2)

    market = small_game(60).market
    close = market.close.copy()
    close[40:] *= 5.0
    crash = type(market).build(close, open=close, high=close, low=close, volume=market.volume)
    game = small_game(market=crash, episode=None)
    env = TradingEnv(game)
    env.reset()
    while True:
        _, reward, terminated, truncated, info = env.step(0)
        if terminated or truncated:
            break
    assert (terminated, truncated) == (True, False)
    assert info["bar"] == 40
    assert np.isfinite(reward)
    assert reward < -5
    assert info["equity"] == pytest.approx(10.0)  # 1e-4 of 100,000


def test_a_new_episode_remembers_nothing_of_the_last():
    game = small_game(60, episode=None)
    env = TradingEnv(game)
    fresh, _ = env.reset(seed=1)
    for _ in range(20):
        env.step(2)
    again, info = env.reset(seed=1)
    assert np.array_equal(fresh, again)
    assert info["equity"] == game.settings.equity
    assert info["drawdown"] == 0.0


def test_sb3_keeps_the_last_observations_and_may_edit_rewards():
    env = SB3TradingEnv(small_game(), 2)
    first = env.reset()
    kept = first.copy()
    _, rewards, _, infos = env.step(np.array([2, 0]))
    assert np.array_equal(first, kept)
    rewards += 100.0
    _, rewards, _, _ = env.step(np.array([2, 0]))
    assert (np.abs(rewards) < 1).all()
    assert infos[0] == {}


def test_staggered_starts_do_not_end_together_and_report_whole_episodes():
    env = SB3TradingEnv(small_game(episode=50), 64)
    env.reset()
    ends = []
    lengths = []
    for _ in range(150):
        _, _, dones, infos = env.step(np.ones(64, dtype=np.int64))
        ends.append(int(dones.sum()))
        lengths += [info["episode"]["l"] for info in infos if "episode" in info]
    assert max(ends) < 12
    assert max(lengths) == 50
    assert lengths.count(50) > 64


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: make_env("aapl-dayly"), "Did you mean 'aapl-daily'"),
        (lambda: make_env("sample", windoww=3), "Did you mean 'window'"),
        (lambda: make_env("sample", actions="level"), "levels"),
        (lambda: make_env("sample", reward="log_retrun"), "Did you mean 'log_return'"),
        (lambda: make_env("sample", reward={"drawdown": 1.0}), "negatively"),
        (lambda: make_env("sample", window=3260), "too few"),
        (lambda: make_env("sample", account=["equity"]), "account"),
        (lambda: make_env("sp500-20", fill="next_open"), "next_close"),
        (lambda: make_env("sample", actions={"levels": [1]}), "at least two"),
        (lambda: small_game(usable=("continuous",), actions="levels"), "continuous"),
    ],
)
def test_mistakes_are_told_in_words(call, words):
    with pytest.raises(UsageError, match=words):
        call()


def test_overrides_replace_nested_settings_only_where_they_say_so():
    base = make_env("portfolio-4").game
    later = make_env("portfolio-4", data={"start": "2010"}).game
    assert later.market.symbols == base.market.symbols
    dearer = make_env("eurusd-hourly", costs={"commission": {"rate": 1e-4}}).game.settings.costs
    assert (dearer.commission.rate, dearer.slippage.rate) == (1e-4, 5e-5)
    with pytest.raises(UsageError, match="window cannot be set"):
        make_env(base, window=3)


def test_an_interval_is_played_with_a_scaler_that_never_saw_it():
    train = ("2000-03-01", "2009-12-31")
    env = make_env("sample", start="2011", fit=train)
    same = make_env("sample", start=train[0], end=train[1])
    assert np.array_equal(env.game.scaler.center, same.game.scaler.center)
    assert str(env.game.market.stamps[env.game.first])[:10] == "2011-01-03"

    class Nothing:
        def predict(self, observation, state=None, episode_start=None, deterministic=True):
            return np.ones(1, dtype=np.int64), None

    assert run_backtest(Nothing(), env.game).warnings == ()
    (warning,) = run_backtest(Nothing(), make_env("sample", start="2011").game).warnings
    assert "scaler was fitted on bars that are tested" in warning


def test_short_orders_of_a_strategy_in_a_long_only_game_are_refused_and_said_so():
    class Short:
        def targets(self, market, first):
            return np.full((market.bars, market.assets), -0.2)

    record = run_backtest(Short(), small_game(assets=3, episode=None))
    assert (record.path.shares == 0).all()
    assert "orders to sell short were refused" in record.warnings[0]
    assert record.assumptions["shorts"] is False


def test_sb3_makes_its_own_envs_from_the_registered_id():
    from stable_baselines3.common.env_util import make_vec_env as sb3_make_vec_env

    env = sb3_make_vec_env("drltrade/aapl-daily-v0", n_envs=2, env_kwargs={"window": 4})
    assert env.reset().shape == (2, 33)


def test_a_batch_must_be_reset_first():
    with pytest.raises(UsageError, match=r"reset\(\) before"):
        VectorTradingEnv(small_game(), 2).step(np.ones(2, dtype=int))

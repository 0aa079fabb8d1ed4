"""Mistakes of environments that others made: seeds, ends, resets, observations and fills."""

import numpy as np
import pytest
from small_worlds import changed_after, random_market, small_game

from drltrade.data import Market
from drltrade.envs import TradingEnv, VectorTradingEnv, build_game
from drltrade.envs.sb3 import SB3TradingEnv
from drltrade.errors import UsageError
from drltrade.features import compute_features
from drltrade.sim import Engine, Prices, Rules

LONG, FLAT, SHORT = 2, 1, 0
ACCOUNT = ("drawdown", "log_equity", "target")


def episode(env, actions=None, seed=0):
    """Plays one episode: rewards, ends and infos of every bar, the reset's info first."""
    rewards, ends, infos = [], [], [env.reset(seed=seed)[1]]
    rng = np.random.default_rng(1)
    while not ends or not any(ends[-1]):
        action = int(rng.integers(3)) if actions is None else actions
        _, reward, terminated, truncated, info = env.step(action)
        rewards.append(reward)
        ends.append((terminated, truncated))
        infos.append(info)
    return rewards, ends, infos


def global_state():
    """All of numpy's global generator: a draw moves the position and leaves the key as it is."""
    _, key, *position = np.random.get_state()  # noqa: NPY002
    return key.tobytes(), position


def crash(factor):
    """A calm market whose price is multiplied at bar 40."""
    close = random_market(60).close.copy()
    close[40:] *= factor
    return Market.build(close, open=close, high=close, low=close, volume=np.ones_like(close))


def test_the_final_reward_of_an_episode_is_paid_once():
    rewards, _, infos = episode(TradingEnv(small_game()))
    assert len(rewards) == 50
    assert sum(rewards) == pytest.approx(np.log(infos[-1]["equity"] / 100_000))


def test_the_final_reward_is_paid_once_where_episodes_follow_each_other_by_themselves():
    game = small_game(episode=10)
    batch, sb3 = VectorTradingEnv(game, 3), SB3TradingEnv(game, 3, seed=0)
    batch.reset(seed=0)
    sb3.reset()
    sb3.batch.restart(sb3.batch.rows)
    total, sb3_total = np.zeros(3), np.zeros(3)
    for bar in range(1, 31):
        actions = np.random.default_rng(bar).integers(0, 3, 3)
        _, rewards, _, truncated, infos = batch.step(actions)
        _, sb3_rewards, dones, sb3_infos = sb3.step(actions)
        total += rewards
        sb3_total += sb3_rewards
        assert truncated.all() == dones.all() == (bar % 10 == 0)
        if dones.all():
            assert total == pytest.approx(np.log(infos["equity"] / 100_000))
            told = [info["episode"]["r"] for info in sb3_infos]
            assert sb3_total == pytest.approx(told, abs=1e-6)
            assert [info["episode"]["l"] for info in sb3_infos] == [10, 10, 10]
            total[:], sb3_total[:] = 0.0, 0.0


def test_an_account_whose_episode_is_over_earns_nothing_more():
    rise = np.linspace(10, 20, 8)[:, None]
    engine = Engine(Prices(rise, rise), Rules())
    engine.reset(np.array([0]), np.array([0]), np.array([3]))
    equity = [float(engine.step(np.ones((1, 1))).equity[0]) for _ in range(6)]
    assert equity[2] > equity[1] > equity[0]
    assert equity[3:] == [equity[2]] * 3
    assert engine.current.log_return[0] == 0.0


def test_the_last_reward_is_that_of_the_last_bar_and_no_discounted_sum():
    rewards, _, infos = episode(TradingEnv(small_game()))
    assert rewards[-1] == pytest.approx(np.log(infos[-1]["equity"] / infos[-2]["equity"]))


def test_the_end_of_the_data_truncates_and_never_terminates():
    ends = episode(TradingEnv(small_game(60, episode=None)))[1]
    assert ends[-1] == (False, True)
    assert set(ends[:-1]) == {(False, False)}


def test_the_end_of_the_data_is_told_to_sb3_as_truncation():
    env = SB3TradingEnv(small_game(60, episode=None), 2)
    env.reset()
    env.batch.restart(env.batch.rows)
    for _ in range(env.game.last - env.game.first_decision):
        _, _, dones, infos = env.step(np.full(2, LONG))
    assert dones.all()
    assert [info["TimeLimit.truncated"] for info in infos] == [True, True]


def test_ruin_terminates_and_is_no_truncation():
    ends = episode(TradingEnv(small_game(market=crash(5.0), episode=None)), SHORT)[1]
    assert ends[-1] == (True, False)


def test_ruin_is_paid_with_the_loss_of_everything():
    for reward, paid in (("log_return", np.log(1e-4)), ("profit", -1.0)):
        env = TradingEnv(small_game(market=crash(5.0), episode=None, reward=reward))
        rewards, ends, _ = episode(env, SHORT)
        assert ends[-1] == (True, False)
        assert rewards[-1] < -0.8
        assert sum(rewards) == pytest.approx(paid, rel=1e-3)


def test_reset_with_a_seed_is_obeyed_by_every_face():
    game = small_game()
    env, batch, sb3 = TradingEnv(game), VectorTradingEnv(game, 8), SB3TradingEnv(game, 8)

    def starts(seed):
        sb3.seed(seed)
        sb3.reset()
        batch.reset(seed=seed)
        bars = [env.reset(seed=seed)[1]["bar"], *batch._batch.step_view.bar]
        return [*bars, *sb3.batch.step_view.bar]

    assert starts(3) == starts(3)
    other = starts(4)
    assert all(starts(3)[at] != other[at] for at in (0, 1, 9))
    assert len(set(other[1:9])) > 4


def test_no_face_touches_the_global_generator():
    game = small_game()
    before = global_state()
    for env in (TradingEnv(game), VectorTradingEnv(game, 2)):
        env.reset(seed=1)
        env.step(np.full(2, LONG) if isinstance(env, VectorTradingEnv) else LONG)
        env.reset()
    assert global_state() == before


def test_observations_are_float32_arrays_inside_their_space_on_every_face():
    game = small_game(account=ACCOUNT)
    env, batch, sb3 = TradingEnv(game), VectorTradingEnv(game, 2), SB3TradingEnv(game, 2)
    actions = np.full(2, LONG)
    seen = [
        (env.reset(seed=0)[0], env.observation_space),
        (env.step(LONG)[0], env.observation_space),
        (batch.reset(seed=0)[0], batch.observation_space),
        (batch.step(actions)[0], batch.observation_space),
        (sb3.reset()[0], env.observation_space),
        (sb3.step(actions)[0][0], env.observation_space),
    ]
    for observation, space in seen:
        assert type(observation) is np.ndarray
        assert observation.dtype == np.float32
        assert space.contains(observation)


def test_an_observation_that_an_agent_keeps_does_not_change_under_its_hands():
    game = small_game()
    for env in (TradingEnv(game), VectorTradingEnv(game, 2), SB3TradingEnv(game, 2)):
        kept = env.reset()
        kept = kept[0] if isinstance(kept, tuple) else kept
        before = kept.copy()
        env.step(LONG if isinstance(env, TradingEnv) else np.full(2, LONG))
        assert np.array_equal(kept, before)


def test_the_position_is_part_of_the_observation():
    game = small_game(60, 2, actions="portfolio", episode=None)
    env = TradingEnv(game)
    env.reset(seed=0)
    observation, *_, info = env.step(np.array([-0.2, -0.6]))
    assert game.layout.columns[-2:] == ("A0.weight", "A1.weight")
    assert observation[-2:] == pytest.approx(info["weights"], abs=1e-7)
    assert observation[-2:] == pytest.approx([0.4, 0.2], abs=0.02)


def test_what_an_observation_tells_of_the_account_is_true():
    game = small_game(60, 2, actions="portfolio", episode=None, account=ACCOUNT)
    env = TradingEnv(game)
    env.reset(seed=0)
    for _ in range(9):
        observation, *_, info = env.step(np.array([-0.2, -0.6]))
    told = dict(zip(game.layout.columns, observation, strict=True))
    assert info["drawdown"] != 0.0
    assert told["drawdown"] == np.float32(info["drawdown"])
    assert told["log_equity"] == np.float32(np.log(info["equity"] / 100_000))
    assert (told["A0.target"], told["A1.target"]) == (np.float32(0.4), np.float32(0.2))


def test_the_first_whole_window_is_seen():
    env = TradingEnv(small_game(60, features=["range"], window=3, episode=None))
    observation, info = env.reset(seed=0)
    assert info["bar"] == 2
    assert np.isfinite(observation).all()


def test_a_window_ends_at_the_bar_that_was_just_completed():
    game = small_game(60, episode=None)
    env, size = TradingEnv(game), game.layout.window_size
    observation, info = env.reset(seed=0)
    for _ in range(5):
        rows = game.features.values[info["bar"] - game.layout.window + 1 : info["bar"] + 1]
        assert np.array_equal(observation[:size], rows.ravel())
        observation, *_, info = env.step(LONG)


def test_a_new_episode_carries_nothing_of_the_last_one():
    game = small_game(episode=10, account=ACCOUNT)
    batch, size, width = VectorTradingEnv(game, 4), game.layout.window_size, game.layout.window
    batch.reset(seed=0)
    for _ in range(10):
        observations, *_, infos = batch.step(np.full(4, LONG))
    assert infos["_final_obs"].all()
    assert all(final[size] > 0.9 for final in infos["final_obs"])
    assert (observations[:, size:] == 0.0).all()
    for bar, row in zip(batch._batch.step_view.bar, observations, strict=True):
        assert np.array_equal(row[:size], game.features.values[bar - width + 1 : bar + 1].ravel())
    assert (batch._batch.step_view.cash == 100_000).all()


def test_a_reward_with_memory_starts_afresh_in_every_episode():
    for reward in ("differential_sharpe", "differential_sortino", "cvar"):
        env = TradingEnv(small_game(reward=reward))
        first, again = episode(env, seed=5)[0], episode(env, seed=5)[0]
        assert any(first)
        assert first == again


def test_an_indicator_equal_to_one_blocks_no_trade():
    close = random_market(60).close
    market = Market.build(close, open=close, high=close, low=close, volume=np.ones_like(close))
    game = small_game(market=market, features=[{"relative_volume": 5}], scaler="none", episode=None)
    env = TradingEnv(game)
    observation, _ = env.reset(seed=0)
    assert (observation[: game.layout.window_size] == 1.0).all()
    for action, weight in ((LONG, 1.0), (FLAT, 0.0), (SHORT, -1.0)):
        *_, info = env.step(action)
        assert info["weights"][0] == pytest.approx(weight, abs=0.1)


def test_no_order_is_decided_on_a_bar_and_filled_inside_it():
    game = small_game(episode=None)
    env = TradingEnv(game)
    bar = env.reset(seed=0)[1]["bar"]
    *_, info = env.step(LONG)
    shares = info["weights"][0] * info["equity"] / game.market.close[bar + 1, 0]
    assert shares == pytest.approx(100_000 / 1.001 / game.market.open[bar + 1, 0])


def test_tomorrow_changes_nothing_that_was_seen_earned_or_filled_until_today():
    market, cut = random_market(120), 80
    day = str(market.stamps[cut])[:10]
    seen = []
    for one in (market, changed_after(market, cut)):
        fitted = build_game(small_game().settings, market=one, end=day)
        env = TradingEnv(build_game(
            fitted.settings.model_copy(update={"episode": None}), market=one, scaler=fitted.scaler
        ))  # fmt: skip
        rows = [env.reset(seed=0)[0]]
        for bar in range(env.game.first_decision, cut):
            observation, reward, _, _, info = env.step(bar % 3)
            rows.append(np.append(observation, [reward, info["equity"], info["costs"]]))
        seen.append(np.concatenate(rows))
    assert seen[0].size > 40 * 33
    assert np.array_equal(seen[0], seen[1])


def test_no_feature_of_today_knows_tomorrow():
    market, cut = random_market(120, 2), 80
    names = ["log_return", "gap", "range", "relative_volume", "dollar_volume", "volatility",
             "rsi", "macd", "bbands"]  # fmt: skip
    before = compute_features(market, names).values[: cut + 1]
    after = compute_features(changed_after(market, cut), names).values[: cut + 1]
    assert np.array_equal(before, after, equal_nan=True)


def test_an_episode_that_is_over_takes_no_further_step():
    env = TradingEnv(small_game(episode=3))
    episode(env)
    with pytest.raises(UsageError, match="reset"):
        env.step(LONG)

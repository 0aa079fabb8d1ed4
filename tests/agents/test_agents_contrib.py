"""What is particular to the agents of sb3-contrib: coins, memories, candidates, trust regions."""

import numpy as np
import pytest
import torch
from stable_baselines3.common.logger import Logger

from drltrade.agents import AGENTS, TrainTask, train
from drltrade.agents.networks import sights
from drltrade.agents.sb3.algorithms import make_algorithm
from drltrade.agents.task import Session
from drltrade.agents.watch import Watch
from drltrade.backtest.accounts import roll_accounts
from drltrade.data.synthetic import memory
from drltrade.envs import EnvSettings, build_game
from drltrade.sim import Commission, Costs, Slippage


@pytest.fixture
def algorithm_of(game_of):
    """Builds an agent's algorithm with its env, ready to learn."""

    def build(name, accounts=16, game=None, **settings):
        game = game_of(name, bars=600) if game is None else game
        chosen = AGENTS[name].settings(accounts=accounts, **settings)
        log = Logger(None, [])
        session = Session(
            settings=chosen, game=game, accounts=accounts, seed=1, steps=4000, device="cpu",
            reward_scale=1000.0, watch=None, log=log,
        )  # fmt: skip
        algorithm = make_algorithm(session)
        algorithm.set_logger(log)
        for sight in sights(algorithm.policy):
            sight.feed(session.feed)
        return algorithm

    return build


@pytest.mark.parametrize("name", ["dqn", "qrdqn"])
def test_every_account_tosses_its_own_coin(name, algorithm_of):
    algorithm = algorithm_of(name)
    algorithm.exploration_rate = 0.3
    seen = np.repeat(algorithm.env.reset()[:1], 3000, axis=0)
    greedy, _ = algorithm.predict(seen, deterministic=True)
    assert len(set(greedy.tolist())) == 1
    taken, _ = algorithm.predict(seen)
    # A random one of three actions is another than the greedy one two times in three.
    assert np.mean(taken != greedy) == pytest.approx(0.3 * 2 / 3, abs=0.03)


@pytest.mark.parametrize("name", ["dqn", "qrdqn"])
def test_the_target_follows_after_every_update(name, algorithm_of):
    algorithm = algorithm_of(name, learning_starts=32, tau=0.25, gradient_steps=1)
    algorithm.learn(32, log_interval=None)
    learning = getattr(algorithm, algorithm.online)
    target = getattr(algorithm, f"{algorithm.online}_target")
    before = [weight.clone() for weight in target.parameters()]
    algorithm.train(1, 16)
    pairs = zip(target.parameters(), before, learning.parameters(), strict=True)
    assert all(torch.allclose(now, 0.75 * then + 0.25 * new) for now, then, new in pairs)


@pytest.mark.parametrize("name", ["qrdqn", "tqc", "trpo"])
def test_codes_of_bars_follow_every_change_of_weights(name, game_of, monkeypatch):
    game, errors = game_of(name, bars=100), []

    def look(watch, steps, network, state=None):
        bars = torch.arange(0, 99)
        with torch.no_grad():
            for sight in sights(network):
                got = [sight.encode(bars) for _ in range(3)][-1]
                errors.append((got - sight.encoder(sight._feed.rows[bars, None])).abs().max())

    monkeypatch.setattr(Watch, "after_update", look)
    settings = AGENTS[name].settings(accounts=16, encoder={"name": "rnn", "size": 4})
    train(TrainTask(game, settings, 1, 1200))
    assert len(errors) > 3
    assert max(errors) < 1e-5


def test_whole_sequences_have_the_probabilities_they_were_drawn_with(algorithm_of, game_of):
    game = game_of("recurrent_ppo", bars=600, episode=20)  # episodes begin amid the rollout
    algorithm = algorithm_of("recurrent_ppo", game=game, memory=8)
    _, callback = algorithm._setup_learn(2000)
    for _ in range(2):
        rollout = algorithm.rollout_buffer
        algorithm.collect_rollouts(algorithm.env, callback, rollout, algorithm.n_steps)
    assert rollout.episode_starts.sum() > 10
    seen = 0
    for part in rollout.get(algorithm.batch_size):
        values, log_prob, _ = algorithm.policy.evaluate_actions(
            part.observations, part.actions.long().flatten(), part.lstm_states, part.episode_starts
        )
        assert torch.allclose(log_prob, part.old_log_prob, atol=1e-5)
        assert torch.allclose(values.flatten(), part.old_values, atol=1e-5)
        seen += len(log_prob)
    assert seen == 16 * algorithm.n_steps
    assert seen > algorithm.batch_size


def test_a_memory_flows_through_predict_and_is_lost_where_an_episode_starts(quick_policy):
    policy = quick_policy("recurrent_ppo")
    first, second = np.random.default_rng(0).standard_normal((2, 5, 2)).astype(np.float32)
    _, state = policy.predict(first)
    _, fresh = policy.predict(second)
    _, kept = policy.predict(second, state, np.zeros(5, bool))
    _, lost = policy.predict(second, state, np.array([True] * 3 + [False] * 2))
    assert not np.allclose(kept[0], fresh[0])
    assert np.allclose(lost[0][:, :3], fresh[0][:, :3])
    assert np.allclose(lost[0][:, 3:], kept[0][:, 3:])


def test_a_backtest_carries_the_memory_from_bar_to_bar(quick_policy, game_of):
    policy, game = quick_policy("recurrent_ppo"), game_of("recurrent_ppo", bars=120)
    [(path, _)], _ = roll_accounts(policy, game, "it")
    engine = game.make_engine(1, equity=game.settings.equity)
    engine.reset(np.arange(1), np.array([game.first_decision]), np.array([game.last]))
    state, equity = None, []
    for row in range(game.last - game.first_decision):
        action, state = policy.predict(engine.observations, state, np.array([row == 0]))
        equity.append(engine.step(game.scheme.targets(action)).equity[0])
    assert path.equity[-len(equity) :].tolist() == equity


def memory_game(name, seed, scaler=None):
    """What the next bar brings was said one bar ago, and trading costs little."""
    env = EnvSettings(
        features=[{"column": "signal", "lag": 0}],
        window=1,
        costs=Costs(Commission(1e-4), Slippage(0.0)),
    )
    usable = AGENTS[name].usable_schemes(1)
    return build_game(env, market=memory(4000, seed, lag=1).market, usable=usable, scaler=scaler)


def test_what_remembers_earns_where_the_cue_lies_back_and_what_does_not_cannot():
    def earned(name, **settings):
        game = memory_game(name, 1)
        chosen = AGENTS[name].settings(layers=(16,), **settings)
        policy = train(TrainTask(game, chosen, seed=1, steps=20_000)).policy
        fresh = memory_game(name, 2, game.scaler)
        [(path, _)], _ = roll_accounts(policy, fresh, name)
        return float(np.mean(path.equity[1:] / path.equity[:-1] - 1))

    # Always on the right side of a bar of 1e-3, changing sides every other bar: .9e-3.
    assert earned("recurrent_ppo", memory=16) > 0.8e-3
    assert earned("ppo") < 0.1e-3


@pytest.mark.parametrize("scheme", ["levels", "continuous"])
@pytest.mark.parametrize("layers", [(), (8,)])
def test_candidates_that_play_at_once_earn_what_each_earns_alone(
    scheme, layers, algorithm_of, game_of
):
    game = game_of("ars", bars=600, actions=scheme)
    # 3 directions, forth and back, with 3 accounts each; 2 accounts are left over.
    together, alone = (
        algorithm_of("ars", 20, game, directions=3, best=2, n_steps=20, layers=layers)
        for _ in range(2)
    )
    candidates = torch.randn(6, sum(w.numel() for w in together.policy.parameters()))
    _, callback = together._setup_learn(2000)
    with torch.no_grad():
        scores = together.evaluate_candidates(candidates, callback, None)
    assert together.num_timesteps == 20 * 20
    alone._setup_learn(2000)
    begin = alone.env.state()
    for candidate, score in zip(candidates, scores, strict=True):
        alone.policy.load_from_vector(candidate)
        alone.env.restore(begin)
        observations, rewards = alone._start_alike(3), []
        bars = observations[:18, 0].reshape(6, 3)
        assert (bars == bars[0]).all()  # the same bars for every candidate
        for _ in range(20):
            action, _ = alone.policy.predict(observations)
            observations, reward, _, _ = alone.env.step(action)
            rewards.append(reward[:3])
        assert score.item() == pytest.approx(np.mean(rewards) * 20, abs=1e-4)


def test_an_episode_that_ends_within_a_trial_counts_for_nothing_more(algorithm_of, game_of):
    game = game_of("ars", bars=600, episode=5)
    algorithm = algorithm_of("ars", 4, game, directions=1, best=1, n_steps=20)
    _, callback = algorithm._setup_learn(2000)
    stepped, count = algorithm.env.step, []

    def one(actions):
        observations, rewards, over, infos = stepped(actions)
        count.append(over.all())
        return observations, np.ones_like(rewards), over, infos

    algorithm.env.step = one
    scores = algorithm.evaluate_candidates(torch.zeros(2, 9), callback, None)
    assert scores.tolist() == [5.0, 5.0]
    assert sum(count) >= 3


@pytest.mark.parametrize("encoder", ["gru", "transformer", "cnn"])
def test_a_trust_region_can_be_taken_through_an_encoder(encoder, game_of):
    settings = AGENTS["trpo"].settings(accounts=8, encoder={"name": encoder, "size": 4})
    result = train(TrainTask(game_of("trpo", bars=100), settings, 1, 200))
    assert result.steps >= 200

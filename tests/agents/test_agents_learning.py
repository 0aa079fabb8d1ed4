"""Every agent earns on a market where skill exists, and training keeps its promises."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from drltrade.agents import AGENTS, TrainTask, train
from drltrade.agents.settings import OffPolicySettings
from drltrade.agents.watch import Watch
from drltrade.errors import DrltradeError, UsageError

OPTIMUM = 0.6401e-3
"""Mean return per bar of the best policy at rho .9, G 1 (de Lataillade et al. 2012)."""

STEPS = {"trpo": 100_000, "recurrent_ppo": 100_000}


@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_finds_the_planted_signal(name, game_of, mean_return):
    game = game_of(name)
    settings = AGENTS[name].settings()
    replays = isinstance(settings, OffPolicySettings)  # uses each step many times
    steps = STEPS.get(name, 50_000 if replays else 200_000)
    policy = train(TrainTask(game, settings, seed=1, steps=steps)).policy
    fresh = game_of(name, seed=2, bars=3000, scaler=game.scaler)
    # The sign of the signal, blind to costs and to its own position, makes .75 of it.
    assert mean_return(policy, fresh) > 0.8 * OPTIMUM


@pytest.mark.parametrize("name", AGENTS)
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(name, game_of):
    game = game_of(name, bars=600)
    settings = AGENTS[name].settings(accounts=16)

    def weights(seed):
        policy = train(TrainTask(game, settings, seed=seed, steps=600)).policy
        return torch.cat([w.flatten() for w in policy.network.state_dict().values()])

    first = weights(5)
    torch.rand(3)  # whatever else the process draws must not matter
    np.random.rand(3)  # noqa: NPY002
    assert torch.equal(weights(5), first)
    assert not torch.equal(weights(6), first)


@pytest.mark.slow
def test_two_hash_seeds_train_the_same_weights():
    code = (
        "import hashlib\n"
        "from drltrade.agents import AGENTS, TrainTask, train\n"
        "from drltrade.envs import EnvSettings, build_game\n"
        "for name in ('dqn', 'ppo', 'reinforce', 'sac'):\n"
        "    agent = AGENTS[name]\n"
        "    game = build_game(EnvSettings(), usable=agent.usable_schemes(1), end='2002-12-31')\n"
        "    done = train(TrainTask(game, agent.settings(accounts=8), 7, 300)).policy\n"
        "    for key, weight in sorted(done.network.state_dict().items()):\n"
        "        print(name, key, hashlib.sha256(weight.numpy().tobytes()).hexdigest())\n"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for hash_seed in ("1", "2")
    ]
    first, second = (run.communicate()[0] for run in runs)
    assert "sac" in first
    assert first == second


@pytest.mark.parametrize("name", ["dqn", "ppo", "reinforce"])
def test_training_leaves_the_global_generators_untouched(name, game_of):
    def draws():
        return random.random(), float(np.random.rand()), float(torch.rand(1))  # noqa: NPY002

    def seeded():
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        torch.manual_seed(1)

    seeded()
    expected = draws()
    seeded()
    task = TrainTask(game_of(name, bars=600), AGENTS[name].settings(accounts=16), 1, 300)
    train(task, score=lambda policy: draws()[0])
    assert draws() == expected


def test_training_uses_its_own_number_of_threads(game_of):
    before, seen = torch.get_num_threads(), []
    task = TrainTask(
        game_of("a2c", bars=600), AGENTS["a2c"].settings(accounts=16), 1, 300, threads=2
    )
    result = train(task, score=lambda policy: seen.append(torch.get_num_threads()) or 0.0)
    assert set(seen) == {2}
    assert result.policy.card.versions["threads"] == "2"
    assert torch.get_num_threads() == before


def test_a_score_that_draws_random_numbers_changes_no_training(game_of):
    game = game_of("ppo", bars=600)
    task = TrainTask(game, AGENTS["ppo"].settings(accounts=16), 1, 2000)
    plain = train(task).policy.network.state_dict()
    scores = iter(range(100))

    def rising(policy):
        torch.rand(5)
        np.random.rand(5)  # noqa: NPY002
        return next(scores)

    scored = train(task, score=rising).policy.network.state_dict()
    assert all(torch.equal(plain[key], scored[key]) for key in plain)


@pytest.mark.parametrize("name", ["ppo", "dqn", "reinforce"])
def test_the_best_checkpoint_is_kept_and_the_history_told(name, game_of):
    game = game_of(name, bars=600)
    task = TrainTask(game, AGENTS[name].settings(accounts=16), 1, 4000, evaluations=4)
    observation = np.linspace(-1, 1, 10, dtype=np.float32).reshape(5, 2)
    seen, told, scores = [], [], iter([0.1, float("nan"), 0.9, 0.3])

    def score(policy):
        weights = policy.network.state_dict()
        seen.append({key: value.clone() for key, value in weights.items()})
        policy.predict(observation)
        return next(scores)

    result = train(task, score=score, progress=told.append)
    assert [value for _, value in result.history][2:] == [0.9, 0.3]
    steps = [at for at, _ in result.history]
    assert steps == sorted(steps)
    assert steps[-1] == result.steps >= 4000
    assert result.best_score == 0.9
    assert result.policy.card.score == 0.9
    assert result.policy.card.steps == steps[2]
    best = result.policy.network.state_dict()
    assert all(torch.equal(best[key], seen[2][key]) for key in best)
    assert told[-1].steps == told[-1].total == result.steps
    assert told[-1].best == 0.9
    assert told[-1].steps_per_second > 0
    assert told[-1].eta == 0


def test_without_scores_the_last_weights_are_kept(game_of):
    task = TrainTask(game_of("a2c", bars=600), AGENTS["a2c"].settings(accounts=16), 1, 500)
    result = train(task)
    assert result.best_score is None
    assert result.history == ()
    assert result.policy.card.steps == result.steps


def test_a_short_budget_is_given_fewer_accounts(game_of):
    game = game_of("ppo", bars=600)
    result = train(TrainTask(game, AGENTS["ppo"].settings(), 1, 5000))
    assert 8 <= result.policy.card.accounts <= 16
    assert 5000 <= result.steps < 6000


def test_an_agent_that_cannot_use_the_scheme_says_which_it_can(game_of):
    task = TrainTask(game_of("ppo", bars=600), AGENTS["sac"].settings(), 1, 100)
    with pytest.raises(UsageError, match=r"sac cannot use actions: levels.*continuous, portfolio"):
        train(task)


@pytest.mark.parametrize("name", AGENTS)
def test_weights_that_diverge_are_told_in_one_sentence(name, game_of, monkeypatch):
    told = Watch.after_update

    def spoil(watch, steps, network, state=None):
        told(watch, steps, network, state)
        with torch.no_grad():
            for weight in network.parameters():
                weight.fill_(float("nan"))

    monkeypatch.setattr(Watch, "after_update", spoil)
    settings = AGENTS[name].settings(accounts=16, learning_rate=0.5)
    task = TrainTask(game_of(name, bars=600), settings, 1, 2000)
    with pytest.raises(DrltradeError, match=f"The weights of {name} diverged.*learning_rate 0.5"):
        train(task)


def test_cuda_that_is_not_there_is_refused(game_of, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    task = TrainTask(game_of("ppo", bars=600), AGENTS["ppo"].settings(), 1, 100, device="cuda")
    with pytest.raises(UsageError, match="no CUDA device"):
        train(task)


def test_the_reward_scale_makes_rewards_near_one_and_is_recorded(game_of):
    game = game_of("ppo", bars=600)
    small = game_of("ppo", bars=600, reward={"log_return": 0.01})
    task = TrainTask(game, AGENTS["ppo"].settings(accounts=16), 1, 300)
    scale = train(task).policy.card.reward_scale
    # Rewards are near 1e-3 a bar, so the scale is near a thousand.
    assert 300 < scale < 3000
    task = TrainTask(small, AGENTS["ppo"].settings(accounts=16), 1, 300)
    assert train(task).policy.card.reward_scale == pytest.approx(100 * scale, rel=1e-5)

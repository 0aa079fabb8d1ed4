"""A training can begin with the weights of a run, or with an encoder that has seen the bars."""

import numpy as np
import pytest
import torch
from small_worlds import random_market, small_game

from drltrade.agents import AGENTS, TrainTask, load_policy, parse_agent, train
from drltrade.agents.networks import sights
from drltrade.envs import EnvSettings, build_game
from drltrade.errors import UsageError

SMALL = {"accounts": 8, "layers": [8], "encoder": {"name": "gru", "size": 6}}


def trained(game, steps=400, **task):
    name = task.pop("name", "ppo")
    settings = parse_agent({"name": name, **SMALL, **task.pop("settings", {})})
    return train(TrainTask(game, settings, seed=1, steps=steps, **task)).policy


@pytest.fixture(scope="module")
def game():
    return small_game(bars=300, usable=("levels",))


@pytest.fixture(scope="module")
def run(game):
    return trained(game)


def codes(policy):
    return {
        name: weight.clone()
        for name, weight in policy.network.state_dict().items()
        if "sight.encoder" in name and "target" not in name  # targets still follow
    }


@pytest.mark.parametrize("name", ["ppo", "dqn", "reinforce"])
def test_it_begins_with_the_weights_of_the_run(name, game):
    run = trained(game, name=name)
    still = {"learning_rate": 1e-12, "schedule": "constant"}
    again = trained(game, name=name, settings=still, start=run)
    mine, theirs = again.network.state_dict(), run.network.state_dict()
    # The target networks of dqn still follow; the rest has not moved.
    assert all(
        torch.allclose(mine[key], theirs[key], atol=1e-8) for key in mine if "target" not in key
    )
    assert again.card.start.weights == run.card.weights
    assert (again.card.start.seen_start, again.card.start.seen_end) == (
        run.card.train_start, run.card.train_end,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["ppo", "sac", "reinforce"])
def test_a_frozen_encoder_stays_as_it_was_while_the_rest_learns(name):
    game = small_game(bars=300, usable=AGENTS[name].usable_schemes(1))
    run = trained(game, name=name)
    again = trained(game, name=name, start=run, freeze=True)
    before, after = codes(run), codes(again)
    assert before
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert any(
        not torch.equal(weight, again.network.state_dict()[key])
        for key, weight in run.network.state_dict().items()
    )


def test_all_that_does_not_fit_is_told_at_once(game, run):
    other = {"layers": [16], "encoder": {"name": "gru", "size": 7}}
    with pytest.raises(UsageError) as error:
        trained(small_game(bars=300, window=5, usable=("levels",)), settings=other, start=run)
    for part in ("layers is 8 there, 16 here", "encoder.size is 6 there, 7 here",
                 "window is 4 there, 5 here"):  # fmt: skip
        assert part in str(error.value)
    assert "agent is ppo there, a2c here" in _refused(game, run, name="a2c")


def _refused(game, run, **task):
    with pytest.raises(UsageError) as error:
        trained(game, start=run, **task)
    return str(error.value)


def test_a_scaler_of_other_bars_is_refused_and_that_of_the_run_taken(game, run):
    market = random_market(300, seed=5)
    settings = EnvSettings(window=4, episode=50)
    fresh = build_game(settings, market=market, usable=("levels",))
    assert "its scaler was fitted on other bars" in _refused(fresh, run)
    kept = build_game(settings, market=market, usable=("levels",), scaler=run.scaler)
    assert trained(kept, start=run).card.start is not None


def test_there_must_be_an_encoder_to_freeze(game):
    plain = {"encoder": "mlp"}
    run = trained(game, settings=plain)
    assert "no encoder to freeze" in _refused(game, run, settings=plain, freeze=True)


def test_the_bars_of_all_runs_before_are_remembered(game, run, tmp_path):
    early = game.within(0, 150)
    again = trained(early, start=run)
    third = trained(game.within(100, 200), start=again)
    assert third.card.start.seen_end == run.card.train_end
    assert load_policy(third.save(tmp_path)).card.start == third.card.start


def test_an_autoencoder_rebuilds_windows_better_with_every_pass_and_sees_no_later_bar():
    from drltrade.agents.networks import Feed, Sight
    from drltrade.agents.pretrain import pretrain_encoder

    game = small_game(bars=300, usable=("levels",))
    train_game = game.within(game.first, 200)

    def passes(rows, epochs=60):
        torch.manual_seed(0)
        network = torch.nn.ModuleList(
            Sight(game.layout, parse_agent({"name": "ppo", **SMALL}).encoder) for _ in range(2)
        )
        session = _Session(train_game, Feed(rows))
        losses = pretrain_encoder(network, session, epochs)
        return losses, network

    rows = game.features.values.copy()
    losses, network = passes(rows)
    assert losses[-1] < 0.8 * losses[0]
    first, second = (dict(sight.encoder.state_dict()) for sight in sights(network))
    assert all(torch.equal(first[key], second[key]) for key in first)
    rows[201:] = 1e3  # the future changes; what is learnt does not
    assert passes(rows)[0] == losses


class _Session:
    device = "cpu"

    def __init__(self, game, feed):
        from stable_baselines3.common.logger import Logger

        self.game, self.feed, self.log = game, feed, Logger(None, [])


def test_pretraining_changes_the_weights_that_training_begins_with(game):
    plain, pretrained = (trained(game, settings={"pretrain": epochs}) for epochs in (0, 3))
    assert any(not torch.equal(codes(plain)[key], codes(pretrained)[key]) for key in codes(plain))
    with pytest.raises(UsageError, match="pretrain needs an encoder with weights"):
        parse_agent({"name": "ppo", "pretrain": 3})


def test_dropout_is_refused_where_it_biases_what_is_learnt():
    dropping = {"encoder": {"name": "gru", "dropout": 0.2}}
    with pytest.raises(UsageError, match="use cfq, direct or reinforce"):
        parse_agent({"name": "ppo", **dropping})
    settings = parse_agent({"name": "reinforce", **dropping, "accounts": 8})
    game = small_game(bars=200, usable=("levels",))
    policy = train(TrainTask(game, settings, seed=1, steps=200)).policy
    seen = np.zeros((4, game.layout.size), np.float32)
    assert np.array_equal(policy.predict(seen)[0], policy.predict(seen)[0])  # nothing drops now

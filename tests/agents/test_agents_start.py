"""A training can begin with the weights of a run, or with an encoder that has seen the bars."""

import numpy as np
import pytest
import torch
from small_worlds import random_market, small_game

from drltrade.agents import AGENTS, TrainTask, load_policy, parse_agent, train
from drltrade.agents.networks import sights
from drltrade.envs import EnvSettings, build_game
from drltrade.errors import DrltradeError, UsageError

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
    with pytest.raises(UsageError, match="use cfq or direct"):
        parse_agent({"name": "ppo", **dropping})
    settings = parse_agent({"name": "cfq", **dropping, "accounts": 72})
    game = small_game(bars=200, usable=("levels",))
    policy = train(TrainTask(game, settings, seed=1, steps=200)).policy
    seen = np.zeros((4, game.layout.size), np.float32)
    assert np.array_equal(policy.predict(seen)[0], policy.predict(seen)[0])  # nothing drops now


@pytest.mark.parametrize(
    ("encoder", "told"),
    [
        ({"size": 64}, "size would do nothing in an mlp without layers. Give it some: depth: 1"),
        ({"name": "gru", "kernel": 3}, "kernel would do nothing in a gru"),
        ({"name": "transformer", "residual": True}, "residual would do nothing in a transformer"),
        ({"name": "lstm", "activation": "tanh"}, "activation would do nothing in a lstm"),
    ],
)
def test_an_encoder_setting_that_would_do_nothing_is_refused(encoder, told):
    with pytest.raises(UsageError, match=told):
        parse_agent({"name": "ppo", "encoder": encoder})
    with pytest.raises(UsageError, match="momentum would do nothing in rmsprop"):
        parse_agent({"name": "ppo", "optimizer": {"name": "rmsprop", "momentum": 0.5}})


@pytest.mark.parametrize(("kernel", "window"), [(2, 16), (2, 20), (3, 8), (5, 16), (32, 16)])
def test_a_cnn_sees_every_bar_of_its_window(kernel, window):
    from drltrade.agents.networks import make_encoder
    from drltrade.agents.settings import EncoderSettings

    settings = EncoderSettings(name="cnn", kernel=kernel, activation="tanh")
    windows = torch.randn(1, window, 2, requires_grad=True)
    make_encoder(settings, window, 2, "default")(windows).sum().backward()
    assert (windows.grad.abs().sum(2) > 0).all()


def test_an_action_of_another_meaning_and_another_activation_are_told(game, run):
    other = small_game(bars=300, usable=("levels",), actions={"levels": [0, 0.5, 1]})
    assert "env.actions.levels is" in _refused(other, run)
    assert "activation is tanh there, relu here" in _refused(
        game, run, settings={"activation": "relu"}
    )


def test_weights_of_another_shape_are_told_by_name():
    game = small_game(bars=300, usable=("choices",))
    run = trained(game, name="qrdqn")
    said = _refused(game, run, name="qrdqn", settings={"n_quantiles": 7})
    assert "another network: 'quantile_net" in said
    assert "Train with the run's own agent settings" in said


def test_trpo_refuses_to_freeze(game):
    run = trained(game, name="trpo")
    assert "trpo cannot freeze" in _refused(game, run, name="trpo", freeze=True)


def test_no_code_is_taken_from_a_run_folder(game, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    policy = trained(game)
    folder = policy.save(tmp_path / "runs" / "x" / "job")
    (folder / "agents").mkdir()
    (folder / "agents" / "evil.py").write_text("raise SystemExit('ran')")
    text = (folder / "policy.json").read_text()
    for ref in (f"{folder}/agents/evil.py:Y", "runs/x/../x/job/agents/evil.py:Y"):
        (folder / "policy.json").write_text(text.replace('"agent": "ppo"', f'"agent": "{ref}"'))
        with pytest.raises(DrltradeError, match="lies in a run folder"):
            load_policy(folder)
    monkeypatch.chdir(folder)
    evil = text.replace('"reward": "log_return"', '"reward": "agents/evil.py:Y"')
    assert evil != text
    (folder / "policy.json").write_text(evil)
    with pytest.raises(DrltradeError, match="lies in a run folder"):
        load_policy(folder)


def test_code_outside_of_the_workspace_is_not_run(game, tmp_path, monkeypatch):
    outside, home = tmp_path / "outside", tmp_path / "home"
    outside.mkdir()
    home.mkdir()
    (outside / "evil.py").write_text("raise SystemExit('ran')")
    monkeypatch.chdir(home)
    folder = trained(game).save(home / "run")
    text = (folder / "policy.json").read_text()
    for ref in (f"{outside}/evil.py:Y", "../outside/evil.py:Y", "evil.py:Y"):
        (folder / "policy.json").write_text(text.replace('"agent": "ppo"', f'"agent": "{ref}"'))
        with pytest.raises(DrltradeError, match="lies outside of the workspace"):
            load_policy(folder, roots=[home], data_roots=[outside])

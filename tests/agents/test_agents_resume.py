"""A training that was killed goes on from its checkpoint and ends as if nothing had happened."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from drltrade.agents import AGENTS, TrainTask, train
from drltrade.errors import UsageError

ACCOUNTS, UPDATES = 8, 40


class Killed(BaseException):
    """Stands for a signal that ends the process."""


class Scores:
    """Scores a policy by a number that any change of its weights moves; may be killed."""

    def __init__(self, killed_at=None):
        self.killed_at, self.calls, self.weights = killed_at, 0, None

    def __call__(self, policy):
        self.calls += 1
        if self.calls == self.killed_at:
            raise Killed
        self.weights = {
            name: weight.clone() for name, weight in policy.network.state_dict().items()
        }
        return float(sum(weight.double().abs().sum() for weight in self.weights.values()))


def task_of(game_of, agent, folder=None, **fields):
    game = game_of(agent, bars=600, **fields.pop("env", {}))
    settings = AGENTS[agent].settings(accounts=ACCOUNTS, **fields.pop("settings", {}))
    steps = ACCOUNTS * settings.horizon * UPDATES
    kept = {} if folder is None else {"checkpoint": folder / "it", "checkpoint_seconds": 0.0}
    return TrainTask(game, settings, seed=3, steps=steps, evaluations=10, **(kept | fields))


def interrupted(task, *kills):
    """Trains and is killed at those evaluations, counted anew by each attempt."""
    for killed_at in kills:
        with pytest.raises(Killed):
            train(task, score=Scores(killed_at))
    said, scores = [], Scores()
    return train(task, score=scores, tell=said.append), scores.weights, said


def assert_same_weights(one, other):
    assert one.keys() == other.keys()
    for name, weight in one.items():
        assert torch.equal(weight, other[name]), name


@pytest.mark.parametrize("agent", AGENTS)
def test_a_resumed_training_ends_bit_for_bit_like_one_that_was_not_killed(game_of, tmp_path, agent):
    scores = Scores()
    whole = train(task_of(game_of, agent), score=scores)
    assert len(set(whole.history)) == 10  # the weights did move
    result, last, said = interrupted(task_of(game_of, agent, tmp_path), 4, 3)
    assert result.history == whole.history
    assert_same_weights(last, scores.weights)
    assert_same_weights(result.policy.network.state_dict(), whole.policy.network.state_dict())
    assert said[0].startswith("resumed at ")
    assert 40 <= int(said[0].split()[2]) < 60  # killed at the sixth of ten evaluations


@pytest.mark.parametrize("agent", ["ppo", "dqn", "reinforce"])
def test_saving_changes_nothing(game_of, tmp_path, agent):
    one, other = Scores(), Scores()
    assert (
        train(task_of(game_of, agent), score=one).history
        == train(task_of(game_of, agent, tmp_path), score=other).history
    )
    assert_same_weights(one.weights, other.weights)


@pytest.mark.parametrize("agent", ["ppo", "sac"])
def test_what_a_reward_remembers_is_kept(game_of, tmp_path, agent):
    env = {"env": {"reward": "differential_sharpe"}}
    scores = Scores()
    train(task_of(game_of, agent, **env), score=scores)
    _, last, _ = interrupted(task_of(game_of, agent, tmp_path, **env), 5)
    assert_same_weights(last, scores.weights)


@pytest.mark.parametrize(
    ("agent", "settings"),
    [
        ("dqn", {"buffer_size": 64}),  # full, so that the newest overwrite the oldest
        ("ppo", {"encoder": "gru", "optimizer": "rmsprop", "schedule": "constant"}),
        ("reinforce", {"encoder": "lstm", "optimizer": "momentum"}),
        ("cfq", {"encoder": {"name": "lstm", "dropout": 0.2}}),
        ("sac", {"encoder": "transformer", "optimizer": "adagrad"}),
    ],
)
def test_encoders_optimisers_and_full_replays_are_kept(game_of, tmp_path, agent, settings):
    scores = Scores()
    train(task_of(game_of, agent, settings=settings), score=scores)
    _, last, said = interrupted(task_of(game_of, agent, tmp_path, settings=settings), 5)
    assert len(said) == 1
    assert_same_weights(last, scores.weights)


def scalars(folder):
    """Each scalar with its steps and values, but for those that the clock decides."""
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
        if tag != "time/steps_per_second"
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard")
def test_scalars_stand_once_each_as_in_one_that_was_not_killed(game_of, tmp_path):
    train(task_of(game_of, "ppo", log_dir=tmp_path / "whole"), score=Scores())
    task = task_of(game_of, "ppo", tmp_path, log_dir=tmp_path / "killed")
    interrupted(task, 4, 3)
    assert scalars(tmp_path / "killed") == scalars(tmp_path / "whole")
    assert len(list((tmp_path / "killed").iterdir())) == 3


def test_what_was_logged_before_the_first_checkpoint_is_removed(game_of, tmp_path):
    log = tmp_path / "log"
    task = task_of(game_of, "ppo", tmp_path, log_dir=log, checkpoint_seconds=1e9)
    _, _, said = interrupted(task, 4)
    assert said == []
    assert len(list(log.iterdir())) == 1


def test_no_more_than_one_interval_is_lost(game_of, tmp_path):
    task = task_of(game_of, "ppo", tmp_path)
    update, half = ACCOUNTS * task.agent.horizon, task.steps / 2
    with pytest.raises(Killed):
        train(task, score=Scores(5))  # the fifth of ten is due after half of the steps
    later = []
    train(task, score=Scores(), progress=later.append)
    assert half - update <= later[0].steps <= half
    assert later[0].seconds > 0
    assert later[0].score is not None


def test_a_damaged_checkpoint_is_told_and_the_training_starts_over(game_of, tmp_path):
    task = task_of(game_of, "ppo", tmp_path)
    scores = Scores()
    whole = train(task_of(game_of, "ppo"), score=scores)
    with pytest.raises(Killed):
        train(task, score=Scores(5))
    content = task.checkpoint.read_bytes()
    task.checkpoint.write_bytes(content[: len(content) // 2])
    result, last, said = interrupted(task)
    assert len(said) == 1
    assert "starts over" in said[0]
    assert "is damaged" in said[0]
    assert result.history == whole.history
    assert_same_weights(last, scores.weights)


@pytest.mark.parametrize(
    "change", [{"seed": 4}, {"evaluations": 11}, {"settings": {"gamma": 0.5}}, {"steps": 10**6}]
)
def test_the_checkpoint_of_another_training_is_refused(game_of, tmp_path, change):
    with pytest.raises(Killed):
        train(task_of(game_of, "ppo", tmp_path), score=Scores(3))
    other = task_of(game_of, "ppo", tmp_path, settings=change.get("settings", {}))
    fields = {key: value for key, value in change.items() if key != "settings"}
    other = TrainTask(**(vars(other) | fields))
    with pytest.raises(UsageError, match="checkpoint of another training"):
        train(other)


class Odd:
    """A reward with a memory that no checkpoint can hold."""

    def __init__(self):
        self.seen = {0}

    def __call__(self, step):
        return step.log_return


def test_a_reward_that_cannot_be_kept_is_trained_without_checkpoints(game_of, tmp_path):
    from drltrade.envs import build_game

    task = task_of(game_of, "ppo", tmp_path)
    game = build_game(task.game.settings, market=task.game.market, usable=("levels",), reward=Odd)
    said, scores = [], Scores()
    train(TrainTask(**(vars(task) | {"game": game})), score=scores, tell=said.append)
    assert len(said) == 1
    assert "trains without checkpoints: Reward 'Odd' remembers 'seen'" in said[0]
    assert scores.calls == 10
    assert not task.checkpoint.exists()


def test_a_full_disk_is_told_once_and_stops_no_training(game_of, tmp_path, monkeypatch):
    import drltrade.agents.snapshot as snapshot

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(snapshot.os, "fsync", full)
    said, scores = [], Scores()
    train(task_of(game_of, "ppo", tmp_path), score=scores, tell=said.append)
    assert len(said) == 1
    assert "No space left" in said[0]
    assert scores.calls == 10
    assert list(Path(tmp_path).iterdir()) == []


def test_the_global_generators_are_kept_and_given_back():
    import random

    from drltrade.agents.seeding import generators_state, restore_generators

    def draw():
        normal = np.random.standard_normal(3).tolist()  # noqa: NPY002
        return [random.gauss(0, 1), normal, torch.randn(5).tolist(), random.random()]

    draw()  # odd numbers of normals leave one waiting
    state = generators_state()
    first = draw()
    restore_generators(state)
    assert draw() == first

"""TensorBoard scalars have one name for each quantity, whichever agent writes them."""

import re
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from drltrade.agents import AGENTS, TrainTask, train
from drltrade.agents.logs import open_log
from drltrade.agents.scalars import COMMON, SCALARS, is_documented

ROOT = Path(__file__).resolve().parents[2]


def scalars_of(folder) -> EventAccumulator:
    return EventAccumulator(str(folder)).Reload()


@pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard")
@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_writes_the_common_scalars_and_none_that_is_not_documented(
    name, game_of, tmp_path
):
    small = {"accounts": 16, "pretrain": 1, "encoder": {"name": "gru", "size": 4}}
    if name == "ars":
        small = {"accounts": 16}
    task = TrainTask(game_of(name, bars=600), AGENTS[name].settings(**small), 1, 3000,
                     log_dir=tmp_path / "tb")  # fmt: skip
    train(task, score=lambda policy: {"score": 0.5, "turnover": 3.0})
    events = scalars_of(tmp_path / "tb")
    names = set(events.Tags()["scalars"])
    assert {each for each in names if not is_documented(each)} == set()
    assert set(COMMON) <= names
    assert ("reward/log_return" in names) == (name != "cfq")  # which learns from a table
    assert {event.value for event in events.Scalars("valid/turnover")} == {3.0}
    assert ("pretrain/loss" in names) == (name != "ars")
    losses = {"train/policy_loss", "train/value_loss", "train/objective", "train/step_size"}
    assert losses & names
    assert len(events.Scalars("time/steps_per_second")) <= 101


def test_what_the_library_names_otherwise_is_renamed_with_its_sign():
    log = open_log(None, "trpo")
    log.record("train/entropy_loss", -1.5)
    log.record("train/policy_objective", 2.0)
    log.record_mean("train/kl_divergence_loss", 0.25)
    log.record("train/n_updates", 3, exclude="tensorboard")
    assert dict(log.name_to_value) == {
        "train/entropy": 1.5, "train/policy_loss": -2.0, "train/kl": 0.25, "train/n_updates": 3,
    }  # fmt: skip


def test_one_name_of_the_library_that_means_two_things_becomes_two():
    found = {}
    for agent in ("dqn", "ppo"):
        log = open_log(None, agent)
        log.record("train/loss", 1.0)
        (found[agent],) = log.name_to_value
    assert found == {"dqn": "train/value_loss", "ppo": "train/loss"}


def test_every_name_stands_in_the_settings_folder_with_the_same_words():
    page = (ROOT / "agents" / "SCALARS.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(.+?)` \| (.+) \|$", page, re.MULTILINE))
    assert told == SCALARS
    assert list(told)[: len(COMMON)] == list(COMMON)

"""A user's own agent, one file outside the package, is trained, saved and loaded like any other."""

from pathlib import Path

import numpy as np
import pytest

from drltrade.agents import TrainTask, load_policy, parse_agent, train
from drltrade.errors import DrltradeError, UsageError

ROOT = Path(__file__).parents[2]
REF = "agents/climber.py:Climber"


def test_an_agent_of_ones_own_finds_the_planted_signal(game_of, mean_return):
    game = game_of("dqn")
    task = TrainTask(game, parse_agent(REF, [ROOT]), seed=1, steps=4_000_000)
    policy = train(task).policy
    fresh = game_of("dqn", seed=2, bars=3000, scaler=game.scaler)
    assert mean_return(policy, fresh) > 0.8 * 0.6401e-3


def test_its_policy_acts_the_same_when_loaded_and_only_while_its_file_is_the_same(
    game_of, tmp_path, monkeypatch
):
    own = tmp_path / "mine.py"
    own.write_text((ROOT / "agents" / "climber.py").read_text())
    monkeypatch.chdir(tmp_path)
    settings = parse_agent({"name": "mine.py:Climber", "accounts": 8, "bars": 4})
    game = game_of("dqn", bars=600)
    policy = train(TrainTask(game, settings, seed=1, steps=600)).policy
    policy.save(tmp_path / "run")
    seen = np.random.default_rng(0).standard_normal((50, game.layout.size)).astype(np.float32)
    again = load_policy(tmp_path / "run")
    assert np.array_equal(again.predict(seen)[0], policy.predict(seen)[0])
    own.write_text(own.read_text() + "\nraise SystemExit('ran')\n")
    with pytest.raises(DrltradeError, match=r"your own agent 'mine.py:Climber', whose file has ch"):
        load_policy(tmp_path / "run")
    own.unlink()
    with pytest.raises(DrltradeError, match="whose file is not here"):
        load_policy(tmp_path / "run")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("class Mine: pass", "must be a class derived from AgentSettings"),
        (
            "from drltrade.agents import AgentSettings\nclass Mine(AgentSettings): pass",
            "has no function build_network and no learn",
        ),
    ],
)
def test_a_file_that_holds_no_agent_is_told_what_an_agent_needs(content, told, tmp_path):
    (tmp_path / "mine.py").write_text(content)
    with pytest.raises(UsageError, match=told):
        parse_agent("mine.py:Mine", [tmp_path])


def test_a_setting_that_it_does_not_have_is_refused_with_the_nearest_one():
    with pytest.raises(UsageError, match=r"stepp.*step"):
        parse_agent({"name": REF, "stepp": 1}, [ROOT])


def test_an_agent_that_gives_nothing_to_save_is_told_so_once(tmp_path, monkeypatch, game_of):
    own = (ROOT / "agents" / "climber.py").read_text()
    own = own.replace("after_update(steps, network, state)", "after_update(steps, network)")
    (tmp_path / "mine.py").write_text(own)
    monkeypatch.chdir(tmp_path)
    settings = parse_agent({"name": "mine.py:Climber", "accounts": 8, "bars": 4})
    task = TrainTask(
        game_of("dqn", bars=600), settings, seed=1, steps=600,
        checkpoint=tmp_path / "checkpoint", checkpoint_seconds=0.0,
    )  # fmt: skip
    told = []
    train(task, tell=told.append)
    assert len(told) == 1
    assert told[0].startswith("trains without checkpoints: the agent hands no state")
    assert not (tmp_path / "checkpoint").exists()

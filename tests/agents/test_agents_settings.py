"""How agents are named and set."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from drltrade.agents import AGENTS, AgentSettings, TrainTask, parse_agent, read_agent
from drltrade.envs import SCHEMES
from drltrade.errors import UsageError
from drltrade.plugins import builtin_workspace


@pytest.mark.parametrize("name", AGENTS)
def test_every_agent_is_parsed_by_name_by_mapping_and_from_its_file(name):
    roots = (builtin_workspace(),)
    defaults = AGENTS[name].settings()
    assert parse_agent(name) == defaults
    assert parse_agent({"name": name}) == defaults
    assert parse_agent(builtin_workspace() / "agents" / f"{name}.yaml") == defaults
    assert parse_agent(name, roots) == defaults
    assert parse_agent(defaults) is defaults


@pytest.mark.parametrize("name", AGENTS)
def test_every_setting_has_a_line_of_documentation_and_a_default(name):
    for key, field in AGENTS[name].settings.model_fields.items():
        assert field.description, key
        assert not field.is_required(), key
    assert AGENTS[name].title.endswith(".")


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("assets", [1, 4])
def test_every_agent_names_action_schemes_that_exist(name, assets):
    usable = AGENTS[name].usable_schemes(assets)
    assert usable
    assert set(usable) <= set(SCHEMES)


def test_a_workspace_file_wins_over_the_defaults(tmp_path, monkeypatch):
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "ppo.yaml").write_text("name: ppo\ngamma: 0.5\n")
    (tmp_path / "agents" / "patient.yaml").write_text("name: a2c\ngamma: 0.99\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert parse_agent("ppo", (tmp_path,)).gamma == 0.5
    assert parse_agent("patient", (tmp_path,)).name == "a2c"
    monkeypatch.chdir(tmp_path)
    assert parse_agent("agents/patient.yaml").gamma == 0.99
    assert read_agent("patient") == {"name": "a2c", "gamma": 0.99}


def test_numbers_in_scientific_notation_are_numbers():
    assert parse_agent({"name": "ppo", "learning_rate": "1e-3"}).learning_rate == 1e-3


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("pppo", ["pppo", "Did you mean 'ppo'?", "Allowed:"]),
        ({"name": "dqm"}, ["dqm", "Did you mean 'dqn'?"]),
        ({"name": 3}, ["Unknown agent '3'"]),
        ({"gamma": 0.9}, ["does not say which agent"]),
        ({"name": "ppo", "learning_rat": 1}, ["learning_rat", "Did you mean 'learning_rate'?"]),
        ({"name": "ppo", "gamma": 1.0}, ["gamma", "1.0"]),
        ({"name": "ppo", "accounts": 0}, ["accounts"]),
        ({"name": "ppo", "accounts": "many"}, ["accounts", "many"]),
        ({"name": "ppo", "n_steps": 10, "minibatches": 4}, ["minibatches is 4", "divide n_steps"]),
        ({"name": "a2c", "accounts": 1, "n_steps": 1}, ["at least 8"]),
        ({"name": "dqn", "layers": [64, 0]}, ["layers is [64, 0]"]),
        ({"name": "dqn", "layers": "wide"}, ["layers"]),
        ({"name": "dqn", "activation": "swish"}, ["activation", "swish"]),
        ({"name": "sac", "n_steps": 5}, ["Unknown key 'n_steps'"]),
        ("missing.yaml", ["'missing.yaml' does not exist"]),
    ],
)
def test_a_mistake_is_answered_with_the_value_and_the_fix(agent, words):
    with pytest.raises(UsageError) as caught:
        parse_agent(agent)
    for word in words:
        assert word in str(caught.value)


def test_settings_are_frozen():
    settings = AGENTS["ppo"].settings()
    assert isinstance(settings, AgentSettings)
    with pytest.raises(ValidationError):
        settings.gamma = 0.1


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"evaluations": 0}, "evaluations"),
    ],
)
def test_a_task_that_cannot_be_done_is_refused(change, word):
    kept = {"game": None, "agent": AGENTS["ppo"].settings(), "seed": 1, "steps": 1}
    with pytest.raises(UsageError, match=word):
        TrainTask(**(kept | change))


def test_an_unknown_device_is_answered_with_the_known_ones():
    with pytest.raises(UsageError, match=r"Unknown device 'cud'.*Did you mean 'cuda'"):
        TrainTask(None, AGENTS["ppo"].settings(), 1, 1, device="cud")


def test_naming_agents_loads_no_torch():
    code = (
        "import sys; from drltrade.agents import AGENTS, TrainTask, parse_agent; AGENTS['ppo'];"
        "print([m for m in ('torch', 'stable_baselines3', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

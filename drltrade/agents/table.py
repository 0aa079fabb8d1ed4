"""The table of agents, with how a user names one."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from drltrade.agents.settings import (
    A2CSettings,
    AgentSettings,
    ARSSettings,
    CFQSettings,
    CrossQSettings,
    DDPGSettings,
    DirectSettings,
    DQNSettings,
    PPOSettings,
    QRDQNSettings,
    RecurrentPPOSettings,
    ReinforceSettings,
    SACSettings,
    TD3Settings,
    TQCSettings,
    TRPOSettings,
)
from drltrade.agents.task import AgentCode
from drltrade.config import parse, read_yaml
from drltrade.errors import UsageError, unknown
from drltrade.plugins import find_file, is_plugin, load_plugin

__all__ = ["AGENTS", "Agent", "agent_of", "find_agent", "parse_agent", "read_agent"]


@dataclass(frozen=True)
class Agent:
    """One line of the table.

    Attributes:
        settings: the settings model; its docstring names the paper.
        usable_schemes: the action schemes it can use for a number of assets, its natural one
            first.
        module: where its code is (see `AgentCode`); imported when first used, since it needs
            torch.
    """

    settings: type[AgentSettings]
    usable_schemes: Callable[[int], tuple[str, ...]]
    module: str

    @property
    def title(self) -> str:
        """One line on what it is, with its paper."""
        return (self.settings.__doc__ or "").partition("\n")[0]

    @property
    def accounts(self) -> int:
        """Accounts stepped at once by default."""
        return int(self.settings.model_fields["accounts"].default)

    def code(self) -> AgentCode:
        """Imports the agent's code."""
        return cast(AgentCode, importlib.import_module(self.module))


def _one_choice(assets: int) -> tuple[str, ...]:
    """Value-based agents pick one action from a list."""
    return ("levels", "choices") if assets == 1 else ("choices",)


def _continuous(assets: int) -> tuple[str, ...]:
    """Deterministic and soft actor-critics need a box."""
    return ("continuous", "portfolio") if assets == 1 else ("portfolio", "continuous")


def _any(assets: int) -> tuple[str, ...]:
    """Policy gradients take whatever there is."""
    if assets == 1:
        return ("levels", "continuous", "portfolio", "choices")
    return ("portfolio", "continuous", "levels", "choices")


def _one_head(assets: int) -> tuple[str, ...]:
    """A search takes one list or one box; it has no network with a head for each asset."""
    return tuple(name for name in _any(assets) if assets == 1 or name != "levels")


_SB3 = "drltrade.agents.sb3"
_CODE = ("build_network", "learn")  # what `AgentCode` asks for

AGENTS: dict[str, Agent] = {
    "dqn": Agent(DQNSettings, _one_choice, _SB3),
    "qrdqn": Agent(QRDQNSettings, _one_choice, _SB3),
    "cfq": Agent(CFQSettings, _one_choice, "drltrade.agents.cfq"),
    "direct": Agent(DirectSettings, _continuous, "drltrade.agents.direct"),
    "reinforce": Agent(ReinforceSettings, _any, "drltrade.agents.reinforce"),
    "a2c": Agent(A2CSettings, _any, _SB3),
    "ppo": Agent(PPOSettings, _any, _SB3),
    "trpo": Agent(TRPOSettings, _any, _SB3),
    "recurrent_ppo": Agent(RecurrentPPOSettings, _any, _SB3),
    "ddpg": Agent(DDPGSettings, _continuous, _SB3),
    "td3": Agent(TD3Settings, _continuous, _SB3),
    "sac": Agent(SACSettings, _continuous, _SB3),
    "tqc": Agent(TQCSettings, _continuous, _SB3),
    "crossq": Agent(CrossQSettings, _continuous, _SB3),
    "ars": Agent(ARSSettings, _one_head, _SB3),
}
"""Every agent by name. To add one: its settings, a module like `reinforce.py`, a line here."""


def agent_of(settings: AgentSettings) -> Agent:
    """Returns the table's line for some settings, or the line that a user's own would have.

    Raises:
        UsageError: no agent has that name.
    """
    if settings.name in AGENTS:
        return AGENTS[settings.name]
    return _own(settings.name, type(settings))


def find_agent(name: str, roots: Iterable[Path] = ()) -> Agent:
    """Returns the table's line for a name, or for a user's own agent, `path.py:Name`.

    There, Name is the settings class, and the file has `build_network` and `learn` (`AgentCode`);
    `usable_schemes(assets)` where the agent cannot use every action scheme.

    Raises:
        UsageError: no agent has that name, or the file holds none.
    """
    if name in AGENTS:
        return AGENTS[name]
    if not is_plugin(name):
        raise unknown("agent", name, AGENTS, "Or write path.py:Name for one of your own.")
    return _own(name, load_plugin(name, roots).target)


def _own(name: str, settings: Any) -> Agent:
    if not (inspect.isclass(settings) and issubclass(settings, AgentSettings)):
        raise UsageError(f"'{name}' is no agent: it must be a class derived from AgentSettings.")
    module = sys.modules[settings.__module__]
    missing = [each for each in _CODE if not callable(getattr(module, each, None))]
    if missing:
        raise UsageError(
            f"The file of the agent '{name}' has no function {' and no '.join(missing)}. It needs"
            " build_network(settings, layout, action_space) and learn(session)."
        )
    return Agent(settings, getattr(module, "usable_schemes", _any), module.__name__)


def parse_agent(
    agent: str | Path | Mapping[str, Any] | AgentSettings, roots: Iterable[Path] = ()
) -> AgentSettings:
    """Turns whatever a user wrote into an agent's settings.

    Args:
        agent: a name (`ppo`: the workspace's `agents/ppo.yaml` where there is one, else the
            defaults), a YAML file, `path.py:Name` for an agent of one's own, or a mapping such as
            `{name: ppo, learning_rate: 0.001}`.
        roots: folders where files are looked up after the current one.

    Raises:
        UsageError: the name, a setting or a value is wrong.
    """
    if isinstance(agent, AgentSettings):
        return agent
    content = read_agent(agent, roots)
    name = content["name"]
    found = find_agent(str(name), roots)
    where = str(agent) if isinstance(agent, Path) else f"agent '{name}'"
    return parse(found.settings, content, where)


def read_agent(agent: str | Path | Mapping[str, Any], roots: Iterable[Path] = ()) -> dict[str, Any]:
    """Returns the mapping behind a name or a file, with its `name`, before it is validated.

    Raises:
        UsageError: there is no such file or agent, or the mapping names no agent.
    """
    if isinstance(agent, Mapping):
        content, where = dict(agent), "the agent"
    else:
        text = str(agent)
        if is_plugin(text):
            return {"name": text}
        is_file = text.endswith((".yaml", ".yml"))
        found = find_file(text if is_file else Path("agents") / f"{text}.yaml", roots)
        if found is None and is_file:
            raise UsageError(f"Agent file '{text}' does not exist.")
        if found is None and text not in AGENTS:
            raise unknown("agent", text, AGENTS, "Or name a YAML file, or path.py:Name.")
        content, where = (read_yaml(found), f"'{found}'") if found else ({"name": text}, "")
    if "name" not in content:
        raise UsageError(
            f"{where} does not say which agent it is. Add 'name:' with one of {', '.join(AGENTS)}."
        )
    return content

"""Algorithms that learn, policies that act, strategies written by rule."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from drltrade.agents.settings import AgentSettings
from drltrade.agents.table import AGENTS, Agent, agent_of, parse_agent, read_agent
from drltrade.agents.task import Progress, TrainResult, TrainTask

if TYPE_CHECKING:
    from drltrade.agents.card import PolicyCard
    from drltrade.agents.ensemble import Ensemble
    from drltrade.agents.policy import Policy, load_policy
    from drltrade.agents.relay import Leg, Relay
    from drltrade.agents.strategies import STRATEGIES, Account, Strategy, make_strategy
    from drltrade.agents.training import train

__all__ = [
    "AGENTS",
    "STRATEGIES",
    "Account",
    "Agent",
    "AgentSettings",
    "Ensemble",
    "Leg",
    "Policy",
    "PolicyCard",
    "Progress",
    "Relay",
    "Strategy",
    "TrainResult",
    "TrainTask",
    "agent_of",
    "load_policy",
    "make_strategy",
    "parse_agent",
    "read_agent",
    "train",
]

_LAZY = {
    "Account": "strategies",
    "Ensemble": "ensemble",
    "Leg": "relay",
    "Policy": "policy",
    "PolicyCard": "card",
    "Relay": "relay",
    "STRATEGIES": "strategies",
    "Strategy": "strategies",
    "load_policy": "policy",
    "make_strategy": "strategies",
    "train": "training",
}
"""Names whose module needs torch or the whole of envs: imported when they are first asked for."""


def __getattr__(name: str) -> Any:
    """Imports a heavy name when it is first used."""
    if name not in _LAZY:
        raise AttributeError(f"module 'drltrade.agents' has no attribute '{name}'")
    module = importlib.import_module(f"drltrade.agents.{_LAZY[name]}")
    return getattr(module, name)

"""Settings of the agents that learn the value of actions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from drltrade.agents.settings.base import OffPolicySettings

__all__ = ["DQNSettings"]


class DQNSettings(OffPolicySettings):
    """Deep Q-network (Mnih et al. 2015, Nature 518); each account explores on its own."""

    name: Literal["dqn"] = "dqn"
    """Deep Q-network."""
    exploration_initial: float = Field(1.0, ge=0, le=1)
    """Chance of a random action at the start."""
    exploration_final: float = Field(0.05, ge=0, le=1)
    """Chance of a random action in the end."""
    exploration_fraction: float = Field(0.3, gt=0, le=1)
    """Share of the budget over which that chance falls."""

"""Settings of the agents that learn the value of actions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from drltrade.agents.settings.base import OffPolicySettings

__all__ = ["DQNSettings", "EpsilonGreedySettings", "QRDQNSettings"]


class EpsilonGreedySettings(OffPolicySettings):
    """What the agents share that take the best action, and now and then any."""

    exploration_initial: float = Field(1.0, ge=0, le=1)
    """Chance of a random action at the start."""
    exploration_final: float = Field(0.05, ge=0, le=1)
    """Chance of a random action in the end."""
    exploration_fraction: float = Field(0.3, gt=0, le=1)
    """Share of the budget over which that chance falls."""


class DQNSettings(EpsilonGreedySettings):
    """Deep Q-network (Mnih et al. 2015, Nature 518); each account explores on its own."""

    name: Literal["dqn"] = "dqn"
    """Deep Q-network."""


class QRDQNSettings(EpsilonGreedySettings):
    """Quantile-regression DQN (Dabney et al. 2018, arXiv:1710.10044): learns how values spread."""

    name: Literal["qrdqn"] = "qrdqn"
    """Quantile-regression DQN."""
    n_quantiles: int = Field(32, ge=1, le=1000)
    """Quantiles of each action's value. The paper's 200 take six times as long, and the mean, which
    alone decides, is no better known by them."""

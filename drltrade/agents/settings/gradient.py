"""Settings of the agents that follow the gradient of the policy."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from drltrade.agents.settings.base import OnPolicySettings

__all__ = ["ReinforceSettings"]


class ReinforceSettings(OnPolicySettings):
    """REINFORCE with a learned baseline (Williams 1992, Machine Learning 8)."""

    takes_dropout: ClassVar[bool] = True

    name: Literal["reinforce"] = "reinforce"
    """REINFORCE with a learned baseline."""
    accounts: int = Field(256, ge=1, le=65_536)
    """Simulated traders stepped at once; few, since each rollout is used for one update only."""
    learning_rate: float = Field(5e-3, gt=0, le=1)
    """Adam's step size at the start of the training."""
    baseline_coef: float = Field(0.5, ge=0)
    """Weight of the baseline's squared error."""

"""Settings of the agent that follows the exact gradient through the differentiable market."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from drltrade.agents.settings.base import AgentSettings

__all__ = ["DirectSettings"]


class DirectSettings(AgentSettings):
    """Direct reinforcement: analytic policy gradient (Moody & Saffell 2001, IEEE TNN 12(4))."""

    takes_dropout: ClassVar[bool] = True

    name: Literal["direct"] = "direct"
    """Analytic policy gradient through the differentiable market."""
    accounts: int = Field(256, ge=1, le=65_536)
    """Simulated traders stepped at once; few, since exact gradients need no averaging over luck and
    each rollout is used for one update only."""
    gamma: float = Field(1.0, ge=0, le=1)
    """Share of the gradient that passes from one bar back to the bar before; 1 is all of it, 0
    looks one bar ahead."""
    learning_rate: float = Field(5e-3, gt=0, le=1)
    """Adam's step size at the start of the training; twice as large, one training in eight widens
    its no-trade zone until it earns a tenth to a quarter less."""
    n_steps: int = Field(32, ge=1, le=100_000)
    """Bars in a rollout; the gradient goes back through all of them, and no further."""
    objective: Literal["log_wealth", "mean_variance", "sharpe", "differential_sharpe"] | None = None
    """What is maximised in place of the reward; null is what equals the environment's reward."""
    risk_aversion: float = Field(5.0, ge=0)
    """Weight of half the squared return in mean_variance."""
    action_noise: float = Field(0.7, ge=0)
    """Standard deviation of noise on each asset's action in training, before it is squashed into
    its bounds: the best weights often lie there, where hardly any gradient is left to move them
    back. On the doctor's markets it changes little: with and without, .968 and .977 of the optimum
    on ou, .989 and .984 on ar1_cost (600,000 steps, medians of three seeds)."""
    feature_noise: float = Field(0.0, ge=0)
    """Standard deviation of noise on the scaled features, or on what an encoder makes of them:
    against over-fitting."""
    patience: int = Field(0, ge=0)
    """Evaluations without a better one after which the training stops; 0 goes on to the end."""

    @property
    def horizon(self) -> int:
        """Bars that each account is stepped between two updates."""
        return self.n_steps

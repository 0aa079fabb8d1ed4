"""Settings of the agent that fits the value of every action at once."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from drltrade.agents.settings.base import AgentSettings, OptimizerSettings

__all__ = ["CFQSettings"]


class CFQSettings(AgentSettings):
    """Full-information fitted Q iteration (Ernst et al. 2005, JMLR 6), without exploring."""

    takes_dropout: ClassVar[bool] = True

    name: Literal["cfq"] = "cfq"
    """Full-information fitted Q iteration."""
    accounts: int = Field(576, ge=1, le=65_536)
    """Outcomes in a minibatch, which are its account-steps: bars x positions x actions, in whole
    bars. With three levels 576 are 64 bars."""
    learning_rate: float = Field(2e-3, gt=0, le=1)
    """The optimiser's step size at the start of the training."""
    tau: float = Field(0.02, gt=0, le=1)
    """Share of the way that the averaged network, which sets the targets and acts in the end, moves
    after each update."""
    double: bool = True
    """Let the trained network choose the next action that the averaged one values: else the larger
    of two guesses is believed, and values grow too large."""
    duelling: bool = False
    """Learn what a bar is worth apart from what its actions differ by; on the markets with a known
    optimum it takes half as long again and finds no more."""
    quantiles: int = Field(0, ge=0, le=1000)
    """Quantiles of each value that are learnt, by quantile regression; 0 learns the mean alone."""
    max_grad_norm: float = Field(10.0, gt=0)
    """The gradient is cut to this length."""
    optimizer: OptimizerSettings = OptimizerSettings.model_validate({"name": "adamw"})
    """What turns gradients into steps; a name, or a mapping with its settings."""
    prior: float = Field(10_000.0, ge=0)
    """Bars that the belief that windows mean nothing weighs as much as: adamw shrinks weights by
    prior / bars in addition to its l2. The table of all outcomes is soon known by heart, and its
    luck with it; 0 lets it. Other optimisers take their l2 alone."""

"""Settings of the agents that follow the gradient of the policy, or search for it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from drltrade.agents.settings.base import (
    AgentSettings,
    OnPolicySettings,
    OptimizerSettings,
)

__all__ = ["ARSSettings", "ReinforceSettings", "TRPOSettings"]


class ReinforceSettings(OnPolicySettings):
    """REINFORCE with a learned baseline (Williams 1992, Machine Learning 8)."""

    name: Literal["reinforce"] = "reinforce"
    """REINFORCE with a learned baseline."""
    accounts: int = Field(256, ge=1, le=65_536)
    """Simulated traders stepped at once; few, since each rollout is used for one update only."""
    learning_rate: float = Field(5e-3, gt=0, le=1)
    """Adam's step size at the start of the training."""
    baseline_coef: float = Field(0.5, ge=0)
    """Weight of the baseline's squared error."""


class TRPOSettings(OnPolicySettings):
    """Trust region policy optimisation (Schulman et al. 2015, arXiv:1502.05477)."""

    name: Literal["trpo"] = "trpo"
    """Trust region policy optimisation."""
    accounts: int = Field(256, ge=1, le=65_536)
    """Simulated traders stepped at once; few, since each rollout is used for one step only, and the
    curvature of the divergence on it costs more than the rollout itself."""
    learning_rate: float = Field(2e-3, gt=0, le=1)
    """Adam's step size for the values at the start; the policy's steps follow from target_kl."""
    gae_lambda: float = Field(0.9, ge=0, le=1)
    """Mix of one-step (0) and whole-rollout (1) advantages."""
    target_kl: float = Field(0.02, gt=0)
    """How far the policy may move in one update, as a divergence."""
    cg_max_steps: int = Field(5, ge=1)
    """Steps of the conjugate gradient that finds the direction; the usual 10 to 15 take longer and
    gain nothing with networks this small."""
    cg_damping: float = Field(0.1, ge=0)
    """Added to the curvature, so that flat directions take no long steps."""
    line_search_shrinking: float = Field(0.8, gt=0, lt=1)
    """What a step is shortened by while it is too long or makes things worse."""
    line_search_steps: int = Field(10, ge=1)
    """How often it is shortened before the update is given up."""
    critic_epochs: int = Field(2, ge=1)
    """Passes over each rollout in which the values learn."""
    minibatches: int = Field(8, ge=1)
    """Parts that a rollout is cut into for each pass; must divide n_steps."""

    @model_validator(mode="after")
    def _minibatches_divide(self) -> TRPOSettings:
        if self.n_steps % self.minibatches:
            raise ValueError(
                f"minibatches is {self.minibatches}; it must divide n_steps, which is"
                f" {self.n_steps}"
            )
        return self


class ARSSettings(AgentSettings):
    """Augmented random search (Mania et al. 2018, arXiv:1803.07055), all candidates at once.

    Every account of a candidate starts flat at the same bar as those of the others and plays
    `n_steps` bars: what they earn differs by their decisions alone. Whole episodes would leave most
    accounts idle, and differ by where they began.
    """

    name: Literal["ars"] = "ars"
    """Augmented random search."""
    learning_rate: float = Field(0.1, gt=0, le=1)
    """Length of a step along the best directions at the start."""
    gamma: float = Field(0.95, ge=0, lt=1)
    """Means nothing here: all bars of a trial count alike."""
    optimizer: OptimizerSettings = OptimizerSettings.model_validate({})
    """Means nothing here: there are no gradients."""
    max_grad_norm: float = Field(0.5, gt=0)
    """Means nothing here: there are no gradients."""
    layers: tuple[int, ...] = ()
    """Widths of the hidden layers. None is the paper's linear policy, which starts at zero."""
    directions: int = Field(16, ge=1)
    """Directions tried in each update, each forth and back; fewer where there are too few accounts
    for two candidates each."""
    best: int = Field(8, ge=1)
    """Directions that the step is made of: those whose better side earned most."""
    spread: float = Field(0.1, gt=0)
    """Standard deviation of the weights tried around the present ones."""
    n_steps: int = Field(64, ge=1, le=100_000)
    """Bars that each candidate is tried on."""

    @model_validator(mode="after")
    def _no_encoder(self) -> ARSSettings:
        if self.encoder.learns:
            raise ValueError(
                f"encoder is {self.encoder.name}; ars takes none with weights. Leave it at mlp"
                " without depth, and give layers"
            )
        return self

    @model_validator(mode="after")
    def _two_sides(self) -> ARSSettings:
        if self.accounts < 2:
            raise ValueError(
                f"accounts is {self.accounts}; a direction is tried forth and back, by at least 2"
            )
        if self.best > self.directions:
            raise ValueError(
                f"best is {self.best}; it must be at most directions, {self.directions}"
            )
        return self

    @property
    def horizon(self) -> int:
        """Bars that each account is stepped between two updates."""
        return self.n_steps

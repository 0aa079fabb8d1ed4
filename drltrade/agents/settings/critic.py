"""Settings of the actor-critic agents."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from drltrade.agents.settings.base import OffPolicySettings, OnPolicySettings

__all__ = ["A2CSettings", "DDPGSettings", "PPOSettings", "SACSettings", "TD3Settings"]


class PPOSettings(OnPolicySettings):
    """Proximal policy optimisation (Schulman et al. 2017, arXiv:1707.06347)."""

    name: Literal["ppo"] = "ppo"
    """Proximal policy optimisation."""
    learning_rate: float = Field(2e-3, gt=0, le=1)
    """Adam's step size at the start of the training."""
    n_epochs: int = Field(2, ge=1, le=100)
    """Passes over each rollout."""
    minibatches: int = Field(8, ge=1)
    """Parts that a rollout is cut into for each pass; must divide n_steps."""
    gae_lambda: float = Field(0.9, ge=0, le=1)
    """Mix of one-step (0) and whole-rollout (1) advantages."""
    clip_range: float = Field(0.2, gt=0, lt=1)
    """How far the probability of an action may move in one update."""
    vf_coef: float = Field(0.5, ge=0)
    """Weight of the value loss."""

    @model_validator(mode="after")
    def _minibatches_divide(self) -> PPOSettings:
        if self.n_steps % self.minibatches or self.accounts * self.n_steps == self.minibatches:
            raise ValueError(
                f"minibatches is {self.minibatches}; it must divide n_steps, which is"
                f" {self.n_steps}, and leave more than one transition in each part"
            )
        return self


class A2CSettings(OnPolicySettings):
    """Advantage actor-critic (Mnih et al. 2016, arXiv:1602.01783), with Adam."""

    name: Literal["a2c"] = "a2c"
    """Advantage actor-critic."""
    accounts: int = Field(256, ge=1, le=65_536)
    """Simulated traders stepped at once; few, since each rollout is used for one update only."""
    learning_rate: float = Field(5e-3, gt=0, le=1)
    """Adam's step size at the start of the training."""
    n_steps: int = Field(8, ge=1, le=100_000)
    """Bars in a rollout; each rollout has accounts x n_steps transitions."""
    gae_lambda: float = Field(0.9, ge=0, le=1)
    """Mix of one-step (0) and whole-rollout (1) advantages."""
    vf_coef: float = Field(0.5, ge=0)
    """Weight of the value loss."""


class SACSettings(OffPolicySettings):
    """Soft actor-critic (Haarnoja et al. 2018, arXiv:1812.05905); learns its own temperature."""

    name: Literal["sac"] = "sac"
    """Soft actor-critic."""
    learning_rate: float = Field(2e-3, gt=0, le=1)
    """Adam's step size at the start of the training."""
    temperature: float = Field(0.02, gt=0)
    """Weight of the entropy at the start; it is learned from there on."""
    target_entropy: float = -3.0
    """Entropy for each asset that the temperature aims at; a uniform action has log 2."""


class TD3Settings(OffPolicySettings):
    """Twin delayed deterministic policy gradient (Fujimoto et al. 2018, arXiv:1802.09477)."""

    name: Literal["td3"] = "td3"
    """Twin delayed deterministic policy gradient."""
    exploration_noise: float = Field(0.3, ge=0)
    """Standard deviation of the Gaussian noise on each explored action."""
    policy_delay: int = Field(2, ge=1)
    """Updates of the critics for one of the actor."""
    target_noise: float = Field(0.2, ge=0)
    """Standard deviation of the noise that smooths the target."""
    target_noise_clip: float = Field(0.5, ge=0)
    """Largest size of that noise."""


class DDPGSettings(OffPolicySettings):
    """Deep deterministic policy gradient (Lillicrap et al. 2015, arXiv:1509.02971)."""

    name: Literal["ddpg"] = "ddpg"
    """Deep deterministic policy gradient."""
    exploration_noise: float = Field(0.3, ge=0)
    """Standard deviation of the Gaussian noise on each explored action."""

"""Settings of the actor-critic agents."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from drltrade.agents.settings.base import OffPolicySettings, OnPolicySettings

__all__ = [
    "A2CSettings",
    "CrossQSettings",
    "DDPGSettings",
    "PPOSettings",
    "RecurrentPPOSettings",
    "SACSettings",
    "SoftSettings",
    "TD3Settings",
    "TQCSettings",
]


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


class RecurrentPPOSettings(OnPolicySettings):
    """PPO with a memory (LSTM) from bar to bar; sb3-contrib's RecurrentPPO (arXiv:1707.06347)."""

    name: Literal["recurrent_ppo"] = "recurrent_ppo"
    """PPO with a memory from bar to bar."""
    accounts: int = Field(256, ge=1, le=65_536)
    """Simulated traders stepped at once; few, since each takes a sequence through the LSTM."""
    learning_rate: float = Field(5e-3, gt=0, le=1)
    """Adam's step size at the start of the training."""
    layers: tuple[int, ...] = (64,)
    """Widths of the hidden layers behind the LSTM, of the actor and of the critic alike."""
    n_steps: int = Field(16, ge=1, le=100_000)
    """Bars in a rollout; the gradient goes back through all of them, and no further. What lies
    further back is still remembered. More bars leave too few updates."""
    n_epochs: int = Field(2, ge=1, le=100)
    """Passes over each rollout."""
    minibatches: int = Field(4, ge=1)
    """Parts that the accounts are dealt into for each pass: sequences stay whole."""
    gae_lambda: float = Field(0.9, ge=0, le=1)
    """Mix of one-step (0) and whole-rollout (1) advantages."""
    clip_range: float = Field(0.2, gt=0, lt=1)
    """How far the probability of an action may move in one update."""
    vf_coef: float = Field(0.5, ge=0)
    """Weight of the value loss."""
    memory: int = Field(32, ge=1, le=4096)
    """Width of the LSTM; most of the time goes into it."""
    memory_layers: int = Field(1, ge=1, le=8)
    """LSTMs on top of each other."""
    critic_memory: bool = True
    """Whether the critic has an LSTM of its own; without one it sees what the actor's remembers."""


class SoftSettings(OffPolicySettings):
    """What the soft actor-critics share: they are paid for entropy, at a price that is learned."""

    learning_rate: float = Field(2e-3, gt=0, le=1)
    """Adam's step size at the start of the training."""
    tau: float = Field(0.05, gt=0, le=1)
    """Share of the way that the target networks move after each update: a longer one than for
    networks that are trained for millions of updates; here they are a thousand or so."""
    temperature: float = Field(0.02, gt=0)
    """Weight of the entropy at the start; it is learned from there on."""
    target_entropy: float = -3.0
    """Entropy for each asset that the temperature aims at; a uniform action has log 2."""


class SACSettings(SoftSettings):
    """Soft actor-critic (Haarnoja et al. 2018, arXiv:1812.05905); learns its own temperature."""

    name: Literal["sac"] = "sac"
    """Soft actor-critic."""


class TQCSettings(SoftSettings):
    """Truncated quantile critics (Kuznetsov et al. 2020, arXiv:2005.04269)."""

    name: Literal["tqc"] = "tqc"
    """Truncated quantile critics."""
    learning_rate: float = Field(3e-3, gt=0, le=1)
    """Adam's step size at the start of the training."""
    n_quantiles: int = Field(10, ge=2, le=1000)
    """Quantiles of each critic's value; the paper's 25 take six times as long to compare."""
    n_critics: int = Field(2, ge=1, le=16)
    """Critics whose quantiles are pooled."""
    dropped: int = Field(0, ge=0)
    """Highest quantiles left out for each critic, against values that are too high. Each makes the
    agent shy of risk as well: on a market only a position has spread, so that holding one looks
    worse than none. With one of ten dropped it earned .80 of the optimum on an OU price, with none
    .95."""

    @model_validator(mode="after")
    def _some_are_left(self) -> TQCSettings:
        if self.dropped >= self.n_quantiles:
            raise ValueError(
                f"dropped is {self.dropped}; it must be below n_quantiles, {self.n_quantiles}"
            )
        return self


class CrossQSettings(SoftSettings):
    """CrossQ (Bhatt et al. 2024, arXiv:1902.05605): batch renormalisation, no target networks."""

    name: Literal["crossq"] = "crossq"
    """CrossQ."""
    tau: float = Field(0.02, gt=0, le=1)
    """Means nothing here: there are no target networks."""
    policy_delay: int = Field(2, ge=1)
    """Updates of the critics for one of the actor."""
    norm_momentum: float = Field(0.05, gt=0, le=1)
    """Share of a batch in the running means by which layers are normalised when acting. The usual
    .01 would take more updates than there are."""
    norm_warmup: int = Field(1000, ge=0)
    """Updates in which batches are normalised by themselves, until the running means are known."""


class TD3Settings(OffPolicySettings):
    """Twin delayed deterministic policy gradient (Fujimoto et al. 2018, arXiv:1802.09477)."""

    name: Literal["td3"] = "td3"
    """Twin delayed deterministic policy gradient."""
    learning_rate: float = Field(2e-3, gt=0, le=1)
    """Adam's step size at the start of the training."""
    tau: float = Field(0.05, gt=0, le=1)
    """Share of the way that the target networks move after each update; as for sac."""
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

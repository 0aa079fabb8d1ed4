"""What can be set for each agent; the defaults written here are the only ones.

The defaults suit training as it is done here: hundreds of accounts are stepped at once, so that a
rollout is short in time but wide, minibatches are few and large, and learning rates are high. They
were chosen on an AR(1) signal with costs (`tests/agents`), alone and among 127 columns of noise.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from drltrade.config import Settings

__all__ = [
    "A2CSettings",
    "AgentSettings",
    "DDPGSettings",
    "DQNSettings",
    "OffPolicySettings",
    "OnPolicySettings",
    "PPOSettings",
    "ReinforceSettings",
    "SACSettings",
    "TD3Settings",
]


class AgentSettings(Settings):
    """What every agent has."""

    name: str
    """The agent's name, as `drltrade list agents` prints it."""
    accounts: int = Field(1024, ge=1, le=65_536)
    """Simulated traders stepped at once. A short budget is given fewer, so that enough updates
    happen."""
    gamma: float = Field(0.95, ge=0, lt=1)
    """Discount per bar: rewards some 1 / (1 - gamma) bars ahead still count."""
    learning_rate: float = Field(1e-3, gt=0, le=1)
    """Adam's step size at the start of the training."""
    schedule: Literal["linear", "constant"] = "linear"
    """Whether the learning rate falls in a line to zero at the end of the budget, or stays."""
    layers: tuple[int, ...] = (64, 64)
    """Widths of the hidden layers, of the actor and of the critic alike."""
    activation: Literal["tanh", "relu", "gelu", "elu", "sigmoid"] = "tanh"
    """The nonlinearity after each hidden layer."""

    @model_validator(mode="after")
    def _layers_have_width(self) -> AgentSettings:
        if any(not 1 <= width <= 4096 for width in self.layers):
            raise ValueError(f"layers is {list(self.layers)}; each width must be 1 to 4096")
        return self

    @property
    def horizon(self) -> int:
        """Bars that each account is stepped between two updates."""
        return 1


class OnPolicySettings(AgentSettings):
    """What the agents share that learn from what they have just done."""

    n_steps: int = Field(16, ge=1, le=100_000)
    """Bars in a rollout; each rollout has accounts x n_steps transitions."""
    ent_coef: float = Field(0.0, ge=0)
    """Weight of the entropy bonus, which keeps the policy exploring."""
    max_grad_norm: float = Field(0.5, gt=0)
    """The gradient is cut to this length."""
    log_std_init: float = Field(0.0, ge=-10, le=3)
    """Log of the exploration noise at the start, where actions are continuous."""

    @model_validator(mode="after")
    def _enough_to_compare(self) -> OnPolicySettings:
        if self.accounts * self.n_steps < 8:
            raise ValueError(
                f"accounts x n_steps is {self.accounts * self.n_steps}; an update needs at least 8"
                " transitions to tell good actions from bad ones"
            )
        return self

    @property
    def horizon(self) -> int:
        """Bars that each account is stepped between two updates."""
        return self.n_steps


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


class OffPolicySettings(AgentSettings):
    """What the agents share that learn from a replay of what was done before."""

    accounts: int = Field(256, ge=1, le=65_536)
    """Simulated traders stepped at once. A short budget is given fewer, so that enough updates
    happen."""
    train_freq: int = Field(1, ge=1)
    """Bars that all accounts are stepped between two rounds of updates."""
    gradient_steps: int = Field(2, ge=1)
    """Updates in each round."""
    batch_size: int = Field(512, ge=1)
    """Transitions drawn from the replay for one update."""
    buffer_size: int = Field(100_000, ge=1)
    """Transitions that the replay holds; the oldest go first."""
    buffer_megabytes: int = Field(512, ge=1)
    """Memory that the replay may take; where transitions are wide it holds fewer of them."""
    learning_starts: int = Field(10_000, ge=0)
    """Random transitions before the first update; at most a tenth of the budget."""
    tau: float = Field(0.02, gt=0, le=1)
    """Share of the way that the target network moves after each update."""
    activation: Literal["tanh", "relu", "gelu", "elu", "sigmoid"] = "relu"
    """The nonlinearity after each hidden layer."""

    @property
    def horizon(self) -> int:
        """Bars that each account is stepped between two updates."""
        return self.train_freq


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
    max_grad_norm: float = Field(10.0, gt=0)
    """The gradient is cut to this length."""


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

"""What every agent has, and what the on-policy and the off-policy agents share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from drltrade.config import Settings

__all__ = [
    "Activation",
    "AgentSettings",
    "EncoderSettings",
    "OffPolicySettings",
    "OnPolicySettings",
    "OptimizerSettings",
]

Activation = Literal["tanh", "relu", "gelu", "elu", "sigmoid"]


class EncoderSettings(Settings):
    """How a network turns the window of W bars into one vector."""

    name: Literal["mlp", "cnn", "rnn", "lstm", "gru", "transformer"] = "mlp"
    """mlp reads the window as one row, cnn by dilated convolutions in time, rnn, lstm and gru bar
    by bar, transformer by self-attention."""
    size: int = Field(32, ge=1, le=4096)
    """Width of each layer, and of the vector that comes out."""
    depth: int | None = Field(None, ge=0, le=32)
    """Layers. None is none for an mlp, whose hidden layers are those of the agent; as many as it
    takes to see the whole window for a cnn; 1 for the others."""
    kernel: int = Field(2, ge=2, le=64)
    """Taps of a convolution of a cnn; each layer looks twice as far as the one before."""
    heads: int = Field(4, ge=1, le=64)
    """Attention heads of a transformer; must divide its size."""
    activation: Activation = "relu"
    """The nonlinearity after each layer, where the kind leaves a choice."""
    layer_norm: bool = False
    """Normalise each layer's output; a transformer always does."""
    residual: bool = False
    """Add a layer's input to its output where the widths are equal; a transformer always does."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Chance that an output is dropped in training; cfq and direct alone take it."""

    @model_validator(mode="after")
    def _fits(self) -> EncoderSettings:
        if self.name == "transformer" and self.size % self.heads:
            raise ValueError(f"heads is {self.heads}; it must divide size, which is {self.size}")
        idle = [
            name
            for name in self._idle()
            if getattr(self, name) != type(self).model_fields[name].default
        ]
        if idle:
            where = "an mlp without layers" if self.name == "mlp" else f"a {self.name}"
            raise ValueError(
                f"{', '.join(idle)} would do nothing in {where}."
                + (" Give it some: depth: 1" if self.name == "mlp" and not self.depth else "")
            )
        if self.name != "mlp" and self.depth == 0:
            raise ValueError(f"depth is 0; a {self.name} has at least 1 layer")
        return self

    def _idle(self) -> Iterator[str]:
        """Names the settings that this kind of encoder has no use for."""
        if self.name != "cnn":
            yield "kernel"
        if self.name != "transformer":
            yield "heads"
        if self.name in ("rnn", "lstm", "gru"):
            yield "activation"
        if self.name == "transformer":
            yield from ("layer_norm", "residual")
        if not self.learns:
            yield from ("size", "activation", "layer_norm", "residual", "dropout")

    @property
    def learns(self) -> bool:
        """Whether the encoder has weights; an mlp without layers hands the window on."""
        return self.name != "mlp" or bool(self.depth)


class OptimizerSettings(Settings):
    """How a gradient becomes a step; the step size is the agent's learning_rate."""

    name: Literal["sgd", "momentum", "rmsprop", "adagrad", "adam", "adamw"] = "adam"
    """The rule, as torch has it."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """Share of the last step that is taken again, by momentum; first beta of adam and adamw."""
    l1: float = Field(0.0, ge=0)
    """Weight of the sum of absolute weights."""
    l2: float = Field(0.0, ge=0)
    """Weight of half the sum of squared weights; adamw shrinks the weights apart instead."""

    @model_validator(mode="after")
    def _momentum_is_used(self) -> OptimizerSettings:
        if self.name in ("sgd", "rmsprop", "adagrad") and self.momentum != 0.9:
            raise ValueError(f"momentum would do nothing in {self.name}; use momentum or adam")
        return self


class AgentSettings(Settings):
    """What every agent has."""

    takes_dropout: ClassVar[bool] = False

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
    activation: Activation = "tanh"
    """The nonlinearity after each hidden layer."""
    init: Literal["orthogonal", "xavier", "kaiming", "default"] = "orthogonal"
    """How hidden weights are drawn; default is torch's own way."""
    encoder: EncoderSettings = EncoderSettings.model_validate({})
    """What reads the window; a name, or a mapping with its settings."""
    optimizer: OptimizerSettings = OptimizerSettings.model_validate({})
    """What turns gradients into steps; a name, or a mapping with its settings."""
    max_grad_norm: float = Field(0.5, gt=0)
    """The gradient is cut to this length."""
    pretrain: int = Field(0, ge=0)
    """Passes over the train split in which the encoder learns to compress windows, before the first
    account-step; none where the training starts from a run, whose encoder it takes."""

    @field_validator("encoder", "optimizer", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _encoder_suits(self) -> AgentSettings:
        if self.encoder.dropout and not self.takes_dropout:
            raise ValueError(
                f"encoder.dropout is {self.encoder.dropout:g}; {self.name} acts and learns with two"
                " different draws, which biases it. Leave it at 0, or use cfq or direct"
            )
        if self.pretrain and not self.encoder.learns:
            raise ValueError(
                "pretrain needs an encoder with weights, such as encoder: gru or"
                " encoder: {name: mlp, depth: 1}"
            )
        return self

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
    activation: Activation = "relu"
    """The nonlinearity after each hidden layer."""
    init: Literal["orthogonal", "xavier", "kaiming", "default"] = "default"
    """How hidden weights are drawn; default is torch's own way."""
    max_grad_norm: float = Field(10.0, gt=0)
    """The gradient is cut to this length."""

    @property
    def horizon(self) -> int:
        """Bars that each account is stepped between two updates."""
        return self.train_freq

"""Activations, first weights, and the perceptron that decides."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

__all__ = ["ACTIVATIONS", "initialise", "perceptron"]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "elu": nn.ELU,
    "sigmoid": nn.Sigmoid,
}


def perceptron(
    inputs: int,
    layers: Sequence[int],
    outputs: int,
    *,
    activation: str = "tanh",
    init: str = "orthogonal",
    gain: float = 1.0,
) -> nn.Sequential:
    """Builds hidden layers and a linear one.

    Args:
        inputs: width of what goes in.
        layers: widths of the hidden layers.
        outputs: width of what comes out.
        activation: a name of `ACTIVATIONS`.
        init: how hidden weights are drawn, see `initialise`.
        gain: the last layer's orthogonal weights are this long: a small one makes a first policy
            that is almost the same everywhere.
    """
    parts: list[nn.Module] = []
    for width in layers:
        parts += [nn.Linear(inputs, width), ACTIVATIONS[activation]()]
        inputs = width
    hidden = nn.Sequential(*parts)
    initialise(hidden, init, activation)
    last = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(last.weight, gain)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*parts, last)


def initialise(module: nn.Module, init: str, activation: str = "relu") -> None:
    """Draws the weight matrices of linear layers and convolutions anew; their biases start at 0.

    Args:
        module: whose weights are drawn; recurrent and attention weights stay as torch drew them.
        init: `orthogonal` (Saxe et al. 2014, arXiv:1312.6120), `xavier` (Glorot & Bengio 2010),
            `kaiming` (He et al. 2015, arXiv:1502.01852), or `default`, which changes nothing.
        activation: what follows each layer: it decides the gain that keeps variances level.
    """
    if init == "default":
        return
    gain = {"tanh": 5 / 3, "sigmoid": 1.0}.get(activation, 2**0.5)
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d) and not isinstance(
            layer, nn.modules.linear.NonDynamicallyQuantizableLinear
        ):
            if init == "orthogonal":
                nn.init.orthogonal_(layer.weight, gain)
            elif init == "xavier":
                nn.init.xavier_uniform_(layer.weight, gain)
            else:
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

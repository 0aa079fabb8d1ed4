"""Encoders: windows of W bars in, one vector each out.

Each takes [B, W, C], the oldest bar first, and gives [B, size]. To add one: a module here with a
`size`, a line in `ENCODERS`, its name in `EncoderSettings`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from drltrade.agents.networks.layers import ACTIVATIONS, initialise
from drltrade.agents.settings import EncoderSettings

__all__ = ["ENCODERS", "make_encoder"]


class Layer(nn.Module):
    """A layer with what may follow it: norm, activation, dropout, and its input again.

    Args:
        core: from `inputs` to `outputs` along the last axis; of a tuple the first is taken.
        settings: the encoder's.
        inputs: width of what goes in.
        outputs: width of what comes out.
        bends: whether the core ends in a nonlinearity of its own.
    """

    def __init__(
        self,
        core: nn.Module,
        settings: EncoderSettings,
        inputs: int,
        outputs: int,
        *,
        bends: bool = False,
    ) -> None:
        super().__init__()
        self.core = core
        after: list[nn.Module] = [nn.LayerNorm(outputs)] if settings.layer_norm else []
        after += [] if bends else [ACTIVATIONS[settings.activation]()]
        after += [nn.Dropout(settings.dropout)] if settings.dropout else []
        self.after = nn.Sequential(*after)
        self._adds = settings.residual and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """[..., inputs] -> [..., outputs]."""
        out = self.core(x)
        out = self.after(out[0] if isinstance(out, tuple) else out)
        return out + x if self._adds else out


class Flat(nn.Module):
    """The window as one row, through any number of dense layers; without one, as it is."""

    def __init__(self, settings: EncoderSettings, window: int, columns: int) -> None:
        super().__init__()
        inputs = window * columns
        layers: list[nn.Module] = []
        for _ in range(settings.depth or 0):
            layers.append(Layer(nn.Linear(inputs, settings.size), settings, inputs, settings.size))
            inputs = settings.size
        self.layers, self.size = nn.Sequential(*layers), inputs

    def forward(self, windows: Tensor) -> Tensor:
        """[B, W, C] -> [B, size]."""
        return self.layers(windows.flatten(1))


class _Causal(nn.Module):
    """A convolution along time that sees no later bar; [B, W, inputs] -> [B, W, outputs]."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(inputs, outputs, kernel, dilation=dilation)
        self._before = (kernel - 1) * dilation

    def forward(self, x: Tensor) -> Tensor:
        padded = nn.functional.pad(x.transpose(1, 2), (self._before, 0))
        return self.convolution(padded).transpose(1, 2)


class Temporal(nn.Module):
    """Dilated causal convolutions (Bai, Kolter & Koltun 2018, arXiv:1803.01271); the last bar's."""

    def __init__(self, settings: EncoderSettings, window: int, columns: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs, seen, dilation = columns, 1, 1
        while len(layers) < settings.depth if settings.depth else (seen < window or not layers):
            core = _Causal(inputs, settings.size, settings.kernel, dilation)
            layers.append(Layer(core, settings, inputs, settings.size))
            seen += (settings.kernel - 1) * dilation
            inputs, dilation = settings.size, dilation * 2
        self.layers, self.size = nn.Sequential(*layers), settings.size

    def forward(self, windows: Tensor) -> Tensor:
        """[B, W, C] -> [B, size]."""
        return self.layers(windows)[:, -1]


class Recurrent(nn.Module):
    """A recurrent net along the window, from an empty memory; what it holds after the last bar."""

    kind: Callable[..., nn.Module] = nn.RNN

    def __init__(self, settings: EncoderSettings, window: int, columns: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = columns
        for _ in range(settings.depth or 1):
            core = self.kind(inputs, settings.size, batch_first=True)
            layers.append(Layer(core, settings, inputs, settings.size, bends=True))
            inputs = settings.size
        self.layers, self.size = nn.Sequential(*layers), settings.size

    def forward(self, windows: Tensor) -> Tensor:
        """[B, W, C] -> [B, size]."""
        return self.layers(windows)[:, -1]


class LongShortTerm(Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber 1997)."""

    kind = nn.LSTM


class Gated(Recurrent):
    """Gated recurrent units (Cho et al. 2014, arXiv:1406.1078)."""

    kind = nn.GRU


class Attention(nn.Module):
    """A transformer (Vaswani et al. 2017, arXiv:1706.03762), norms first; the last bar's vector."""

    def __init__(self, settings: EncoderSettings, window: int, columns: int) -> None:
        super().__init__()
        size = settings.size
        self.embed = nn.Linear(columns, size)
        self.place = nn.Parameter(0.02 * torch.randn(window, size))
        layers = [
            nn.TransformerEncoderLayer(
                size,
                settings.heads,
                2 * size,
                settings.dropout,
                ACTIVATIONS[settings.activation](),
                batch_first=True,
                norm_first=True,
            )
            for _ in range(settings.depth or 1)
        ]
        self.layers, self.norm, self.size = nn.Sequential(*layers), nn.LayerNorm(size), size

    def forward(self, windows: Tensor) -> Tensor:
        """[B, W, C] -> [B, size]."""
        return self.norm(self.layers(self.embed(windows) + self.place)[:, -1])


ENCODERS: dict[str, type[nn.Module]] = {
    "mlp": Flat,
    "cnn": Temporal,
    "rnn": Recurrent,
    "lstm": LongShortTerm,
    "gru": Gated,
    "transformer": Attention,
}
"""Every encoder by name."""


def make_encoder(settings: EncoderSettings, window: int, columns: int, init: str) -> nn.Module:
    """Builds an encoder of [B, window, columns], with its first weights drawn as `init` says."""
    encoder = ENCODERS[settings.name](settings, window, columns)
    initialise(encoder, init, settings.activation)
    return encoder

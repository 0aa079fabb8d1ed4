"""Encoders: windows of W bars in, one vector each out.

Each takes [B, W, C], the oldest bar first, and gives [B, size]. To add one: a module here with a
`size`, a line in `ENCODERS`, its name in `EncoderSettings`.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from drltrade.agents.networks.layers import ACTIVATIONS, initialise
from drltrade.agents.settings import EncoderSettings

__all__ = ["ENCODERS", "make_encoder"]


def _after(settings: EncoderSettings, width: int, *, bends: bool = True) -> nn.Sequential:
    """What follows a layer: norm, nonlinearity unless the layer has its own, dropout."""
    parts: list[nn.Module] = [nn.LayerNorm(width)] if settings.layer_norm else []
    parts += [ACTIVATIONS[settings.activation]()] if bends else []
    parts += [nn.Dropout(settings.dropout)] if settings.dropout else []
    return nn.Sequential(*parts)


class Layer(nn.Module):
    """A layer with what may follow it, and its input again.

    Args:
        core: from `inputs` to `outputs` along the last axis; of a tuple the first is taken.
        settings: the encoder's.
        inputs: width of what goes in.
        outputs: width of what comes out.
        bends: whether a nonlinearity follows; recurrent cells end in one of their own.
    """

    def __init__(
        self,
        core: nn.Module,
        settings: EncoderSettings,
        inputs: int,
        outputs: int,
        *,
        bends: bool = True,
    ) -> None:
        super().__init__()
        self.core, self.after = core, _after(settings, outputs, bends=bends)
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


class _Dilated(nn.Module):
    """A convolution along time: [B, L, inputs] -> [B, L - reach, outputs], the last bars'."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.dense = nn.Linear(kernel * inputs, outputs)
        self._taps = [tap * dilation for tap in range(kernel)]
        self.reach = (kernel - 1) * dilation

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1] - self.reach
        taps = [x[:, at : at + length] for at in self._taps]
        return self.dense(torch.cat(taps, 2))


class Temporal(nn.Module):
    """Dilated causal convolutions (van den Oord et al. 2016, arXiv:1609.03499); the last bar's.

    Each layer looks twice as far back as the one before; the last one as far as the window goes.
    What a layer makes of a bar does not depend on the window that the bar is in, so a whole series
    takes one pass (`along`).
    """

    def __init__(self, settings: EncoderSettings, window: int, columns: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs, seen = columns, 1
        while len(layers) < settings.depth if settings.depth else (seen < window or not layers):
            taps, dilation = settings.kernel, 2 ** len(layers)
            if (taps - 1) * dilation > window - seen:  # the last layer ends with the window
                taps, dilation = _rest(window - seen, taps)
            layers.append(_Convolved(settings, inputs, settings.size, taps, dilation))
            seen, inputs = seen + (taps - 1) * dilation, settings.size
        self.layers, self.size, self._seen = nn.Sequential(*layers), settings.size, seen

    def forward(self, windows: Tensor) -> Tensor:
        """[B, W, C] -> [B, size]."""
        return self.layers(windows[:, windows.shape[1] - self._seen :])[:, -1]

    def along(self, rows: Tensor) -> Tensor:
        """[T, C] -> [T, size], where the first bars, which have no whole window, hold zeros."""
        codes = self.layers(rows[None])[0]
        return nn.functional.pad(codes, (0, 0, self._seen - 1, 0))


def _rest(bars: int, kernel: int) -> tuple[int, int]:
    """Taps, at most `kernel`, and dilation that reach exactly so many bars back."""
    taps = max(taps for taps in range(1, kernel + 1) if taps == 1 or bars % (taps - 1) == 0)
    return (taps, bars // (taps - 1)) if bars and taps > 1 else (1, 1)


class _Convolved(nn.Module):
    """A convolution with what follows it."""

    def __init__(
        self, settings: EncoderSettings, inputs: int, outputs: int, taps: int, dilation: int
    ) -> None:
        super().__init__()
        self.core = _Dilated(inputs, outputs, taps, dilation)
        self.after = _after(settings, outputs)
        self._adds = settings.residual and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        out = self.after(self.core(x))
        return out + x[:, self.core.reach :] if self._adds else out


class Recurrent(nn.Module):
    """A recurrent net along the window, from an empty memory; what it holds after the last bar."""

    kind: Callable[..., nn.Module] = nn.RNN

    def __init__(self, settings: EncoderSettings, window: int, columns: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = columns
        for _ in range(settings.depth or 1):
            core = self.kind(inputs, settings.size, batch_first=True)
            layers.append(Layer(core, settings, inputs, settings.size, bends=False))
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
        # The plain kernel alone can be differentiated twice, as trpo does.
        with sdpa_kernel(SDPBackend.MATH):
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

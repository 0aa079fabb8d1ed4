"""What a network sees: a whole window, or in training only the number of its last bar.

Windows of neighbouring bars overlap, and many accounts stand at the same bar. So in training an
observation travels as (bar, account), windows are gathered from one matrix of features that all
accounts share, and each distinct bar is encoded once. What is learnt is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from drltrade.agents.networks.encoders import make_encoder
from drltrade.agents.settings import EncoderSettings
from drltrade.envs.layout import Layout

__all__ = ["Feed", "Sight", "sights"]

_CHUNK = 4096  # windows that are encoded at once where no gradient is kept


class Feed:
    """The features of every bar [T, C] float32, shared by all that look at them.

    Bars on which features still warm up are NaN and in no window that an account sees; here they
    are zeros, so that one pass along the series keeps a gradient.
    """

    def __init__(self, features: NDArray[np.float32], device: str = "cpu") -> None:
        matrix = np.ascontiguousarray(features).reshape(len(features), -1)
        self.rows = torch.tensor(matrix).nan_to_num_(0.0).to(device)

    @property
    def bars(self) -> int:
        """How many bars there are, T."""
        return len(self.rows)

    def windows(self, bars: Tensor, length: int) -> Tensor:
        """Gathers windows [B, length, C] that end with the bars [B], int64."""
        if length == 1:
            return self.rows.index_select(0, bars)[:, None]
        reach = torch.arange(1 - length, 1, device=bars.device)
        rows = (bars[:, None] + reach).flatten()
        return self.rows.index_select(0, rows).view(len(bars), length, -1)


class Sight(nn.Module):
    """Turns observations [B, D] into vectors [B, size]: the encoded window, then the account.

    Args:
        layout: the columns of a whole observation.
        encoder: what reads the window.
        init: how first weights are drawn.

    Attributes:
        remembers: whether codes are kept while weights stay as they are. To be turned off where
            weights move unseen: torch does not count what is done to a weight's `data`.
    """

    def __init__(self, layout: Layout, encoder: EncoderSettings, init: str = "orthogonal") -> None:
        super().__init__()
        self.window, self._cut = layout.window, layout.window_size
        self.columns = layout.window_size // layout.window
        self.encoder = make_encoder(encoder, self.window, self.columns, init)
        self.encoder_size: int = self.encoder.size  # type: ignore[assignment]
        self.size = self.encoder_size + layout.size - layout.window_size
        self._learns = encoder.learns
        self._feed: Any = None  # a Feed, in training
        self._table: Tensor | None = None
        self.remembers = True
        self._weights: tuple[tuple[int, int], ...] = ()
        self._encoded = 0

    def feed(self, feed: Feed) -> None:
        """From now on observations are (bar, account...) and windows come from `feed`."""
        self._feed = feed

    def forward(self, observation: Tensor) -> Tensor:
        """[B, D] -> [B, size]."""
        if self._feed is None:
            windows = observation[:, : self._cut].reshape(-1, self.window, self.columns)
            return torch.cat([self.encoder(windows), observation[:, self._cut :]], 1)
        seen = self.encode(observation[:, 0].long())
        return torch.cat([seen, observation[:, 1:]], 1)

    def encode(self, bars: Tensor) -> Tensor:
        """Encodes the windows of the feed that end with the bars [B]: [B, encoder's size]."""
        if not self._learns:
            return self._feed.windows(bars, self.window).flatten(1)
        frozen = not any(weight.requires_grad for weight in self.encoder.parameters())
        still = frozen or not torch.is_grad_enabled()
        if self.remembers and still and not (self.training and self._drops):
            return self._remembered(bars)
        if self._runs_along(len(bars)):
            return self._along().index_select(0, bars)
        distinct, place = torch.unique(bars, return_inverse=True)
        return self._window_codes(distinct).index_select(0, place)

    @property
    def _drops(self) -> bool:
        return any(isinstance(part, nn.Dropout) and part.p > 0 for part in self.encoder.modules())

    def _remembered(self, bars: Tensor) -> Tensor:
        """Encodes without a gradient; once it has cost as much as all bars do, all are kept."""
        weights = self.encoder.parameters()
        version = tuple((weight._version, weight.data_ptr()) for weight in weights)
        if version != self._weights:
            self._weights, self._table, self._encoded = version, None, 0
        if self._table is None and self._encoded + len(bars) > self._feed.bars:
            self._table = self._all_codes()
        if self._table is not None:
            return self._table.index_select(0, bars)
        self._encoded += len(bars)
        return self._window_codes(bars)

    def _all_codes(self) -> Tensor:
        """[T, size]; zeros for the first bars, which have no whole window."""
        if hasattr(self.encoder, "along"):
            return self._along()
        first = torch.arange(self.window - 1, self._feed.bars, device=self._feed.rows.device)
        codes = [self._window_codes(part) for part in torch.split(first, _CHUNK)]
        return nn.functional.pad(torch.cat(codes), (0, 0, self.window - 1, 0))

    def _along(self) -> Tensor:
        return self.encoder.along(self._feed.rows)  # type: ignore[operator]

    def _runs_along(self, bars: int) -> bool:
        """Whether one pass along the whole series is cheaper than so many windows."""
        return hasattr(self.encoder, "along") and self._feed.bars <= bars * self.window // 2

    def _window_codes(self, bars: Tensor) -> Tensor:
        return self.encoder(self._feed.windows(bars, self.window))


def sights(network: nn.Module) -> Iterator[Sight]:
    """Yields every Sight inside a network."""
    for part in network.modules():
        if isinstance(part, Sight):
            yield part

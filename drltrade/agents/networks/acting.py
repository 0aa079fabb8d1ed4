"""What a network of our own is to the rest of the library: it acts as SB3's policies do."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["ActingNetwork"]


class ActingNetwork(nn.Module):
    """A memoryless network with `act`, under Stable-Baselines3's signature of `predict`."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def act(self, rows: Tensor, deterministic: bool) -> NDArray[Any]:
        """Chooses actions [B, ...] for observations [B, D]; no gradient is kept."""
        raise NotImplementedError

    def predict(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[Any], Any]:
        """Acts on one observation [D] or a batch [B, D]; the state is handed through."""
        batch = np.asarray(observation, dtype=np.float32)
        with torch.no_grad():
            rows = torch.as_tensor(np.atleast_2d(batch), device=self.device)
            actions = self.act(rows, deterministic)
        return (actions if batch.ndim > 1 else actions[0]), state

"""How far a policy's targets move when what it sees is a little off."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from drltrade.backtest.diagnostics.probe import Probe, Seen

__all__ = ["NOISES", "sensitivity"]

NOISES = (0.01, 0.05, 0.1)
"""Of the standard deviation of each feature over the recorded observations."""


def sensitivity(probe: Probe, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Adds normal noise to the window and leaves the account as it is.

    Data that differ by a hundredth of their usual spread tell the same; a policy that then does
    something else has learnt the noise of its data.

    Returns:
        One entry a noise: `noise`, `moved` (the mean summed absolute change of targets) and
        `flips` (see `Moved`).
    """
    layout = probe.game.layout
    window = probe.seen[:, : layout.window_size]
    shape = (len(window) * layout.window, len(layout.symbols) * len(layout.features))
    scale = np.tile(window.reshape(shape).std(axis=0), layout.window)
    draws = [rng.standard_normal(window.shape, dtype=np.float32) * scale for _ in NOISES]
    changes = [
        partial(_noisy, noise=noise * draw) for noise, draw in zip(NOISES, draws, strict=True)
    ]
    found = probe.moved(changes)
    return [
        {"noise": noise, "moved": each.score, "flips": each.flips}
        for noise, each in zip(NOISES, found, strict=True)
    ]


def _noisy(seen: Seen, *, noise: Seen) -> Seen:
    changed = seen.copy()
    changed[:, : noise.shape[1]] += noise
    return changed

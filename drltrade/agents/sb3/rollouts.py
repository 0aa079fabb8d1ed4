"""A rollout whose minibatches hold whole bars, so that an encoder reads each bar once a pass."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.type_aliases import RolloutBufferSamples

__all__ = ["BarRollout"]


class BarRollout(RolloutBuffer):
    """Deals out the transitions of one bar together, the bars in random order.

    SB3 deals out transitions one by one, so that accounts at the same bar land in different
    minibatches and each of those encodes the bar anew. Observations are (bar, account...); every
    pass still sees every transition once, in parts of the same size.
    """

    generator_ready: bool

    def get(self, batch_size: int | None = None) -> Generator[RolloutBufferSamples, None, None]:
        """Yields the minibatches of one pass."""
        if not self.generator_ready:
            for name in (
                "observations", "actions", "values", "log_probs", "advantages", "returns",
            ):  # fmt: skip
                setattr(self, name, self.swap_and_flatten(getattr(self, name)))
            self.generator_ready = True
        bars = self.observations[:, 0].astype(np.int64)
        # From numpy's global generator, as in SB3: seeded for this training, restored after.
        rank = np.random.permutation(bars.max() + 1)  # noqa: NPY002
        order = np.argsort(rank[bars], kind="stable")
        size = len(order) if batch_size is None else batch_size
        for start in range(0, len(order), size):
            yield self._get_samples(order[start : start + size])

"""B accounts playing one game: actions in, rewards and fresh episodes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.envs.game import Game
from drltrade.errors import UsageError
from drltrade.sim import Step

__all__ = ["Batch"]


class Batch:
    """The one mechanism behind every face.

    Args:
        game: the rules.
        accounts: how many accounts, B.
        rng: draws the starts of episodes; its state is all the randomness there is.
        buffers: observation buffers that take turns.
        indexed: whether observations hold the bar's number in place of the window.
    """

    def __init__(
        self,
        game: Game,
        accounts: int,
        rng: np.random.Generator,
        buffers: int = 1,
        *,
        indexed: bool = False,
    ) -> None:
        self.game, self.accounts, self.rng = game, accounts, rng
        self.engine = game.make_engine(accounts, buffers, indexed=indexed)
        self.reward = game.make_reward()
        self.rows = np.arange(accounts)
        self._stretches = game.stretches
        lengths = self._stretches[:, 1] - self._stretches[:, 0]
        wanted = game.settings.episode
        self._episode = lengths if wanted is None else np.minimum(wanted, lengths)
        starts = lengths - self._episode + 1
        self._odds = np.cumsum(starts) / starts.sum()
        self._starts = starts

    @property
    def observations(self) -> NDArray[np.float32]:
        """[B, columns] float32; overwritten by later steps."""
        return self.engine.observations

    @property
    def step_view(self) -> Step:
        """What the last bar did, as rewards see it."""
        return self.engine.current

    def restart(self, rows: NDArray[np.int64], *, stagger: bool = False) -> None:
        """Starts new episodes at bars drawn from the generator.

        Args:
            rows: the accounts.
            stagger: cut each episode at a random bar, so that the accounts do not end together.
        """
        if not rows.size:
            return
        draws = self.rng.random((2, rows.size))
        stretch = np.searchsorted(self._odds, draws[0], side="right")
        stretch = np.minimum(stretch, len(self._odds) - 1)
        offset = (draws[1] * self._starts[stretch]).astype(np.int64)
        first = self._stretches[stretch, 0] + offset
        length = self._episode[stretch]
        if stagger:
            length = 1 + (self.rng.random(rows.size) * length).astype(np.int64)
        self.engine.reset(rows, first, first + length)
        self.reward.reset(rows)

    def step(self, actions: Any) -> NDArray[np.float64]:
        """Takes every account through one bar and returns its rewards, a fresh array [B].

        Raises:
            UsageError: the actions do not fit the scheme, or the reward is not finite.
        """
        targets = self.game.scheme.targets(actions)
        if len(targets) != self.accounts:
            raise UsageError(f"{len(targets)} actions were given for {self.accounts} accounts.")
        return self.reward(self.engine.step(targets))

    def state(self) -> dict[str, Any]:
        """Returns all that steps change: accounts, generator, what the reward remembers.

        Raises:
            UsageError: the reward remembers something that cannot be kept.
        """
        return {
            "engine": self.engine.state(),
            "rng": self.rng.bit_generator.state,
            "reward": self.reward.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on where `state` was taken from a batch of the same game and size."""
        self.engine.restore(state["engine"])
        self.rng.bit_generator.state = state["rng"]
        self.reward.restore(state["reward"])

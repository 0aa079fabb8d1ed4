"""The accounts of `direct`: where they stand in the differentiable market, and what they see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drltrade.envs import Game
from drltrade.envs.actions import ActionScheme
from drltrade.sim.twin import Account, Twin

__all__ = ["Stage", "target_weights"]


def target_weights(scheme: ActionScheme, actions: Tensor) -> Tensor:
    """Turns actions [B, N] into target weights as `scheme.targets` does, with gradients."""
    unit = (actions.double() + 1.0) / 2.0
    if scheme.name == "continuous":
        low, high = min(scheme.levels), max(scheme.levels)
        return (low + unit * (high - low)) * scheme.leverage
    return unit / unit.sum(1, keepdim=True).clamp(min=1.0) * scheme.leverage


class Stage:
    """B accounts of one game in the differentiable market: where they stand and what they see.

    An account's episode is drawn as in the environment, but is whole rollouts long: it ends before
    the rollout that would pass its last bar. Stretches shorter than a rollout are not played.

    Args:
        game: the market and the rules.
        accounts: B.
        n_steps: bars of a rollout; fewer where no episode is so long.
        seed: of the generator that draws where episodes start.
        device: where the accounts live.

    Attributes:
        horizon: bars of a rollout, H.
        account: the accounts, float64.
    """

    def __init__(self, game: Game, accounts: int, n_steps: int, seed: int, device: str) -> None:
        self.game, self.twin = game, Twin(game.prices, game.rules, device=device)
        stretches = game.stretches
        lengths = stretches[:, 1] - stretches[:, 0]
        wanted = game.settings.episode
        episodes = lengths if wanted is None else np.minimum(wanted, lengths)
        self.horizon = int(min(n_steps, episodes.max()))
        whole = episodes >= self.horizon
        self._first, self._episode = stretches[whole, 0], episodes[whole]
        self._starts = lengths[whole] - self._episode + 1
        self._rng = np.random.default_rng(seed)
        bars, last = self._draw(accounts)
        # The first episodes are cut at random, so that accounts do not start together ever after.
        self._last = bars + 1 + (self._rng.random(accounts) * (last - bars)).astype(np.int64)
        self._last = np.maximum(self._last, bars + self.horizon)
        self.account: Account = self._fresh(bars)
        self._asked = torch.zeros_like(self.account.shares)

    def _draw(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First and last bars of episodes."""
        odds = np.cumsum(self._starts) / self._starts.sum()
        stretch = np.searchsorted(odds, self._rng.random(count), side="right")
        stretch = np.minimum(stretch, len(odds) - 1)
        offset = (self._rng.random(count) * self._starts[stretch]).astype(np.int64)
        first = self._first[stretch] + offset
        return first, first + self._episode[stretch]

    def _fresh(self, bars: NDArray[np.int64]) -> Account:
        return self.twin.reset(torch.as_tensor(bars), self.game.settings.equity)

    def begin(self) -> tuple[Tensor, NDArray[np.bool_]]:
        """Cuts the gradient and starts accounts anew whose episode has no rollout left.

        Returns:
            The bars [H, B] that decisions of the coming rollout are taken after, and which accounts
            start anew, [B].
        """
        self.account, self._asked = self.account.detach(), self._asked.detach()
        bars = self.account.bar.cpu().numpy()
        over = bars + self.horizon > self._last
        over |= self.account.terminated.cpu().numpy()
        if over.any():
            first, last = self._draw(int(over.sum()))
            bars, self._last = bars.copy(), self._last.copy()
            bars[over], self._last[over] = first, last
            which = torch.as_tensor(over, device=self.twin.device)
            equity = self.game.settings.equity
            self.account = self.twin.restart(self.account, which, torch.as_tensor(bars), equity)
            self._asked = torch.where(which[:, None], 0.0, self._asked)
        grid = bars + np.arange(self.horizon)[:, None]
        return torch.as_tensor(grid, device=self.twin.device), over

    def columns(self) -> Tensor:
        """[B, N + extras] float32: the account as the public observation shows it."""
        account = self.account
        parts = [account.weights]
        for name in self.game.layout.account:
            parts.append(_EXTRAS[name](account) if name in _EXTRAS else self._asked)
        return torch.cat(parts, 1).float()

    def step(self, actions: Tensor, gamma: float = 1.0) -> Tensor:
        """Takes every account through one bar.

        Args:
            actions: [B, N] in [-1, 1].
            gamma: share of the gradients of later bars that passes into this one.

        Returns:
            Equity over equity before, [B].
        """
        self._asked = target_weights(self.game.scheme, actions)
        after, bar = self.twin.step(self.account, self._asked)
        if gamma < 1:
            self._asked = _damped(self._asked, gamma)
            parts = {name: getattr(after, name) for name in ("cash", "shares", "equity", "peak")}
            less: dict[str, Any] = {name: _damped(part, gamma) for name, part in parts.items()}
            after = replace(after, **less)
        self.account = after
        return bar.equity / bar.equity_before

    def state(self) -> dict[str, Any]:
        """Returns all that rollouts change; between two of them."""
        account = {
            name: value.detach() if isinstance(value, Tensor) else value
            for name, value in vars(self.account).items()
        }
        return {
            "account": account,
            "asked": self._asked.detach(),
            "last": self._last,
            "rng": self._rng.bit_generator.state,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on where `state` was taken from a stage of the same game and size."""
        device = self.twin.device
        account: dict[str, Any] = {
            name: value.to(device) if isinstance(value, Tensor) else value
            for name, value in state["account"].items()
        }
        self.account, self._asked = Account(**account), state["asked"].to(device)
        self._last, self._rng.bit_generator.state = state["last"], state["rng"]


def _damped(value: Tensor, gamma: float) -> Tensor:
    """The same number, with a share of its gradient."""
    return torch.lerp(value.detach(), value, gamma)


_EXTRAS: Mapping[str, Callable[[Account], Tensor]] = {
    "drawdown": lambda account: account.drawdown[:, None],
    "log_equity": lambda account: (account.equity / account.start).log()[:, None],
}
"""Columns that an observation may have beside the weights and the targets: [B, 1] each."""

"""Direct reinforcement: the exact gradient of what is earned, through a differentiable market.

The market does not answer to the account, so the return R_t of bar t is a known function of the
weights w_t that the policy asks for and of the account that it has made so far. Nothing has to be
guessed by trying: with U the objective and H bars of B accounts (Moody & Saffell 2001, "Learning to
trade via direct reinforcement", IEEE Transactions on Neural Networks 12(4)),

    dU / d theta  =  sum_t  dU / dR_t  ( dR_t / dw_t  dw_t / d theta
                                       + dR_t / dw_(t-1)  dw_(t-1) / d theta )
    dw_t / d theta  =  partial w_t / partial theta  +  dw_t / dw_(t-1)  dw_(t-1) / d theta

which is back-propagation through time along the ledger (`sim.twin`). It is truncated: the accounts
go on from where the last rollout left them, the gradient does not.

What the gradient cannot see are jumps: a close-out that has not begun, an order that is not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor, nn

from drltrade.agents.direct_objectives import Objective, objective_of
from drltrade.agents.networks import Sight, optimizer_class, perceptron
from drltrade.agents.seeding import generators_state, restore_generators
from drltrade.agents.settings.direct import DirectSettings
from drltrade.agents.task import Session
from drltrade.envs import Game
from drltrade.envs.actions import ActionScheme
from drltrade.envs.layout import Layout
from drltrade.sim.twin import Account, Twin

__all__ = ["Network", "Stage", "build_network", "learn", "rollout", "target_weights"]


class Network(nn.Module):
    """A deterministic policy: what the encoder sees and the account, to an action in [-1, 1]^N."""

    def __init__(
        self, settings: DirectSettings, layout: Layout, action_space: spaces.Space[Any]
    ) -> None:
        super().__init__()
        self.sight = Sight(layout, settings.encoder, settings.init)
        # A small last layer: the first policy does next to nothing, and tanh is nowhere flat.
        self.heads = perceptron(
            self.sight.size, settings.layers, int(np.prod(action_space.shape or ())), gain=0.01,
            activation=settings.activation, init=settings.init,
        )  # fmt: skip

    def forward(self, observation: Tensor) -> Tensor:
        """[B, D] -> actions [B, N]."""
        return torch.tanh(self.heads(self.sight(observation)))

    def predict(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[Any], Any]:
        """Acts on one observation [D] or a batch [B, D], in Stable-Baselines3's signature."""
        batch = np.asarray(observation, dtype=np.float32)
        with torch.no_grad():
            rows = torch.as_tensor(np.atleast_2d(batch), device=next(self.parameters()).device)
            actions = self(rows).cpu().numpy()
        return (actions if batch.ndim > 1 else actions[0]), state


def build_network(
    settings: DirectSettings, layout: Layout, action_space: spaces.Space[Any]
) -> Network:
    """Builds an untrained network."""
    return Network(settings, layout, action_space).eval()


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

    def step(self, actions: Tensor, gamma: float = 1.0) -> None:
        """Takes every account through one bar; of later gradients a share `gamma` comes past."""
        account = self.account
        if gamma < 1:
            parts = {name: getattr(account, name) for name in ("cash", "shares", "equity", "peak")}
            less: dict[str, Any] = {
                name: torch.lerp(part.detach(), part, gamma) for name, part in parts.items()
            }
            account = replace(account, **less)
        self._asked = target_weights(self.game.scheme, actions)
        self.account, _ = self.twin.step(account, self._asked)

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


_EXTRAS: Mapping[str, Callable[[Account], Tensor]] = {
    "drawdown": lambda account: account.drawdown[:, None],
    "log_equity": lambda account: (account.equity / account.start).log()[:, None],
}
"""Columns that an observation may have beside the weights and the targets: [B, 1] each."""


def rollout(
    heads: nn.Module,
    codes: Tensor,
    stage: Stage,
    *,
    action_noise: float = 0.0,
    feature_noise: float = 0.0,
    gamma: float = 1.0,
) -> Tensor:
    """Plays H bars.

    Args:
        heads: from a code and the account's columns to actions that are not yet squashed.
        codes: [H, B, size] what the encoder makes of the window before each decision.
        stage: the accounts, after `begin`.
        action_noise: standard deviation before squashing.
        feature_noise: standard deviation on the codes.
        gamma: see `DirectSettings`.

    Returns:
        Equity over equity before, [H, B], with its graph.
    """
    if feature_noise:
        codes = codes + feature_noise * torch.randn_like(codes)
    equity = [stage.account.equity]
    for code in codes:
        wanted = heads(torch.cat([code, stage.columns().to(code.dtype)], 1))
        if action_noise:
            wanted = wanted + action_noise * torch.randn_like(wanted)
        stage.step(torch.tanh(wanted), gamma)
        equity.append(stage.account.equity)
    whole = torch.stack(equity)
    return whole[1:] / whole[:-1]


def learn(session: Session) -> tuple[Network, int]:
    """Trains a fresh network; returns it with the account-steps done.

    Raises:
        UsageError: the reward has no equal among the objectives, or the rules round to lots.
    """
    settings: DirectSettings = session.settings
    name = objective_of(settings.objective, session.game.reward)
    torch.manual_seed(session.seed)
    network = build_network(settings, session.layout, session.game.action_space)
    network.to(session.device).train()
    session.begin(network)
    build = optimizer_class(settings.optimizer, settings.max_grad_norm)
    optimizer = build(network.parameters(), lr=settings.learning_rate)
    stage = Stage(session.game, session.accounts, settings.n_steps, session.seed, session.device)
    objective = Objective(name, session.accounts, session.reward_scale, settings.risk_aversion)
    steps = 0

    def state() -> dict[str, Any]:
        return {
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "stage": stage.state(),
            "moments": objective.moments,
            "steps": steps,
            "generators": generators_state(),
        }

    if session.saved is not None:
        network.load_state_dict(session.saved["network"])
        optimizer.load_state_dict(session.saved["optimizer"])
        stage.restore(session.saved["stage"])
        objective.moments, steps = session.saved["moments"], session.saved["steps"]
        restore_generators(session.saved["generators"])
    while steps < session.steps and not _is_stuck(session, settings.patience):
        if settings.schedule == "linear":
            optimizer.param_groups[0]["lr"] = settings.learning_rate * (1 - steps / session.steps)
        _update(session, network, optimizer, stage, objective)
        steps += session.accounts * stage.horizon
        session.watch.after_update(steps, network, state)
    return network, steps


def _update(
    session: Session,
    network: Network,
    optimizer: torch.optim.Optimizer,
    stage: Stage,
    objective: Objective,
) -> None:
    """One step along the gradient of the formula at the top of this file."""
    settings, log = session.settings, session.log
    bars, anew = stage.begin()
    objective.restart(anew)
    growth = rollout(
        network.heads, _codes(session, network.sight, bars), stage, gamma=settings.gamma,
        action_noise=settings.action_noise, feature_noise=settings.feature_noise,
    )  # fmt: skip
    value = objective(growth)
    optimizer.zero_grad()
    (-value).backward()  # type: ignore[no-untyped-call]
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    log.record("train/gradient_norm", float(nn.utils.get_total_norm(gradients)))
    optimizer.step()
    log.record("train/objective", value.item())
    log.record("train/learning_rate", optimizer.param_groups[0]["lr"])
    session.watch.terms = lambda: {"log_return": growth.detach()[-1].log().cpu().numpy()}


def _codes(session: Session, sight: Sight, bars: Tensor) -> Tensor:
    """[H, B, size] what the encoder makes of each bar's window: all in one pass."""
    if session.indexed:
        codes = sight.encode(bars.flatten())
    else:
        codes = sight.encoder(session.feed.windows(bars.flatten(), sight.window))
    return codes.view(*bars.shape, -1)


def _is_stuck(session: Session, patience: int) -> bool:
    """Whether so many evaluations brought nothing better than the best before them."""
    watch = session.watch
    since = sum(steps > watch.best_steps for steps, _ in watch.history)
    return bool(patience and since >= patience)

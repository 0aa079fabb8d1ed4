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

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor, nn

from drltrade.agents.direct_objectives import Objective, objective_of
from drltrade.agents.direct_stage import Stage
from drltrade.agents.networks import ActingNetwork, Sight, optimizer_class, perceptron
from drltrade.agents.seeding import generators_state, restore_generators
from drltrade.agents.settings.direct import DirectSettings
from drltrade.agents.task import Session
from drltrade.envs.layout import Layout

__all__ = ["Network", "build_network", "learn", "rollout"]


class Network(ActingNetwork):
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

    def act(self, rows: Tensor, deterministic: bool) -> NDArray[Any]:
        """Takes actions [B, N]."""
        return self(rows).cpu().numpy()


def build_network(
    settings: DirectSettings, layout: Layout, action_space: spaces.Space[Any]
) -> Network:
    """Builds an untrained network."""
    return Network(settings, layout, action_space).eval()


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
    growth = []
    for code in codes:
        wanted = heads(torch.cat([code, stage.columns().to(code.dtype)], 1))
        if action_noise:
            wanted = wanted + action_noise * torch.randn_like(wanted)
        growth.append(stage.step(torch.tanh(wanted), gamma))
    return torch.stack(growth)


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

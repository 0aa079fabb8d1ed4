"""Full-information fitted Q iteration: every action's outcome is known, so none is explored.

An account of ordinary size does not move the market. So for every bar t and every position p the
ledger tells what each action a would have brought: the reward r and the account p' after it. A
minibatch is some bars with all their positions and actions; the network sees each window once and
is fitted to what fitted Q iteration asks for (Ernst, Geurts and Wehenkel 2005, "Tree-based batch
mode reinforcement learning"):

    Q(t, p, a)  <-  r(t, p, a) + gamma * Q'(t + 1, p', a*)       r alone at a ruin
    a* = argmax over a' of Q(t + 1, p', a')     `double` (van Hasselt et al. 2016), else of Q'

Q' is a slow average of Q's weights (Polyak); it sets the targets, and it is what acts in the end,
since an average of many iterates follows the luck of the last minibatches less. `duelling` is Wang
et al. 2016, `quantiles` is Dabney et al. 2018.

With all outcomes in hand a network soon knows the table by heart: on 5,000 bars of noise in 128
columns it sees profits everywhere and trades them away. A prior that says that windows mean nothing
stops that, as weight decay apart from the gradient (AdamW): each weight shrinks by the same share
in each update, and only what many bars agree on pulls it back, while costs, which every bar agrees
on, stay as they are. A prior counts as much as a number of bars, whatever the number that is learnt
from: so the decay is prior / bars, strong on few bars and gone on many.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import linear

from drltrade.agents.cfq_outcomes import tabulate
from drltrade.agents.networks import ActingNetwork, Sight, optimizer_class, perceptron
from drltrade.agents.seeding import generators_state, restore_generators
from drltrade.agents.settings import CFQSettings
from drltrade.agents.task import Session
from drltrade.envs.layout import Layout

__all__ = ["Batch", "Network", "build_network", "learn", "loss_of", "targets_of"]

_PAST = ("drawdown", "log_equity")


class Network(ActingNetwork):
    """Q: the values of all K actions, as their means or as quantiles.

    What an observation tells of the account's past is left out: where one step alone decides the
    reward, it does not matter for what is best.
    """

    def __init__(
        self, settings: CFQSettings, layout: Layout, action_space: spaces.Space[Any]
    ) -> None:
        super().__init__()
        self.actions, self.quantiles = int(action_space.n), max(settings.quantiles, 1)
        self.sight = Sight(layout, settings.encoder, settings.init)
        columns = layout.columns[layout.window_size :]
        matters = torch.tensor([float(name not in _PAST) for name in columns])
        self.matters: Tensor
        self.register_buffer("matters", matters, persistent=False)
        outputs = self.actions * self.quantiles
        self.advantage = _head(settings, self.sight.size, outputs)
        self.value = _head(settings, self.sight.size, self.quantiles) if settings.duelling else None

    def forward(self, codes: Tensor, accounts: Tensor) -> Tensor:
        """Values accounts [B, ..., A] at windows coded as [B, E]: [B, ..., K, quantiles]."""
        accounts = accounts * self.matters
        out = _on_pairs(self.advantage, codes, accounts)
        values = out.reshape(*out.shape[:-1], self.actions, self.quantiles)
        if self.value is None:
            return values
        level = _on_pairs(self.value, codes, accounts).unsqueeze(-2)
        return level + values - values.mean(-2, keepdim=True)

    def act(self, rows: Tensor, deterministic: bool) -> NDArray[Any]:
        """Takes the best actions [B]."""
        account = len(self.matters)
        codes, accounts = self.sight(rows).split([self.sight.size - account, account], dim=1)
        return self(codes, accounts).mean(-1).argmax(-1).cpu().numpy()


def _head(settings: CFQSettings, inputs: int, outputs: int) -> nn.Sequential:
    """A small last layer makes the first values almost equal: then nothing is traded on chance."""
    shape: dict[str, Any] = {"activation": settings.activation, "init": settings.init}
    return perceptron(inputs, settings.layers, outputs, gain=0.1, **shape)


def _on_pairs(head: nn.Sequential, codes: Tensor, accounts: Tensor) -> Tensor:
    """Runs a head on each code with each of its accounts; a code meets the first layer once."""
    first: Any = head[0]
    wide = linear(codes, first.weight[:, : codes.shape[1]])  # [B, H]
    narrow = linear(accounts, first.weight[:, codes.shape[1] :], first.bias)  # [B, ..., H]
    out: Tensor = head[1:](narrow + wide.reshape(len(wide), *[1] * (accounts.dim() - 2), -1))
    return out


def build_network(
    settings: CFQSettings, layout: Layout, action_space: spaces.Space[Any]
) -> Network:
    """Builds an untrained network."""
    return Network(settings, layout, action_space)


def learn(session: Session) -> tuple[Network, int]:
    """Trains a fresh network; returns its average with the outcomes looked at."""
    settings: CFQSettings = session.settings
    torch.manual_seed(session.seed)
    network = build_network(settings, session.layout, session.game.action_space)
    network.to(session.device).eval()
    session.begin(network)
    average = build_network(settings, session.layout, session.game.action_space)
    average.load_state_dict(network.state_dict())
    average.to(session.device).requires_grad_(False).eval()
    for each in (network, average):  # here windows are seen by number, whoever observes
        each.sight.feed(session.feed)
    table = _table(session)
    optimizer = _optimizer(settings, network, len(table.bars))
    session.watch.terms = dict
    steps = 0

    def state() -> dict[str, Any]:
        return {
            "network": network.state_dict(),
            "average": average.state_dict(),
            "optimizer": optimizer.state_dict(),
            "steps": steps,
            "generators": generators_state(),
        }

    if session.saved is not None:
        network.load_state_dict(session.saved["network"])
        average.load_state_dict(session.saved["average"])
        optimizer.load_state_dict(session.saved["optimizer"])
        steps = session.saved["steps"]
        restore_generators(session.saved["generators"])
    while steps < session.steps:
        if settings.schedule == "linear":
            optimizer.param_groups[0]["lr"] = settings.learning_rate * (1 - steps / session.steps)
        batch = _draw(table, session.accounts)
        _update(network, average, optimizer, batch, settings, session.log)
        steps = min(steps + batch.reward.numel(), session.steps)
        session.watch.after_update(steps, average, state)
    return average, steps


class Batch(NamedTuple):
    """Rows of the table of outcomes, as tensors; see `Outcomes`. Rewards are scaled."""

    bars: Tensor
    before: Tensor
    known: Tensor
    reward: Tensor
    alive: Tensor
    growth: Tensor
    after: Tensor


def _table(session: Session) -> Batch:
    # The same draws for every seed: seeds differ by their networks, not by what they may know.
    outcomes = tabulate(session.game, np.random.default_rng(0))
    arrays = (getattr(outcomes, name) for name in Batch._fields)
    whole = Batch(*(torch.from_numpy(each).to(session.device) for each in arrays))
    return whole._replace(
        reward=whole.reward * session.reward_scale,
        known=whole.known.float(),
        alive=whole.alive.float(),
    )


def _draw(table: Batch, outcomes: int) -> Batch:
    """Draws as many bars as have that many outcomes, with all of them."""
    _, held, actions = table.reward.shape
    count = max(1, outcomes // (held * actions))
    rows = torch.randint(len(table.bars), (count,)).to(table.bars.device)
    return Batch(*(each.index_select(0, rows) for each in table))


def _optimizer(settings: CFQSettings, network: Network, bars: int) -> torch.optim.Optimizer:
    """A prior that weighs as much as some bars do shrinks weights by prior / bars."""
    chosen = settings.optimizer
    if chosen.name == "adamw":
        chosen = chosen.model_copy(update={"l2": chosen.l2 + settings.prior / bars})
    build = optimizer_class(chosen, settings.max_grad_norm)
    return build(network.parameters(), lr=settings.learning_rate)


def _update(
    network: Network,
    average: Network,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    settings: CFQSettings,
    log: Any,
) -> None:
    """One step of the network towards its targets, and of the average after it."""
    targets = targets_of(network, average, batch, settings)
    network.train()
    values = network(network.sight.encode(batch.bars), batch.before)
    loss = loss_of(values, targets, batch.known, settings.quantiles)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    network.eval()
    with torch.no_grad():
        pairs = zip(average.parameters(), network.parameters(), strict=True)
        for slow, fast in pairs:
            slow.lerp_(fast, settings.tau)
    log.record("train/loss", loss.item())
    log.record("train/q_mean", values.detach().mean().item())
    log.record("train/learning_rate", optimizer.param_groups[0]["lr"])


@torch.no_grad()
def targets_of(network: Network, average: Network, batch: Batch, settings: CFQSettings) -> Tensor:
    """Computes r + gamma * Q'(t + 1, p', a*) for all positions and actions: [B, P, K, quantiles].

    What comes later counts by the step's growth where rewards are in money, and nothing after a
    ruin. At the end of the data the bar t + 1 is still known, and its value stands for what is not.
    """
    ahead = average(average.sight.encode(batch.bars + 1), batch.after)  # [B, P, K, K', quantiles]
    judge = ahead
    if settings.double:
        judge = network(network.sight.encode(batch.bars + 1), batch.after)
    best = judge.mean(-1).argmax(-1)[..., None, None]
    later = ahead.gather(-2, best.expand(*best.shape[:-1], ahead.shape[-1])).squeeze(-2)
    share = settings.gamma * batch.alive * batch.growth
    return batch.reward[..., None] + share[..., None] * later


def loss_of(values: Tensor, targets: Tensor, known: Tensor, quantiles: int) -> Tensor:
    """Returns the mean squared error, or the quantile-Huber loss, over positions that are known.

    Args:
        values: [B, P, K, quantiles].
        targets: of the same shape.
        known: [B, P], 1 or 0.
        quantiles: 0 is the squared error.
    """
    if not quantiles:
        errors = (values - targets).square().squeeze(-1)
    else:
        shares = (torch.arange(quantiles, device=values.device) + 0.5) / quantiles
        apart = targets.unsqueeze(-2) - values.unsqueeze(-1)  # [..., of the values, of the targets]
        huber = torch.where(apart.abs() < 1, 0.5 * apart.square(), apart.abs() - 0.5)
        weight = (shares[:, None] - (apart < 0).float()).abs()
        errors = (weight * huber).sum(-2).mean(-1)
    return (errors * known[..., None]).sum() / (known.sum() * values.shape[2]).clamp(min=1.0)

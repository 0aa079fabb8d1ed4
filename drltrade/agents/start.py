"""Begins a training with weights that exist: those of another run, or a pre-trained encoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from drltrade.agents.card import PolicyCard, StartCard
from drltrade.agents.networks import sights
from drltrade.agents.pretrain import pretrain_encoder
from drltrade.agents.task import Session, TrainTask
from drltrade.errors import UsageError

__all__ = ["check_start", "prepare", "start_card"]

_NETWORK = ("layers", "activation", "encoder")
"""Settings of an agent that decide what its network computes."""

_MEANING = ("actions", "leverage")
"""Settings of an environment that decide what an action means."""


def check_start(task: TrainTask, card: PolicyCard) -> None:
    """Refuses to begin with weights that do not fit, and says all that differs.

    The observations must have the same columns and scale, the actions the same meaning, and the
    networks the same shape.

    Args:
        task: the training, with the policy that it is to begin with.
        card: what the training is going to leave.

    Raises:
        UsageError: something differs, or there is nothing to freeze.
    """
    if task.freeze and not task.agent.encoder.learns:
        raise UsageError(
            "There is no encoder to freeze: an mlp without layers hands the window on. Give the"
            " agent one, such as encoder: gru."
        )
    if task.freeze and task.agent.name == "trpo":
        raise UsageError(
            "trpo cannot freeze an encoder: its step along the trust region moves all weights. Use"
            " another agent, such as ppo."
        )
    if task.start is None:
        return
    theirs = task.start.card
    pairs: list[tuple[str, Any, Any]] = [("agent", theirs.agent, card.agent)]
    pairs += [(name, theirs.settings.get(name), card.settings.get(name)) for name in _NETWORK]
    for name in ("window", "features", "account"):
        pairs.append((name, getattr(theirs.observation, name), getattr(card.observation, name)))
    assets = [len(each.observation.symbols) for each in (theirs, card)]
    pairs.append(("assets", assets[0], assets[1]))
    pairs.append(("actions", theirs.action, card.action))
    pairs += [(f"env.{name}", theirs.env.get(name), card.env.get(name)) for name in _MEANING]
    pairs.append(("scaler", theirs.scaler, card.scaler))
    differing = [pair for pair in pairs if pair[1] != pair[2]]
    if differing:
        told = "; ".join(_told(*pair) for pair in differing)
        raise UsageError(
            f"The run that the training is to start from does not fit: {told}. Train with the"
            " run's own settings, or afresh."
        )


def _told(name: str, theirs: Any, mine: Any) -> str:
    if name == "scaler":
        return "its scaler was fitted on other bars (it is taken over by --from)"
    if name == "actions":
        theirs, mine = theirs.scheme, mine.scheme
        if theirs == mine:
            return f"{name} are {mine} in both, with other bounds or levels"
    if isinstance(theirs, dict) and isinstance(mine, dict):
        keys = [key for key in mine if theirs.get(key) != mine[key]]
        return ", ".join(
            f"{name}.{key} is {theirs.get(key)} there, {mine[key]} here" for key in keys
        )
    return f"{name} is {_short(theirs)} there, {_short(mine)} here"


def _short(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def start_card(task: TrainTask) -> StartCard | None:
    """Describes the policy that a training begins with."""
    if task.start is None:
        return None
    card = task.start.card
    first, last = card.seen
    if card.start is not None:
        first, last = min(first, card.start.seen_start), max(last, card.start.seen_end)
    return StartCard(
        weights=card.weights,
        agent=card.agent,
        data=card.data,
        seen_start=first,
        seen_end=last,
        freeze=task.freeze,
    )


def prepare(task: TrainTask, session: Session, network: nn.Module, fresh: bool) -> None:
    """Gives a network its first weights, where they are not to be random, and freezes its encoder.

    Args:
        task: what is to be trained.
        session: the training.
        network: the network, with random weights.
        fresh: whether the training begins; one that goes on has its weights already.
    """
    if fresh and task.start is not None:
        _take_weights(network, task.start.network)
    elif fresh and task.agent.pretrain:
        pretrain_encoder(network, session, task.agent.pretrain)
    if task.freeze:
        with torch.no_grad():
            for sight in sights(network):
                sight.encoder.requires_grad_(False)


def _take_weights(network: nn.Module, begun: nn.Module) -> None:
    """Copies all weights, or says which of them have other shapes."""
    mine, theirs = (each.state_dict() for each in (network, begun))
    names = mine.keys() | theirs.keys()
    other = [name for name in names if _shape(mine, name) != _shape(theirs, name)]
    if other:
        name = min(other)
        raise UsageError(
            f"The run that the training is to start from has another network: '{name}' is"
            f" {_shape(theirs, name)} there, {_shape(mine, name)} here. Train with the run's own"
            " agent settings, or afresh."
        )
    network.load_state_dict(theirs)


def _shape(weights: dict[str, torch.Tensor], name: str) -> list[int] | None:
    return list(weights[name].shape) if name in weights else None

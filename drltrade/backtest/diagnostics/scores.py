"""What a network decides by, with a gradient: a score of each action, or the numbers themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from drltrade.errors import UsageError

__all__ = ["Scores", "scores_of"]

Scores = Callable[[Tensor], list[Tensor]]
"""From observations [B, D] to one [B, K] for each index of an action: logits or values of its K
choices; of continuous actions one [B, N], the action."""


def scores_of(network: Any) -> tuple[Scores, bool]:
    """Finds what a network decides by, and whether that is among choices.

    Raises:
        UsageError: the network keeps a memory, or is not one that the library knows.
    """
    from drltrade.agents import cfq, direct, reinforce

    if isinstance(network, cfq.Network):
        return lambda rows: [_values(network, rows)], True
    if isinstance(network, direct.Network):
        return lambda rows: [network(rows)], False
    if isinstance(network, reinforce.Network):
        heads = network.heads
        choices = hasattr(heads(network.sight(_blank(network)))[0], "logits")
        part = "logits" if choices else "mean"
        return lambda rows: [getattr(head, part) for head in heads(network.sight(rows))], choices
    return _of_sb3(network)


def _blank(network: Any) -> Tensor:
    columns = network.sight.columns * network.sight.window
    account = network.sight.size - network.sight.encoder_size
    return torch.zeros((1, columns + account), device=network.device)


def _values(network: Any, rows: Tensor) -> Tensor:
    account = len(network.matters)
    codes, accounts = network.sight(rows).split([network.sight.size - account, account], dim=1)
    values: Tensor = network(codes, accounts).mean(-1)
    return values


def _of_sb3(network: Any) -> tuple[Scores, bool]:
    from gymnasium import spaces
    from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
    from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy

    if isinstance(network, RecurrentActorCriticPolicy):
        raise UsageError(
            "Integrated gradients explain one observation at a time, and this policy remembers"
            " earlier ones. Its permutation importance leads it through whole series."
        )
    if not isinstance(network, BasePolicy):
        raise UsageError(
            f"Integrated gradients know the agents of the library, not a"
            f" '{type(network).__name__}'. Permutation importance asks any policy."
        )
    space = network.action_space
    if isinstance(space, spaces.Box):
        return lambda rows: [network._predict(rows, deterministic=True)], False
    if isinstance(network, ActorCriticPolicy):
        counts = [int(n) for n in getattr(space, "nvec", [getattr(space, "n", 0)])]

        def logits(rows: Tensor) -> list[Tensor]:
            seen = network.mlp_extractor.forward_actor(network.extract_features(rows))
            return list(torch.split(network.action_net(seen), counts, dim=1))

        return logits, True
    if hasattr(network, "quantile_net"):
        return lambda rows: [network.quantile_net(rows).mean(dim=1)], True
    if hasattr(network, "q_net"):
        return lambda rows: [network.q_net(rows)], True
    features = network.features_extractor
    return lambda rows: [network.action_net(network.extract_features(rows, features))], True

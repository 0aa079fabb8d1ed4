"""The networks of the SB3 agents: SB3's own policies, with our encoders in front."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from gymnasium import spaces
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from sb3_contrib.crossq.policies import CrossQPolicy
from sb3_contrib.qrdqn.policies import QRDQNPolicy
from sb3_contrib.tqc.policies import TQCPolicy
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from stable_baselines3.dqn.policies import DQNPolicy
from stable_baselines3.sac.policies import SACPolicy
from stable_baselines3.td3.policies import TD3Policy
from torch import nn

from drltrade.agents.networks import ACTIVATIONS, Sight, initialise, optimizer_class, sights
from drltrade.agents.sb3.ars import SearchPolicy
from drltrade.agents.sb3.extractor import Extractor
from drltrade.agents.settings import (
    A2CSettings,
    AgentSettings,
    ARSSettings,
    CrossQSettings,
    DDPGSettings,
    DQNSettings,
    OnPolicySettings,
    PPOSettings,
    QRDQNSettings,
    RecurrentPPOSettings,
    SACSettings,
    TD3Settings,
    TQCSettings,
    TRPOSettings,
)
from drltrade.envs.layout import Layout

__all__ = ["begin_weights", "build_network", "policy_keywords", "watch_targets"]

Keywords = dict[str, Any]


def _actor_critic(settings: OnPolicySettings) -> Keywords:
    layers = list(settings.layers)
    return {
        "net_arch": {"pi": layers, "vf": layers},
        "log_std_init": settings.log_std_init,
        "ortho_init": settings.init == "orthogonal",
    }


def _remembering(settings: RecurrentPPOSettings) -> Keywords:
    return _actor_critic(settings) | {
        "lstm_hidden_size": settings.memory,
        "n_lstm_layers": settings.memory_layers,
        "enable_critic_lstm": settings.critic_memory,
        "shared_lstm": not settings.critic_memory,
    }


_POLICIES: dict[type[AgentSettings], tuple[type[BasePolicy], Callable[[Any], Keywords]]] = {
    DQNSettings: (DQNPolicy, lambda _: {}),
    QRDQNSettings: (QRDQNPolicy, lambda chosen: {"n_quantiles": chosen.n_quantiles}),
    A2CSettings: (ActorCriticPolicy, _actor_critic),
    PPOSettings: (ActorCriticPolicy, _actor_critic),
    TRPOSettings: (ActorCriticPolicy, _actor_critic),
    RecurrentPPOSettings: (RecurrentActorCriticPolicy, _remembering),
    DDPGSettings: (TD3Policy, lambda _: {"n_critics": 1}),
    TD3Settings: (TD3Policy, lambda _: {"n_critics": 2}),
    SACSettings: (SACPolicy, lambda _: {}),
    TQCSettings: (
        TQCPolicy,
        lambda chosen: {"n_quantiles": chosen.n_quantiles, "n_critics": chosen.n_critics},
    ),
    CrossQSettings: (
        CrossQPolicy,
        lambda chosen: {
            "batch_norm_momentum": chosen.norm_momentum,
            "renorm_warmup_steps": chosen.norm_warmup,
        },
    ),
    ARSSettings: (SearchPolicy, lambda _: {}),
}
"""The policy's class, and what it takes beyond the network's shape, by the settings."""


def build_network(
    settings: AgentSettings, layout: Layout, action_space: spaces.Space[Any]
) -> BasePolicy:
    """Builds the untrained network that the algorithm would build, without the algorithm."""
    kind, keywords = policy_keywords(settings, layout)
    space = spaces.Box(-1e6, 1e6, (layout.size,), "float32")
    network = kind(space, action_space, lambda _: settings.learning_rate, **keywords)
    begin_weights(network, settings)
    return network


def policy_keywords(settings: AgentSettings, layout: Layout) -> tuple[type[BasePolicy], Keywords]:
    """Returns the policy's class and what SB3 is to build it with."""
    kind, further = _POLICIES[type(settings)]
    return _steady(kind), {
        "activation_fn": ACTIVATIONS[settings.activation],
        "net_arch": list(settings.layers),
        "features_extractor_class": Extractor,
        "features_extractor_kwargs": {"layout": layout, "settings": settings},
        "optimizer_class": optimizer_class(settings.optimizer, settings.max_grad_norm),
    } | further(settings)


def _steady(kind: type[BasePolicy]) -> type[BasePolicy]:
    """A policy that leaves its mode alone where it is that already.

    SB3 walks through all modules at every action to say that it is no training: a third of the
    time of a backtest.
    """

    class Steady(kind):
        def set_training_mode(self, mode: bool) -> None:
            if mode != self.training:
                super().set_training_mode(mode)

    return Steady


def begin_weights(network: BasePolicy, settings: AgentSettings) -> None:
    """Draws the hidden weights as the settings say, where SB3 has not done so itself.

    The layers that end a network keep SB3's weights: theirs are small on purpose. Targets begin as
    copies again.
    """
    if isinstance(settings, OnPolicySettings) and settings.init == "orthogonal":
        _redraw_encoders(network, settings)  # SB3 drew them as if each were one dense layer
        return
    if settings.init == "default":
        return
    for part in list(network.modules()):
        if isinstance(part, nn.Sequential) and not _within_sight(part, network):
            dense = [layer for layer in part if isinstance(layer, nn.Linear)]
            for layer in dense[:-1]:
                initialise(layer, settings.init, settings.activation)
    _redraw_encoders(network, settings)
    copy_targets(network)


def copy_targets(network: BasePolicy) -> None:
    """Makes every target network a copy of what it follows."""
    for online, target in _followed(network):
        with torch.no_grad():
            target.load_state_dict(online.state_dict())


def watch_targets(network: BasePolicy) -> None:
    """Lets target networks encode anew each time: SB3 moves their weights unseen by torch."""
    for _, target in _followed(network):
        for sight in sights(target):
            sight.remembers = False


def _followed(network: BasePolicy) -> Iterator[tuple[nn.Module, nn.Module]]:
    """Yields every network that has a target, with its target."""
    for name in ("q_net", "quantile_net", "actor", "critic"):
        if hasattr(network, f"{name}_target"):
            yield getattr(network, name), getattr(network, f"{name}_target")


def _within_sight(part: nn.Module, network: nn.Module) -> bool:
    seen = [module for module in network.modules() if isinstance(module, Sight)]
    return any(part is inner for sight in seen for inner in sight.modules())


def _redraw_encoders(network: nn.Module, settings: AgentSettings) -> None:
    for module in network.modules():
        if isinstance(module, Sight):
            initialise(module.encoder, settings.init, settings.encoder.activation)

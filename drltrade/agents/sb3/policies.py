"""The networks of the SB3 agents: SB3's own policies, with our encoders in front."""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.dqn.policies import DQNPolicy
from stable_baselines3.sac.policies import SACPolicy
from stable_baselines3.td3.policies import TD3Policy
from torch import Tensor, nn

from drltrade.agents.networks import ACTIVATIONS, Sight, initialise, optimizer_class
from drltrade.agents.settings import (
    A2CSettings,
    AgentSettings,
    DDPGSettings,
    DQNSettings,
    OnPolicySettings,
    PPOSettings,
    SACSettings,
    TD3Settings,
)
from drltrade.envs.layout import Layout

__all__ = ["build_network", "policy_keywords"]

_POLICIES: dict[type[AgentSettings], type[BasePolicy]] = {
    PPOSettings: ActorCriticPolicy,
    A2CSettings: ActorCriticPolicy,
    DQNSettings: DQNPolicy,
    SACSettings: SACPolicy,
    TD3Settings: TD3Policy,
    DDPGSettings: TD3Policy,
}


class Extractor(BaseFeaturesExtractor):
    """A `Sight` where SB3 expects a features extractor."""

    def __init__(
        self, observation_space: spaces.Box, layout: Layout, settings: AgentSettings
    ) -> None:
        sight = Sight(layout, settings.encoder, settings.init)
        super().__init__(observation_space, sight.size)
        self.sight = sight

    def forward(self, observations: Tensor) -> Tensor:
        """[B, D] -> [B, features]."""
        return self.sight(observations)


def build_network(
    settings: AgentSettings, layout: Layout, action_space: spaces.Space[Any]
) -> BasePolicy:
    """Builds the untrained network that the algorithm would build, without the algorithm."""
    kind, keywords = policy_keywords(settings, layout)
    space = spaces.Box(-1e6, 1e6, (layout.size,), "float32")
    network = kind(space, action_space, lambda _: settings.learning_rate, **keywords)
    begin_weights(network, settings)
    return network


def policy_keywords(
    settings: AgentSettings, layout: Layout
) -> tuple[type[BasePolicy], dict[str, Any]]:
    """Returns the policy's class and what SB3 is to build it with."""
    layers = list(settings.layers)
    keywords: dict[str, Any] = {
        "activation_fn": ACTIVATIONS[settings.activation],
        "net_arch": layers,
        "features_extractor_class": Extractor,
        "features_extractor_kwargs": {"layout": layout, "settings": settings},
        "optimizer_class": optimizer_class(settings.optimizer, settings.max_grad_norm),
    }
    if isinstance(settings, OnPolicySettings):
        keywords |= {
            "net_arch": {"pi": layers, "vf": layers},
            "log_std_init": settings.log_std_init,
            "ortho_init": settings.init == "orthogonal",
        }
    elif isinstance(settings, TD3Settings | DDPGSettings):
        keywords["n_critics"] = 1 if isinstance(settings, DDPGSettings) else 2
    return _POLICIES[type(settings)], keywords


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
    for online, target in (
        ("q_net", "q_net_target"),
        ("quantile_net", "quantile_net_target"),
        ("actor", "actor_target"),
        ("critic", "critic_target"),
    ):
        if hasattr(network, target):
            with torch.no_grad():
                getattr(network, target).load_state_dict(getattr(network, online).state_dict())


def _within_sight(part: nn.Module, network: nn.Module) -> bool:
    seen = [module for module in network.modules() if isinstance(module, Sight)]
    return any(part is inner for sight in seen for inner in sight.modules())


def _redraw_encoders(network: nn.Module, settings: AgentSettings) -> None:
    for module in network.modules():
        if isinstance(module, Sight):
            initialise(module.encoder, settings.init, settings.encoder.activation)

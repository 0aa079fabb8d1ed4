"""Our encoders where SB3 expects a features extractor."""

from __future__ import annotations

from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor

from drltrade.agents.networks import Sight
from drltrade.agents.settings import AgentSettings
from drltrade.envs.layout import Layout

__all__ = ["Extractor"]


class Extractor(BaseFeaturesExtractor):
    """A `Sight` where SB3 expects a features extractor."""

    def __init__(
        self, observation_space: spaces.Space, layout: Layout, settings: AgentSettings
    ) -> None:
        sight = Sight(layout, settings.encoder, settings.init)
        super().__init__(observation_space, sight.size)
        self.sight = sight

    def forward(self, observations: Tensor) -> Tensor:
        """[B, D] -> [B, features]."""
        return self.sight(observations)

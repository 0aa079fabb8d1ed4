"""The agents of Stable-Baselines3 and sb3-contrib, trained on many accounts at once."""

from drltrade.agents.sb3.policies import build_network
from drltrade.agents.sb3.training import learn

__all__ = ["build_network", "learn"]

"""What can be set for each agent; the defaults written here are the only ones.

The defaults suit training as it is done here: hundreds of accounts are stepped at once, so that a
rollout is short in time but wide, minibatches are few and large, and learning rates are high. They
were chosen on an AR(1) signal with costs (`tests/agents`), alone and among 127 columns of noise.
"""

from drltrade.agents.settings.base import (
    AgentSettings,
    EncoderSettings,
    OffPolicySettings,
    OnPolicySettings,
    OptimizerSettings,
)
from drltrade.agents.settings.critic import (
    A2CSettings,
    DDPGSettings,
    PPOSettings,
    SACSettings,
    TD3Settings,
)
from drltrade.agents.settings.gradient import ReinforceSettings
from drltrade.agents.settings.value import DQNSettings

__all__ = [
    "A2CSettings",
    "AgentSettings",
    "DDPGSettings",
    "DQNSettings",
    "EncoderSettings",
    "OffPolicySettings",
    "OnPolicySettings",
    "OptimizerSettings",
    "PPOSettings",
    "ReinforceSettings",
    "SACSettings",
    "TD3Settings",
]

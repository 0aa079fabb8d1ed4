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
from drltrade.agents.settings.cfq import CFQSettings
from drltrade.agents.settings.critic import (
    A2CSettings,
    CrossQSettings,
    DDPGSettings,
    PPOSettings,
    RecurrentPPOSettings,
    SACSettings,
    SoftSettings,
    TD3Settings,
    TQCSettings,
)
from drltrade.agents.settings.direct import DirectSettings
from drltrade.agents.settings.gradient import ARSSettings, ReinforceSettings, TRPOSettings
from drltrade.agents.settings.value import DQNSettings, EpsilonGreedySettings, QRDQNSettings

__all__ = [
    "A2CSettings",
    "ARSSettings",
    "AgentSettings",
    "CFQSettings",
    "CrossQSettings",
    "DDPGSettings",
    "DQNSettings",
    "DirectSettings",
    "EncoderSettings",
    "EpsilonGreedySettings",
    "OffPolicySettings",
    "OnPolicySettings",
    "OptimizerSettings",
    "PPOSettings",
    "QRDQNSettings",
    "RecurrentPPOSettings",
    "ReinforceSettings",
    "SACSettings",
    "SoftSettings",
    "TD3Settings",
    "TQCSettings",
    "TRPOSettings",
]

"""Makes the algorithm of SB3 or sb3-contrib that some settings describe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sb3_contrib import TQC, TRPO, CrossQ
from stable_baselines3 import A2C, DDPG, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm

from drltrade.agents.sb3.ars import AccountsARS
from drltrade.agents.sb3.exploration import BatchDQN, BatchNoise, BatchQRDQN
from drltrade.agents.sb3.policies import policy_keywords
from drltrade.agents.sb3.recurrent import SequencePPO
from drltrade.agents.sb3.rollouts import BarRollout
from drltrade.agents.settings import (
    A2CSettings,
    AgentSettings,
    ARSSettings,
    CrossQSettings,
    DDPGSettings,
    DQNSettings,
    EpsilonGreedySettings,
    OffPolicySettings,
    PPOSettings,
    QRDQNSettings,
    RecurrentPPOSettings,
    SACSettings,
    SoftSettings,
    TD3Settings,
    TQCSettings,
    TRPOSettings,
)
from drltrade.agents.task import Session

__all__ = ["make_algorithm"]

Keywords = dict[str, Any]

_UNCUT = float("inf")  # our optimisers cut gradients


class _QuietPPO(PPO):
    def _maybe_recommend_cpu(self, mlp_class_name: str = "") -> None:
        """The device was chosen by the user."""


class _QuietA2C(A2C):
    def _maybe_recommend_cpu(self, mlp_class_name: str = "") -> None:
        """The device was chosen by the user."""


class _QuietTRPO(TRPO):
    def _maybe_recommend_cpu(self, mlp_class_name: str = "") -> None:
        """The device was chosen by the user."""


def make_algorithm(session: Session) -> BaseAlgorithm:
    """Builds the algorithm with its fresh network."""
    settings = session.settings
    policy, network = policy_keywords(settings, session.layout)
    algorithm, keywords = _ALGORITHMS[type(settings)]
    return algorithm(
        policy=policy,
        env=session.env,
        policy_kwargs=network,
        learning_rate=_rate(settings),
        seed=session.seed,
        device=session.device,
        **keywords(settings, session),
    )


def _rate(settings: AgentSettings) -> Any:
    """The learning rate as SB3 wants it: a function of the share of the budget that is left."""
    if settings.schedule == "constant":
        return settings.learning_rate
    return lambda left: settings.learning_rate * max(left, 0.0)


def _a2c(settings: A2CSettings, session: Session) -> Keywords:
    return {
        "gamma": settings.gamma,
        "n_steps": settings.n_steps,
        "gae_lambda": settings.gae_lambda,
        "ent_coef": settings.ent_coef,
        "vf_coef": settings.vf_coef,
        "max_grad_norm": _UNCUT,
        "normalize_advantage": True,
        "use_rms_prop": False,
    }


def _clipped(settings: PPOSettings | RecurrentPPOSettings, session: Session) -> Keywords:
    return {
        "gamma": settings.gamma,
        "n_steps": settings.n_steps,
        "batch_size": session.env.num_envs * settings.n_steps // settings.minibatches,
        "n_epochs": settings.n_epochs,
        "gae_lambda": settings.gae_lambda,
        "clip_range": settings.clip_range,
        "ent_coef": settings.ent_coef,
        "vf_coef": settings.vf_coef,
        "max_grad_norm": _UNCUT,
    }


def _ppo(settings: PPOSettings, session: Session) -> Keywords:
    shares = session.indexed and settings.encoder.learns
    return _clipped(settings, session) | {"rollout_buffer_class": BarRollout if shares else None}


def _trpo(settings: TRPOSettings, session: Session) -> Keywords:
    return {
        "gamma": settings.gamma,
        "n_steps": settings.n_steps,
        "batch_size": session.env.num_envs * settings.n_steps // settings.minibatches,
        "gae_lambda": settings.gae_lambda,
        "target_kl": settings.target_kl,
        "cg_max_steps": settings.cg_max_steps,
        "cg_damping": settings.cg_damping,
        "line_search_shrinking_factor": settings.line_search_shrinking,
        "line_search_max_iter": settings.line_search_steps,
        "n_critic_updates": settings.critic_epochs,
    }


def _replay(settings: OffPolicySettings, session: Session) -> Keywords:
    """What the replay is built with, kept within the memory that it may take."""
    numbers = 2 * int(np.prod(session.env.observation_space.shape)) + 8
    fits = settings.buffer_megabytes * 2**20 // (4 * numbers)
    return {
        "gamma": settings.gamma,
        "buffer_size": max(min(settings.buffer_size, fits), session.env.num_envs),
        "batch_size": settings.batch_size,
        "learning_starts": min(settings.learning_starts, session.steps // 10),
        "train_freq": settings.train_freq,
        "gradient_steps": settings.gradient_steps,
    }


def _epsilon_greedy(settings: EpsilonGreedySettings, session: Session) -> Keywords:
    return _replay(settings, session) | {
        "tau": settings.tau,
        # Keeps SB3's own target update quiet: the batch agents have their own.
        "target_update_interval": session.env.num_envs,
        "exploration_initial_eps": settings.exploration_initial,
        "exploration_final_eps": settings.exploration_final,
        "exploration_fraction": settings.exploration_fraction,
        "max_grad_norm": _UNCUT,
    }


def _noisy(settings: DDPGSettings | TD3Settings, session: Session) -> Keywords:
    size = int(np.prod(session.env.action_space.shape))
    noise = BatchNoise(settings.exploration_noise, session.env.num_envs, size)
    return _replay(settings, session) | {"tau": settings.tau, "action_noise": noise}


def _td3(settings: TD3Settings, session: Session) -> Keywords:
    return _noisy(settings, session) | {
        "policy_delay": settings.policy_delay,
        "target_policy_noise": settings.target_noise,
        "target_noise_clip": settings.target_noise_clip,
    }


def _soft(settings: SoftSettings, session: Session) -> Keywords:
    size = int(np.prod(session.env.action_space.shape))
    return _replay(settings, session) | {
        "ent_coef": f"auto_{settings.temperature}",
        "target_entropy": settings.target_entropy * size,
    }


def _sac(settings: SACSettings, session: Session) -> Keywords:
    return _soft(settings, session) | {"tau": settings.tau}


def _tqc(settings: TQCSettings, session: Session) -> Keywords:
    return _soft(settings, session) | {
        "tau": settings.tau,
        "top_quantiles_to_drop_per_net": settings.dropped,
    }


def _crossq(settings: CrossQSettings, session: Session) -> Keywords:
    return _soft(settings, session) | {"policy_delay": settings.policy_delay}


def _ars(settings: ARSSettings, session: Session) -> Keywords:
    directions = min(settings.directions, session.env.num_envs // 2)
    return {
        "horizon": settings.n_steps,
        "n_delta": directions,
        "n_top": min(settings.best, directions),
        "delta_std": settings.spread,
        "zero_policy": not settings.layers,  # a perceptron at zero has no direction that matters
    }


_ALGORITHMS: dict[
    type[AgentSettings], tuple[type[BaseAlgorithm], Callable[[Any, Session], Keywords]]
] = {
    DQNSettings: (BatchDQN, _epsilon_greedy),
    QRDQNSettings: (BatchQRDQN, _epsilon_greedy),
    A2CSettings: (_QuietA2C, _a2c),
    PPOSettings: (_QuietPPO, _ppo),
    TRPOSettings: (_QuietTRPO, _trpo),
    RecurrentPPOSettings: (SequencePPO, _clipped),
    DDPGSettings: (DDPG, _noisy),
    TD3Settings: (TD3, _td3),
    SACSettings: (SAC, _sac),
    TQCSettings: (TQC, _tqc),
    CrossQSettings: (CrossQ, _crossq),
    ARSSettings: (AccountsARS, _ars),
}
"""The algorithm, and what it takes beyond what all take, by the settings."""

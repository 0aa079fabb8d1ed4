"""Makes the SB3 algorithm that some settings describe."""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3 import A2C, DDPG, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm

from drltrade.agents.sb3.exploration import BatchDQN, BatchNoise
from drltrade.agents.sb3.policies import policy_keywords
from drltrade.agents.sb3.rollouts import BarRollout
from drltrade.agents.settings import (
    A2CSettings,
    AgentSettings,
    DQNSettings,
    OffPolicySettings,
    PPOSettings,
    SACSettings,
    TD3Settings,
)
from drltrade.agents.task import Session

__all__ = ["make_algorithm"]

_UNCUT = float("inf")  # our optimisers cut gradients


class _QuietPPO(PPO):
    def _maybe_recommend_cpu(self, mlp_class_name: str = "") -> None:
        """The device was chosen by the user."""


class _QuietA2C(A2C):
    def _maybe_recommend_cpu(self, mlp_class_name: str = "") -> None:
        """The device was chosen by the user."""


def make_algorithm(session: Session) -> BaseAlgorithm:
    """Builds the algorithm with its fresh network."""
    settings = session.settings
    kind, network = policy_keywords(settings, session.layout)
    common = {
        "policy": kind,
        "env": session.env,
        "policy_kwargs": network,
        "learning_rate": _rate(settings),
        "gamma": settings.gamma,
        "seed": session.seed,
        "device": session.device,
    }
    if isinstance(settings, PPOSettings):
        shares = session.indexed and settings.encoder.learns
        return _QuietPPO(
            **common,
            rollout_buffer_class=BarRollout if shares else None,
            n_steps=settings.n_steps,
            batch_size=session.env.num_envs * settings.n_steps // settings.minibatches,
            n_epochs=settings.n_epochs,
            gae_lambda=settings.gae_lambda,
            clip_range=settings.clip_range,
            ent_coef=settings.ent_coef,
            vf_coef=settings.vf_coef,
            max_grad_norm=_UNCUT,
        )
    if isinstance(settings, A2CSettings):
        return _QuietA2C(
            **common,
            n_steps=settings.n_steps,
            gae_lambda=settings.gae_lambda,
            ent_coef=settings.ent_coef,
            vf_coef=settings.vf_coef,
            max_grad_norm=_UNCUT,
            normalize_advantage=True,
            use_rms_prop=False,
        )
    return _off_policy(session, common | _replay(settings, session))


def _off_policy(session: Session, common: dict[str, Any]) -> BaseAlgorithm:
    settings = session.settings
    if isinstance(settings, DQNSettings):
        return BatchDQN(
            **common,
            # Keeps SB3's own target update quiet: BatchDQN has its own.
            target_update_interval=session.env.num_envs,
            exploration_initial_eps=settings.exploration_initial,
            exploration_final_eps=settings.exploration_final,
            exploration_fraction=settings.exploration_fraction,
            max_grad_norm=_UNCUT,
        )
    size = int(np.prod(session.env.action_space.shape))
    if isinstance(settings, SACSettings):
        return SAC(
            **common,
            ent_coef=f"auto_{settings.temperature}",
            target_entropy=settings.target_entropy * size,
        )
    noise = BatchNoise(settings.exploration_noise, session.env.num_envs, size)
    if isinstance(settings, TD3Settings):
        return TD3(
            **common,
            action_noise=noise,
            policy_delay=settings.policy_delay,
            target_policy_noise=settings.target_noise,
            target_noise_clip=settings.target_noise_clip,
        )
    return DDPG(**common, action_noise=noise)


def _rate(settings: AgentSettings) -> Any:
    """The learning rate as SB3 wants it: a function of the share of the budget that is left."""
    if settings.schedule == "constant":
        return settings.learning_rate
    return lambda left: settings.learning_rate * max(left, 0.0)


def _replay(settings: OffPolicySettings, session: Session) -> dict[str, Any]:
    """What the replay is built with, kept within the memory that it may take."""
    numbers = 2 * int(np.prod(session.env.observation_space.shape)) + 8
    fits = settings.buffer_megabytes * 2**20 // (4 * numbers)
    return {
        "buffer_size": max(min(settings.buffer_size, fits), session.env.num_envs),
        "batch_size": settings.batch_size,
        "learning_starts": min(settings.learning_starts, session.steps // 10),
        "train_freq": settings.train_freq,
        "gradient_steps": settings.gradient_steps,
        "tau": settings.tau,
    }

"""Trains the agents of Stable-Baselines3 on many accounts at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3 import A2C, DDPG, DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.noise import NormalActionNoise, VectorizedActionNoise
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from stable_baselines3.dqn.policies import DQNPolicy
from stable_baselines3.sac.policies import SACPolicy
from stable_baselines3.td3.policies import TD3Policy

from drltrade.agents.settings import (
    A2CSettings,
    AgentSettings,
    DDPGSettings,
    DQNSettings,
    OffPolicySettings,
    OnPolicySettings,
    PPOSettings,
    SACSettings,
    TD3Settings,
)
from drltrade.agents.task import Session

__all__ = ["ACTIVATIONS", "build_network", "learn"]

ACTIVATIONS: dict[str, type[torch.nn.Module]] = {
    "tanh": torch.nn.Tanh,
    "relu": torch.nn.ReLU,
    "gelu": torch.nn.GELU,
    "elu": torch.nn.ELU,
    "sigmoid": torch.nn.Sigmoid,
}


def build_network(
    settings: AgentSettings, observation_space: spaces.Box, action_space: spaces.Space[Any]
) -> BasePolicy:
    """Builds the untrained network that the algorithm would build, without the algorithm."""
    kind, keywords = _network(settings)
    return kind(observation_space, action_space, lambda _: settings.learning_rate, **keywords)


def learn(session: Session) -> tuple[BasePolicy, int]:
    """Trains a fresh network; returns it with the account-steps done."""
    algorithm = _algorithm(session)
    algorithm.set_logger(session.log)
    # log_interval None: the watch decides when scalars are written.
    algorithm.learn(session.steps, callback=_Between(session), log_interval=None)
    return algorithm.policy, int(algorithm.num_timesteps)


class _Between(BaseCallback):
    """Calls the watch between updates: SB3 begins a rollout right after each of them."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._watch = session.watch

    def _on_rollout_start(self) -> None:
        if self.num_timesteps > 0:
            self._watch.after_update(self.num_timesteps, self.model.policy)

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        episodes = self.model.ep_info_buffer
        if episodes:
            self.logger.record("rollout/ep_rew_mean", float(np.mean([e["r"] for e in episodes])))


class BatchDQN(DQN):
    """DQN in which every account tosses its own coin; SB3 tosses one for all of them at once."""

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], Any]:
        """Acts greedily except where an account's own coin says to explore."""
        action, state = self.policy.predict(observation, state, episode_start, True)
        if not deterministic:
            # SB3 draws from numpy's global generator, seeded for this training and restored after.
            explore = np.random.random(len(action)) < self.exploration_rate  # noqa: NPY002
            random = np.random.randint(self.action_space.n, size=len(action))  # noqa: NPY002
            action = np.where(explore, random, action)
        return action, state

    def _on_step(self) -> None:
        """Only the exploration rate moves here; the target follows the updates, as in SAC."""
        self.exploration_rate = self.exploration_schedule(self._current_progress_remaining)

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Moves the target network a little after every update."""
        for _ in range(gradient_steps):
            super().train(1, batch_size)
            with torch.no_grad():
                for target, online in zip(
                    self.q_net_target.parameters(), self.q_net.parameters(), strict=True
                ):
                    target.lerp_(online, self.tau)
        self.logger.record("rollout/exploration_rate", self.exploration_rate)


class BatchNoise(VectorizedActionNoise):
    """Gaussian noise for all accounts in one draw; SB3's own asks each account in turn."""

    def __init__(self, sigma: float, accounts: int, size: int) -> None:
        super().__init__(NormalActionNoise(np.zeros(size), np.full(size, sigma)), 1)
        self._sigma, self._shape = sigma, (accounts, size)

    def __call__(self) -> NDArray[np.float32]:
        noise = np.random.standard_normal(self._shape)  # noqa: NPY002 - see BatchDQN.predict
        return (self._sigma * noise).astype(np.float32)

    def reset(self, indices: Iterable[int] | None = None) -> None:
        """White noise has nothing to forget."""


class _QuietPPO(PPO):
    def _maybe_recommend_cpu(self, mlp_class_name: str = "") -> None:
        """The device was chosen by the user."""


class _QuietA2C(A2C):
    def _maybe_recommend_cpu(self, mlp_class_name: str = "") -> None:
        """The device was chosen by the user."""


def _network(settings: AgentSettings) -> tuple[type[BasePolicy], dict[str, Any]]:
    """The policy class and what it is built with."""
    layers = list(settings.layers)
    keywords: dict[str, Any] = {"activation_fn": ACTIVATIONS[settings.activation]}
    if isinstance(settings, OnPolicySettings):
        keywords |= {"net_arch": {"pi": layers, "vf": layers}}
        return ActorCriticPolicy, keywords | {"log_std_init": settings.log_std_init}
    keywords |= {"net_arch": layers}
    if isinstance(settings, DQNSettings):
        return DQNPolicy, keywords
    if isinstance(settings, SACSettings):
        return SACPolicy, keywords
    return TD3Policy, keywords | {"n_critics": 1 if isinstance(settings, DDPGSettings) else 2}


def _algorithm(session: Session) -> BaseAlgorithm:
    settings = session.settings
    kind, network = _network(settings)
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
        return _QuietPPO(
            **common,
            n_steps=settings.n_steps,
            batch_size=session.env.num_envs * settings.n_steps // settings.minibatches,
            n_epochs=settings.n_epochs,
            gae_lambda=settings.gae_lambda,
            clip_range=settings.clip_range,
            ent_coef=settings.ent_coef,
            vf_coef=settings.vf_coef,
            max_grad_norm=settings.max_grad_norm,
        )
    if isinstance(settings, A2CSettings):
        return _QuietA2C(
            **common,
            n_steps=settings.n_steps,
            gae_lambda=settings.gae_lambda,
            ent_coef=settings.ent_coef,
            vf_coef=settings.vf_coef,
            max_grad_norm=settings.max_grad_norm,
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
            max_grad_norm=settings.max_grad_norm,
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

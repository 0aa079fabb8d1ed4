"""All that an SB3 algorithm needs to go on later as if it had never stopped, as plain arrays."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from torch.optim import Optimizer

from drltrade.agents.seeding import generators_state, restore_generators
from drltrade.envs.sb3 import SB3TradingEnv

__all__ = ["restore_algorithm", "save_algorithm"]

_NUMBERS = ("num_timesteps", "_n_updates", "_episode_num", "_n_calls", "exploration_rate")
_ARRAYS = ("_last_obs", "_last_episode_starts")
_REPLAY = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


def save_algorithm(algorithm: BaseAlgorithm, env: SB3TradingEnv) -> dict[str, Any]:
    """Returns the state of an algorithm between two updates."""
    tree: dict[str, Any] = {
        "policy": dict(algorithm.policy.state_dict()),
        "optimizers": [optimizer.state_dict() for optimizer in _optimizers(algorithm)],
        "numbers": {key: getattr(algorithm, key) for key in _NUMBERS if hasattr(algorithm, key)},
        "arrays": {key: getattr(algorithm, key) for key in _ARRAYS},
        "episodes": [dict(episode) for episode in algorithm.ep_info_buffer or ()],
        "env": env.state(),
        "generators": generators_state(),
    }
    if getattr(algorithm, "log_ent_coef", None) is not None:
        tree["log_ent_coef"] = algorithm.log_ent_coef
    if getattr(algorithm, "_last_lstm_states", None) is not None:
        states = algorithm._last_lstm_states
        tree["memory"] = [[part for part in state] for state in (states.pi, states.vf)]
    replay = getattr(algorithm, "replay_buffer", None)
    if isinstance(replay, ReplayBuffer):
        rows = replay.buffer_size if replay.full else replay.pos
        tree["replay"] = {
            "position": replay.pos,
            "full": replay.full,
            "arrays": {key: getattr(replay, key)[:rows] for key in _REPLAY},
        }
    return tree


def restore_algorithm(
    algorithm: BaseAlgorithm, env: SB3TradingEnv, tree: Mapping[str, Any]
) -> None:
    """Puts a fresh algorithm where `save_algorithm` found one of the same settings."""
    algorithm.policy.load_state_dict(tree["policy"])
    for optimizer, state in zip(_optimizers(algorithm), tree["optimizers"], strict=True):
        optimizer.load_state_dict(state)
    for group in ("numbers", "arrays"):
        for key, value in tree[group].items():
            setattr(algorithm, key, value)
    algorithm.ep_info_buffer = deque(tree["episodes"], maxlen=algorithm._stats_window_size)
    algorithm.ep_success_buffer = deque(maxlen=algorithm._stats_window_size)
    if "log_ent_coef" in tree:
        algorithm.log_ent_coef.data.copy_(tree["log_ent_coef"])
    if "memory" in tree:
        kind = type(algorithm._last_lstm_states)
        device = algorithm.device
        states = [tuple(part.to(device) for part in state) for state in tree["memory"]]
        algorithm._last_lstm_states = kind(*states)
    if "replay" in tree:
        replay = algorithm.replay_buffer
        replay.pos, replay.full = tree["replay"]["position"], tree["replay"]["full"]
        for key, rows in tree["replay"]["arrays"].items():
            getattr(replay, key)[: len(rows)] = rows
    env.restore(tree["env"])
    restore_generators(tree["generators"])


def _optimizers(algorithm: BaseAlgorithm) -> Iterator[Optimizer]:
    """Yields the optimisers, always in the same order."""
    policy = algorithm.policy
    owners = (policy, getattr(policy, "actor", None), getattr(policy, "critic", None))
    found = [getattr(owner, "optimizer", None) for owner in owners]
    found.append(getattr(algorithm, "ent_coef_optimizer", None))
    for optimizer in found:
        if isinstance(optimizer, Optimizer):
            yield optimizer

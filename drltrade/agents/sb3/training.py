"""Runs an SB3 algorithm under the watch, and gives and takes all it needs to go on later."""

from __future__ import annotations

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import BasePolicy

from drltrade.agents.sb3.algorithms import make_algorithm
from drltrade.agents.sb3.policies import begin_weights, watch_targets
from drltrade.agents.sb3.state import restore_algorithm, save_algorithm
from drltrade.agents.task import Session

__all__ = ["learn"]


def learn(session: Session) -> tuple[BasePolicy, int]:
    """Trains a fresh network; returns it with the account-steps done."""
    algorithm = make_algorithm(session)
    algorithm.set_logger(session.log)
    begin_weights(algorithm.policy, session.settings)
    watch_targets(algorithm.policy)
    session.begin(algorithm.policy)
    left = session.steps
    if session.saved is not None:
        restore_algorithm(algorithm, session.env, session.saved)
        left -= algorithm.num_timesteps
    # log_interval None: the watch decides when scalars are written.
    algorithm.learn(
        left,
        callback=_Between(session),
        log_interval=None,
        reset_num_timesteps=session.saved is None,
    )
    return algorithm.policy, int(algorithm.num_timesteps)


class _Between(BaseCallback):
    """Calls the watch between updates: SB3 begins a rollout right after each of them."""

    model: BaseAlgorithm

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def _on_rollout_start(self) -> None:
        if self.num_timesteps > 0:
            session, model = self._session, self.model
            session.watch.after_update(
                self.num_timesteps, model.policy, lambda: save_algorithm(model, session.env)
            )

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        episodes = self.model.ep_info_buffer
        if episodes:
            self.logger.record("rollout/ep_rew_mean", float(np.mean([e["r"] for e in episodes])))

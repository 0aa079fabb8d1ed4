"""PPO with a memory, learning from whole sequences of each account."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.buffers import RecurrentRolloutBuffer
from sb3_contrib.common.recurrent.type_aliases import RecurrentRolloutBufferSamples, RNNStates
from stable_baselines3.common.buffers import RolloutBuffer
from torch import Tensor

__all__ = ["SequencePPO", "SequenceRollout"]


class SequenceRollout(RecurrentRolloutBuffer):
    """Deals out accounts, each with all its bars and the memory that it began with.

    sb3-contrib keeps the memory of every bar, cuts sequences at episodes and minibatches, and pads
    them. Here all sequences are as long as the rollout; where an episode begins within one, the
    policy forgets at that bar. Nothing is padded, and only the first memory is kept.
    """

    def reset(self) -> None:
        """Empties the buffer."""
        RolloutBuffer.reset(self)
        self._first: tuple[Tensor, ...] = ()

    def add(self, *args: Any, lstm_states: RNNStates, **kwargs: Any) -> None:
        """Keeps one bar of all accounts, and before the first one their memory."""
        if self.pos == 0:
            self._first = (*lstm_states.pi, *lstm_states.vf)  # [layers, B, size] each
        RolloutBuffer.add(self, *args, **kwargs)

    def get(
        self, batch_size: int | None = None
    ) -> Generator[RecurrentRolloutBufferSamples, None, None]:
        """Yields the minibatches of one pass, of about `batch_size` transitions."""
        transitions = self.buffer_size * self.n_envs
        parts = max(transitions // (batch_size or transitions), 1)
        # From numpy's global generator, as in SB3: seeded for this training, restored after.
        order = np.random.permutation(self.n_envs)  # noqa: NPY002
        for accounts in np.array_split(order, parts):
            yield self._of(accounts)

    def _of(self, accounts: NDArray[np.int64]) -> RecurrentRolloutBufferSamples:
        def rows(array: NDArray[Any]) -> Tensor:  # [T, B, ...] -> [accounts x T, ...]
            chosen = array[:, accounts].swapaxes(0, 1)
            return self.to_torch(chosen.reshape(-1, *array.shape[2:]))

        place = torch.as_tensor(accounts, device=self.device)
        first = [part.index_select(1, place) for part in self._first]
        starts = rows(self.episode_starts)
        return RecurrentRolloutBufferSamples(
            observations=rows(self.observations),
            actions=rows(self.actions),
            old_values=rows(self.values),
            old_log_prob=rows(self.log_probs),
            advantages=rows(self.advantages),
            returns=rows(self.returns),
            lstm_states=RNNStates((first[0], first[1]), (first[2], first[3])),
            episode_starts=starts,
            mask=torch.ones_like(starts),
        )


class SequencePPO(RecurrentPPO):
    """sb3-contrib's RecurrentPPO with a `SequenceRollout`."""

    def _setup_model(self) -> None:
        super()._setup_model()
        lstm = self.policy.lstm_actor
        shape = (self.n_steps, lstm.num_layers, self.n_envs, lstm.hidden_size)
        self.rollout_buffer: RolloutBuffer = SequenceRollout(
            self.n_steps,
            self.observation_space,
            self.action_space,
            shape,
            self.device,
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
            n_envs=self.n_envs,
        )

    def _maybe_recommend_cpu(self, mlp_class_name: str = "") -> None:
        """The device was chosen by the user."""

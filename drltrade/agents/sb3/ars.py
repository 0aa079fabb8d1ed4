"""Augmented random search with all candidates at play at once, each on accounts of its own.

Mania et al. 2018, arXiv:1803.07055: around the weights w try w + s d and w - s d for random
directions d, keep the k whose better side earned most, and step along them:

    w <- w + a / (k std(r)) sum_i (r_i+ - r_i-) d_i

sb3-contrib's ARS plays one candidate after the other through whole episodes. Here candidate c has
the accounts c G to (c + 1) G - 1; the g-th account of every candidate starts flat at the same bar,
drawn anew for each update, and all play the same number of bars in one env.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from sb3_contrib import ARS
from sb3_contrib.ars.policies import ARSPolicy
from stable_baselines3.common.callbacks import BaseCallback
from torch import Tensor, nn

from drltrade.agents.sb3.extractor import Extractor
from drltrade.envs.sb3 import SB3TradingEnv

__all__ = ["AccountsARS", "SearchPolicy"]


class SearchPolicy(ARSPolicy):
    """A perceptron, or without layers a linear map, on what a `Sight` sees."""

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        rate: Any = None,
        *,
        features_extractor_kwargs: dict[str, Any],
        net_arch: list[int],
        activation_fn: type[nn.Module],
        **gradient: Any,
    ) -> None:
        # `rate` and `gradient` are what every other policy takes; a search follows no gradient.
        self._looks = features_extractor_kwargs
        super().__init__(observation_space, action_space, net_arch, activation_fn)

    def make_features_extractor(self) -> Extractor:
        """Builds what looks at observations."""
        return Extractor(self.observation_space, **self._looks)

    def load_from_vector(self, vector: Any) -> None:
        """Takes weights in the order of `parameters`, without tying them to the vector."""
        with torch.no_grad():
            parts = self._parts(torch.as_tensor(vector)[None])
            for weight, part in zip(self.parameters(), parts, strict=True):
                weight.copy_(part[0])

    def act_apart(self, observations: NDArray[np.float32], candidates: Tensor) -> NDArray[Any]:
        """Acts on [P G, D] observations, the G of each candidate by its own weights [P, n].

        Returns:
            [P G, ...] actions, those that each candidate's own policy would take.
        """
        rows, _ = self.obs_to_tensor(observations)
        seen = self.features_extractor(rows)
        seen = seen.reshape(len(candidates), -1, seen.shape[1])  # [P, G, features]
        names = [name for name, _ in self.action_net.named_parameters()]
        weights = dict(zip(names, self._parts(candidates), strict=True))
        out = torch.vmap(self._through)(weights, seen).flatten(0, 1)
        if isinstance(self.action_space, spaces.Discrete):
            return out.argmax(1).cpu().numpy()
        actions = out.cpu().numpy().reshape(-1, *(self.action_space.shape or ()))
        return self.unscale_action(actions)

    def _through(self, weights: dict[str, Tensor], seen: Tensor) -> Tensor:
        return torch.func.functional_call(self.action_net, weights, (seen,))

    def _parts(self, vectors: Tensor) -> list[Tensor]:
        """Cuts [P, n] into the weights' shapes, [P, ...] each."""
        shapes = [weight.shape for weight in self.parameters()]
        sizes = [shape.numel() for shape in shapes]
        cuts = torch.split(vectors.to(self.device), sizes, 1)
        return [cut.reshape(-1, *shape) for cut, shape in zip(cuts, shapes, strict=True)]


class AccountsARS(ARS):
    """ARS on the accounts of one env.

    Args:
        env: the accounts.
        horizon: bars that each candidate plays.
        **keywords: as `ARS` takes them.
    """

    policy: SearchPolicy
    env: SB3TradingEnv

    def __init__(self, *, env: SB3TradingEnv, horizon: int, **keywords: Any) -> None:
        self._horizon = horizon
        super().__init__(env=env, **keywords)

    def learn(self, total_timesteps: int, **keywords: Any) -> AccountsARS:
        """Searches on from the policy's weights as they are."""
        self.weights = nn.utils.parameters_to_vector(self.policy.parameters()).detach()
        return super().learn(total_timesteps, **keywords)

    def _update_current_progress_remaining(self, num_timesteps: int, total_timesteps: int) -> None:
        """Counts the steps before an interruption in, which `ARS.learn` leaves out."""
        super()._update_current_progress_remaining(num_timesteps, self._total_timesteps)

    def _do_one_update(self, callback: BaseCallback, async_eval: Any) -> None:
        callback.on_rollout_start()  # before anything is drawn, so that a training can go on here
        super()._do_one_update(callback, async_eval)

    def evaluate_candidates(
        self, candidate_weights: Tensor, callback: BaseCallback, async_eval: Any
    ) -> Tensor:
        """Returns what each candidate earned, [P], in mean over its accounts."""
        batch, group = self.env.batch, self.env.num_envs // self.pop_size
        playing = group * self.pop_size  # the few that are left over count for nothing
        observations = self._start_alike(group)
        earned = np.zeros(playing)
        alive = np.ones(playing, dtype=bool)
        actions = np.zeros((self.env.num_envs, *(self.action_space.shape or ())))
        if isinstance(self.action_space, spaces.Discrete):
            actions = actions.astype(np.int64)
        for _ in range(self._horizon):
            actions[:playing] = self.policy.act_apart(observations[:playing], candidate_weights)
            observations, rewards, over, _ = self.env.step(actions)
            earned += np.where(alive, rewards[:playing], 0.0)
            alive &= ~over[:playing]  # an episode that ended is not followed by another
            self.num_timesteps += batch.accounts
            callback.on_step()
        total = earned.mean() / self.env.reward_scale
        self.ep_info_buffer = [{"r": float(total), "l": self._horizon, "t": 0.0}]
        callback.on_rollout_end()
        means = earned.reshape(self.pop_size, group).mean(axis=1)
        return torch.as_tensor(means, dtype=torch.float32, device=self.device)

    def _start_alike(self, group: int) -> NDArray[np.float32]:
        """Starts an episode in every account: the g-th of each candidate at the same bar."""
        batch = self.env.batch
        start = batch.rng.bit_generator.state
        for candidate in range(self.pop_size):
            batch.rng.bit_generator.state = start
            batch.restart(batch.rows[candidate * group : (candidate + 1) * group])
        return batch.observations

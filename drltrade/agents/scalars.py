"""The names of all TensorBoard scalars: one for each quantity, whichever algorithm reports it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stable_baselines3.common.logger import KVWriter, Logger

__all__ = ["COMMON", "SCALARS", "ScalarLog", "is_documented"]

COMMON: dict[str, str] = {
    "valid/score": "validation score of the checkpoint, a Sharpe ratio in experiments",
    "valid/best": "best validation score so far",
    "time/steps_per_second": "account-steps a second since the start",
    "train/learning_rate": "learning rate of the latest update",
}
"""What every agent writes; `valid/` where checkpoints are scored."""

SCALARS: dict[str, str] = {
    **COMMON,
    "valid/turnover": "turnover a year on validation, in experiments",
    "valid/exposure": "mean gross exposure on validation, in experiments",
    "reward/<term>": "each term of the reward, unweighted, mean over accounts (not cfq)",
    "rollout/ep_rew_mean": "mean return of the episodes that ended, not scaled",
    "rollout/exploration_rate": "share of random actions (dqn, qrdqn)",
    "rollout/return_std": "spread of the candidates' returns (ars)",
    "train/policy_loss": "what the policy's update lowers",
    "train/value_loss": "loss of the baseline, critic or action values",
    "train/loss": "sum of all losses in the latest minibatch (ppo, recurrent_ppo)",
    "train/objective": "what is raised, such as the mean log growth (direct)",
    "train/entropy": "mean entropy of the policy's actions, in nats",
    "train/entropy_coefficient": "weight of the entropy (sac, tqc, crossq)",
    "train/entropy_coefficient_loss": "loss of that weight (sac, tqc, crossq)",
    "train/explained_variance": "share of the returns' variance that the value explains",
    "train/kl": "divergence of the new policy from the old (ppo, recurrent_ppo, trpo)",
    "train/clip_fraction": "share of clipped ratios (ppo, recurrent_ppo)",
    "train/clip_range": "limit of the ratios (ppo, recurrent_ppo)",
    "train/line_search_success": "share of line searches that found a step (trpo)",
    "train/action_std": "standard deviation of continuous actions",
    "train/gradient_norm": "norm of the gradient before clipping (direct)",
    "train/q_mean": "mean of all action values (cfq)",
    "train/delta_std": "size of the candidates' perturbations (ars)",
    "train/step_size": "size of the step after the candidates are weighed (ars)",
    "pretrain/loss": "mean squared error of a rebuilt window; steps below zero",
}
"""Every name with what it is. A name that is here is not given up or reused for something else."""

_RENAMED: dict[str, tuple[str, float]] = {
    "train/policy_gradient_loss": ("train/policy_loss", 1.0),
    "train/actor_loss": ("train/policy_loss", 1.0),
    "train/policy_objective": ("train/policy_loss", -1.0),  # trpo raises it
    "train/critic_loss": ("train/value_loss", 1.0),
    "train/entropy_loss": ("train/entropy", -1.0),  # the loss is the mean entropy, negative
    "train/ent_coef": ("train/entropy_coefficient", 1.0),
    "train/ent_coef_loss": ("train/entropy_coefficient_loss", 1.0),
    "train/approx_kl": ("train/kl", 1.0),
    "train/kl_divergence_loss": ("train/kl", 1.0),
    "train/is_line_search_success": ("train/line_search_success", 1.0),
    "train/std": ("train/action_std", 1.0),
}
"""Name in Stable-Baselines3 or sb3-contrib -> (ours, the sign that turns theirs into ours)."""

_VALUE_LOSS = {"train/loss": ("train/value_loss", 1.0)}
_RENAMED_FOR: dict[str, Mapping[str, tuple[str, float]]] = {
    "dqn": _VALUE_LOSS,
    "qrdqn": _VALUE_LOSS,
    "cfq": _VALUE_LOSS,
}
"""For agents whose one loss is that of the action values."""


def is_documented(name: str) -> bool:
    """Says whether a scalar's name stands in SCALARS."""
    return name in SCALARS or (name.startswith("reward/") and "reward/<term>" in SCALARS)


class ScalarLog(Logger):
    """A Stable-Baselines3 Logger that writes every scalar under its stable name.

    Args:
        folder: where the files are; None where nothing is written.
        output_formats: what writes.
        agent: the agent's name.
    """

    def __init__(self, folder: str | None, output_formats: list[KVWriter], agent: str = "") -> None:
        super().__init__(folder, output_formats)
        self._names = {**_RENAMED, **_RENAMED_FOR.get(agent, {})}

    def record(self, key: str, value: Any, exclude: str | tuple[str, ...] | None = None) -> None:
        """Keeps the latest value of a scalar until the next dump."""
        name, sign = self._names.get(key, (key, 1.0))
        super().record(name, value if sign > 0 else sign * value, exclude)

    def record_mean(
        self, key: str, value: float | None, exclude: str | tuple[str, ...] | None = None
    ) -> None:
        """Averages a scalar until the next dump."""
        name, sign = self._names.get(key, (key, 1.0))
        super().record_mean(name, value if sign > 0 or value is None else sign * value, exclude)

"""What `direct` maximises: differentiable objectives, and the rewards that they equal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from drltrade.errors import UsageError

__all__ = ["EQUALS", "OBJECTIVES", "Objective", "objective_of"]

OBJECTIVES = ("log_wealth", "mean_variance", "sharpe", "differential_sharpe")

EQUALS: Mapping[str, str] = {
    "log_return": "log_wealth",
    "mean_variance": "mean_variance",
    "differential_sharpe": "differential_sharpe",
}
"""The objective that equals a reward of the environment."""

_DECAY = 0.01  # of the running moments, as in the reward of the same name
_MOST = 10.0


def objective_of(chosen: str | None, reward: Any) -> str:
    """Decides what is maximised.

    Args:
        chosen: the setting; None takes what equals the reward.
        reward: the environment's. Where it is the default, log_return, anything may be chosen.

    Raises:
        UsageError: the reward has no equal, or it is not what was chosen.
    """
    names = [reward] if isinstance(reward, str) else list(reward) if _is_sum(reward) else []
    name = names[0] if len(names) == 1 else None
    equal = EQUALS.get(name) if name else None
    if equal is None:
        shown = getattr(reward, "__name__", reward)
        raise UsageError(
            f"direct follows gradients, which the reward {shown!r} does not have: only the rewards"
            f" {', '.join(EQUALS)} equal one of its objectives. Use one of them, or leave the"
            f" reward at log_return and set direct's objective: {', '.join(OBJECTIVES)}."
        )
    if chosen is not None and chosen != equal and name != "log_return":
        raise UsageError(
            f"direct's objective is {chosen}, but the environment's reward is {name}, which equals"
            f" {equal}. Leave objective out, or the reward at log_return."
        )
    return chosen or equal


def _is_sum(reward: Any) -> bool:
    return isinstance(reward, Mapping) and all(weight > 0 for weight in reward.values())


class Objective:
    """A mean over the returns of B accounts.

    - log_wealth: E[log(1 + R)], which is the growth of wealth.
    - mean_variance: E[R - risk_aversion / 2 R^2] (Ritter, Risk 2017).
    - sharpe: E[R] / std(R) of all returns of the rollout.
    - differential_sharpe: the derivative of an exponentially weighted Sharpe ratio by its decay,
      with A and B the running means of R and R^2 of each account (Moody & Saffell 2001, eq. 14):

          D = (B dA - A dB / 2) / (B - A^2)^(3/2),    dA = R - A,    dB = R^2 - B

      and dD / dR = (B - A R) / (B - A^2)^(3/2): what is past is past, A and B have no gradient.
      Zero until a variance is known, and clipped to +-10, as is the reward of this name.

    Args:
        name: one of OBJECTIVES.
        accounts: B.
        scale: of log_wealth and mean_variance, so that gradients are near one.
        risk_aversion: of mean_variance.

    Attributes:
        moments: [2, B] A and B of each account.
    """

    def __init__(self, name: str, accounts: int, scale: float, risk_aversion: float = 5.0) -> None:
        self.name, self._scale, self._aversion = name, scale, risk_aversion
        self.moments = torch.zeros((2, accounts), dtype=torch.float64)

    def restart(self, which: NDArray[np.bool_]) -> None:
        """Forgets the past of accounts that start anew."""
        self.moments = torch.where(torch.as_tensor(which), 0.0, self.moments)

    def __call__(self, growth: Tensor) -> Tensor:
        """Judges the growth equity / equity_before [H, B] of one rollout."""
        returns = growth - 1.0
        if self.name == "log_wealth":
            return self._scale * growth.log().mean()
        if self.name == "mean_variance":
            return self._scale * (returns - 0.5 * self._aversion * returns.square()).mean()
        if self.name == "sharpe":
            return returns.mean() / (returns.std() + 1e-12)
        return self.differential_sharpe(returns).mean()

    def differential_sharpe(self, returns: Tensor) -> Tensor:
        """D [H, B] of each bar; moves the moments along."""
        mean, square = self.moments.to(returns.device)
        ratios = []
        for now in returns:
            past = now.detach()
            variance = square - mean**2
            known = variance > 1e-12
            spread = torch.where(known, variance, 1.0) ** 1.5
            ratio = (square * (now - mean) - 0.5 * mean * (now.square() - square)) / spread
            ratios.append(torch.where(known, ratio, 0.0).clamp(-_MOST, _MOST))
            mean = mean + _DECAY * (past - mean)
            square = square + _DECAY * (past.square() - square)
        self.moments = torch.stack([mean, square]).cpu()
        return torch.stack(ratios)

"""Rewards: functions of a Step, weighted sums of them, and the table of built-in ones."""

from __future__ import annotations

import copy
import math
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.envs.memory import remembered, remind
from drltrade.errors import DrltradeError, UsageError, unknown
from drltrade.plugins import is_plugin, load_plugin
from drltrade.sim import Row, Step

__all__ = ["PENALTIES", "REWARDS", "Reward", "make_reward"]

Floats = NDArray[np.float64]
RewardLike = str | Mapping[str, float] | Callable[..., Any]


def log_return(step: Step) -> Floats:
    """Log of equity over equity before; its sum over an episode is the log of total growth."""
    return step.log_return


def profit(step: Step) -> Floats:
    """Change of equity as a fraction of the starting equity."""
    return (step.equity - step.equity_before) / step.start


def drawdown(step: Step) -> Floats:
    """Depth below the peak, >= 0; give it a negative weight (every bar of it costs)."""
    return step.drawdown + 0.0


def drawdown_change(step: Step) -> Floats:
    """Rise of the drawdown in this bar; give it a negative weight."""
    return step.drawdown_change + 0.0


def turnover(step: Step) -> Floats:
    """Traded notional over equity; give it a negative weight."""
    return step.turnover + 0.0


def excess_over_benchmark(step: Step) -> Floats:
    """Log return less that of the equal-weight market."""
    return step.log_return - np.log1p(step.benchmark_return)


def mean_variance(step: Step, risk_aversion: float = 5.0) -> Floats:
    """Simple return less half the risk aversion times its square.

    Source: Ritter, "Machine learning for trading", Risk 2017.
    """
    simple = step.simple_return
    return simple - 0.5 * risk_aversion * (simple * simple)


class DifferentialSharpe:
    """Derivative of an exponentially weighted Sharpe ratio with respect to its decay.

    With A and B the running means of the return and its square, one bar earns
    (B dA - A dB / 2) / (B - A^2)^(3/2); zero until a variance exists, and clipped to +-10, because
    the first bars divide by next to nothing.
    Source: Moody & Saffell, "Learning to trade via direct reinforcement", IEEE TNN 2001.
    """

    decay = 0.01

    def reset(self, rows: NDArray[np.int64]) -> None:
        """Forgets the past of some accounts; the first call names them all."""
        if not hasattr(self, "_mean"):
            self._mean, self._square = np.zeros(rows.size), np.zeros(rows.size)
        self._mean[rows] = self._square[rows] = 0.0

    def __call__(self, step: Step) -> Floats:
        """Rewards one bar and moves the running moments."""
        simple = step.simple_return
        d_mean, d_square = simple - self._mean, simple**2 - self._square
        variance = self._square - self._mean**2
        known = variance > 1e-12
        spread = np.where(known, variance, 1.0) ** 1.5
        reward = np.where(known, (self._square * d_mean - 0.5 * self._mean * d_square) / spread, 0)
        self._mean += self.decay * d_mean
        self._square += self.decay * d_square
        return np.clip(reward, -10.0, 10.0)


class DifferentialSortino:
    """The same derivative for the downside deviation ratio: only losses count as risk; clipped too.

    Source: Moody & Saffell 2001, equation for the differential downside deviation ratio.
    """

    decay = 0.01

    def reset(self, rows: NDArray[np.int64]) -> None:
        """Forgets the past of some accounts; the first call names them all."""
        if not hasattr(self, "_mean"):
            self._mean, self._downside = np.zeros(rows.size), np.zeros(rows.size)
        self._mean[rows] = self._downside[rows] = 0.0

    def __call__(self, step: Step) -> Floats:
        """Rewards one bar and moves the running moments."""
        simple, mean = step.simple_return, self._mean
        known = self._downside > 1e-12
        squared = np.where(known, self._downside, 1.0)
        deviation = np.sqrt(squared)
        up = (simple - 0.5 * mean) / deviation
        down = (squared * (simple - 0.5 * mean) - 0.5 * mean * simple**2) / deviation**3
        reward = np.where(known, np.where(simple > 0, up, down), 0.0)
        self._mean = mean + self.decay * (simple - mean)
        self._downside += self.decay * (np.minimum(simple, 0.0) ** 2 - self._downside)
        return np.clip(reward, -10.0, 10.0)


class CVaR:
    """Simple return less a weighted excess of the loss over its running 5 % quantile.

    The excess over the quantile, divided by the tail's probability, is the part of the conditional
    value at risk that one bar contributes. The quantile is tracked by stochastic approximation.
    Source: Rockafellar & Uryasev, "Optimization of conditional value-at-risk", J. Risk 2000.
    """

    tail, weight, decay = 0.05, 0.1, 0.02

    def reset(self, rows: NDArray[np.int64]) -> None:
        """Forgets the past of some accounts; the first call names them all."""
        if not hasattr(self, "_quantile"):
            self._quantile, self._size = np.zeros(rows.size), np.zeros(rows.size)
        self._quantile[rows] = self._size[rows] = 0.0

    def __call__(self, step: Step) -> Floats:
        """Rewards one bar and moves the running quantile."""
        simple = step.simple_return
        excess = np.maximum(-simple - self._quantile, 0.0)
        self._size += self.decay * (np.abs(simple) - self._size)
        self._quantile += self.decay * self._size * ((excess > 0) / self.tail - 1.0)
        self._quantile = np.maximum(self._quantile, 0.0)
        return simple - self.weight * excess / self.tail


REWARDS: dict[str, Callable[..., Any]] = {
    "log_return": log_return,
    "profit": profit,
    "differential_sharpe": DifferentialSharpe,
    "differential_sortino": DifferentialSortino,
    "drawdown": drawdown,
    "drawdown_change": drawdown_change,
    "mean_variance": mean_variance,
    "cvar": CVaR,
    "turnover": turnover,
    "excess_over_benchmark": excess_over_benchmark,
}
"""Every built-in reward: a function of a Step, or a class with `reset(rows)` for memory."""

NUMERIC = frozenset(
    {
        log_return,
        profit,
        drawdown,
        drawdown_change,
        mean_variance,
        turnover,
        excess_over_benchmark,
    }
)
"""Built-in rewards that work on numbers as on arrays: they keep no memory."""

PENALTIES = ("drawdown", "drawdown_change", "turnover")
"""Rewards that only make sense with a negative weight."""


class Reward:
    """A weighted sum of terms, each kept so that it can be logged.

    Attributes:
        terms: name to the last unweighted values [B] of that term.
    """

    def __init__(self, parts: Sequence[tuple[str, float, Any]]) -> None:
        self._parts = parts
        self._plain = all(
            isinstance(function, FunctionType) and function in NUMERIC for _, _, function in parts
        )
        self.terms: dict[str, Floats] = {}

    def reset(self, rows: NDArray[np.int64]) -> None:
        """Tells the terms that remember that some accounts start anew."""
        for _, _, function in self._parts:
            if hasattr(function, "reset"):
                function.reset(rows)

    def state(self) -> list[Any]:
        """Returns copies of what the terms remember; see `memory.remembered`.

        Raises:
            UsageError: a term remembers something that cannot be kept.
        """
        return [remembered(name, function) for name, _, function in self._parts]

    def restore(self, state: Sequence[Any]) -> None:
        """Gives the terms back what `state` found in those of a reward made alike."""
        for (_, _, function), memory in zip(self._parts, state, strict=True):
            remind(function, memory)

    def __call__(self, step: Step) -> Floats:
        """Returns a fresh float64 array [B].

        Raises:
            UsageError: a term has the wrong shape or is not finite.
        """
        total: Floats | None = None
        for name, weight, function in self._parts:
            values = _values(name, function, step)
            self.terms[name] = values
            total = values * weight if total is None else total + values * weight
        if total is None or not math.isfinite(total.sum()):
            raise _not_finite(self.terms)
        return total

    def single(self, step: Step, row: Row) -> tuple[float, dict[str, float]]:
        """Returns the reward of the only account and its unweighted terms, as plain numbers.

        Args:
            step: what the bar did.
            row: the same as numbers, which built-in rewards read in a third of the time.

        Raises:
            UsageError: as when called.
        """
        total, terms = 0.0, {}
        for name, weight, function in self._parts:
            value = function(row) if self._plain else _values(name, function, step).item()
            terms[name] = value
            total += value * weight
        if not math.isfinite(total):
            raise _not_finite(terms)
        return total, terms


def make_reward(reward: RewardLike, roots: Sequence[Path] = ()) -> Reward:
    """Builds a fresh reward from its name, `path.py:name`, a weighted sum, or a callable.

    Args:
        reward: what the settings or the caller gave. A class is instantiated without arguments.
        roots: where plug-in files are looked up after the current folder.

    Raises:
        UsageError: an unknown name, a weight that is no number, a penalty that would be rewarded.
    """
    if callable(reward):
        name = getattr(reward, "__name__", type(reward).__name__)
        return Reward([(name, 1.0, _instance(reward))])
    weights = {reward: 1.0} if isinstance(reward, str) else dict(reward)
    parts = []
    for name, weight in weights.items():
        if name in PENALTIES and weight > 0:
            raise UsageError(
                f"Reward '{name}' grows as things get worse, but its weight is {weight:g}."
                f" Weigh it negatively, as in {{log_return: 1, {name}: -0.1}}."
            )
        if is_plugin(name):
            function = load_plugin(name, roots).target
        elif name in REWARDS:
            function = REWARDS[name]
        else:
            raise unknown("reward", name, REWARDS, "Or name a function of yours as path.py:name.")
        parts.append((name, float(weight), _instance(function)))
    return Reward(parts)


def _not_finite(terms: Mapping[str, Any]) -> UsageError:
    bad = [name for name, values in terms.items() if not np.isfinite(values).all()]
    return UsageError(f"Reward '{', '.join(bad)}' returned NaN or infinity.")


def _values(name: str, function: Any, step: Step) -> Floats:
    try:
        values = np.asarray(function(step), dtype=np.float64)
    except DrltradeError:
        raise
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        hint = ""
        if "truth value" in str(error):
            hint = " A Step holds one number an account: use np.where instead of if."
        raise UsageError(
            f"Reward '{name}' failed with {type(error).__name__}: {error} (line {frame.lineno} of"
            f" {Path(frame.filename).name}).{hint}"
        ) from error
    if values.shape != step.equity.shape:
        raise UsageError(
            f"Reward '{name}' returned shape {values.shape}; it must return one number an account,"
            f" {step.equity.shape}. Use the Step's arrays, not Python numbers."
        )
    return values


def _instance(function: Any) -> Any:
    # An instance may remember: each batch gets its own.
    if not isinstance(function, type):
        return copy.deepcopy(function)
    try:
        return function()
    except TypeError as error:
        raise UsageError(
            f"The reward class '{function.__name__}' cannot be made without arguments: {error}."
        ) from error

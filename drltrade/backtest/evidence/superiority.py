"""Whether any of several series beats a benchmark, allowing for how many were tried."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.evidence.bootstrap import block_length
from drltrade.backtest.evidence.figures import NOTHING

__all__ = ["Superiority", "holm", "superior"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Superiority:
    """Whether a benchmark is beaten.

    Attributes:
        p: chance of so large a gain, or a larger one, where none of the models is better; of
            fewer than 3 bars NaN.
        winners: labels of the models that are better, all taken together, at the level.
    """

    p: float
    winners: tuple[str, ...]


def superior(
    benchmark: Floats,
    models: Mapping[str, Floats],
    *,
    seed: int = 0,
    draws: int = 2000,
    level: float = 0.05,
) -> Superiority:
    """Tests whether the best of several models has a higher mean return than a benchmark.

    The p-value is the consistent one of Hansen, "A test for superior predictive ability", J.
    Business and Economic Statistics 23 (2005), by a stationary bootstrap; the winners are the step
    by step set of Romano and Wolf, "Stepwise multiple testing as formalized data snooping",
    Econometrica 73 (2005). Each difference counts in units of its standard deviation, so that the
    wildest does not decide. A model that never differs from the benchmark cannot beat it: p = 1
    where none does.

    Args:
        benchmark: per-bar returns, [T].
        models: per-bar returns of the same bars by label, each [T].
        seed: of the draws.
        draws: how often to resample; p is at least 1 / (draws + 1).
        level: chance of any winner where none is better.
    """
    gains = {label: np.asarray(model) - benchmark for label, model in models.items()}
    gains = {label: gain for label, gain in gains.items() if _differs(gain)}
    if not gains:
        return Superiority(1.0, ())
    if len(benchmark) < 3:
        return Superiority(math.nan, ())
    columns = np.column_stack([gain / _scale(gain) for gain in gains.values()])
    p, better = _stepwise(columns, seed, draws, level)
    return Superiority(p, tuple(label for label, won in zip(gains, better, strict=True) if won))


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns p-values that allow for their number (Holm, Scandinavian J. Statistics 1979).

    Those below a level are significant at it, all tests taken together.

    Example:
        >>> [round(p, 6) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    steps = np.asarray(p_values, np.float64)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(order) else steps
    return [float(value) for value in adjusted]


def _differs(gain: Floats) -> bool:
    return bool(np.abs(gain).max(initial=0.0) > NOTHING)


def _scale(gain: Floats) -> float:
    """The unit of a difference: its standard deviation, of a constant one its size."""
    deviation = float(gain.std())
    return deviation if deviation > NOTHING else float(np.abs(gain).max())


def _stepwise(gains: Floats, seed: int, draws: int, level: float) -> tuple[float, list[bool]]:
    """The test's p-value and which of the columns of gains, [T, N], are above 0."""
    from arch.bootstrap import SPA

    if not (gains.mean(axis=0) > 0.0).any():
        return 1.0, [False] * gains.shape[1]  # Hansen's statistic is never below 0; arch's is
    block = max(1, round(max(block_length(column) for column in gains.T)))
    test = SPA(np.zeros(len(gains)), -gains, block_size=block, reps=draws, seed=seed)
    test.compute()
    p = (float(test.pvalues["consistent"]) * draws + 1.0) / (draws + 1.0)
    left = np.full(gains.shape[1], p < level)
    won = ~np.ones_like(left)
    # arch's own StepM fails where every model wins, and its `studentize` leaves the statistic
    # as it is: hence the steps here and the units of `superior`.
    while left.any():
        test.subset(left)
        test.compute()
        better = test.better_models(level)
        if not len(better):
            break
        won[better], left[better] = True, False
    return p, won.tolist()

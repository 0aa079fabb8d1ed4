"""How often the best of several configurations in one half of the bars is poor in the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.evidence.figures import NOTHING
from drltrade.errors import UsageError

__all__ = ["Overfit", "overfitting"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Overfit:
    """What becomes of the best configuration on bars that did not choose it.

    Attributes:
        probability: that it ranks below the median of all; a rank at the median counts half. NaN
            of fewer than two configurations or two bars a block.
        logits: [splits] log of its rank from below over its rank from above; below 0 is below the
            median.
        splits: how many halves were tried.
    """

    probability: float
    logits: Floats
    splits: int


def overfitting(returns: Floats, blocks: int = 16) -> Overfit:
    """Returns the probability of backtest overfitting by Sharpe ratio.

    The bars are cut into blocks; each half of the blocks chooses the configuration with the
    highest Sharpe ratio and the other half ranks it: combinatorially symmetric cross-validation of
    Bailey, Borwein, Lopez de Prado and Zhu, "The probability of backtest overfitting", J.
    Computational Finance 20 (2017). A constant series has a Sharpe ratio of 0.

    Args:
        returns: [T, N] per-bar excess returns of N configurations; of the first bars those that
            fill no block are left out.
        blocks: an even number; 16 make 12,870 halves.

    Raises:
        UsageError: blocks is odd or below 2.
    """
    if blocks < 2 or blocks % 2:
        raise UsageError(f"blocks = {blocks} cannot be halved. Allowed: an even number from 2 up.")
    bars, count = returns.shape
    if count < 2 or bars < 2 * blocks:
        return Overfit(math.nan, np.empty(0), 0)
    parts = returns[bars % blocks :].reshape(blocks, -1, count)
    chosen = _halves(blocks)
    length = parts.shape[1] * blocks // 2
    sums, squares = parts.sum(axis=1), (parts**2).sum(axis=1)
    inside = _sharpe(chosen @ sums, chosen @ squares, length)
    outside = _sharpe((1.0 - chosen) @ sums, (1.0 - chosen) @ squares, length)
    gap = outside - np.take_along_axis(outside, inside.argmax(axis=1)[:, None], axis=1)
    tied = np.abs(gap) <= NOTHING  # itself included
    rank = ((gap < 0.0) & ~tied).sum(axis=1) + (tied.sum(axis=1) + 1) / 2.0
    logits = np.log(rank / (count + 1.0 - rank))
    probability = float(np.mean((logits < 0.0) + 0.5 * (logits == 0.0)))
    return Overfit(probability, logits, len(logits))


def _halves(blocks: int) -> Floats:
    """Every choice of half of the blocks, one a row: 1 where chosen."""
    picks = np.array(list(combinations(range(blocks), blocks // 2)))
    halves = np.zeros((len(picks), blocks))
    np.put_along_axis(halves, picks, 1.0, axis=1)
    return halves


def _sharpe(sums: Floats, squares: Floats, length: int) -> Floats:
    mean = sums / length
    variance = np.maximum(squares - sums * mean, 0.0) / (length - 1)
    moves = variance > np.maximum(NOTHING**2, 1e-12 * squares / length)
    sharpe: Floats = np.where(moves, mean / np.sqrt(np.where(moves, variance, 1.0)), 0.0)
    return sharpe

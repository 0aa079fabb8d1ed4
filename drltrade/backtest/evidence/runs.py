"""What a few runs over several folds say about an agent.

Agarwal, Schwarzer, Castro, Courville and Bellemare, "Deep reinforcement learning at the edge of the
statistical precipice", NeurIPS 2021. Scores are [S, F]: S runs on each of F folds. Intervals are
percentiles of a bootstrap that draws the runs of each fold anew; of `paths` runs side by side that
are of one seed all together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.evidence.bootstrap import Interval, percentile_interval

__all__ = ["interquartile_mean", "performance_profile", "probability_of_improvement"]

Floats = NDArray[np.float64]


def interquartile_mean(
    scores: Floats, *, level: float = 0.95, draws: int = 2000, seed: int = 0, paths: int = 1
) -> Interval:
    """Returns the mean of the middle half of all scores, [S, F]; of fewer than 4 the mean.

    Steadier than the median and, unlike the mean, not decided by one lucky run. NaN of a NaN.
    """
    from scipy.stats import trim_mean

    drawn = _drawn(scores, draws, np.random.default_rng(seed), paths).reshape(draws, -1)
    middle = float(trim_mean(scores, 0.25, axis=None))
    values = np.asarray(trim_mean(drawn, 0.25, axis=1))
    return percentile_interval(middle, values, level)


def probability_of_improvement(
    ours: Floats,
    theirs: Floats,
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
    paths: int = 1,
) -> Interval:
    """Returns the chance that a run of ours scores above a run of theirs on a fold at random.

    The mean over folds of the share of pairs in which ours is higher, a tie counting half (the
    statistic of Mann and Whitney). NaN of a NaN.

    Args:
        ours: [S, F].
        theirs: [S', F], the same folds.
        level: share of the draws that the interval holds.
        draws: how often to resample.
        seed: of the draws.
        paths: how many of our runs are of one seed.
    """
    rng = np.random.default_rng(seed)
    values = _share_won(_drawn(ours, draws, rng, paths), _drawn(theirs, draws, rng))
    return percentile_interval(float(_share_won(ours, theirs)), values, level)


def performance_profile(
    scores: Floats,
    thresholds: Sequence[float] | Floats,
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> tuple[Interval, ...]:
    """Returns for each threshold the share of runs and folds, [S, F], that score above it.

    NaN of a NaN.
    """
    drawn = _drawn(scores, draws, np.random.default_rng(seed)).reshape(draws, -1)
    undefined = 0.0 if np.isfinite(scores).all() else np.nan
    return tuple(
        percentile_interval(
            float(np.mean(scores > threshold)) + undefined,
            np.mean(drawn > threshold, axis=1),
            level,
        )
        for threshold in thresholds
    )


def _drawn(scores: Floats, draws: int, rng: np.random.Generator, paths: int = 1) -> Floats:
    """Runs drawn with replacement within each fold: [draws, S, F]."""
    seeds = scores.reshape(-1, paths, scores.shape[1])
    picks = rng.integers(len(seeds), size=(draws, len(seeds), scores.shape[1]))
    drawn: Floats = np.take_along_axis(seeds[None], picks[:, :, None, :], axis=1)
    return drawn.reshape(draws, *scores.shape)


def _share_won(ours: Floats, theirs: Floats) -> Floats:
    """Mean over folds of the share of pairs that ours wins: [..., S, F] and [..., S', F] to [...].

    The sign of a difference is 1, 0 or -1: a half of 1 + sign is a win, a tie or a loss.
    """
    signs = np.sign(ours[..., :, None, :] - theirs[..., None, :, :])
    share: Floats = (1.0 + signs.mean(axis=(-3, -2, -1))) / 2.0
    return share

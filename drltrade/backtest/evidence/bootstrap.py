"""How far a figure could have come out otherwise, by resampling runs and stretches of bars."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.evidence.figures import NOTHING, Figure

__all__ = [
    "Interval",
    "block_length",
    "drawn_figures",
    "interval",
    "intervals",
    "paired_interval",
    "paired_intervals",
    "percentile_interval",
    "resampled",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CHUNK = 250_000
"""Bars that are drawn at once, over all draws: few enough to stay in a processor's cache."""
SHORTEST = 16
"""Bars below which no dependence can be estimated."""


@dataclass(frozen=True)
class Interval:
    """A figure with the interval of what resampling makes of it.

    Attributes:
        low: lower end; NaN where the figure is undefined.
        middle: the figure as it came out, of several runs their median. Of a figure that
            resampling shifts, such as a drawdown, it can lie outside.
        high: upper end.
        level: share of the draws inside, such as 0.95.
    """

    low: float
    middle: float
    high: float
    level: float


def block_length(returns: Floats) -> float:
    """Returns the mean length of blocks, in bars, that keeps the dependence of returns; at least 1.

    The best length for a stationary bootstrap of the mean (Politis and White, Econometric Reviews
    23, 2004, corrected by Patton, Politis and White 2009), the longer of those for the returns and
    for their squares, so that calm and wild stretches stay together; the mean over series.

    Args:
        returns: [T], or [S, T] of S series.
    """
    from arch.bootstrap import optimal_block_length

    series = np.atleast_2d(returns)
    moving = series[np.ptp(series, axis=1) > NOTHING]
    if series.shape[1] < SHORTEST or not len(moving):
        return 1.0
    columns = np.concatenate([moving, (moving - moving.mean(axis=1, keepdims=True)) ** 2])
    with np.errstate(divide="ignore", invalid="ignore"):
        lengths = optimal_block_length(columns.T)["stationary"].to_numpy(np.float64)
    lengths = np.maximum(np.nan_to_num(lengths, nan=1.0), 1.0).reshape(2, -1)
    return float(lengths.max(axis=0).mean())


def resampled(
    bars: int, draws: int, block: float, seed: int | np.random.Generator
) -> NDArray[np.int32]:
    """Draws bars by the stationary bootstrap: [draws, bars] indices, in blocks that wrap round.

    Each bar follows the one before it, or with probability 1 / block starts anew anywhere: Politis
    and Romano, "The stationary bootstrap", J. American Statistical Association 89 (1994).
    """
    rng = np.random.default_rng(seed)
    place = np.arange(bars, dtype=np.int32)
    anew = rng.random((draws, bars), np.float32) < 1.0 / block
    anew[:, 0] = True
    shifts = rng.integers(bars, size=(draws, bars), dtype=np.int32)
    started = np.maximum.accumulate(np.where(anew, place, np.int32(0)), axis=1)
    indices: NDArray[np.int32] = (np.take_along_axis(shifts, started, axis=1) + place) % bars
    return indices


def interval(
    figure: Figure,
    returns: Floats,
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
    block: float | None = None,
) -> Interval:
    """Returns the interval of one figure; see `intervals`."""
    return intervals({"": figure}, returns, level=level, draws=draws, seed=seed, block=block)[""]


def paired_interval(
    figure: Figure,
    returns: Floats,
    baseline: Floats,
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
    block: float | None = None,
) -> Interval:
    """Returns the interval of one figure's difference; see `paired_intervals`."""
    return paired_intervals(
        {"": figure}, returns, baseline, level=level, draws=draws, seed=seed, block=block
    )[""]


def intervals(
    figures: Mapping[str, Figure],
    returns: Floats,
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
    block: float | None = None,
    paths: int = 1,
) -> dict[str, Interval]:
    """Returns the interval of each figure's median over runs, by a bootstrap on two levels.

    Each draw takes as many runs as there are, with replacement, and one set of blocks of bars
    (`resampled`) for all of them, for they lived through the same market. Percentile intervals.

    Args:
        figures: what to compute of returns, [..., T] to [...].
        returns: simple per-bar returns: [T], or [S, T] of S runs.
        level: share of the draws that the interval holds.
        draws: how often to resample.
        seed: of the draws; the same gives the same intervals.
        block: mean bars of a block; `block_length` of the returns unless given.
        paths: how many runs, side by side, are of one seed and drawn together.
    """
    runs = np.atleast_2d(returns)
    if runs.shape[1] < 2:
        return _undefined(figures, level)
    block = block_length(runs) if block is None else block
    drawn = drawn_figures(figures, runs, draws, block, seed)
    rng = np.random.default_rng([seed, 1])
    return {
        name: percentile_interval(
            float(np.median(figures[name](runs))), _median_of_runs(values, rng, paths), level
        )
        for name, values in drawn.items()
    }


def paired_intervals(
    figures: Mapping[str, Figure],
    returns: Floats,
    baseline: Floats,
    *,
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
    block: float | None = None,
    paths: int = 1,
) -> dict[str, Interval]:
    """Returns the interval of each figure's median over runs less that of a baseline.

    As `intervals`; both see the same bars in each draw, so that what the market did to both
    cancels out.

    Args:
        figures: what to compute of returns, [..., T] to [...].
        returns: simple per-bar returns: [T], or [S, T] of S runs.
        baseline: of the same bars: [T], or [S', T].
        level: share of the draws that the interval holds.
        draws: how often to resample.
        seed: of the draws.
        block: mean bars of a block; `block_length` of the differences of the mean runs unless
            given.
        paths: how many of the runs, side by side, are of one seed and drawn together.
    """
    runs, others = np.atleast_2d(returns), np.atleast_2d(baseline)
    if runs.shape[1] < 2:
        return _undefined(figures, level)
    block = block_length(runs.mean(axis=0) - others.mean(axis=0)) if block is None else block
    drawn = drawn_figures(figures, np.concatenate([runs, others]), draws, block, seed)
    rng = np.random.default_rng([seed, 1])
    result = {}
    for name, values in drawn.items():
        own, other = values[: len(runs)], values[len(runs) :]
        middle = np.median(figures[name](runs)) - np.median(figures[name](others))
        gaps = _median_of_runs(own, rng, paths) - _median_of_runs(other, rng)
        result[name] = percentile_interval(float(middle), gaps, level)
    return result


def percentile_interval(middle: float, values: Floats, level: float) -> Interval:
    """Returns the interval that holds a share of the values that are finite, as much on each side.

    NaN throughout where the figure itself or every value is undefined.
    """
    finite = values[np.isfinite(values)]
    if not math.isfinite(middle) or not len(finite):
        return Interval(math.nan, math.nan, math.nan, level)
    low, high = np.quantile(finite, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(float(low), middle, float(high), level)


def _undefined(figures: Mapping[str, Figure], level: float) -> dict[str, Interval]:
    """Of so few bars no figure has an interval."""
    return {name: percentile_interval(math.nan, np.empty(0), level) for name in figures}


def drawn_figures(
    figures: Mapping[str, Figure], runs: Floats, draws: int, block: float, seed: int
) -> dict[str, Floats]:
    """Returns each figure of each run, [S, T], on each draw's bars: [S, draws].

    All runs see the same bars in a draw; see `intervals` for the arguments.
    """
    bars = runs.shape[1]
    rng = np.random.default_rng([seed, 0])
    parts: dict[str, list[Floats]] = {name: [] for name in figures}
    at_once = max(1, CHUNK // bars)
    for start in range(0, draws, at_once):
        indices = resampled(bars, min(at_once, draws - start), block, rng)
        sample = np.take(runs, indices, axis=1)  # [S, draws at once, T]
        for name, figure in figures.items():
            parts[name].append(figure(sample))
    return {name: np.concatenate(values, axis=1) for name, values in parts.items()}


def _median_of_runs(values: Floats, rng: np.random.Generator, paths: int = 1) -> Floats:
    """Median over runs drawn anew for each draw, a seed's together: [S, draws] to [draws]."""
    seeds = values.reshape(-1, paths, values.shape[1])
    picks = rng.integers(len(seeds), size=(len(seeds), values.shape[1]))
    drawn = np.take_along_axis(seeds, picks[:, None, :], axis=0)
    medians: Floats = np.median(drawn, axis=(0, 1))
    return medians

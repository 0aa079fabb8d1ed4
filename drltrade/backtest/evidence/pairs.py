"""Which of several agents differ, two by two, allowing for how many pairs are looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.evidence.bootstrap import (
    Interval,
    block_length,
    drawn_figures,
    percentile_interval,
)
from drltrade.backtest.evidence.figures import NOTHING, Figure, sharpe_ratio
from drltrade.backtest.evidence.superiority import holm

__all__ = ["MOST_PAIRS", "Contrast", "Contrasts", "contrasts"]

Floats = NDArray[np.float64]

MOST_PAIRS = 40
"""More are not shown: nobody reads them, and each costs all others some of their power."""
_DRAWS_A_PAIR = 50  # an adjusted p-value is at least pairs / draws: it must be able to be small


@dataclass(frozen=True)
class Contrast:
    """What the first of two earned beyond the second on the same bars.

    Attributes:
        first: label of the one.
        second: label of the other.
        sharpe: difference of their annual Sharpe ratios, with its interval.
        mean: difference of their mean returns a year, a fraction.
        p: chance of a difference of the means so far from 0 on either side where there is none.
        adjusted: the same, allowing for all pairs that are shown.
    """

    first: str
    second: str
    sharpe: Interval
    mean: float
    p: float
    adjusted: float


@dataclass(frozen=True)
class Contrasts:
    """Every pair that is shown.

    Attributes:
        pairs: in the order of the agents, then each against the rival.
        possible: how many pairs there are; more than are shown where those would be too many.
        leader: whose pairs alone are shown then; else None.
        rivals: whom each agent is held against beside the others.
    """

    pairs: tuple[Contrast, ...]
    possible: int
    leader: str | None
    rivals: tuple[str, ...] = ()

    @property
    def plain(self) -> dict[str, Any]:
        """The same as plain values for JSON."""
        return asdict(self)


def contrasts(
    agents: Mapping[str, Floats],
    per_year: float,
    *,
    rival: Mapping[str, Floats] | None = None,
    leader: str | None = None,
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Contrasts:
    """Compares every two agents, and each agent with a rival that was chosen beforehand.

    The p-value is that of the mean difference by the centred stationary bootstrap, two-sided; those
    of all pairs shown are adjusted by Holm's step-down method, which needs no independence. In each
    draw everybody sees the same bars, in blocks as long as the pair with the longest memory needs.

    Args:
        agents: per-bar returns above cash of the same bars by label, each [T], seeds averaged.
        per_year: bars in a year.
        rival: the same of whom each agent is held against too.
        leader: the agent that was best before these bars were read. Its pairs alone are shown where
            all would be more than MOST_PAIRS; the first agent's unless given. To take the one that
            is best on these bars would make its pairs look surer than they are.
        draws: how often to resample, more where there are very many pairs.
        seed: of the draws; the same gives the same numbers.
        level: share of the draws that the interval of a Sharpe difference holds.

    Returns:
        Their p-values are NaN on fewer than 3 bars, and 1 for two that never differ; a Sharpe
        difference is NaN where either ratio is undefined.
    """
    others = dict(rival or {})
    every = [*combinations(agents, 2), *((agent, other) for agent in agents for other in others)]
    alone = (leader or next(iter(agents))) if len(every) > MOST_PAIRS else None
    # The leader comes first in its pairs: all their signs then say the same.
    chosen = [(a, b) if b != alone else (b, a) for a, b in every if alone in (None, a, b)]
    if not chosen:
        return Contrasts((), 0, None, tuple(others))
    found = _Compared.on(
        {**agents, **others}, chosen, max(draws, _DRAWS_A_PAIR * len(chosen)), seed
    )
    year = math.sqrt(per_year)
    shown = tuple(
        Contrast(
            *pair,
            percentile_interval(float(found.sharpe[at]) * year, found.drawn[at] * year, level),
            float(found.mean[at]) * per_year,
            float(found.p[at]),
            adjusted,
        )
        for at, (pair, adjusted) in enumerate(zip(chosen, holm(found.p.tolist()), strict=True))
    )
    return Contrasts(shown, len(every), alone, tuple(others))


@dataclass(frozen=True, eq=False)
class _Compared:
    """Of P pairs the gaps of the mean and of the Sharpe ratio, a bar, and what draws make of them.

    Attributes:
        mean: [P].
        p: [P].
        sharpe: [P].
        drawn: [P, draws] gaps of the Sharpe ratio.
    """

    mean: Floats
    p: Floats
    sharpe: Floats
    drawn: Floats

    @classmethod
    def on(
        cls, series: Mapping[str, Floats], pairs: Sequence[tuple[str, str]], draws: int, seed: int
    ) -> _Compared:
        place = {label: at for at, label in enumerate(series)}
        first, second = np.array([[place[a], place[b]] for a, b in pairs]).T
        returns = np.array(list(series.values()), np.float64)  # [N, T]
        gaps = returns[first] - returns[second]  # [P, T]
        if gaps.shape[1] < 3:
            nothing = np.full(len(pairs), math.nan)
            return cls(gaps.mean(axis=1), nothing, nothing, nothing[:, None])
        block = max(block_length(gap) for gap in gaps)
        drawn = drawn_figures(_FIGURES, returns, draws, block, seed)  # each [N, draws]
        ratios = sharpe_ratio(returns)
        return cls(
            gaps.mean(axis=1),
            _two_sided(gaps, drawn["mean"][first] - drawn["mean"][second]),
            ratios[first] - ratios[second],
            drawn["sharpe"][first] - drawn["sharpe"][second],
        )


def _mean(returns: Floats) -> Floats:
    mean: Floats = returns.mean(axis=-1)
    return mean


_FIGURES: Mapping[str, Figure] = {"mean": _mean, "sharpe": sharpe_ratio}


def _two_sided(gaps: Floats, drawn: Floats) -> Floats:
    """The p-value of each pair's mean gap, of its gaps, [P, T], and its drawn means, [P, draws]."""
    mean = gaps.mean(axis=1, keepdims=True)
    beyond = (np.abs(drawn - mean) >= np.abs(mean)).sum(axis=1)
    p = (beyond + 1.0) / (drawn.shape[1] + 1.0)
    tested: Floats = np.where(np.abs(gaps).max(axis=1) > NOTHING, p, 1.0)
    return tested

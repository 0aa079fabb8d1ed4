"""What is judged, and what an experiment shows: figures that a report puts into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.record import Record

__all__ = ["ENOUGH_SEEDS", "AgentEvidence", "Contender", "Evidence", "Skill", "Spread"]

Floats = NDArray[np.float64]

ENOUGH_SEEDS = 5
"""Fewer seeds are shown as a range: an interval of so few claims more than they can say."""


@dataclass(frozen=True, eq=False)
class Contender:
    """What is judged under one name: an agent, or a rule that it must beat.

    Attributes:
        label: its name.
        records: one a seed (and path, those of a seed side by side) over all out-of-sample bars;
            those of all contenders share their bars.
        folds: [S, F] annual Sharpe ratio of each record on the test bars of each fold.
        gap: annual Sharpe ratios on `train`, `valid` and `test`, medians over seeds and folds.
    """

    label: str
    records: tuple[Record, ...]
    folds: Floats = field(default_factory=lambda: np.empty((0, 0)))
    gap: Mapping[str, float] = field(default_factory=dict)

    @property
    def enough(self) -> bool:
        """Whether there are seeds enough for an interval."""
        return self.seeds >= ENOUGH_SEEDS

    @property
    def seeds(self) -> int:
        """How many trainings the records come from: the paths of a seed share its policies."""
        return len(self.records) // self.paths

    @cached_property
    def paths(self) -> int:
        """How many records, side by side, are of one seed; policies that act together have none."""
        stated = [record.assumptions for record in self.records]
        own = ["ensemble" if "ensemble" in s else s.get("seed", at) for at, s in enumerate(stated)]
        paths = len(own) // len(set(own))
        return paths if own == [seed for seed in own[::paths] for _ in range(paths)] else 1

    @cached_property
    def returns(self) -> Floats:
        """[S, T] simple per-bar returns."""
        return np.array([record.returns for record in self.records])

    @cached_property
    def excess(self) -> Floats:
        """[S, T] simple per-bar returns above cash."""
        return np.array([record.returns - record.cash_returns for record in self.records])

    @cached_property
    def mean(self) -> Floats:
        """[T] returns of the seeds' average: what an equal stake in each would have made."""
        mean: Floats = self.excess.mean(axis=0)
        return mean


@dataclass(frozen=True)
class Spread:
    """A figure with its lowest and highest credible value: an interval, or a range over seeds."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class Skill:
    """The answer to the one question, by a rule that is fixed before the test is read.

    Attributes:
        found: whether p is below the level.
        p: the larger of the p-values below: both rivals have to be beaten.
        against: Hansen's SPA p-value against each rival, the family being all agents.
        family: every agent of the experiment; to pick one of them costs something.
        winners: agents that beat every rival by StepM at the same level.
    """

    found: bool
    p: float
    against: Mapping[str, float]
    family: tuple[str, ...]
    winners: tuple[str, ...]


@dataclass(frozen=True)
class AgentEvidence:
    """How much the figures of one agent can bear.

    Attributes:
        seeds: trainings that they come from.
        spread: what the spreads are: a 95 % `interval`, or a `range` over fewer than five seeds.
        figures: headline metrics, by name; medians over seeds and paths. An account that never
            traded has a Sharpe ratio of 0 here.
        against: differences to cash and to the chosen baseline on the same bars, by name.
        psr: probability that the Sharpe ratio of the seeds' average is above 0.
        deflated: the same above the best that so many trials reach by luck: `trials`, `threshold`
            (annual) and `probability`.
        track_record: `bars` there are, and `needed` for 95 % confidence in a Sharpe above 0.
        improvement: chance that a run of it beats the baseline on a fold; as the next without low
            and high, NaN, where the seeds are too few for an interval.
        interquartile_mean: of the Sharpe ratios of all seeds and folds.
        achievable: log growth above the baseline's over what hindsight had above it; NaN where
            hindsight is not known.
        gap: Sharpe ratios on train, validation and test bars.
        paths: records of each seed: ways through the folds.
    """

    seeds: int
    spread: Literal["interval", "range"]
    figures: Mapping[str, Spread]
    against: Mapping[str, Mapping[str, Spread]]
    psr: float
    deflated: Mapping[str, float]
    track_record: Mapping[str, float]
    improvement: Mapping[str, Spread]
    interquartile_mean: Spread | None
    achievable: float
    gap: Mapping[str, float]
    paths: int = 1


@dataclass(frozen=True)
class Evidence:
    """What an experiment shows, as numbers; a report puts them into words.

    Attributes:
        level: of all tests.
        interval: `start`, `end`, `bars` and `years` of the out-of-sample bars.
        trials: how many policies were ever judged on these bars (`test`), and how many candidates
            the validation chose among (`valid`).
        baseline: the rule with the best validation score (`label`, `score`); cash where there is
            no other.
        skill: whether any agent beat cash and that rule beyond chance.
        agents: by label.
        folds: for each fold its `number`, its `test` bars and the `sharpe` of everyone.
        overfitting: chance that the best in one half of the bars is below the median in the other
            (`probability`), of so many `configurations`; None of a single one.
        profile: share of runs above each of the `thresholds` (annual Sharpe), by label.
        warnings: sentences that follow from the figures by rule.
    """

    level: float
    interval: Mapping[str, Any]
    trials: Mapping[str, int]
    baseline: Mapping[str, Any]
    skill: Skill
    agents: Mapping[str, AgentEvidence]
    folds: tuple[Mapping[str, Any], ...]
    overfitting: Mapping[str, float] | None
    profile: Mapping[str, tuple[float, ...]] | None
    warnings: tuple[str, ...]

    @property
    def plain(self) -> dict[str, Any]:
        """The same as plain values for JSON."""
        return asdict(self)

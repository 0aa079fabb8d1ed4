"""One line of a comparison: an agent with a record per seed, a strategy, or a reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.metrics import METRICS, compute_metrics
from drltrade.backtest.record import Record
from drltrade.errors import UsageError
from drltrade.report.words import runs

__all__ = ["Entry", "Kind", "best", "of_kind"]

Floats = NDArray[np.float64]
Kind = Literal["agent", "strategy", "reference"]


@dataclass(frozen=True, eq=False)
class Entry:
    """What is compared under one name.

    Attributes:
        label: the name in tables and legends.
        records: one per seed, and per path through the folds where there are several ways; a rule
            without chance has one.
        kind: "agent" was trained, "strategy" is a rule and serves as a baseline, "reference" knows
            more than a trader could (hindsight, a known optimum) and is beaten by nobody.
        seeds: the seeds in the order of the records; by default what the records say.

    Raises:
        UsageError: there is no record.
    """

    label: str
    records: tuple[Record, ...]
    kind: Kind = "agent"
    seeds: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not self.records:
            raise UsageError(f"'{self.label}' has no record to report.")

    @property
    def joint(self) -> bool:
        """Whether it is several trained policies that act together: it has no seed of its own."""
        return "ensemble" in self.records[0].assumptions

    @cached_property
    def trainings(self) -> int:
        """How many seeds the records come from: paths through the folds share their policies."""
        return 1 if self.joint else len({self.seed(at) for at in range(len(self.records))})

    @property
    def runs(self) -> str:
        """The records counted in words: "5 seeds", "5 paths of one seed"."""
        paths, rest = divmod(len(self.records), self.trainings)
        return runs(len(self.records)) if rest else runs(self.trainings, paths)

    @cached_property
    def figures(self) -> dict[str, Floats]:
        """Every metric over the seeds, [S] each, NaN where undefined."""
        rows = [compute_metrics(record) for record in self.records]
        return {name: np.array([row[name] for row in rows]) for name in METRICS}

    def median(self, name: str) -> float:
        """Median of a metric over the seeds where it is defined, else NaN."""
        defined = self._defined(name)
        return float(np.median(defined)) if defined.size else math.nan

    def range(self, name: str) -> tuple[float, float]:
        """Lowest and highest value of a metric over the seeds where it is defined, else NaN."""
        defined = self._defined(name)
        return (float(defined.min()), float(defined.max())) if defined.size else (math.nan,) * 2

    def seed(self, index: int) -> int:
        """The seed of one record; where nothing says it, its place in the list."""
        if self.seeds is not None and index < len(self.seeds):
            return self.seeds[index]
        return int(self.records[index].assumptions.get("seed", index))

    @cached_property
    def middle(self) -> int:
        """Index of the seed with the median final equity (the lower one of an even number)."""
        order = np.argsort([record.equity[-1] / record.equity[0] for record in self.records])
        return int(order[(len(order) - 1) // 2])

    @property
    def shown(self) -> Record:
        """The one record that pictures of a single account show: the median seed's."""
        return self.records[self.middle]

    def _defined(self, name: str) -> Floats:
        values = self.figures[name]
        return values[np.isfinite(values)]


def of_kind(entries: Sequence[Entry], *kinds: Kind) -> list[Entry]:
    """Returns the entries of some kinds, in the order of the kinds, then as given."""
    return [entry for kind in kinds for entry in entries if entry.kind == kind]


def best(entries: Sequence[Entry]) -> Entry | None:
    """Returns the entry with the highest median total return, None of none."""
    return max(entries, key=lambda entry: entry.median("total_return"), default=None)

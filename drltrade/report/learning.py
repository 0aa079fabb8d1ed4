"""How the validation score went while agents trained, and whether it still moved at the end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.report.entry import Entry
from drltrade.report.evidence_figures import curve
from drltrade.report.figures import Figure
from drltrade.report.grid import Cell, Grid, Line
from drltrade.report.thin import numbers
from drltrade.report.words import UNDEFINED, count, ratio

__all__ = ["Learning", "learning_figure", "learning_view"]

Floats = NDArray[np.float64]

_FIFTH = 5


@dataclass(frozen=True, eq=False)
class Learning:
    """The checkpoints of one agent.

    Attributes:
        steps: [K] environment steps of each.
        scores: [R, K] validation score of each run (seed and fold) there.
    """

    steps: Sequence[int]
    scores: Floats

    @property
    def change(self) -> tuple[float, float]:
        """By how much the score of the last fifth is above that of the fifth before, over runs.

        Returns:
            The mean and its standard error: a change of less than two of them is none to be seen.
            NaN where there are too few checkpoints, or runs, to say.
        """
        length = max(1, round(len(self.steps) / _FIFTH))
        if len(self.steps) < 2 * length:
            return math.nan, math.nan
        late = self.scores[:, -length:].mean(axis=1)
        gain = late - self.scores[:, -2 * length : -length].mean(axis=1)
        several = len(gain) > 1
        error = float(gain.std(ddof=1)) / math.sqrt(len(gain)) if several else math.nan
        return float(gain.mean()), error


def learning_view(curves: Mapping[str, Learning]) -> Grid:
    """Returns the table: where each agent's score began, was best and ended, and if it is flat."""
    lines = [Line(name, _cells(learning)) for name, learning in curves.items()]
    columns = [
        ("Runs", ""),
        ("First", "checkpoint"),
        ("Best", "checkpoint"),
        ("Last", "checkpoint"),
        ("Change in the last fifth", "standard error"),
        ("Still moving", "beyond two errors"),
    ]
    caption = "Validation Sharpe ratio over training, means over the seeds and folds"
    return Grid("learning", caption, "Name", columns, [("", lines)])


def learning_figure(curves: Mapping[str, Learning], entries: Sequence[Entry]) -> Figure:
    """Draws the mean validation score of each agent over its training."""
    data = []
    for number, (name, learning) in enumerate(curves.items()):
        share = np.array(learning.steps, dtype=np.float64) / max(learning.steps)
        line = curve(name, number, numbers(share), numbers(learning.scores.mean(axis=0)), entries)
        data.append(line | {"hovertemplate": "%{y:.2f}<extra>%{fullData.name}</extra>"})
    layout: dict[str, Any] = {
        "hovermode": "x",
        "xaxis": {"title": {"text": "Share of the training"}, "tickformat": ".0%"},
        "yaxis": {"title": {"text": "Validation Sharpe ratio"}, "zeroline": True},
        "showlegend": True,
    }
    return {"data": data, "layout": layout}


def _cells(learning: Learning) -> list[Cell]:
    means = learning.scores.mean(axis=0)
    change, error = learning.change
    moves = UNDEFINED
    if math.isfinite(error):
        moves = "no" if abs(change) <= 2.0 * error else ("upwards" if change > 0.0 else "downwards")
    shown = f"{change:+.2f}" if math.isfinite(change) else UNDEFINED
    best = int(means.argmax())
    return [
        Cell(count(len(learning.scores))),
        Cell(ratio(float(means[0]))),
        Cell(ratio(float(means[best])), f"at {learning.steps[best]:,} steps"),
        Cell(ratio(float(means[-1])), f"at {learning.steps[-1]:,} steps"),
        Cell(shown, ratio(error) if math.isfinite(error) else ""),
        Cell(moves),
    ]

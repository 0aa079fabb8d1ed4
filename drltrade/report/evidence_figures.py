"""The pictures of the evidence: every agent's Sharpe ratio with its whisker, and its profile."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from drltrade.report.entry import Entry
from drltrade.report.evidence_view import profile_curves
from drltrade.report.figures import Figure, label, line_style
from drltrade.report.thin import numbers
from drltrade.report.words import ratio

if TYPE_CHECKING:
    from drltrade.backtest.evidence.evidence import Evidence, Spread

__all__ = ["curve", "evidence_figures", "style_of", "upright"]

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "x")


def evidence_figures(evidence: Evidence, entries: Sequence[Entry]) -> dict[str, Figure]:
    """Draws what there is: `forest` always, `profile` where several runs make one."""
    figures = {"forest": _forest(evidence, entries)}
    if profile_curves(evidence.profile):
        figures["profile"] = _profile(evidence.profile or {}, entries)
    return figures


def style_of(name: str, entries: Sequence[Entry]) -> dict[str, Any]:
    """Returns the line that an entry has in every picture; the accent of one not compared."""
    for entry in entries:
        if entry.label == name:
            return line_style(entry, entries)
    return {"color": "--accent", "width": 2, "dash": "solid"}


def curve(
    name: str,
    number: int,
    x: list[float | None],
    y: list[float | None],
    entries: Sequence[Entry],
) -> dict[str, Any]:
    """A line with marks, in an entry's colour and in a shape for those who do not see it."""
    style = style_of(name, entries)
    return {
        "x": x,
        "y": y,
        "mode": "lines+markers",
        "name": label(name),
        "line": style,
        "marker": {"color": style["color"], "size": 7, "symbol": _SYMBOLS[number % len(_SYMBOLS)]},
    }


def upright(value: float) -> dict[str, Any]:
    """A dashed upright line across a picture, as a shape of its layout."""
    return {
        "type": "line", "xref": "x", "yref": "paper", "x0": value, "x1": value, "y0": 0, "y1": 1,
        "line": {"color": "--baseline", "width": 1.5, "dash": "dash"},
    }  # fmt: skip


def _forest(evidence: Evidence, entries: Sequence[Entry]) -> Figure:
    """One point and whisker an agent, the first on top; below them the baseline and its line."""
    data = [
        _point(name, agent.figures["sharpe"], style_of(name, entries)["color"])
        for name, agent in evidence.agents.items()
        if "sharpe" in agent.figures
    ]
    layout: dict[str, Any] = {
        "hovermode": "closest",
        "margin": {"l": 8, "r": 16, "t": 32, "b": 40},
        "xaxis": {"title": {"text": "Sharpe ratio, annual"}, "zeroline": True},
        "yaxis": {"type": "category", "autorange": "reversed", "showgrid": False},
    }
    rival = str(evidence.baseline["label"])
    level = next((e.median("sharpe") for e in entries if e.label == rival), math.nan)
    if math.isfinite(level):
        point = _point(rival, None, "--baseline", level)
        data.append(point | {"marker": point["marker"] | {"symbol": "diamond-open"}})
        layout["shapes"] = [upright(level)]
    return {"data": data, "layout": layout}


def _point(
    name: str, spread: Spread | None, colour: str, middle: float = math.nan
) -> dict[str, Any]:
    """A mark in the row of its name, with a whisker where there is a spread."""
    point: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": numbers(np.array([middle if spread is None else spread.middle])),
        "y": [label(name)],
        "marker": {"color": colour, "size": 11},
        "hovertemplate": f"{label(name)}<br>Sharpe %{{x:.2f}}<extra></extra>",
        "showlegend": False,
    }
    if spread is None:
        return point
    told = f"{ratio(spread.middle)}, {ratio(spread.low)} to {ratio(spread.high)}"
    return point | {
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [_length(spread.middle, spread.high)],
            "arrayminus": [_length(spread.low, spread.middle)],
            "color": colour,
            "thickness": 2,
            "width": 7,
        },
        "hovertemplate": f"{label(name)}<br>Sharpe {told}<extra></extra>",
    }


def _length(low: float, high: float) -> float | None:
    return float(f"{high - low:.6g}") if math.isfinite(high - low) else None


def _profile(profile: Mapping[str, Any], entries: Sequence[Entry]) -> Figure:
    thresholds = numbers(np.array(profile["thresholds"], dtype=np.float64))
    data = [
        curve(name, number, thresholds, numbers(np.array(shares, dtype=np.float64), 4), entries)
        | {"hovertemplate": "above %{x}: %{y:.0%}<extra>%{fullData.name}</extra>"}
        for number, (name, shares) in enumerate(profile_curves(profile).items())
    ]
    layout = {
        "hovermode": "x",
        "xaxis": {"title": {"text": "Sharpe ratio, annual"}},
        "yaxis": {
            "title": {"text": "Share of runs above"},
            "tickformat": ".0%",
            "range": [0, 1.02],
        },
        "showlegend": True,
    }
    return {"data": data, "layout": layout}

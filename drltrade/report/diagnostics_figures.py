"""The pictures of the diagnostics: Sharpe ratio against costs, importance against lag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from drltrade.report.diagnostics_view import cost_points, lag_points
from drltrade.report.entry import Entry
from drltrade.report.evidence_figures import curve, upright
from drltrade.report.figures import Figure, label
from drltrade.report.thin import numbers

__all__ = ["diagnostics_figures"]


def diagnostics_figures(
    diagnostics: Mapping[str, Mapping[str, Any]], entries: Sequence[Entry]
) -> dict[str, Figure]:
    """Draws `multipliers` and `lags` of the policies that have them."""
    costs = {name: each["costs"] for name, each in diagnostics.items() if each.get("costs")}
    importance = {name: each.get("importance") or {} for name, each in diagnostics.items()}
    lags = {name: lag_points(each["lags"]) for name, each in importance.items() if each.get("lags")}
    figures = {}
    if costs:
        figures["multipliers"] = _multipliers(costs, entries)
    if any(len(each) > 1 for each in lags.values()):
        figures["lags"] = _lags(lags, entries)
    return figures


def _multipliers(costs: Mapping[str, Mapping[str, Any]], entries: Sequence[Entry]) -> Figure:
    data: list[dict[str, Any]] = []
    for number, (name, each) in enumerate(costs.items()):
        points = cost_points(each)
        x = np.array(list(points))
        y = np.array([sharpe for sharpe, _ in points.values()], dtype=np.float64)
        line = curve(name, number, numbers(x), numbers(y), entries)
        data.append(line | {"hovertemplate": "× %{x}: %{y:.2f}<extra>%{fullData.name}</extra>"})
        if each.get("break_even") is not None:
            data.append(_crossing(name, float(each["break_even"]), x, y, line["line"]["color"]))
    layout = {
        "hovermode": "closest",
        "xaxis": {"title": {"text": "Multiple of the assumed costs"}},
        "yaxis": {"title": {"text": "Sharpe ratio, annual"}, "zeroline": True},
        "showlegend": True,
        "shapes": [upright(1.0)],
    }
    return {"data": data, "layout": layout}


def _crossing(name: str, value: float, x: Any, y: Any, colour: str) -> dict[str, Any]:
    """A mark on the curve where nothing is left."""
    known = np.isfinite(y)
    height = np.interp(value, x[known], y[known]) if known.any() else 0.0
    return {
        "x": numbers(np.array([value])),
        "y": numbers(np.array([height])),
        "mode": "markers",
        "name": f"{label(name)} breaks even",
        "marker": {
            "symbol": "x-thin-open",
            "size": 12,
            "color": colour,
            "line": {"color": colour, "width": 2.5},
        },
        "hovertemplate": f"{label(name)} breaks even at × {value:.2f}<extra></extra>",
        "showlegend": False,
    }


def _lags(
    lags: Mapping[str, Mapping[tuple[int, int], float | None]], entries: Sequence[Entry]
) -> Figure:
    data = []
    for number, (name, points) in enumerate(lags.items()):
        x: list[float | None] = [(first + last) / 2 for first, last in points]
        y = numbers(np.array(list(points.values()), dtype=np.float64), 4)
        hover = "%{x} bars ago: %{y:.2%}<extra>%{fullData.name}</extra>"
        data.append(curve(name, number, x, y, entries) | {"hovertemplate": hover})
    layout = {
        "hovermode": "closest",
        "xaxis": {"title": {"text": "Bars ago"}},
        "yaxis": {
            "title": {"text": "Mean change of the position"},
            "tickformat": ".1%",
            "rangemode": "tozero",
        },
        "showlegend": True,
    }
    return {"data": data, "layout": layout}

"""The two pictures that compare everybody: growth with its drawdown, as plain plotly dicts.

Colours are written as CSS variables of the page (`--agent-1`, with a share of opacity as
`--agent-1/0.2`); the page's script puts the values of the light or dark palette in.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.metrics import drawdowns
from drltrade.report.entry import Entry, of_kind
from drltrade.report.thin import LIMIT, numbers, stamps, thin

__all__ = ["Figure", "Floats", "growth_figure", "label", "line_style"]

Figure = dict[str, Any]
Floats = NDArray[np.float64]

_COLOURS = 6
_DASHES = ("solid", "dash", "dot", "dashdot", "12px,3px", "2px,6px", "12px,3px,2px,3px")


def label(name: str) -> str:
    """Escapes a name for plotly, whose texts understand some HTML."""
    return html.escape(name, quote=False)


def line_style(entry: Entry, entries: Sequence[Entry]) -> dict[str, Any]:
    """Gives an entry its line: what is judged a colour each, the others grey with a dash each.

    Without agents everything is judged.
    """
    agents = of_kind(entries, "agent")
    same = of_kind(entries, entry.kind) if agents else of_kind(entries, "strategy", "reference")
    place = next(i for i, other in enumerate(same) if other is entry)
    if entry.kind == "agent" or not agents:
        dash = _DASHES[place // _COLOURS % len(_DASHES)]
        return {"color": f"--agent-{place % _COLOURS + 1}", "width": 2, "dash": dash}
    colour = "--baseline" if entry.kind == "strategy" else "--reference"
    return {"color": colour, "width": 1.5, "dash": _DASHES[place % len(_DASHES)]}


def growth_figure(entries: Sequence[Entry], limit: int = LIMIT) -> Figure:
    """Draws the value of 1 over time, and the drawdown below it.

    An agent is the median over its seeds bar by bar with a band from the lowest to the highest;
    everything else with several records too. The drawdown is that of the median seed's account.
    """
    data: list[dict[str, Any]] = []
    for number, entry in enumerate(of_kind(entries, "agent", "strategy", "reference")):
        data += _growth_traces(entry, line_style(entry, entries), f"g{number}", limit)
    layout = {
        "hovermode": "x",
        "xaxis": {"anchor": "y2", "domain": [0, 1], "type": "date"},
        "yaxis": {"domain": [0.36, 1], "tickformat": ",.2~f", **_scale(entries)},
        "yaxis2": {
            "domain": [0, 0.28],
            "title": {"text": "Drawdown"},
            "tickformat": ".0%",
            "rangemode": "tozero",
        },
        "showlegend": True,
    }
    return {"data": data, "layout": layout}


def _scale(entries: Sequence[Entry]) -> dict[str, Any]:
    """Chooses a log axis where somebody grew tenfold and nobody fell to almost nothing."""
    curves = [_curves(entry) for entry in entries]
    top, bottom = max(c.max() for c in curves), min(c.min() for c in curves)
    if top > 10.0 and bottom > 0.05:
        return {"type": "log", "dtick": "D2", "title": {"text": "Value of 1, log scale"}}
    return {"title": {"text": "Value of 1"}}


def _growth_traces(
    entry: Entry, style: dict[str, Any], group: str, limit: int
) -> list[dict[str, Any]]:
    curves = _curves(entry)
    middle, low, high = np.median(curves, axis=0), curves.min(axis=0), curves.max(axis=0)
    shown = entry.shown
    depth = drawdowns(shown.equity)[: len(middle)]
    several = len(curves) > 1
    rows = thin([middle, low, high, depth] if several else [middle, depth], limit)
    x = stamps(shown.stamps[rows])
    shared = {"x": x, "mode": "lines", "legendgroup": group, "name": label(entry.label)}
    traces: list[dict[str, Any]] = []
    if several:
        band = {**shared, "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
        colour = f"{style['color']}/0.18"
        traces.append({**band, "y": numbers(high[rows]), "meta": "high"})
        traces.append(
            {**band, "y": numbers(low[rows]), "meta": "low", "fill": "tonexty", "fillcolor": colour}
        )
    traces.append({**shared, "y": numbers(middle[rows]), "line": style, "meta": "median"})
    hover = "%{y:.3f}<extra>%{fullData.name}</extra>"
    traces[-1]["hovertemplate"] = hover
    traces.append(
        {
            **shared,
            "y": numbers(depth[rows], 4),
            "yaxis": "y2",
            "line": {**style, "width": 1.25},
            "showlegend": False,
            "meta": "drawdown",
            "hovertemplate": "%{y:.1%}<extra>%{fullData.name}</extra>",
        }
    )
    return traces


def _curves(entry: Entry) -> Floats:
    """Growth of 1 of every seed, [S, T]; records of unequal length end with the shortest."""
    length = min(len(record.equity) for record in entry.records)
    return np.array([record.equity[:length] / record.equity[0] for record in entry.records])

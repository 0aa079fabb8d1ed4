"""How often: the positions that were held, the actions that were chosen, the assets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from drltrade.backtest.record import Record
from drltrade.report.entry import Entry
from drltrade.report.figures import Figure, Floats, label
from drltrade.report.thin import numbers

__all__ = ["action_figure", "asset_figure", "position_figure"]

_BIN = 0.1


def position_figure(entry: Entry) -> Figure:
    """Draws how often each position was held at a close, over all seeds, bars and assets."""
    held = np.concatenate([record.path.weights[1:].ravel() for record in entry.records])
    reach = max(1.0, float(np.ceil(np.abs(held).max(initial=0.0) / _BIN - 1e-9)) * _BIN)
    sides = round(reach / _BIN)
    centres = np.arange(-sides, sides + 1, dtype=np.float64) * _BIN
    edges = np.append(centres - _BIN / 2, centres[-1] + _BIN / 2)
    shares = np.histogram(held, edges)[0] / max(1, held.size)
    used = slice(None) if held.min(initial=0.0) < -1e-9 else slice(sides, None)
    trace = {
        "type": "bar",
        "x": numbers(centres[used], 3),
        "y": numbers(shares[used], 4),
        "marker": {"color": "--accent"},
        "hovertemplate": "around %{x:.0%} of equity: %{y:.1%} of bars<extra></extra>",
        "showlegend": False,
    }
    layout = {
        "bargap": 0.1,
        "xaxis": {"tickformat": ".0%", "title": {"text": "Position at the close, of equity"}},
        "yaxis": {"tickformat": ".0%", "title": {"text": "Share of bars"}, "rangemode": "tozero"},
    }
    return {"data": [trace], "layout": layout}


def action_figure(entry: Entry) -> Figure | None:
    """Draws how often each action was chosen, over all seeds; None where nobody acted."""
    kept = [record.actions for record in entry.records if record.actions is not None]
    chosen = np.concatenate([np.ravel(actions).astype(float) for actions in kept]) if kept else None
    chosen = chosen[np.isfinite(chosen)] if chosen is not None else None
    if chosen is None or not chosen.size:
        return None
    scheme = entry.records[0].assumptions.get("actions")
    if scheme in {"levels", "choices"}:
        names = _action_names(entry.records)
        counts = np.bincount(chosen.astype(np.int64))
        given = [names.get(i, f"action {i}") for i in range(len(counts))]
        unique = [
            f"{name} ({i})" if given.count(name) > 1 else name for i, name in enumerate(given)
        ]
        x: list[Any] = [label(name) for name in unique]
        axis: dict[str, Any] = {"type": "category", "title": {"text": "Action"}}
    else:
        edges = np.linspace(-1.05, 1.05, 22)
        counts = np.histogram(np.clip(chosen, -1.0, 1.0), edges)[0]
        x = numbers((edges[:-1] + edges[1:]) / 2, 3)
        axis = {"title": {"text": "Action, from -1 to 1"}}
    trace = {
        "type": "bar",
        "x": x,
        "y": numbers(counts / chosen.size, 4),
        "marker": {"color": "--agent-2"},
        "hovertemplate": "%{x}: %{y:.1%}<extra></extra>",
        "showlegend": False,
    }
    layout = {
        "bargap": 0.1,
        "xaxis": axis,
        "yaxis": {"tickformat": ".0%", "title": {"text": "Share chosen"}, "rangemode": "tozero"},
    }
    return {"data": [trace], "layout": layout}


def _action_names(records: Sequence[Record]) -> dict[int, str]:
    """Names discrete actions by the weights that they asked for, as the ledger has them."""
    names: dict[int, str] = {}
    for record in records:
        if record.actions is None:
            continue
        targets = record.path.targets[1 : 1 + len(record.actions)]
        for action, target in zip(record.actions.astype(float), targets, strict=False):
            if not (np.isfinite(action).all() and np.isfinite(target).all()):
                continue  # not warm yet, or ruined
            if action.size == 1:
                names.setdefault(int(action[0]), _weights_name(target, record.symbols))
            elif action.size == target.size:
                pairs = zip(action.tolist(), target.tolist(), strict=True)
                names |= {int(each): _weight_name(weight) for each, weight in pairs}
    return names


def _weights_name(target: Floats, symbols: Sequence[str]) -> str:
    if target.size == 1:
        return _weight_name(float(target[0]))
    held = np.flatnonzero(target)
    if held.size == 0:
        return "cash"
    return symbols[int(held[0])] if held.size == 1 else "equal weight"


def _weight_name(weight: float) -> str:
    return f"{weight:+.0%}" if weight else "flat"


def asset_figure(entry: Entry) -> Figure | None:
    """Draws the mean weight of each asset over all seeds and bars; None for a single asset."""
    symbols = entry.records[0].symbols
    if len(symbols) == 1:
        return None
    held = np.mean([record.path.weights[1:].mean(axis=0) for record in entry.records], axis=0)
    trace = {
        "type": "bar",
        "x": [label(symbol) for symbol in symbols],
        "y": numbers(held, 4),
        "marker": {"color": "--agent-3"},
        "hovertemplate": "%{x}: %{y:.1%}<extra></extra>",
        "showlegend": False,
    }
    layout = {
        "bargap": 0.2,
        "xaxis": {"type": "category"},
        "yaxis": {"tickformat": ".0%", "title": {"text": "Mean weight"}},
    }
    return {"data": [trace], "layout": layout}

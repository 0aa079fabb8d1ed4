"""The pictures of one account: prices with its trades, and where its money went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from drltrade.backtest.record import Record
from drltrade.backtest.trades import Trade
from drltrade.report.figures import Figure, label
from drltrade.report.tables import ALWAYS, cost_rows
from drltrade.report.thin import numbers, stamps, thin
from drltrade.report.words import percent

__all__ = [
    "ASSETS",
    "TRADES",
    "cost_figure",
    "price_figure",
    "price_line",
    "shown_assets",
]

ASSETS, TRADES = 8, 300
"""How many assets and round trips a picture shows at most: those that were traded most."""


def shown_assets(record: Record) -> list[int]:
    """Returns the assets with the most traded notional, in market order."""
    traded = np.abs(np.nan_to_num(record.path.traded)).sum(axis=0)
    return sorted(np.argsort(-traded, kind="stable")[:ASSETS].tolist())


def price_line(record: Record, asset: int, limit: int) -> dict[str, Any]:
    """Returns the closes of one asset as x and y of a line, thinned."""
    rows = thin([record.close[:, asset]], limit)
    return {"x": stamps(record.stamps[rows]), "y": numbers(record.close[rows, asset])}


def price_figure(
    record: Record, asset: int, trades: Sequence[Trade], line: str, limit: int
) -> Figure:
    """Draws one asset's price with the round trips on it, and the position below.

    Args:
        record: the account.
        asset: which asset.
        trades: the record's round trips; those of other assets are left out.
        line: key of the price line among the page's shared lines.
        limit: points of the position line.
    """
    held = record.path.weights[:, asset]
    rows = thin([held], limit)
    position = {
        "x": stamps(record.stamps[rows]),
        "y": numbers(held[rows], 4),
        "yaxis": "y2",
        "mode": "lines",
        "line": {"shape": "hv", "width": 1, "color": "--accent"},
        "fill": "tozeroy",
        "fillcolor": "--accent/0.25",
        "name": "position",
        "showlegend": False,
        "hovertemplate": "%{x}<br>position %{y:.0%}<extra></extra>",
    }
    price = {
        "shared": line,
        "mode": "lines",
        "line": {"width": 1.25, "color": "--ink-soft"},
        "name": "close",
        "hovertemplate": "%{x}<br>close %{y}<extra></extra>",
    }
    layout = {
        "hovermode": "closest",
        "xaxis": {"anchor": "y2", "domain": [0, 1], "type": "date"},
        "yaxis": {"domain": [0.34, 1], "title": {"text": label(record.symbols[asset])}},
        "yaxis2": {
            "domain": [0, 0.26],
            "title": {"text": "Position"},
            "tickformat": ".0%",
            "zeroline": True,
        },
        "showlegend": True,
    }
    marks = _trade_marks(record, asset, trades)
    return {"data": [price, *marks, position], "layout": layout}


def _trade_marks(record: Record, asset: int, trades: Sequence[Trade]) -> list[dict[str, Any]]:
    mine = [trade for trade in trades if trade.symbol == record.symbols[asset]]
    mine = sorted(mine, key=lambda trade: -abs(trade.pnl))[:TRADES]
    price = record.path.fill_price[:, asset]
    size = 9 if len(mine) <= 40 else 6
    left = [(t.exit, _exit_price(t, price), t) for t in mine if not t.open]
    marks = [_marks("exit", "x-thin-open", "--ink-soft", left, size)]
    for side, symbol, colour in (
        ("long", "triangle-up", "--up"),
        ("short", "triangle-down", "--down"),
    ):
        opened = [(t.entry, float(price[t.entry_row]), t) for t in mine if t.side == side]
        marks.append(_marks(f"{side} entry", symbol, colour, opened, size))
    return [mark for mark in marks if mark["x"]]


def _exit_price(trade: Trade, price: Any) -> float:
    last = float(price[trade.exit_row])
    return last if np.isfinite(last) else trade.exit_price


def _marks(
    name: str, symbol: str, colour: str, points: list[tuple[Any, float, Trade]], size: int
) -> dict[str, Any]:
    points = sorted(points, key=lambda point: point[0])
    x = np.array([stamp for stamp, _, _ in points], dtype="datetime64[ns]")
    return {
        "x": stamps(x),
        "y": numbers(np.array([price for _, price, _ in points])),
        "customdata": numbers(np.array([trade.return_ for _, _, trade in points]), 4),
        "mode": "markers",
        "name": name,
        "marker": {
            "symbol": symbol,
            "color": colour,
            "size": size,
            "line": {"width": 1.25, "color": colour},
        },
        "hovertemplate": f"{name}<br>%{{x}}<br>%{{y}}<br>trade %{{customdata:.2%}}<extra></extra>",
    }


def cost_figure(record: Record) -> Figure:
    """Draws how prices' gain becomes the account's: a waterfall over the first equity."""
    pieces = cost_rows(record)
    shown = [name for name, value in pieces.items() if name in ALWAYS or value]
    trace = {
        "type": "waterfall",
        "x": [name.capitalize() for name in shown],
        "y": numbers(np.array([pieces[name] for name in shown])),
        "measure": ["absolute", *("relative" for _ in shown[2:]), "total"],
        "text": [percent(pieces[name]) for name in shown],
        "textposition": "outside",
        "cliponaxis": False,
        "increasing": {"marker": {"color": "--up"}},
        "decreasing": {"marker": {"color": "--down"}},
        "totals": {"marker": {"color": "--accent"}},
        "connector": {"line": {"color": "--ink-soft", "width": 1}},
        "hovertemplate": "%{x} %{y:.3%}<extra></extra>",
        "showlegend": False,
    }
    layout = {"yaxis": {"tickformat": ".0%", "title": {"text": "Of starting equity"}}}
    return {"data": [trace], "layout": layout}

"""Everything the page shows of one account: its trades, months, costs and positions."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drltrade.backtest.trades import trade_list
from drltrade.report.entry import Entry
from drltrade.report.figures import Figure
from drltrade.report.grid import Grid, Line, bar, extent
from drltrade.report.histograms import action_figure, asset_figure, position_figure
from drltrade.report.panels import TRADES, cost_figure, price_figure
from drltrade.report.tables import ALWAYS, Year, cost_rows, monthly_returns, trade_rows
from drltrade.report.words import money, percent

__all__ = ["View", "account_view"]

_LARGEST = 10
_COSTS = {
    "gross": "Made by prices before costs",
    "dividends": "Dividends",
    "commission": "Commission",
    "slippage": "Slippage",
    "impact": "Impact of the orders' own size",
    "interest": "Interest on cash and debt",
    "borrow": "Fee for borrowed shares",
    "funding": "Funding",
    "haircut": "Haircut of delistings",
    "forgiven": "Forgiven in ruin",
    "net": "Net result",
}


@dataclass(frozen=True)
class View:
    """One account in words, tables and figures.

    Attributes:
        label: the entry's name.
        which: which record this is, such as "median seed of 3 (seed 1)".
        assets: symbols that have a price picture, in the order of `figures["price"]`.
        note: what the price picture leaves out, else empty.
        years: monthly returns.
        scale: the largest monthly move, which the shading is measured by.
        costs: (what, share of the first equity, amount) in the order of the waterfall.
        trades: the round trips that mattered most, as text.
        count: how many round trips there were.
        idle: share of the bars without an order, in words.
        often: how often each position, action and asset, as tables.
        figures: what the page's script draws.
    """

    label: str
    which: str
    assets: list[str]
    note: str
    years: list[Year]
    scale: float
    costs: list[tuple[str, str, str]]
    trades: list[list[str]]
    count: int
    idle: str
    often: list[Grid]
    figures: Mapping[str, Figure | list[Figure] | None]


def account_view(entry: Entry, lines: Mapping[int, str], limit: int, number: int = 0) -> View:
    """Builds the view of an entry's median seed.

    Args:
        entry: whose account.
        lines: for each asset to be shown, the key of its price line.
        limit: points of a position line.
        number: the place of the view on the page, which names its tables.
    """
    record = entry.shown
    trades = trade_list(record)
    years = monthly_returns(record)
    moves = [abs(value) for year in years for value in year.months if value is not None]
    figures: dict[str, Figure | list[Figure] | None] = {
        "price": [price_figure(record, asset, trades, key, limit) for asset, key in lines.items()],
        "cost": cost_figure(record),
        "position": position_figure(entry),
        "action": action_figure(entry),
        "asset": asset_figure(entry),
    }
    return View(
        label=entry.label,
        which=_which(entry),
        assets=[record.symbols[asset] for asset in lines],
        note=_note(entry, len(lines), trades),
        years=years,
        scale=max(moves, default=0.0) or 1.0,
        costs=_cost_cells(entry),
        trades=trade_rows(record, trades, _LARGEST),
        count=len(trades),
        often=_often(entry, figures, number),
        idle=percent(float((record.path.status[1:] == 0).all(axis=1).mean())),
        figures=figures,
    )


_COUNTED = {
    "position": ("Position", "Positions held at the close"),
    "action": ("Action", "What the policy chose"),
    "asset": ("Asset", "Mean weight of each asset"),
}


def _often(entry: Entry, figures: Mapping[str, Any], number: int) -> list[Grid]:
    """The bars of the pictures as tables; what never happened is left out."""
    grids = []
    for name, (corner, caption) in _COUNTED.items():
        if figures[name] is None:
            continue
        (trace,) = figures[name]["data"]
        shares = dict(zip(map(_counted, trace["x"]), trace["y"], strict=True))
        reach = extent(shares.values())
        lines = [
            Line(
                percent(float(what)) if name == "position" else what,
                [bar(share, reach, percent(share))],
            )
            for what, share in shares.items()
            if share
        ]
        caption = f"{caption} by {entry.label}, all its seeds together"
        grids.append(Grid(f"{name}-{number}", caption, corner, [("Share", "")], [("", lines)]))
    return grids


def _counted(value: Any) -> str:
    """Plotly's texts are escaped once more than the page's."""
    return html.unescape(value) if isinstance(value, str) else f"{value:g}"


def _which(entry: Entry) -> str:
    seeds = len(entry.records)
    if seeds == 1:
        seeded = entry.kind == "agent" and not entry.joint
        return f"seed {entry.seed(0)}, the only one" if seeded else "its one record"
    middle = "median" if seeds % 2 else "lower of the two middle ones"
    return f"the {middle} of {entry.runs} by final equity, seed {entry.seed(entry.middle)}"


def _note(entry: Entry, shown: int, trades: list[Any]) -> str:
    parts = []
    assets = len(entry.shown.symbols)
    if shown < assets:
        parts.append(f"The {shown} most traded of {assets} assets are shown.")
    symbols = {trade.symbol for trade in trades}
    most = max((sum(t.symbol == symbol for t in trades) for symbol in symbols), default=0)
    if most > TRADES:
        parts.append(f"Of each asset the {TRADES} round trips with the largest result are marked.")
    return " ".join(parts)


def _cost_cells(entry: Entry) -> list[tuple[str, str, str]]:
    record = entry.shown
    start = float(record.equity[0])
    return [
        (_COSTS[name], percent(value), money(value * start))
        for name, value in cost_rows(record).items()
        if name in ALWAYS or value
    ]

"""Records as rows: the comparison, seed by seed, month by month, and where the money went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from drltrade.backtest.files import stamp_text
from drltrade.backtest.metrics import METRICS
from drltrade.backtest.record import Record
from drltrade.backtest.trades import Trade
from drltrade.report.entry import Entry, of_kind
from drltrade.report.words import count, figure, money, percent, spread

__all__ = [
    "ALWAYS",
    "COMPARED",
    "RANGED",
    "Year",
    "comparison_table",
    "cost_rows",
    "format_rows",
    "monthly_returns",
    "seed_rows",
    "trade_rows",
]

COMPARED = (
    "total_return", "cagr", "hindsight_share", "volatility", "sharpe", "sortino", "max_drawdown",
    "turnover", "exposure", "costs", "trades", "win_rate", "profit_factor",
)  # fmt: skip
"""The metrics of the comparison, in order."""
RANGED = ("total_return", "sharpe", "max_drawdown")
"""Those that also show their range over the seeds."""

_BRIEF = ("total_return", "sharpe", "max_drawdown", "turnover", "costs", "trades")


def comparison_table(
    entries: Sequence[Entry], metrics: Sequence[str] = COMPARED
) -> list[dict[str, Any]]:
    """Returns one row an entry: agents first, then strategies, then references.

    Keys: `name`, `kind`, `seeds` and `records` (how many; several paths of a seed are several
    records), and per metric the median over the records as `sharpe`, the lowest and highest as
    `sharpe_low`, `sharpe_high`. Undefined figures are NaN.
    `hindsight` is what the median seed's share was measured against: `growth`, `exact`, `why`.
    """
    rows = []
    for entry in of_kind(entries, "agent", "strategy", "reference"):
        beside = entry.shown.hindsight
        row: dict[str, Any] = {
            "name": entry.label,
            "kind": entry.kind,
            "seeds": entry.trainings,
            "records": len(entry.records),
            "runs": entry.runs,
            "hindsight": None if beside is None else asdict(beside.best),
        }
        for name in metrics:
            low, high = entry.range(name)
            row |= {name: entry.median(name), f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    return rows


def format_rows(
    rows: Sequence[dict[str, Any]], metrics: Sequence[str] = _BRIEF
) -> tuple[list[str], list[list[str]]]:
    """Writes rows of `comparison_table` as text for a terminal: (header, cells).

    Total return shows its range over the seeds where there are several; the rest are medians.
    """
    header = ["", "seeds", *(METRICS[name].label for name in metrics)]
    cells = []
    for row in rows:
        line = [str(row["name"]), str(row["seeds"])]
        for name in metrics:
            text = figure(name, row[name])
            if name == "total_return" and row["records"] > 1:
                text += f" ({spread(name, row[name + '_low'], row[name + '_high'])})"
            line.append(text)
        cells.append(line)
    return header, cells


def seed_rows(entries: Sequence[Entry], other: float | None = None) -> list[dict[str, Any]]:
    """Returns one row of text a record: its seed and the figures a reader compares by.

    Args:
        entries: what was run.
        other: the total return that `ahead` is measured against, where there is one.
    """
    rows = []
    for entry in of_kind(entries, "agent", "strategy", "reference"):
        seeded = entry.kind == "agent" and not entry.joint
        for index, record in enumerate(entry.records):
            values = {name: float(entry.figures[name][index]) for name in COMPARED}
            ahead = None if other is None else values["total_return"] > other
            rows.append(
                {
                    "name": entry.label,
                    "kind": entry.kind,
                    "seed": str(entry.seed(index)) if seeded else "",
                    "figures": {name: figure(name, value) for name, value in values.items()},
                    "final": money(float(record.equity[-1])),
                    "ahead": "" if ahead is None or entry.kind != "agent" else _yes(ahead),
                    "shown": index == entry.middle and len(entry.records) > 1,
                    "ruined": record.path.terminated,
                }
            )
    return rows


def _yes(value: bool) -> str:
    return "yes" if value else "no"


@dataclass(frozen=True)
class Year:
    """One year of a monthly table.

    Attributes:
        year: the calendar year.
        months: [12] returns, None where the record has no bar.
        total: the return of the year's bars.
    """

    year: int
    months: tuple[float | None, ...]
    total: float


def monthly_returns(record: Record) -> list[Year]:
    """Compounds per-bar returns into calendar months and years (UTC).

    A bar belongs to the month it closes in; the first row is the start and has no return.
    """
    months = record.stamps[1:].astype("datetime64[M]").astype(np.int64)
    growth = 1.0 + record.returns
    found: dict[int, dict[int, float]] = {}
    for month in np.unique(months).tolist():
        made = float(np.prod(growth[months == month]) - 1.0)
        found.setdefault(1970 + month // 12, {})[month % 12] = made
    return [
        Year(
            year,
            tuple(made.get(month) for month in range(12)),
            float(np.prod([1.0 + value for value in made.values()]) - 1.0),
        )
        for year, made in found.items()
    ]


def cost_rows(record: Record) -> dict[str, float]:
    """Splits a record's result into what prices made and what was paid, over the first equity.

    All pieces but `net` sum to it; `forgiven` is not zero only where ruin left less than nothing.
    """
    path, start = record.path, float(record.equity[0])
    pieces = {
        "gross": path.gap_pnl + path.bar_pnl,
        "dividends": path.dividends,
        "commission": -path.commission,
        "slippage": -path.slippage,
        "impact": -path.impact,
        "interest": path.interest,
        "borrow": -path.borrow,
        "funding": path.funding,
        "haircut": -path.haircut,
        "forgiven": path.shortfall,
        "net": record.equity[-1:] - start,
    }
    return {name: float(values.sum()) / start for name, values in pieces.items()}


ALWAYS = ("gross", "commission", "slippage", "net")
"""The rows of `cost_rows` that are shown even where they are zero."""


def trade_rows(record: Record, trades: Sequence[Trade], limit: int = 10) -> list[list[str]]:
    """Writes the trades that made or lost the most, in time order."""
    largest = sorted(trades, key=lambda trade: -abs(trade.pnl))[:limit]
    return [
        [
            trade.symbol,
            trade.side,
            stamp_text(trade.entry),
            f"{trade.entry_price:,.6g}",
            "open" if trade.open else stamp_text(trade.exit),
            f"{trade.exit_price:,.6g}",
            count(trade.bars),
            percent(trade.return_, sign=True),
            percent(trade.pnl / float(record.equity[0]), sign=True),
        ]
        for trade in sorted(largest, key=lambda trade: trade.entry_row)
    ]

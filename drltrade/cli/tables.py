"""The table that experiments, reports and comparisons end with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drltrade.cli.output import console, print_table, say

__all__ = ["print_comparison"]

_BRIEF = ("hindsight_share", "sharpe", "max_drawdown", "costs", "trades")
_FULL = (
    "cagr",
    "hindsight_share",
    "sharpe",
    "sortino",
    "max_drawdown",
    "turnover",
    "costs",
    "trades",
)
_WIDE = 120
"""Columns of a terminal that has room for all of them."""


def print_comparison(rows: Sequence[Mapping[str, Any]], title: str | None = None) -> None:
    """Prints rows of `report.tables.comparison_table`: medians, and the range of the returns.

    Below them stands what the shares of hindsight are measured against.
    """
    from drltrade.backtest.metrics import METRICS
    from drltrade.report.hindsight import notes_of
    from drltrade.report.words import figure

    metrics = _FULL if console().width >= _WIDE else _BRIEF
    several = any(row["records"] > 1 for row in rows)
    header = ["", METRICS["total_return"].label, *(["over seeds"] if several else [])]
    cells = []
    for row in rows:
        line = [str(row["name"]), figure("total_return", row["total_return"])]
        if several:
            line.append(_range(row))
        cells.append(line + [figure(name, row[name]) for name in metrics])
    print_table([*header, *(METRICS[name].label for name in metrics)], cells, title=title)
    for sentence in notes_of(rows):
        say(sentence)


def _range(row: Mapping[str, Any]) -> str:
    """Writes lowest and highest total return of the seeds; nothing for a single one."""
    from drltrade.report.words import percent

    if row["records"] < 2:
        return ""
    low, high = (percent(row[f"total_return_{end}"]) for end in ("low", "high"))
    return f"{low.removesuffix(' %')} to {high}"

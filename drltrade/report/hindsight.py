"""What shares of hindsight are measured against, in words: exact, a bound, or not looked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from drltrade.backtest.hindsight import Best
from drltrade.report.entry import Entry
from drltrade.report.tables import comparison_table
from drltrade.report.words import join

__all__ = ["hindsight_kind", "hindsight_notes", "notes_of"]

_NAMED = 4


def hindsight_kind(entry: Entry) -> str:
    """Returns "exact", "bound" or "not looked for"; nothing where no record says it."""
    beside = entry.shown.hindsight
    return "" if beside is None else beside.best.why.partition(":")[0]


def hindsight_notes(entries: Sequence[Entry]) -> list[str]:
    """Returns one sentence for each yardstick, with the entries that were held against it.

    Those who may ask for the same have the same: an action scheme's levels make another than any
    weights, which strategies name.
    """
    return notes_of(comparison_table(entries, ()))


def notes_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The same of rows of `comparison_table`."""
    owners: dict[Best, list[str]] = {}
    for row in rows:
        if row["hindsight"] is not None:
            owners.setdefault(Best(**row["hindsight"]), []).append(str(row["name"]))
    return [_note(best, labels if len(owners) > 1 else []) for best, labels in owners.items()]


def _note(best: Best, labels: Sequence[str]) -> str:
    rest = len(labels) - _NAMED
    named = list(labels) if rest <= 1 else [*labels[:_NAMED], f"{rest} more"]
    who = f"Hindsight for {join(named)}" if named else "Hindsight"
    if math.isnan(best.growth):
        return f"{who}: {best.why}"
    kind, _, how = best.why.partition(": ")
    most = "" if kind == "exact" else "at most "
    return f"{who}: {kind}, log growth {most}{_growth(best.growth)}; {how}"


def _growth(growth: float) -> str:
    """Small ones also as a multiple of the start, which is easier to picture."""
    times = f" ({math.exp(growth):,.4g} times the start)" if growth < 9 else ""
    return f"{growth:.4g}{times}"

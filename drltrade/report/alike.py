"""Finds policies that learnt nothing but a rule: they hold what a baseline holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from drltrade.backtest.record import Record
from drltrade.report.entry import Entry, of_kind
from drltrade.report.words import percent

__all__ = ["ALIKE", "alike", "apart"]

ALIKE = 0.02
"""Positions that differ by less than 2 % of what the rule holds, in the mean over all bars, are the
same: so much lies between an account that rebalances and one that drifts."""


def alike(entries: Sequence[Entry]) -> Iterator[str]:
    """Yields a sentence for each agent and each baseline whose positions are practically the same.

    Only baselines that trade and draw no lots are looked at: who never trades is told elsewhere.
    """
    rules = [
        entry
        for entry in of_kind(entries, "strategy")
        if len(entry.records) == 1 and entry.shown.path.turnover.any()
    ]
    for agent in of_kind(entries, "agent"):
        for rule in rules:
            distances = np.array([apart(record, rule.shown) for record in agent.records])
            # Of what the rule holds: two accounts that are nearly always in cash are not alike.
            same = distances[distances < ALIKE * _held(rule.shown)]
            if same.size:
                many = f" in {same.size} of {agent.runs}" if len(distances) > 1 else ""
                yield (
                    f"{agent.label} is practically {rule.label}{many}: their positions differ by"
                    f" {percent(float(np.median(same)))} of equity in the mean over all bars, so"
                    " its figures are that rule's and not skill."
                )


def _held(record: Record) -> float:
    """The mean gross position, a fraction of equity."""
    return float(np.abs(record.path.weights[1:]).sum(axis=1).mean())


def apart(one: Record, other: Record) -> float:
    """How far two accounts' positions are from each other.

    Returns:
        The mean over the bars of the summed absolute difference of their weights at the close, a
        fraction of equity; NaN where their bars or assets are not the same.
    """
    comparable = one.symbols == other.symbols and np.array_equal(one.stamps, other.stamps)
    if not comparable or len(one.stamps) < 2:
        return float("nan")
    difference = np.abs(one.path.weights[1:] - other.path.weights[1:])
    return float(difference.sum(axis=1).mean())

"""Tells when a trained policy has collapsed: it never trades, never moves, or only feeds costs.

A collapsed policy still has a return and a Sharpe ratio, at times fine ones; they say nothing of
what it has learnt. Each kind has its limit below, with the reason for it. Such a policy is not
refused: that there is nothing to learn, or that costs are too high, can be the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from drltrade.backtest.record import Record

__all__ = ["COLLAPSES", "ROLES", "collapse_of", "collapse_warnings"]

COLLAPSES: dict[str, tuple[str, str]] = {
    "never_trades": ("never trades", "never trade"),
    "constant": ("asks for one position all along", "ask for one position all along"),
    "churns": ("turns over more than costs can bear", "turn over more than costs can bear"),
}
"""Each kind, in words for one policy and for several."""
ROLES: dict[str, str] = {"valid": "on validation", "train": "in training"}
"""The intervals that are looked at: never the test, which nothing is chosen by."""

SAME_TARGET = 0.01
"""Targets that stay within 1 % of equity are one position: a continuous policy that has saturated
still trembles by so much."""
NOTICEABLE = 0.02
"""Costs below 2 % of equity a year are no collapse: at 10 bp a side it takes a round trip every
five weeks to pay them, and a bad year of prices alone makes the gain smaller than that."""
HEAVY = 0.20
"""Costs of 20 % of equity a year are all that a Sharpe ratio of 1 earns at a stock's usual
volatility of 20 %: a policy may pay them only where it earns MARGIN times as much before them."""
MARGIN = 2.0
"""Twice heavy costs: costs that turn out half as much again as assumed are common, and those that
turn out twice as high would leave nothing."""


def collapse_of(record: Record) -> dict[str, str]:
    """Returns how the policy of a record has collapsed, with the figures: {} where it has not.

    `never_trades`: nothing was ever bought or sold. `constant`: the ranges of all assets' targets
    sum to less than SAME_TARGET. `churns`: costs a year are above NOTICEABLE and above the gain
    before costs, or above HEAVY and the gain less than MARGIN times as much. A year's costs and
    gains are sums of each bar's over the equity before it.
    """
    path, bars = record.path, len(record.equity) - 1
    if bars < 1:
        return {}
    if not path.turnover.any():
        return {"never_trades": "nothing was bought or sold"}
    found = {}
    known = path.targets[~np.isnan(path.targets).all(axis=1)]
    if len(known) > 1 and np.nansum(np.nanmax(known, 0) - np.nanmin(known, 0)) < SAME_TARGET:
        found["constant"] = f"exposure {path.exposure[1:].mean():.1%} in mean"
    year = record.periods_per_year / bars
    before = record.equity[:-1]
    costs = float((path.costs[1:] / before).sum()) * year
    gain = float(record.returns.sum()) * year + costs
    if (costs > NOTICEABLE and costs > gain) or (costs > HEAVY and gain < MARGIN * costs):
        found["churns"] = f"costs {costs:.1%} of equity a year, gain before them {gain:.1%}"
    return {kind: words.replace("%", " %") for kind, words in found.items()}


def collapse_warnings(
    found: Mapping[str, Sequence[Mapping[str, Any]]], runs: str = "seeds"
) -> list[str]:
    """Says of each agent how many of its runs have collapsed, how, and where.

    Args:
        found: by agent, for each run {role: what `collapse_of` said}.
        runs: what the runs are: "seeds", or "seeds and folds".
    """
    return [
        sentence
        for agent, each in found.items()
        for kind in COLLAPSES
        for sentence in _sentences(agent, kind, each, runs)
    ]


_SHOWN = 3
"""Runs whose figures are told: more would hide other warnings."""


def _sentences(
    agent: str, kind: str, found: Sequence[Mapping[str, Any]], runs: str
) -> Iterator[str]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for run in found:
        roles = tuple(role for role in ROLES if kind in run.get(role, {}))
        if roles:
            groups.setdefault(roles, []).append(run[roles[0]][kind])
    for roles, details in groups.items():
        one, several = COLLAPSES[kind]
        verb = one if len(details) == 1 else several
        who = agent if len(found) == 1 else f"{len(details)} of {len(found)} {runs} of {agent}"
        where = " and ".join(ROLES[role] for role in roles)
        unlike = list(dict.fromkeys(details))
        told = "; ".join(unlike[:_SHOWN]) + "; and so on" * (len(unlike) > _SHOWN)
        yield f"COLLAPSE: {who} {verb} {where} ({told})."

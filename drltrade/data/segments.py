"""Joins several Markets along time, each keeping its own segments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drltrade.data.door import FIELDS
from drltrade.data.market import Market
from drltrade.errors import UsageError

__all__ = ["stack"]


def stack(markets: Sequence[Market], name: str | None = None) -> Market:
    """Joins Markets along time, each its own segments, so that one agent can train on all.

    Args:
        markets: Markets with the same number of assets, the same kind of clock and the same
            further columns. Their symbols may differ; the first Market's then name the columns.
        name: what to call the result.

    Raises:
        UsageError: there is none, or they do not fit together.
    """
    if not markets:
        raise UsageError("stack() needs at least one Market.")
    head = markets[0]
    for other in markets[1:]:
        _check_stackable(head, other)
    counts = [int(market.segment[-1]) + 1 for market in markets]
    shifts = np.concatenate([[0], np.cumsum(counts[:-1])]).astype(np.int64)
    notes = list(dict.fromkeys(note for market in markets for note in market.notes))
    if any(market.symbols != head.symbols for market in markets):
        listed = "; ".join(", ".join(market.symbols) for market in markets)
        notes.append(f"Stacked segments hold different symbols, in turn: {listed}.")
    return Market(
        symbols=head.symbols,
        stamps=np.concatenate([market.stamps for market in markets]),
        segment=np.concatenate([m.segment + s for m, s in zip(markets, shifts, strict=True)]),
        columns={k: np.concatenate([m.columns[k] for m in markets]) for k in head.columns},
        timezone=head.timezone,
        name=name or " + ".join(dict.fromkeys(market.name for market in markets)),
        notes=tuple(notes),
        periods=head.periods_per_year,
        **{key: np.concatenate([getattr(m, key) for m in markets]) for key in FIELDS},
    )


def _check_stackable(head: Market, other: Market) -> None:
    if other.assets != head.assets:
        raise UsageError(
            f"Markets of {head.assets} and {other.assets} assets cannot be stacked; "
            "select the same number of symbols in each."
        )
    if other.periods_per_year != head.periods_per_year or other.timezone != head.timezone:
        raise UsageError(
            f"{head.name} and {other.name} cannot be stacked: {head.periods_per_year:g} and "
            f"{other.periods_per_year:g} bars a year on {head.timezone} and {other.timezone} time."
        )
    if set(other.columns) != set(head.columns):
        odd = ", ".join(sorted(set(other.columns) ^ set(head.columns)))
        raise UsageError(f"{head.name} and {other.name} cannot be stacked: only one has {odd}.")
    if other.has_ohlc != head.has_ohlc:
        raise UsageError(f"{head.name} and {other.name} cannot be stacked: one has closes only.")

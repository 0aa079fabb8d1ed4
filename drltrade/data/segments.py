"""Lays several markets end to end as segments of one, and takes them apart again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.data.door import FIELDS
from drltrade.data.market import Market
from drltrade.errors import UsageError

__all__ = ["EACH", "cut", "each", "part", "periods_of", "rows_of", "span_names", "spans_of",
           "stack"]  # fmt: skip

EACH = "each"
"""The symbol of the one column that holds every asset in turn."""


def each(market: Market) -> Market:
    """Turns [T, N] into [N * T, 1]: every asset is a market of its own, one after another.

    A market of one asset comes back as it is. Labels are the symbols; where the market has
    several segments already, each of them becomes N.
    """
    if market.assets == 1:
        return market

    def lay(table: np.ndarray) -> np.ndarray:
        return table.T.reshape(-1, 1)

    count = int(market.segment[-1]) + 1
    names = [f" {name}" for name in _labels(market)] if count > 1 else [""]
    return replace(
        market,
        symbols=(EACH,),
        stamps=np.tile(market.stamps, market.assets),
        columns={key: lay(values) for key, values in market.columns.items()},
        segment=np.concatenate([market.segment + count * i for i in range(market.assets)]),
        labels=tuple(f"{symbol}{name}" for symbol in market.symbols for name in names),
        periods=market.periods_per_year,
        **_prices(market, lay),
    )


def part(market: Market, number: int) -> Market:
    """Returns one segment as a Market of its own, its label kept.

    A single column goes by the label: an asset that stands in column "each" has its name again.
    """
    if int(market.segment[-1]) == 0 and not market.labels:
        return market
    rows = market.segment == number
    own = (market.labels[number],) if market.labels else ()
    return replace(
        market,
        symbols=own if own and market.assets == 1 else market.symbols,
        stamps=market.stamps[rows],
        columns={key: values[rows] for key, values in market.columns.items()},
        segment=np.zeros(int(rows.sum()), np.int64),
        labels=own,
        periods=market.periods_per_year,
        **_prices(market, lambda table: table[rows]),
    )


def cut(market: Market, intervals: Sequence[tuple[Any, Any]]) -> Market:
    """Returns some stretches of time alone, each a segment of its own in every segment it reaches.

    No look-back, trailing figure or episode then crosses from one into another, or touches what
    lies between. Stretches must not overlap.
    """
    spans = spans_of(market, intervals)
    rows = np.concatenate([np.arange(first, last + 1) for first, last in spans])
    labels = [_labels(market)[int(market.segment[first])] for first, _ in spans]
    return replace(
        market,
        stamps=market.stamps[rows],
        columns={key: values[rows] for key, values in market.columns.items()},
        segment=np.repeat(np.arange(len(spans)), spans[:, 1] - spans[:, 0] + 1),
        labels=_unlike(labels) if len(labels) > 1 or market.labels else (),
        periods=market.periods_per_year,
        **_prices(market, lambda table: table[rows]),
    )


def spans_of(market: Market, intervals: Sequence[tuple[Any, Any]]) -> NDArray[np.int64]:
    """Returns [S, 2] first and last bar index of the stretches that intervals cover together.

    Intervals that overlap, or follow each other without a bar between, are one stretch.

    Raises:
        UsageError: a date cannot be read, or an interval holds no two bars of one segment.
    """
    found = np.concatenate([market.spans(start, end) for start, end in intervals])
    rows = np.flatnonzero(rows_of(found, market.bars))
    apart = (np.diff(rows) > 1) | (np.diff(market.segment[rows]) != 0)
    return np.stack([rows[np.append(True, apart)], rows[np.append(apart, True)]], axis=1)


def periods_of(market: Market, spans: Any) -> list[tuple[np.datetime64, np.datetime64]]:
    """Returns the (first, last) stamps that spans cover; those that overlap in time are one."""
    played = market.stamps[np.atleast_2d(spans)]
    joined: list[list[Any]] = []
    for first, last in played[np.argsort(played[:, 0])]:
        if joined and first <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], last)
        else:
            joined.append([first, last])
    return [(first, last) for first, last in joined]


def rows_of(spans: Any, bars: int) -> NDArray[np.bool_]:
    """Returns the mask [bars] of all rows inside spans [S, 2], first and last both included."""
    rows = np.zeros(bars, np.bool_)
    for first, last in np.atleast_2d(np.asarray(spans, np.int64)):
        rows[first : last + 1] = True
    return rows


def span_names(market: Market, spans: Any) -> tuple[str, ...]:
    """Names what an account in each span trades: S * N names, each once.

    They are the symbols where there is one span, unless its segment has a label for its single
    asset; of several spans the labels, and labels with symbols where the assets are several.
    """
    numbers = [int(market.segment[first]) for first, _ in np.atleast_2d(spans)]
    labels = [_labels(market)[number] for number in numbers]
    if market.assets == 1 and (market.labels or len(labels) > 1):
        return tuple(labels)
    if len(labels) == 1:
        return market.symbols
    return tuple(f"{label} {symbol}" for label in labels for symbol in market.symbols)


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
    prices: dict[str, Any] = {
        key: np.concatenate([getattr(m, key) for m in markets]) for key in FIELDS
    }
    return replace(
        head,
        stamps=np.concatenate([market.stamps for market in markets]),
        segment=np.concatenate([m.segment + s for m, s in zip(markets, shifts, strict=True)]),
        columns={k: np.concatenate([m.columns[k] for m in markets]) for k in head.columns},
        name=name or " + ".join(dict.fromkeys(market.name for market in markets)),
        notes=tuple(notes),
        periods=head.periods_per_year,
        labels=_unlike([label for market in markets for label in _labels(market)]),
        **prices,
    )


def _prices(market: Market, change: Callable[[np.ndarray], np.ndarray]) -> dict[str, Any]:
    return {key: change(getattr(market, key)) for key in FIELDS}


def _labels(market: Market) -> tuple[str, ...]:
    """The labels of the segments, made up where the market has none."""
    count = int(market.segment[-1]) + 1
    if market.labels:
        return market.labels
    if count == 1:
        return market.symbols if market.assets == 1 else (market.name,)
    return tuple(f"segment {number + 1}" for number in range(count))


def _unlike(labels: Sequence[str]) -> tuple[str, ...]:
    """Numbers the labels that stand more than once."""
    total, seen, told = Counter(labels), Counter[str](), []
    for label in labels:
        seen[label] += 1
        told.append(f"{label} ({seen[label]})" if total[label] > 1 else label)
    return tuple(told)


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
    if other.raw != head.raw:
        raise UsageError(
            f"{head.name} and {other.name} cannot be stacked: only one has prices as traded."
        )

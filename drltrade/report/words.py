"""Figures as text: one way to write a percentage, a ratio, a count and a stamp."""

from __future__ import annotations

import math
from collections.abc import Sequence

from drltrade.backtest.files import stamp_text
from drltrade.backtest.metrics import METRICS
from drltrade.backtest.record import Record

__all__ = [
    "chance",
    "count",
    "figure",
    "join",
    "money",
    "p_value",
    "percent",
    "ratio",
    "runs",
    "span",
    "spread",
]

UNDEFINED = "n/a"
_VAST = 1e6


def percent(value: float | None, *, sign: bool = False) -> str:
    """Writes a fraction: 0.1234 is `12.3 %`, 0.01234 is `1.23 %`, 1e7 `1e+09 %`; NaN is `n/a`."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    if abs(value) >= _VAST:  # what knows the future can make anything of a little
        return f"{value * 100:{'+' if sign else ''}.3g} %"
    digits = 1 if abs(value) >= 0.09995 else 2
    return f"{_zero(value * 100, digits):{'+' if sign else ''},.{digits}f} %"


def ratio(value: float | None, *, sign: bool = False) -> str:
    """Writes a ratio with two decimals; NaN is `n/a`."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    return f"{_zero(value, 2):{'+' if sign else ''},.2f}"


def chance(value: float | None) -> str:
    """Writes a probability, never as certain: `3.1 %`, `below 0.1 %`; NaN is `n/a`."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    if value < 0.001:
        return "below 0.1 %"
    return "above 99.9 %" if value > 0.999 else f"{100 * value:.1f} %"


def p_value(value: float | None) -> str:
    """Writes a p-value: `0.031`, `below 0.001`; NaN is `n/a`."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    return "below 0.001" if value < 0.001 else f"{value:.3f}"


def money(value: float) -> str:
    """Writes an amount of the account's currency."""
    if _VAST * 1e6 <= abs(value) < math.inf:
        return f"{value:.4g}"
    return f"{_zero(value, 2):,.2f}" if math.isfinite(value) else UNDEFINED


def count(value: float | None) -> str:
    """Writes a number of things; medians of counts may be halves."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    return f"{value:,.1f}".removesuffix(".0")


def figure(name: str, value: float | None, *, sign: bool = False) -> str:
    """Writes a metric in its unit."""
    unit = METRICS[name].unit
    if unit == "fraction":
        return percent(value, sign=sign)
    return count(value) if unit in {"count", "bars"} else ratio(value, sign=sign)


def spread(name: str, low: float, high: float) -> str:
    """Writes the range of a metric over seeds, the unit once: `-3.0 to 20.1 %`."""
    if not math.isfinite(low):
        return ""
    return f"{figure(name, low).removesuffix(' %')} to {figure(name, high)}"


def runs(seeds: int, paths: int = 1) -> str:
    """Counts records: `5 seeds`, `one seed`, `5 paths of one seed`; paths share their policies."""
    told = "one seed" if seeds == 1 else f"{seeds} seeds"
    return told if paths == 1 else f"{paths} paths of {told if seeds == 1 else f'each of {told}'}"


def span(record: Record) -> str:
    """Writes the first and last bar of a record."""
    return f"{stamp_text(record.stamps[0])} to {stamp_text(record.stamps[-1])}"


def join(names: Sequence[str], last: str = "and") -> str:
    """Writes a list as a sentence does: `a, b and c`."""
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _zero(value: float, digits: int) -> float:
    """Keeps rounding from writing a minus before nothing."""
    return 0.0 if abs(value) < 0.5 * 10**-digits else value

"""Counts the bars of a record that its policy learnt from or was chosen by, as far as it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.files import stamp_text
from drltrade.backtest.record import Record
from drltrade.report.entry import Entry, of_kind

__all__ = ["day", "intervals", "overlaps"]

Interval = tuple[str, str]

_ROLES = {
    "train": ("training", "so its figures are no evidence"),
    "valid": ("validation", "so they are what it was chosen by"),
}


def overlaps(
    entries: Sequence[Entry], assumptions: Mapping[str, Any], told: Sequence[str]
) -> Iterator[str]:
    """Yields a sentence for each agent that is judged on bars which it was trained or chosen on.

    Args:
        entries: what is compared. Of a relay each policy is judged on its own bars alone, and is
            held against its intervals where they are known: not here.
        assumptions: what is stated for all; what a record states goes before it.
        told: warnings that were given; a role that one of them tells of is left out.
    """
    for role, (name, meaning) in _ROLES.items():
        if any("OVERLAP" in text and name in text for text in told):
            continue
        for entry in of_kind(entries, "agent"):
            if "relay" in entry.shown.assumptions:
                continue
            found = intervals({**assumptions, **entry.shown.assumptions}, role)
            inside = _inside(entry.shown, found)
            if inside:
                pieces = "; ".join(f"{start} to {end}" for start, end in found)
                yield (
                    f"OVERLAP: {inside:,} of {len(entry.shown.stamps):,} bars lie in the {name}"
                    f" interval of {entry.label} ({pieces}), {meaning}."
                )


def intervals(known: Mapping[str, Any], role: str) -> list[Interval]:
    """Returns the intervals of a role, "train" or "valid", as (first, last) stamps.

    They are stated as `train_start` and `train_end`, or as `train`: a pair of stamps, a mapping
    with `start` and `end`, or a list of those. Anything else, such as a text, has none.
    """
    value = known.get(role)
    if f"{role}_start" in known and f"{role}_end" in known:
        value = (known[f"{role}_start"], known[f"{role}_end"])
    if isinstance(value, list | tuple) and any(
        isinstance(e, list | tuple | Mapping) for e in value
    ):
        return [pair for each in value if (pair := _pair(each)) is not None]
    pair = _pair(value)
    return [] if pair is None else [pair]


def _pair(value: Any) -> Interval | None:
    if isinstance(value, Mapping):
        value = (value.get("start"), value.get("end"))
    if isinstance(value, list | tuple) and len(value) == 2 and None not in value:
        return day(value[0]), day(value[1])
    return None


def day(value: Any) -> str:
    """Writes a stamp, without its time where it is midnight."""
    text = stamp_text(value) if isinstance(value, np.datetime64) else str(value)
    return text.removesuffix("T00:00:00")


def _inside(record: Record, found: Sequence[Interval]) -> int:
    """How many bars lie in any of the intervals; a date that ends one stands for the whole day."""
    inside: NDArray[np.bool_] = np.zeros(len(record.stamps), dtype=np.bool_)
    for pair in found:
        try:
            start, end = (np.datetime64(text) for text in pair)
        except ValueError:
            continue
        if len(pair[1]) <= len("2000-01-01"):
            end = end + np.timedelta64(1, "D") - np.timedelta64(1, "ns")
        inside |= (record.stamps >= start) & (record.stamps <= end)
    return int(inside.sum())

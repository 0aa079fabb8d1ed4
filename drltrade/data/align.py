"""Puts the series of several symbols on one clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from drltrade.data.dates import show
from drltrade.data.findings import Findings
from drltrade.data.reserved import RESERVED
from drltrade.data.series import Series
from drltrade.errors import DataError

__all__ = [
    "Clock",
    "arrange_columns",
    "arrange_fields",
    "common_clock",
    "full_clock",
    "refuse_lost_events",
]


@dataclass(frozen=True)
class Clock:
    """The bars of a Market, and where each symbol's values come from.

    Attributes:
        stamps: [T] datetime64[ns].
        rows: [T, N] the bar of each series that holds: its own, or the last one before.
        own: [T, N] whether the series has a bar at this very stamp.
        ended: [T, N] whether the series' last bar is before this one.
    """

    stamps: np.ndarray
    rows: np.ndarray
    own: np.ndarray
    ended: np.ndarray


def common_clock(series: Sequence[Series], findings: Findings) -> Clock:
    """Keeps the stamps that every series has; the others are counted in a note.

    Raises:
        DataError: dates meet times of day, or no stamp is common.
    """
    _check_kinds(series)
    stamps = reduce(np.intersect1d, [part.stamps for part in series])
    if not len(stamps):
        raise DataError(f"The symbols share no bar: {_spans(series)}. {_CHOOSE}")
    lost = {part.symbol: len(part.stamps) - len(stamps) for part in series}
    if any(lost.values()):
        findings.notes.append(
            f"{len(stamps)} bars are common to all symbols; bars left out: {_counts(lost)}."
        )
    rows = np.stack([np.searchsorted(part.stamps, stamps) for part in series], axis=1)
    return Clock(stamps, rows, np.ones(rows.shape, bool), np.zeros(rows.shape, bool))


def refuse_lost_events(series: Sequence[Series], clock: Clock, raw: bool) -> None:
    """Refuses to leave out bars in which something happens to whoever holds the asset.

    Raises:
        DataError: a split, a dividend, funding or a delisting stands in a bar that is left out.
    """
    for part in series:
        inside = (part.stamps > clock.stamps[0]) & (part.stamps <= clock.stamps[-1])
        lost = inside & ~np.isin(part.stamps, clock.stamps)
        for name, known in RESERVED.items():
            if name == "tradable" or name not in part.extras or (known.raw and not raw):
                continue
            values = part.extras[name]
            usual = np.isnan(values) | (values == known.default) | (values == 0.0)
            hit = np.flatnonzero(lost & ~usual)
            if hit.size:
                raise DataError(
                    f"{part.symbol} has {name} {values[hit[0]]:g} on {show(part.stamps[hit[0]])}, a"
                    " bar that another symbol lacks and `align: common` leaves out. Use align: all"
                    " (on the command line --set env.data.align=all), or other symbols."
                )


def full_clock(series: Sequence[Series], findings: Findings) -> Clock:
    """Takes every stamp that any series has, from where all have begun to where the last ends.

    A series without a bar at a stamp holds its last one before: values only ever move forward. A
    series that ends before the clock does counts as delisted from its first missing bar on.

    Raises:
        DataError: dates meet times of day, or one series ends before another begins.
    """
    _check_kinds(series)
    start = max(part.stamps[0] for part in series)
    if any(part.stamps[-1] < start for part in series):
        raise DataError(f"The symbols are never listed together: {_spans(series)}. {_CHOOSE}")
    union = np.unique(np.concatenate([part.stamps for part in series]))
    stamps = union[union >= start]
    rows = np.stack([np.searchsorted(p.stamps, stamps, "right") - 1 for p in series], axis=1)
    own = np.stack([p.stamps[r] == stamps for p, r in zip(series, rows.T, strict=True)], axis=1)
    ended = np.stack([stamps > part.stamps[-1] for part in series], axis=1)
    _note(series, Clock(stamps, rows, own, ended), findings)
    return Clock(stamps, rows, own, ended)


def _note(series: Sequence[Series], clock: Clock, findings: Findings) -> None:
    early = {part.symbol: int((part.stamps < clock.stamps[0]).sum()) for part in series}
    if any(early.values()):
        last = max(series, key=lambda part: part.stamps[0])
        findings.notes.append(
            f"The clock begins on {show(clock.stamps[0])} with {last.symbol}, the last to be "
            f"listed; bars before it left out: {_counts(early)}."
        )
    holes = (~clock.own & ~clock.ended).sum(axis=0).tolist()
    filled = dict(zip((part.symbol for part in series), holes, strict=True))
    if any(holes):
        findings.notes.append(
            f"Missing bars hold the last close, untradable; bars filled forward: {_counts(filled)}."
        )
    for part, gone in zip(series, clock.ended.T, strict=True):
        if gone.any():
            first = show(clock.stamps[gone][0])
            findings.notes.append(
                f"{part.symbol} ends on {show(part.stamps[-1])} and counts as delisted from "
                f"{first} on ({int(gone.sum())} bars)."
            )


def arrange_fields(
    series: Sequence[Series], clock: Clock, names: Sequence[str]
) -> dict[str, np.ndarray]:
    """Returns prices and volumes [T, N] by name; NaN for an asset that has none.

    A bar that a series lacks has its last close for open, high, low and close, and no volume.
    """
    close = _take(series, clock, "fields", "close")
    arranged = {}
    for name in names:
        values = _take(series, clock, "fields", name)
        still = np.zeros_like(close) if name == "volume" else close
        arranged[name] = np.where(clock.own | np.isnan(values), values, still)
    return arranged


def arrange_columns(series: Sequence[Series], clock: Clock, raw: bool) -> dict[str, np.ndarray]:
    """Returns the further columns [T, N] by name; NaN where a series lacks the bar or the column.

    Reserved ones hold their default there, but `tradable` is 0 in a missing bar and `delisted` 1
    after a series' last one. These two are added where a bar is missing.
    """
    names = list(dict.fromkeys(name for part in series for name in part.extras))
    if not clock.own.all() and "tradable" not in names:
        names.append("tradable")
    if clock.ended.any() and "delisted" not in names:
        names.append("delisted")
    columns = {}
    for name in names:
        held = np.array([name in part.extras for part in series])
        known = RESERVED.get(name)
        other = np.nan if known is None or (known.raw and not raw) else known.default
        values = _take(series, clock, "extras", name)
        columns[name] = np.where(clock.own & held, values, other)
    if "tradable" in columns:
        columns["tradable"] = np.where(clock.own, columns["tradable"], 0.0)
    if "delisted" in columns:
        columns["delisted"] = np.where(clock.ended, 1.0, columns["delisted"])
    return columns


def _take(series: Sequence[Series], clock: Clock, group: str, name: str) -> np.ndarray:
    length = len(clock.stamps)
    columns = [
        values[rows] if (values := getattr(part, group).get(name)) is not None
        else np.full(length, np.nan)
        for part, rows in zip(series, clock.rows.T, strict=True)
    ]  # fmt: skip
    return np.stack(columns, axis=1)


_CHOOSE = "Choose symbols that overlap."


def _check_kinds(series: Sequence[Series]) -> None:
    kinds = {part.dates: part for part in series}
    if len(kinds) == 2:
        raise DataError(
            f"{kinds[True].symbol} has dates and {kinds[False].symbol} has times of day: "
            "they share no clock. Load them apart."
        )


def _spans(series: Sequence[Series]) -> str:
    return "; ".join(
        f"{part.symbol} {part.stamps[0].astype('datetime64[D]')} to "
        f"{part.stamps[-1].astype('datetime64[D]')}"
        for part in series
    )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{symbol} {count}" for symbol, count in counts.items() if count)

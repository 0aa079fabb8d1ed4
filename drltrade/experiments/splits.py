"""Turns the splits of an experiment into three intervals of one market's clock."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from drltrade.errors import UsageError
from drltrade.experiments.settings import SplitSettings

if TYPE_CHECKING:
    from drltrade.data.market import Market

__all__ = ["Span", "Splits", "resolve_splits", "stamp_text"]

_ROLES = ("train", "valid", "test")
Range = tuple[np.datetime64, np.datetime64]
"""First and last stamp of a split."""


@dataclass(frozen=True)
class Span:
    """Some bars of a market: the first and last stamp, both inclusive, and how many they are."""

    start: str
    end: str
    bars: int

    def __str__(self) -> str:
        return f"{self.start} .. {self.end} ({self.bars:,} bars)"


@dataclass(frozen=True)
class Splits:
    """The train, validation and test spans of one job; no bar has two roles."""

    train: Span
    valid: Span
    test: Span

    def to_dict(self) -> dict[str, dict[str, object]]:
        """Returns plain JSON content."""
        return asdict(self)


def stamp_text(market: Market, stamp: np.datetime64) -> str:
    """Writes a bar's stamp as a date on daily data, else to the second.

    An hourly bar at midnight keeps its time: the bare date would mean the whole day.
    """
    daily = bool((market.stamps == market.stamps.astype("datetime64[D]")).all())
    return str(stamp.astype("datetime64[D]" if daily else "datetime64[s]"))


def resolve_splits(settings: SplitSettings, market: Market) -> Splits:
    """Finds the bars of each split.

    Of a market of several segments every split is one interval of time, the same for all of them:
    what one segment is trained on is never later than what another is tested on.

    Raises:
        UsageError: a split holds fewer than two bars, or two splits share bars or stand in the
            wrong order.
    """
    if isinstance(settings.train, float):
        ranges = _by_share(settings, market)
    else:
        ranges = {role: _located(role, settings, market) for role in _ROLES}
    for earlier, later in (("train", "valid"), ("valid", "test")):
        if ranges[earlier][1] >= ranges[later][0]:
            raise UsageError(
                f"The {earlier} split ends at {stamp_text(market, ranges[earlier][1])}, not"
                f" before the {later} split starts at"
                f" {stamp_text(market, ranges[later][0])}. Move one of them: a bar that"
                " was learnt from cannot judge."
            )
    return Splits(**{role: _span(role, market, *ranges[role]) for role in _ROLES})


def _located(role: str, settings: SplitSettings, market: Market) -> Range:
    try:
        spans = market.spans(*getattr(settings, role))
    except UsageError as error:
        raise UsageError(f"splits.{role}: {error}") from error
    stamps = market.stamps[spans]
    return stamps.min(), stamps.max()


def _span(role: str, market: Market, start: np.datetime64, end: np.datetime64) -> Span:
    texts = stamp_text(market, start), stamp_text(market, end)
    try:
        spans = market.spans(*texts)
    except UsageError as error:
        raise _too_few(role, 1, market) from error
    return Span(*texts, int((spans[:, 1] - spans[:, 0] + 1).sum()))


def _too_few(role: str, count: int, market: Market) -> UsageError:
    return UsageError(
        f"The {role} split holds {count} of the {market.bars} bars of '{market.name}'; it"
        " needs at least 2. Use more data or other splits."
    )


def _by_share(settings: SplitSettings, market: Market) -> dict[str, Range]:
    """Cuts the clock in order of time; shares that sum to 1 leave no bar over."""
    clock = np.unique(market.stamps)
    edges, total = [0], 0.0
    for role in _ROLES:
        total += getattr(settings, role)
        edges.append(len(clock) if total > 1 - 1e-9 else round(total * len(clock)))
    for at, role in enumerate(_ROLES):
        if edges[at + 1] - edges[at] < 2:
            raise _too_few(role, edges[at + 1] - edges[at], market)
    return {role: (clock[edges[i]], clock[edges[i + 1] - 1]) for i, role in enumerate(_ROLES)}

"""Turns the splits of an experiment into three intervals of one market's clock."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from drltrade.errors import UsageError
from drltrade.experiments.settings import SplitSettings

if TYPE_CHECKING:
    from drltrade.data.market import Market

__all__ = ["Span", "Splits", "resolve_splits", "stamp_text"]

_ROLES = ("train", "valid", "test")


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


def stamp_text(market: Market, bar: int) -> str:
    """Writes a bar's stamp as a date on daily data, else to the second.

    An hourly bar at midnight keeps its time: the bare date would mean the whole day.
    """
    daily = bool((market.stamps == market.stamps.astype("datetime64[D]")).all())
    return str(market.stamps[bar].astype("datetime64[D]" if daily else "datetime64[s]"))


def resolve_splits(settings: SplitSettings, market: Market) -> Splits:
    """Finds the bars of each split.

    Raises:
        UsageError: a split holds fewer than two bars, or two splits share bars or stand in the
            wrong order.
    """
    if isinstance(settings.train, float):
        ranges = _by_share(settings, market.bars)
    else:
        ranges = {role: _located(role, settings, market) for role in _ROLES}
    for role, (first, last) in ranges.items():
        count = max(last - first + 1, 0)
        if count < 2:
            raise UsageError(
                f"The {role} split holds {count} of the {market.bars} bars of '{market.name}'; it"
                " needs at least 2. Use more data or other splits."
            )
    for earlier, later in (("train", "valid"), ("valid", "test")):
        if ranges[earlier][1] >= ranges[later][0]:
            raise UsageError(
                f"The {earlier} split ends at {stamp_text(market, ranges[earlier][1])}, not"
                f" before the {later} split starts at"
                f" {stamp_text(market, ranges[later][0])}. Move one of them: a bar that"
                " was learnt from cannot judge."
            )
    return Splits(**{role: _span(market, *ranges[role]) for role in _ROLES})


def _located(role: str, settings: SplitSettings, market: Market) -> tuple[int, int]:
    try:
        return market.locate(*getattr(settings, role))
    except UsageError as error:
        raise UsageError(f"splits.{role}: {error}") from error


def _span(market: Market, first: int, last: int) -> Span:
    start, end = (stamp_text(market, bar) for bar in (first, last))
    return Span(start, end, last - first + 1)


def _by_share(settings: SplitSettings, bars: int) -> dict[str, tuple[int, int]]:
    """Cuts the bars in order of time; shares that sum to 1 leave no bar over."""
    edges, total = [0], 0.0
    for role in _ROLES:
        total += getattr(settings, role)
        edges.append(bars if total > 1 - 1e-9 else round(total * bars))
    return {role: (edges[i], edges[i + 1] - 1) for i, role in enumerate(_ROLES)}

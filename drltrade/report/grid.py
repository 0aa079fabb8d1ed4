"""A table as the page shows it: cells of text, some with a bar or a shade that says the same."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

__all__ = ["Cell", "Grid", "Line", "bar", "extent", "shade", "strip"]

_DEEPEST = 55  # per cent of colour behind the largest value: text stays readable on it


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: what it says.
        small: what stands below it in small print.
        look: classes of the style sheet.
        style: its own properties, such as where a bar ends.
    """

    text: str
    small: str = ""
    look: str = ""
    style: str = ""


@dataclass(frozen=True)
class Line:
    """One row: its header and its cells, one a column.

    Attributes:
        name: the header.
        cells: as many as the table has columns.
        small: what stands below the header in small print.
        meaning: the header's explanation.
    """

    name: str
    cells: Sequence[Cell]
    small: str = ""
    meaning: str = ""


@dataclass(frozen=True)
class Grid:
    """A table with a caption; its rows may stand in groups.

    Attributes:
        name: what its parts are called in the page, unique there.
        caption: what it shows, in a sentence without a full stop.
        corner: the header above the row headers.
        columns: headers, each with its small print.
        groups: (heading, rows); an empty heading is not shown.
    """

    name: str
    caption: str
    corner: str
    columns: Sequence[tuple[str, str]]
    groups: Sequence[tuple[str, Sequence[Line]]] = field(default_factory=tuple)


def extent(values: Iterable[float | None]) -> tuple[float, float]:
    """Returns the lowest and highest of some values and 0, what is undefined left out."""
    known = [value for value in values if _known(value)]
    return min([0.0, *known]), max([0.0, *known])


def bar(
    value: float | None, reach: tuple[float, float], text: str, small: str = "", tone: str = ""
) -> Cell:
    """A cell with a bar from 0 to a value; where the value is undefined, with none."""
    if not _known(value):
        return Cell(text, small)
    start, end = sorted((_place(0.0, reach), _place(value, reach)))
    side = tone or ("gain" if value >= 0.0 else "loss")
    style = f"--from: {start:.1f}%; --to: {end:.1f}%; --zero: {_place(0.0, reach):.1f}%"
    return Cell(text, small, f"bar {side}", style)


def shade(value: float | None, scale: float, text: str, small: str = "") -> Cell:
    """A cell on a ground that is the deeper the larger the value: blue above 0, orange below."""
    if not _known(value):
        return Cell(text, small)
    share = _DEEPEST * min(abs(value) / scale, 1.0) if scale > 0.0 else 0.0
    side = "gain" if value >= 0.0 else "loss"
    return Cell(text, small, f"heat {side}", f"--share: {share:.0f}%")


def strip(
    low: float | None,
    high: float | None,
    at: float | None,
    reach: tuple[float, float],
    text: str,
    small: str = "",
) -> Cell:
    """A cell with a band from low to high and a mark where a value stands."""
    if not (_known(low) and _known(high) and _known(at)):
        return Cell(text, small)
    start, end, mark = (_place(value, reach) for value in (low, high, at))
    return Cell(text, small, "strip", f"--from: {start:.1f}%; --to: {end:.1f}%; --at: {mark:.1f}%")


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _place(value: float, reach: tuple[float, float]) -> float:
    low, high = reach
    return 100.0 * min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.0

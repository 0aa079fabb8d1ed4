"""The section "Which of them differ": every pair of agents as a sentence and a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drltrade.backtest.evidence.judge import LEVEL
from drltrade.report.grid import Cell, Grid, Line
from drltrade.report.words import count, figure, join, p_value, percent, spread

if TYPE_CHECKING:
    from drltrade.backtest.evidence.pairs import Contrast, Contrasts

__all__ = ["PairsView", "pairs_sentence", "pairs_view"]

_NAMED = 3


@dataclass(frozen=True)
class PairsView:
    """What the section says.

    Attributes:
        answer: which differ.
        table: a line for each pair.
        terms: keys of the terms that were used.
    """

    answer: str
    table: Grid
    terms: tuple[str, ...] = ("pair", "adjusted")


def pairs_view(found: Contrasts) -> PairsView:
    """Puts the pairs into words."""
    between = [pair for pair in found.pairs if pair.second not in found.rivals]
    groups = [("Among themselves", [_line(pair) for pair in between])]
    for rival in found.rivals:
        against = [pair for pair in found.pairs if pair.second == rival]
        groups.append((f"Against {rival}", [_line(pair) for pair in against]))
    columns = [
        ("Sharpe ratio", "95 % interval"),
        ("Mean return", "a year"),
        ("p-value", f"adjusted for {count(len(found.pairs))}"),
        ("Differ", f"level {LEVEL:g}"),
    ]
    caption = "The first less the second on the same bars, returns averaged over the seeds"
    grid = Grid("pairs", caption, "Pair", columns, [(head, rows) for head, rows in groups if rows])
    return PairsView(pairs_sentence(found), grid)


def pairs_sentence(found: Contrasts) -> str:
    """Says which pairs differ beyond chance, all that are shown counted; nothing of none."""
    pairs, shown = found.pairs, len(found.pairs)
    if not pairs:
        return ""
    known = [pair for pair in pairs if math.isfinite(pair.adjusted)]
    if not known:
        return "Which of them differ cannot be told from so few bars."
    least = min(known, key=lambda pair: pair.adjusted)
    sure = sorted((pair for pair in known if pair.adjusted < LEVEL), key=lambda pair: pair.adjusted)
    if shown == 1:
        if sure:
            return f"They differ beyond chance: {_who(least)}."
        return (
            f"{least.first} and {least.second} do not differ beyond chance in what they earned"
            f" ({_p(least)})."
        )
    among = f"{count(shown)} pairs{_limited(found)}"
    if not sure:
        return (
            f"No two differ beyond chance in what they earned: of {among} the smallest p-value,"
            f" adjusted for their number, is {p_value(least.adjusted)}."
        )
    verb = "differs" if len(sure) == 1 else "differ"
    return (
        f"{count(len(sure))} of {among} {verb} beyond chance, p adjusted for their number:"
        f" {_listed(sure)}."
    )


def _limited(found: Contrasts) -> str:
    if found.leader is None:
        return ""
    return (
        f", those of {found.leader} alone, who was chosen before the test (all"
        f" {count(found.possible)} would be too many to tell anything),"
    )


def _listed(pairs: Sequence[Contrast]) -> str:
    named = [_who(pair) for pair in pairs[:_NAMED]]
    rest = len(pairs) - len(named)
    return join([*named, f"{rest} more"] if rest else named)


def _who(pair: Contrast) -> str:
    more, less = (pair.first, pair.second) if pair.mean > 0 else (pair.second, pair.first)
    return f"{more} earned more than {less} ({_p(pair)})"


def _p(pair: Contrast) -> str:
    return "p < 0.001" if pair.adjusted < 0.001 else f"p = {pair.adjusted:.3f}"


def _line(pair: Contrast) -> Line:
    low, high = pair.sharpe.low, pair.sharpe.high
    differ = ("yes" if pair.adjusted < LEVEL else "no") if math.isfinite(pair.adjusted) else "n/a"
    cells = [
        Cell(figure("sharpe", pair.sharpe.middle, sign=True), spread("sharpe", low, high)),
        Cell(percent(pair.mean, sign=True)),
        Cell(p_value(pair.adjusted), f"alone {p_value(pair.p)}"),
        Cell(differ),
    ]
    return Line(pair.first, cells, f"less {pair.second}")

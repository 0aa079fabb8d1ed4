"""Names the columns whose meaning is fixed and says what they may hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from drltrade.data.rules import Fault

__all__ = ["RESERVED", "Reserved", "canonical", "fill_blanks", "find_column_faults", "held"]


@dataclass(frozen=True)
class Reserved:
    """What one reserved column of a Market says.

    Attributes:
        meaning: what it tells the ledger.
        unit: what it is counted in.
        allowed: its values in words, to follow "but must be".
        fits: [T, N] values -> whether each is allowed.
        default: what holds for an asset whose data lack the column.
        blanks: cells that stand for the default; an empty cell is NaN.
        aliases: other names of it in files.
        raw: whether only a Market of raw prices gives it this meaning.
    """

    meaning: str
    unit: str
    allowed: str
    fits: Callable[[np.ndarray], np.ndarray]
    default: float
    blanks: tuple[float, ...] = ()
    aliases: tuple[str, ...] = ()
    raw: bool = False


def _flag(values: np.ndarray) -> np.ndarray:
    return np.isin(values, (0.0, 1.0))


_NONE = float("nan")

RESERVED: Mapping[str, Reserved] = {
    "tradable": Reserved(
        "whether an order can be filled in this bar", "flag", "1 or 0", _flag, 1.0
    ),
    "delisted": Reserved(
        "whether the asset leaves in this bar, or has left", "flag", "1 or 0", _flag, 0.0
    ),
    "funding": Reserved(
        "what a long pays a short for this bar", "fraction of notional",
        "above -1 and below 1", lambda v: np.abs(v) < 1, 0.0, (_NONE,),
    ),
    "split": Reserved(
        "new shares for one old, before this bar opens", "shares per share",
        "above zero and finite", lambda v: (v > 0) & np.isfinite(v), 1.0, (_NONE, 0.0),
        ("splits", "stock_split", "stock_splits", "split_ratio", "split_factor", "splitfactor",
         "split_coefficient"),
        raw=True,
    ),
    "dividend": Reserved(
        "cash for one share held into this bar, counted after its split",
        "currency of the prices per share",
        "zero or above and finite", lambda v: (v >= 0) & np.isfinite(v), 0.0, (_NONE,),
        ("dividends", "dividend_amount", "ex_dividend", "div_cash", "divcash"),
        raw=True,
    ),
}  # fmt: skip
"""Every column that the ledger reads, by its name in `Market.columns`."""


def canonical(name: str, raw: bool) -> str | None:
    """Returns the reserved column that a column of a file is, None where it is a plain one.

    Args:
        name: the column's name, lower case with underscores.
        raw: whether the prices are read as traded; the aliases hold only there.
    """
    for key, column in RESERVED.items():
        if (name == key or name in column.aliases) and (raw or not column.raw):
            return key
    return None


def held(columns: Iterable[str], raw: bool) -> list[str]:
    """Returns the names that a Market gives their reserved meaning; `raw` is the Market's own."""
    return [name for name in columns if name in RESERVED and (raw or not RESERVED[name].raw)]


def fill_blanks(columns: Mapping[str, np.ndarray], raw: bool) -> dict[str, np.ndarray]:
    """Returns the columns, each reserved one with its blanks replaced by its default.

    An empty cell of `funding`, `split` or `dividend` is none, and so is a split of 0.
    """
    filled = dict(columns)
    for name in held(columns, raw):
        for blank in RESERVED[name].blanks:
            values = filled[name]
            empty = np.isnan(values) if np.isnan(blank) else values == blank
            filled[name] = np.where(empty, RESERVED[name].default, values)
    return filled


def find_column_faults(columns: Mapping[str, np.ndarray], raw: bool) -> list[Fault]:
    """Lists what reserved columns [T, N] hold and must not, at most one fault a column."""
    faults = []
    for name in held(columns, raw):
        values, known = columns[name], RESERVED[name]
        wrong = ~known.fits(values)
        if wrong.any():
            bar, asset = (int(i) for i in np.argwhere(wrong)[0])
            faults.append(
                Fault(
                    bar, asset, name, float(values[bar, asset]), f"but must be {known.allowed}",
                    f"It says {known.meaning}; rename the column if yours says something else.",
                    int(wrong.sum()),
                )
            )  # fmt: skip
    return faults

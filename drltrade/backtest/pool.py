"""Pools the accounts of several segments into the ledger of one account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.sim import Path

__all__ = ["Clock", "idle_returns", "pool"]

Floats = NDArray[np.float64]

_HELD = ("equity", "cash", "shares")
"""What an account still has where its own market has no bar; of all else there is nothing then."""


@dataclass(frozen=True, eq=False)
class Clock:
    """The stamps of several accounts put on one clock.

    Attributes:
        stamps: [T] every stamp of any account, in order.
        rows: for each account, [T] its own row at or before each stamp; its first row before that.
        own: for each account, [T] whether it has a bar of that very stamp.
    """

    stamps: NDArray[np.datetime64]
    rows: tuple[NDArray[np.int64], ...]
    own: tuple[NDArray[np.bool_], ...]

    @classmethod
    def of(cls, stamps: Sequence[NDArray[np.datetime64]]) -> Clock:
        """Puts the increasing stamps of each account on their union."""
        if len(stamps) == 1:
            count = len(stamps[0])
            return cls(stamps[0], (np.arange(count),), (np.ones(count, np.bool_),))
        union = np.unique(np.concatenate(stamps))
        rows = [np.searchsorted(each, union, side="right") - 1 for each in stamps]
        kept = tuple(np.maximum(row, 0) for row in rows)
        own = tuple(each[row] == union for each, row in zip(stamps, kept, strict=True))
        return cls(union, kept, own)

    @property
    def shared(self) -> bool:
        """Whether every account has every stamp."""
        return all(bool(mask.all()) for mask in self.own)

    def held(self, tables: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Carries each account's rows forward to the stamps that it lacks."""
        return [table[row] for table, row in zip(tables, self.rows, strict=True)]

    def known(self, tables: Sequence[Floats]) -> list[Floats]:
        """As `held`, but NaN before an account's first stamp."""
        first = [self.stamps < self.stamps[mask.argmax()] for mask in self.own]
        return [
            np.where(early[:, None], np.nan, table)
            for early, table in zip(first, self.held(tables), strict=True)
        ]

    def flows(self, tables: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Leaves the stamps that an account lacks empty: nothing paid, NaN for what is no sum."""
        spread = []
        for table, mask, values in zip(tables, self.own, self.held(tables), strict=True):
            empty = np.nan if table.ndim > 1 and table.dtype == np.float64 else 0
            keep = mask if values.ndim == 1 else mask[:, None]
            spread.append(np.where(keep, values, np.array(empty, table.dtype)))
        return spread


def pool(paths: Sequence[Path], clock: Clock) -> Path:
    """Adds accounts up: money is summed, what exists per asset stands side by side.

    Row 0 holds the stakes. Weights, turnover, exposure and drawdown are those of the pooled
    equity; `targets` stay fractions of each account's own equity, as they were asked for, and
    `bars` counts the rows. The pool is terminated when every account is, and liquidated when it is
    terminated with something left.

    Args:
        paths: the ledgers of the accounts.
        clock: their stamps on one clock.
    """
    held = {name: clock.held([getattr(path, name) for path in paths]) for name in _HELD}
    equity: Floats = np.sum(held["equity"], axis=0)
    weights = [
        weight * (own / equity)[:, None]
        for weight, own in zip(
            clock.held([path.weights for path in paths]), held["equity"], strict=True
        )
    ]
    made: dict[str, Any] = {
        "bars": np.arange(len(equity)),
        "equity": equity,
        "weights": np.concatenate(weights, axis=1),
        "turnover": _turnover(paths, clock, equity),
        "drawdown": 1.0 - equity / np.maximum.accumulate(equity),
        "terminated": all(path.terminated for path in paths),
    }
    made["liquidated"] = made["terminated"] and any(path.liquidated for path in paths)
    made["exposure"] = np.abs(made["weights"]).sum(axis=1)
    for field in fields(Path):
        if field.name not in made:
            made[field.name] = _joined(field.name, paths, clock)
    for array in made.values():
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
    return Path(**made)


def idle_returns(paths: Sequence[Path], clock: Clock, rate: float) -> Floats | None:
    """What the cash of all accounts would have earned in each bar had all of it been idle.

    An account is paid for the days between its own stamps, at the later one.

    Args:
        paths: the ledgers of the accounts.
        clock: their stamps on one clock.
        rate: interest a year.

    Returns:
        [T - 1] fractions of the pooled equity; None where that is the rate times the days of the
        clock: all accounts share it, or there is no interest.
    """
    if clock.shared or rate == 0.0:
        return None
    held = clock.held([path.equity for path in paths])
    earned = np.zeros(len(clock.stamps))
    for own, equity in zip(clock.own, held, strict=True):
        rows = np.flatnonzero(own)
        days = np.diff(clock.stamps[rows]).astype("timedelta64[ns]").astype(np.float64) / 86_400e9
        earned[rows[1:]] += rate * days / 365.0 * equity[rows[1:] - 1]
    idle: Floats = earned[1:] / np.sum(held, axis=0)[:-1]
    return idle


def _joined(name: str, paths: Sequence[Path], clock: Clock) -> Any:
    values = [getattr(path, name) for path in paths]
    spread = clock.held(values) if name in _HELD else clock.flows(values)
    if name == "traded":
        spread = [np.nan_to_num(table) for table in spread]
    if values[0].ndim > 1:
        return np.concatenate(spread, axis=1)
    return np.sum(spread, axis=0)


def _turnover(paths: Sequence[Path], clock: Clock, equity: Floats) -> Floats:
    """Notional traded by all over the equity of all at the close before."""
    notional = [np.append(0.0, path.turnover[1:] * path.equity[:-1]) for path in paths]
    total: Floats = np.sum(clock.flows(notional), axis=0)
    total[1:] /= equity[:-1]
    return total

"""The prices that accounts trade at, laid out for the kernel."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drltrade.errors import UsageError
from drltrade.sim.rules import Rules

__all__ = ["Prices"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Prices:
    """Opens and closes of N assets on T bars.

    Attributes:
        open: [T, N] float64; all NaN where the data has closes only.
        close: [T, N] float64, positive.
        table: [2, T, N], the two stacked for the kernel, read-only.
        benchmark: [T] equal-weight close-to-close return of each bar; 0 at bar 0.
    """

    open: Floats
    close: Floats
    table: Floats = field(init=False, repr=False)
    benchmark: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        close = np.asarray(self.close, dtype=np.float64)
        opens = np.asarray(self.open, dtype=np.float64)
        if close.ndim != 2 or close.shape != opens.shape or len(close) < 2:
            raise UsageError(
                f"Prices need opens and closes of one shape [T, N] with T of at least 2; got"
                f" {opens.shape} and {close.shape}."
            )
        if not (np.isfinite(close).all() and (close > 0).all()):
            raise UsageError("Every close must be a positive number.")
        table = np.stack([opens, close])
        benchmark = np.zeros(len(close))
        benchmark[1:] = (close[1:] / close[:-1] - 1.0).mean(axis=1)
        for array in (table, benchmark):
            array.setflags(write=False)
        object.__setattr__(self, "table", table)
        object.__setattr__(self, "benchmark", benchmark)

    @property
    def bars(self) -> int:
        """Number of bars T."""
        return int(self.table.shape[1])

    @property
    def assets(self) -> int:
        """Number of assets N."""
        return int(self.table.shape[2])

    def check_fill(self, rules: Rules) -> None:
        """Refuses to fill at opens that the data does not have.

        Raises:
            UsageError: the fill is `next_open` and some open is missing.
        """
        opens = self.table[0]
        if rules.fill == "next_open" and not (np.isfinite(opens).all() and (opens > 0).all()):
            raise UsageError(
                "fill is 'next_open' but the data has no opens (closes only). Use fill: next_close"
                " (on the command line --set env.fill=next_close)."
            )

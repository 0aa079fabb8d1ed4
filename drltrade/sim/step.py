"""What one bar did to each account: a Step of arrays, and a Row of one account's numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.sim import rows

__all__ = ["PLACES", "Row", "Step", "view"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PLACES = {name: int(place[1]) for name, place in (rows.ACCOUNT.fields or {}).items()}
"""The byte at which each field of an account's row begins in `Engine.memory`."""


@dataclass(frozen=True, eq=False)
class Step:
    """What one bar did to each account: read-only views, [B] unless said, until the next step.

    Money is in the account's currency; fractions are of equity. Nothing here is ever NaN but
    `targets` (no order), `fill_price` (no trade) and `exit_price` (no exit).

    Attributes:
        bar: index of the bar that was just completed.
        start: equity at the start of the episode.
        equity_before: equity at the close before.
        equity: equity at the close of `bar`.
        cash: signed cash after the bar.
        turnover: traded notional over `equity_before`, buys and sells both counted.
        commission: paid to the broker, >= 0.
        slippage: lost to spread and slip, >= 0.
        impact: lost to the order's own size, >= 0.
        interest: earned on cash less paid on debt.
        borrow: paid for shares sold short, >= 0.
        funding: received less paid by the holders of perpetual futures.
        dividends: received on longs less paid on shorts.
        haircut: lost to delistings, >= 0.
        gap_pnl: gain of the old shares from the last close to the fill price.
        bar_pnl: gain of the new shares from the fill price to the close, or to their exit.
        shortfall: what ruin forgave, >= 0; zero but in the bar of ruin.
        drawdown: depth below the peak as a fraction of it, >= 0.
        drawdown_change: its rise during this bar.
        exposure: gross, the sum of |weights| after the close.
        benchmark_return: close-to-close return of the benchmark in this bar.
        terminated: the account was liquidated or ruined.
        truncated: the data or the episode ended.
        liquidated: the broker closed the account and something was left.
        weights: [B, N] drifted weights after the close.
        shares: [B, N].
        targets: [B, N] weights that were asked for.
        traded: [B, N] signed notional.
        fill_price: [B, N]; NaN where the order traded nothing.
        exit_price: [B, N] where a position was closed out or delisted; else NaN.
        status: [B, N] uint8 codes of `sim.STATUS`.
    """

    bar: NDArray[np.int64]
    start: Floats
    equity_before: Floats
    equity: Floats
    cash: Floats
    turnover: Floats
    commission: Floats
    slippage: Floats
    impact: Floats
    interest: Floats
    borrow: Floats
    funding: Floats
    dividends: Floats
    haircut: Floats
    gap_pnl: Floats
    bar_pnl: Floats
    shortfall: Floats
    drawdown: Floats
    drawdown_change: Floats
    exposure: Floats
    benchmark_return: Floats
    terminated: Bools
    truncated: Bools
    liquidated: Bools
    weights: Floats
    shares: Floats
    targets: Floats
    traded: Floats
    fill_price: Floats
    exit_price: Floats
    status: NDArray[np.uint8]

    @property
    def costs(self) -> Floats:
        """Commission, slippage and impact together, [B]."""
        return self.commission + self.slippage + self.impact

    @property
    def carry(self) -> Floats:
        """Interest and funding less the borrow fee, [B]; received is positive."""
        return self.interest + self.funding - self.borrow

    @property
    def simple_return(self) -> Floats:
        """Equity over equity before, less one, [B]."""
        return self.equity / self.equity_before - 1.0

    @property
    def log_return(self) -> Floats:
        """Log of equity over equity before, [B]; finite, because ruin has a floor."""
        return np.log(self.equity / self.equity_before)


class Row:
    """A Step of the only account as plain numbers, for rewards that keep no memory of their own.

    It has those fields of a Step that are one number an account, and gives the same bits.
    """

    __slots__ = ("_numbers",)

    def __init__(self, numbers: Any) -> None:
        self._numbers = numbers

    @property
    def simple_return(self) -> float:
        """Equity over equity before, less one."""
        numbers = self._numbers
        return float(numbers[_EQUITY] / numbers[_BEFORE] - 1.0)

    @property
    def log_return(self) -> float:
        """Log of equity over equity before."""
        numbers = self._numbers
        return float(np.log(numbers[_EQUITY] / numbers[_BEFORE]))


def _number(name: str) -> property:
    place = PLACES[name] // 8
    return property(lambda self: self._numbers[place])


_EQUITY, _BEFORE = PLACES["equity"] // 8, PLACES["equity_before"] // 8
for _name, _field in (rows.ACCOUNT.fields or {}).items():
    if _field[0] == np.float64:
        setattr(Row, _name, _number(_name))


def view(account: NDArray[np.void], book: Floats, status: NDArray[np.uint8]) -> Step:
    """Looks at the kernel's arrays as a Step, read-only and without a copy."""
    fields = Step.__dataclass_fields__
    arrays: dict[str, NDArray[Any]] = {"status": status.view()}
    arrays |= {name: account[name] for name in rows.ACCOUNT.names or () if name in fields}
    arrays |= {name: book[:, row] for row, name in enumerate(rows.BOOK) if name in fields}
    for array in arrays.values():
        array.setflags(write=False)
    return Step(**arrays)

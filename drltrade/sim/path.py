"""One account along a whole path of targets, with every bar recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.errors import UsageError
from drltrade.sim import kernel
from drltrade.sim.engine import Engine
from drltrade.sim.prices import Prices
from drltrade.sim.rules import Rules

__all__ = ["Path", "Recorder", "run_path"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Path:
    """The ledger of one account, one row a bar; row 0 is the start, before any order.

    Row k holds what happened during bar `bars[k]`: the fill of the decision taken after the bar
    before. In every row
    equity - equity before = gap_pnl + bar_pnl + carry + shortfall - commission - slippage.

    Attributes:
        bars: [T] indices into the market.
        equity, cash, turnover, commission, slippage, carry, gap_pnl, bar_pnl, shortfall,
            drawdown, exposure: [T], as in Step.
        weights, shares, traded: [T, N], as in Step.
        targets: [T, N], NaN is no order.
        fill_price: [T, N], NaN where nothing was traded; in the row of a ruin that came at the
            fill, the price at which everything was closed.
        status: [T, N] codes of `sim.STATUS`.
        terminated: the account was ruined; every later row is flat at the floor.
    """

    bars: NDArray[np.int64]
    equity: Floats
    cash: Floats
    turnover: Floats
    commission: Floats
    slippage: Floats
    carry: Floats
    gap_pnl: Floats
    bar_pnl: Floats
    shortfall: Floats
    drawdown: Floats
    exposure: Floats
    weights: Floats
    shares: Floats
    targets: Floats
    traded: Floats
    fill_price: Floats
    status: NDArray[np.uint8]
    terminated: bool


class Recorder:
    """Collects the rows of one account of an engine, bar by bar, into a Path."""

    def __init__(self, engine: Engine, rows: int, row: int = 0) -> None:
        self._step, self._row, self._at = engine.current, row, 0
        self._arrays: dict[str, NDArray[Any]] = {"bars": np.empty(rows, dtype=np.int64)}
        for name in _FIELDS:
            source = getattr(self._step, name)
            self._arrays[name] = np.empty((rows, *source.shape[1:]), dtype=source.dtype)

    def record(self) -> None:
        """Copies the account's present row."""
        first = self._arrays["bars"][0] if self._at else self._step.bar[self._row]
        self._arrays["bars"][self._at] = first + self._at  # a ruined account's own bar stands still
        for name in _FIELDS:
            self._arrays[name][self._at] = getattr(self._step, name)[self._row]
        self._at += 1

    def path(self) -> Path:
        """Returns what was recorded so far, read-only."""
        arrays = {name: array[: self._at] for name, array in self._arrays.items()}
        return _path(arrays, bool(self._step.terminated[self._row]))


def run_path(
    prices: Prices,
    rules: Rules,
    targets: Floats,
    first: int,
    last: int,
    start_equity: float = 1.0,
) -> Path:
    """Runs one account along given targets in one kernel call.

    Args:
        prices: opens and closes, [T, N].
        rules: fill, costs, limits.
        targets: [T, N] weights decided after each bar, from bars up to it; NaN is no order. Rows
            before `first` and from `last` on are not used: no fill after the last decision.
        first: the bar after whose close the account starts, in cash.
        last: the bar whose close ends it.
        start_equity: cash at the start.

    Raises:
        UsageError: the range or the shape does not fit the prices, or a target is infinite.
    """
    prices.check_fill(rules)
    if targets.shape != (prices.bars, prices.assets):
        raise UsageError(
            f"targets must be [T, N] = {(prices.bars, prices.assets)}; got {targets.shape}."
        )
    if not 0 <= first < last < prices.bars:
        raise UsageError(
            f"A path needs 0 <= first < last < {prices.bars} bars; got {first}..{last}."
        )
    used = np.ascontiguousarray(targets[first:last], dtype=np.float64)
    if np.isinf(used).any():
        raise UsageError("A target weight is infinite; weights are fractions of equity.")
    account, book, status = _blank(1, prices.assets)
    row = np.zeros(1, dtype=np.int64)
    kernel.reset(account, book, status, row, row + first, row + last, start_equity)
    bars = last - first + 1
    ledger, books, statuses = _blank(bars, prices.assets)
    kernel.run(
        account, book, status, used, prices.table, prices.benchmark, rules.pack(), ledger, books,
        statuses,
    )  # fmt: skip
    arrays = {name: ledger[name] for name in _FIELDS & set(kernel.ACCOUNT.names or ())}
    arrays |= {name: books[:, at] for at, name in enumerate(kernel.BOOK) if name in _FIELDS}
    arrays["bars"] = np.arange(first, last + 1)
    arrays["status"] = statuses
    return _path(arrays, bool(account["terminated"][0]))


def _blank(rows: int, assets: int) -> tuple[NDArray[np.void], Floats, NDArray[np.uint8]]:
    return (
        np.zeros(rows, dtype=kernel.ACCOUNT),
        np.zeros((rows, len(kernel.BOOK), assets)),
        np.zeros((rows, assets), dtype=np.uint8),
    )


def _path(arrays: dict[str, NDArray[Any]], terminated: bool) -> Path:
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    for array in contiguous.values():
        array.setflags(write=False)
    return Path(**contiguous, terminated=terminated)


_FIELDS = Path.__dataclass_fields__.keys() - {"bars", "terminated"}

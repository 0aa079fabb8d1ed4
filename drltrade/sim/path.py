"""One account along a whole path of targets, with every bar recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.errors import UsageError
from drltrade.sim import rows
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
    equity - equity before = gap_pnl + bar_pnl + dividends + interest + funding - borrow
    - commission - slippage - impact - haircut + shortfall.

    Attributes:
        bars: [T] indices into the market.
        equity, cash, turnover, commission, slippage, impact, interest, borrow, funding, dividends,
            haircut, gap_pnl, bar_pnl, shortfall, drawdown, exposure: [T], as in Step.
        weights, shares, traded: [T, N], as in Step.
        targets: [T, N], NaN is no order.
        fill_price: [T, N], NaN where nothing was traded.
        exit_price: [T, N] where a position was closed out or delisted, else NaN.
        status: [T, N] codes of `sim.STATUS`.
        terminated: the account was liquidated or ruined; every later row is flat.
        liquidated: it was closed out with something left.
    """

    bars: NDArray[np.int64]
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
    exposure: Floats
    weights: Floats
    shares: Floats
    targets: Floats
    traded: Floats
    fill_price: Floats
    exit_price: Floats
    status: NDArray[np.uint8]
    terminated: bool
    liquidated: bool

    @property
    def costs(self) -> Floats:
        """[T] commission, slippage and impact together."""
        return self.commission + self.slippage + self.impact

    @property
    def carry(self) -> Floats:
        """[T] interest and funding less the borrow fee."""
        return self.interest + self.funding - self.borrow


class Recorder:
    """Collects the rows of one account of an engine, bar by bar, into a Path."""

    def __init__(self, engine: Engine, length: int, row: int = 0) -> None:
        self._step, self._row, self._at = engine.current, row, 0
        self._arrays: dict[str, NDArray[Any]] = {"bars": np.empty(length, dtype=np.int64)}
        for name in _FIELDS:
            source = getattr(self._step, name)
            self._arrays[name] = np.empty((length, *source.shape[1:]), dtype=source.dtype)

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
        step, row = self._step, self._row
        return _path(arrays, bool(step.terminated[row]), bool(step.liquidated[row]))


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
    prices.check(rules)
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
    engine = Engine(prices, rules, start_equity=start_equity)
    begin = np.array([first])
    engine.reset(np.zeros(1, dtype=np.int64), begin, begin + last - first)
    bars = last - first + 1
    ledger, books, statuses = engine.run(used)
    arrays = {name: ledger[name] for name in _FIELDS & set(rows.ACCOUNT.names or ())}
    arrays |= {name: books[:, at] for at, name in enumerate(rows.BOOK) if name in _FIELDS}
    arrays["bars"] = np.arange(first, first + bars)
    arrays["status"] = statuses
    step = engine.current
    return _path(arrays, bool(step.terminated[0]), bool(step.liquidated[0]))


def _path(arrays: dict[str, NDArray[Any]], terminated: bool, liquidated: bool) -> Path:
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    for array in contiguous.values():
        array.setflags(write=False)
    return Path(**contiguous, terminated=terminated, liquidated=liquidated)


_FIELDS = Path.__dataclass_fields__.keys() - {"bars", "terminated", "liquidated"}

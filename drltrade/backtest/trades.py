"""Reads round trips out of a record: one trade from flat, through a position, to flat again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.record import Record

__all__ = ["Trade", "trade_list"]

Floats = NDArray[np.float64]

FLAT = 1e-9  # of equity: a position smaller than the smallest trade of the simulator is none


@dataclass(frozen=True)
class Trade:
    """One round trip in one asset; adding averages the entry, reducing averages the exit.

    Attributes:
        symbol: the asset.
        side: "long" or "short".
        entry: stamp [ns, UTC] of the bar whose price the first share was bought or sold at.
        exit: the same for the last share; the record's last stamp when still open.
        entry_price: average price of everything that opened or added.
        exit_price: average price of everything that reduced or closed; what is still open at the
            end counts at the last close.
        shares: the largest position held, positive.
        bars: bars from the entry's row to the exit's row of the record.
        pnl: money made net of the costs of both legs; of an open trade, at the last close and
            without the costs of an exit that has not happened.
        return_: pnl over everything that was paid to enter.
        costs: commission, slippage and impact, those of a bar shared by traded notional; haircut.
        open: the position is still held at the end of the record.
        mfe: maximum favourable excursion: the largest gain within it, at least 0, net of the costs
            paid by then, over everything that was paid to enter; looked at after its exit and at
            the closes of the bars that it was held over.
        mae: maximum adverse excursion: the largest loss, likewise, at most 0 (Sweeney 1997,
            "Maximum Adverse Excursion").
        entry_row: row of the record in whose bar it was opened.
        exit_row: row of the record in whose bar it was closed, the last row when open.
    """

    symbol: str
    side: str
    entry: np.datetime64
    exit: np.datetime64
    entry_price: float
    exit_price: float
    shares: float
    bars: int
    pnl: float
    return_: float
    costs: float
    open: bool
    mfe: float
    mae: float
    entry_row: int
    exit_row: int


class _Fill(NamedTuple):
    """One change of one position: signed shares, at a price, for a cost, during a row."""

    row: int
    shares: float
    price: float
    cost: float


def trade_list(record: Record) -> list[Trade]:
    """Returns every round trip of a record, ordered by entry row, then asset.

    A flip from long to short closes one trade and opens another at the same price. The pnl of all
    trades, plus carry, dividends and shortfall (which belong to the account and to no trade), is
    the change of equity from the first row to the last. A position that the broker or a delisting
    closed leaves at its exit price. Where the record has splits, prices and shares are in the
    shares of its first row.
    """
    return list(_trades(record))


@lru_cache(maxsize=4)
def _trades(record: Record) -> tuple[Trade, ...]:
    found = [
        (trade.entry_row, asset, number, trade)
        for asset in range(len(record.symbols))
        for number, trade in enumerate(_trips(record, asset))
    ]
    return tuple(trade for *_, trade in sorted(found, key=lambda item: item[:3]))


@dataclass(frozen=True)
class _Moves:
    """What changed a record's positions, [T, N], in the shares of its first row.

    Attributes:
        traded: signed shares that orders bought.
        price: what they were bought at.
        left: signed shares that the broker or a delisting took away.
        exit: the price of that.
        held: shares after the row.
        cost: what the order cost.
        exit_cost: what the exit cost.
        grown: what one share of the first row has become by splits.
    """

    traded: Floats
    price: Floats
    left: Floats
    exit: Floats
    held: Floats
    cost: Floats
    exit_cost: Floats
    grown: Floats


@lru_cache(maxsize=4)
def _moves(record: Record) -> _Moves:
    path = record.path
    grown = np.ones_like(path.shares)
    if record.split is not None:
        grown[1:] = np.cumprod(record.split[1:], axis=0)
    early = np.vstack([grown[:1], grown[:-1]])  # a same_close fill lies before the row's split
    price = path.fill_price * (early if record.assumptions.get("fill") == "same_close" else grown)
    held, exit_price = path.shares / grown, path.exit_price * grown
    traded = np.where(path.traded != 0.0, path.traded / price, 0.0)
    gone = np.isfinite(exit_price)
    before = np.vstack([np.zeros_like(held[:1]), held[:-1]])
    left = np.where(gone, -(before + traded), 0.0)
    filled, exited = np.abs(path.traded), np.abs(np.where(gone, left * exit_price, 0.0))
    # A delisting pays the haircut; costs belong to orders and to what the broker closed.
    paying = (path.haircut == 0.0) | (filled.sum(axis=1) == 0.0)
    closed = exited * paying[:, None]
    rate = _per(path.costs, (filled + closed).sum(axis=1))
    cut = _per(path.haircut, exited.sum(axis=1))
    return _Moves(
        traded, price, left, exit_price, held, filled * rate, closed * rate + exited * cut, grown
    )


def _per(costs: Floats, sizes: Floats) -> Floats:
    """[T, 1] costs for one unit of size."""
    rate: Floats = np.where(sizes > 0.0, costs / np.where(sizes > 0.0, sizes, 1.0), 0.0)
    return rate[:, None]


def _fills(record: Record, asset: int) -> Iterator[tuple[_Fill, float]]:
    """Yields each change of one position with the shares held after it."""
    moves = _moves(record)
    traded, held = moves.traded[:, asset], moves.held[:, asset]
    gone = np.isfinite(moves.exit[:, asset])
    shares = 0.0
    for row in np.flatnonzero((traded != 0.0) | gone).tolist():
        if traded[row] != 0.0:
            price = float(moves.price[row, asset])
            # The ledger's own shares are exact; a closing fill leaves exactly nothing.
            after = shares + float(traded[row]) if gone[row] else float(held[row])
            after = 0.0 if _is_flat(record, row, after, price) else after
            if after != shares:
                yield _Fill(row, after - shares, price, float(moves.cost[row, asset])), after
            shares = after
        if gone[row] and shares != 0.0:
            price, cost = float(moves.exit[row, asset]), float(moves.exit_cost[row, asset])
            yield _Fill(row, -shares, price, cost), 0.0
            shares = 0.0


def _is_flat(record: Record, row: int, shares: float, price: float) -> bool:
    return abs(shares) * price <= FLAT * float(record.path.equity[row - 1])


class _Trip:
    """A round trip while it is being read."""

    def __init__(self, fill: _Fill) -> None:
        self.first = fill
        self.sign = 1.0 if fill.shares > 0 else -1.0
        self.entered = self.paid = self.left = self.received = self.costs = self.peak = 0.0
        self.best = self.worst = 0.0
        self.row = fill.row
        self.add(fill)

    @property
    def shares(self) -> float:
        return self.entered - self.left

    def add(self, fill: _Fill) -> None:
        size = abs(fill.shares)
        if fill.shares * self.sign > 0:
            self.entered += size
            self.paid += size * fill.price
        else:
            self.left += size
            self.received += size * fill.price
        self.costs += fill.cost
        self.peak = max(self.peak, self.shares)

    def watch(self, closes: Floats, row: int) -> None:
        """Looks at what it would have made at each close [T] before a row."""
        if row > self.row:
            worth = self.received + self.shares * closes[self.row : row] - self.paid
            self._see(self.sign * worth - self.costs)
        self.row = row

    def _see(self, gains: Floats) -> None:
        self.best = max(self.best, float(gains.max()))
        self.worst = min(self.worst, float(gains.min()))

    def close(self, record: Record, asset: int, row: int, *, still_open: bool) -> Trade:
        pnl = self.sign * (self.received - self.paid) - self.costs
        self._see(np.array([pnl]))
        return Trade(
            symbol=record.symbols[asset],
            side="long" if self.sign > 0 else "short",
            entry=_fill_stamp(record, self.first.row),
            exit=record.stamps[row] if still_open else _fill_stamp(record, row),
            entry_price=self.paid / self.entered,
            exit_price=self.received / self.left,
            shares=self.peak,
            bars=row - self.first.row,
            pnl=pnl,
            return_=pnl / self.paid,
            costs=self.costs,
            open=still_open,
            mfe=self.best / self.paid,
            mae=self.worst / self.paid,
            entry_row=self.first.row,
            exit_row=row,
        )


def _fill_stamp(record: Record, row: int) -> np.datetime64:
    """Stamp of the bar that a row's fills were made in: the bar before under `same_close`."""
    same_close = record.assumptions.get("fill") == "same_close"
    stamp: np.datetime64 = record.stamps[row - 1 if same_close else row]
    return stamp


def _closes(record: Record, asset: int) -> Floats:
    """[T] closes of the shares of the first row."""
    closes: Floats = record.close[:, asset] * _moves(record).grown[:, asset]
    return closes


def _trips(record: Record, asset: int) -> Iterator[Trade]:
    trip: _Trip | None = None
    closes = _closes(record, asset)
    for fill, after in _fills(record, asset):
        before = after - fill.shares
        if trip is None:
            trip = _Trip(fill)
            continue
        trip.watch(closes, fill.row)
        if after != 0.0 and (after > 0.0) == (trip.sign > 0.0):
            trip.add(fill)
            continue
        closing = abs(before) / abs(fill.shares)
        trip.add(_Fill(fill.row, -before, fill.price, fill.cost * closing))
        yield trip.close(record, asset, fill.row, still_open=False)
        trip = None
        if after != 0.0:
            trip = _Trip(_Fill(fill.row, after, fill.price, fill.cost * (1.0 - closing)))
    if trip is not None:
        last = len(record.stamps) - 1
        trip.watch(closes, last)
        trip.add(_Fill(last, -trip.sign * trip.shares, float(closes[-1]), 0.0))
        yield trip.close(record, asset, last, still_open=True)

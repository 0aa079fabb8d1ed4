"""What accounts trade at, laid out for the kernel: quotes, the clock, and events."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from drltrade.errors import UsageError
from drltrade.sim.rules import Rules

__all__ = ["Prices"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

EVENTS = 7  # columns of `events`: halted, delisted, split, dividend, funding, impact, cap


@dataclass(frozen=True, eq=False)
class Prices:
    """Quotes of N assets on T bars, and everything else that moves an account's money.

    Attributes:
        open: [T, N] float64; all NaN where the data has closes only.
        close: [T, N] float64, positive.
        high: [T, N]; None is the higher of open and close.
        low: [T, N]; None is the lower of open and close.
        volume: [T, N] shares; None, or NaN in a column, where it is not known. A bar without volume
            is halted where an earlier bar of its segment had some.
        days: [T] calendar days since the bar before, NaN-free; None is one day.
        halted: [T, N] no fill in this bar; the mark is the last close before.
        delisted: [T, N] the asset leaves in its first marked bar and does not come back.
        split: [T, N] new shares for one old; None is 1.
        dividend: [T, N] cash for one share, after the split; None is 0.
        funding: [T, N] what a long pays a short in this bar, a fraction of notional; None is 0.
        benchmark: [T] simple return of each bar that relative rewards compare with; None is the
            mean over the assets.
        segment: [T] ids; nothing looks back across a seam. None is one segment.

    Raises:
        UsageError: shapes do not fit or a close is not positive.
    """

    open: Floats
    close: Floats
    high: Floats | None = None
    low: Floats | None = None
    volume: Floats | None = None
    days: Floats | None = None
    halted: Bools | None = None
    delisted: Bools | None = None
    split: Floats | None = None
    dividend: Floats | None = None
    funding: Floats | None = None
    benchmark: Floats | None = None
    segment: NDArray[np.int64] | None = None
    _events: dict[object, Floats] = field(default_factory=dict, init=False, repr=False)

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
        object.__setattr__(self, "close", close)
        object.__setattr__(self, "open", opens)
        for name in _PER_ASSET:
            self._put(name, close.shape)
        for name in ("days", "benchmark", "segment"):
            self._put(name, close.shape[:1])
        for name, least in (("split", 0.0), ("dividend", -np.inf), ("funding", -np.inf)):
            table = getattr(self, name)
            if table is not None and not (np.isfinite(table).all() and (table > least).all()):
                raise UsageError(f"Prices: {name} must be finite{' and positive' * (least == 0)}.")

    def _put(self, name: str, shape: tuple[int, ...]) -> None:
        value = getattr(self, name)
        if value is None:
            return
        array = np.asarray(value)
        if array.shape != shape:
            raise UsageError(f"Prices: {name} has shape {array.shape}; it must be {shape}.")
        object.__setattr__(self, name, array)

    @property
    def bars(self) -> int:
        """Number of bars T."""
        return len(self.close)

    @property
    def assets(self) -> int:
        """Number of assets N."""
        return self.close.shape[1]

    @property
    def quotes(self) -> Floats:
        """[T, N, 4] open, high, low, close; while halted, the last close before."""
        return np.moveaxis(self.table, 1, 2)

    @cached_property
    def table(self) -> Floats:
        """[T, 4, N] the quotes as the kernel reads them."""
        missing = ~np.isfinite(self.open)
        opens = np.where(missing, self.close, self.open)
        high = np.maximum(opens, self.close) if self.high is None else self.high
        low = np.minimum(opens, self.close) if self.low is None else self.low
        high, low = (np.where(np.isfinite(x), x, self.close) for x in (high, low))
        table = np.stack([opens, high, low, self.close], axis=1)
        if self.halts.any():
            marks = self._last_rows(~self.halts)
            rows, assets = np.nonzero(self.halts & (marks >= 0))
            last = marks[rows, assets]
            mark = self.close[last, assets] * self._shares[last, assets]
            table[rows, :, assets] = (mark / self._shares[rows, assets])[:, None]
        return _read_only(table)

    @cached_property
    def halts(self) -> Bools:
        """[T, N] bars in which an asset cannot be traded: halted, without volume, or delisted."""
        halts = np.zeros(self.close.shape, dtype=bool)
        if self.halted is not None:
            halts |= np.asarray(self.halted, dtype=bool)
        if self.volume is not None:
            traded_before = self._since(self.volume > 0)
            halts |= (self.volume == 0) & traded_before
        if self.delisted is not None:
            halts |= self._since(np.asarray(self.delisted, dtype=bool))
        return halts

    @cached_property
    def clock(self) -> Floats:
        """[T, 2] days since the bar before, and the benchmark's return of the bar."""
        days = np.ones(self.bars) if self.days is None else self.days
        benchmark = self._mean_return() if self.benchmark is None else self.benchmark
        return _read_only(np.stack([days, benchmark], axis=1).astype(np.float64))

    @cached_property
    def eventful(self) -> bool:
        """Whether anything but quotes happens: halts, delistings, splits, dividends, funding."""
        extras = (self.split, 1.0), (self.dividend, 0.0), (self.funding, 0.0)
        changed = any(table is not None and (table != usual).any() for table, usual in extras)
        return bool(self.halts.any()) or changed

    def events(self, rules: Rules) -> Floats:
        """Lays out [T, N, 7]: halted, delisted, split, dividend, funding, impact, cap.

        `impact` and `cap` are those of a fill in that bar, from the bars before it. Where the rules
        and the prices need none of them, the table has no rows.

        Raises:
            UsageError: the rules need volumes that are missing.
        """
        impact, cap = rules.costs.impact, rules.participation
        key = (impact, cap)
        if key not in self._events:
            self._events[key] = _read_only(self._lay_out(rules))
        return self._events[key]

    def _lay_out(self, rules: Rules) -> Floats:
        impact, cap = rules.costs.impact, rules.participation
        if not (self.eventful or impact.coefficient > 0 or cap.rate is not None):
            return np.zeros((0, self.assets, EVENTS))
        table = np.zeros((self.bars, self.assets, EVENTS))
        table[:, :, 0] = self.halts
        table[:, :, 1] = 0.0 if self.delisted is None else self.delisted
        table[:, :, 2] = 1.0 if self.split is None else self.split
        table[:, :, 3] = 0.0 if self.dividend is None else self.dividend
        table[:, :, 3] *= table[:, :, 1] == 0.0  # who is bought out at the last price is paid by it
        table[:, :, 4] = 0.0 if self.funding is None else self.funding
        table[:, :, 6] = np.inf
        if impact.coefficient > 0:
            volume = self._usual_volume(impact.window)
            sigma = self._trailing(self._returns(), impact.window, 2)
            known = (volume > 0) & np.isfinite(sigma)
            table[:, :, 0] = self.halts | ~known  # an impact that is not known is not none
            root = np.sqrt(np.where(known, volume, 1.0))
            table[:, :, 5] = np.where(known, 2 / 3 * impact.coefficient * sigma / root, 0.0)
        if cap.rate is not None:
            table[:, :, 6] = cap.rate * np.nan_to_num(self._usual_volume(cap.window))
        return table

    def pack(self, rules: Rules) -> NDArray[np.void]:
        """Lays the rules out for the kernel, with the branches that these prices need."""
        unknown = rules.costs.impact.coefficient > 0  # an impact that is not known is a halt
        return rules.pack(self.eventful, self.eventful or unknown)

    def check(self, rules: Rules) -> None:
        """Refuses rules that these prices cannot serve.

        Raises:
            UsageError: fills at opens that are missing, or volumes that are.
        """
        opens = self.open
        if rules.fill == "next_open" and not (np.isfinite(opens).all() and (opens > 0).all()):
            raise UsageError(
                "fill is 'next_open' but the data has no opens (closes only). Use fill: next_close"
                " (on the command line --set env.fill=next_close)."
            )
        wanted = {
            "costs.impact.coefficient": rules.costs.impact.coefficient > 0,
            "participation.rate": rules.participation.rate is not None,
        }
        for name, on in wanted.items():
            if on and (self.volume is None or np.isnan(self.volume).any()):
                raise UsageError(
                    f"{name} is set but the data has no volume. Use data with a volume column, or"
                    " leave the rule off."
                )

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        """[T] the first row of each row's segment."""
        if self.segment is None:
            return np.zeros(self.bars, dtype=np.int64)
        first = np.append(True, np.diff(self.segment) != 0)
        return np.maximum.accumulate(np.where(first, np.arange(self.bars), 0))

    def _last_rows(self, mask: Bools) -> NDArray[np.int64]:
        """[T, N] the latest row of the segment up to this one where the mask holds, -1 if none."""
        rows = np.where(mask, np.arange(self.bars)[:, None], -1)
        latest = np.maximum.accumulate(rows, axis=0)
        return np.where(latest >= self._starts[:, None], latest, -1)

    def _since(self, mask: Bools) -> Bools:
        """[T, N] whether the mask held at this row or an earlier one of the segment."""
        return np.asarray(self._last_rows(mask) >= 0)

    @cached_property
    def _shares(self) -> Floats:
        """[T, N] what one share of the segment's first bar has become by splits."""
        if self.split is None:
            return np.ones(self.close.shape)
        first = self._starts == np.arange(self.bars)
        splits = np.where(first[:, None], 1.0, self.split)
        pieces = np.split(splits, np.flatnonzero(first)[1:])
        return np.concatenate([np.cumprod(piece, axis=0) for piece in pieces])

    def _returns(self, dividends: bool = False) -> Floats:
        """[T, N] close-to-close returns, corrected for splits; NaN in a segment's first row."""
        close = self.table[:, 3]
        worth = close if self.split is None else close * self.split
        if dividends and self.dividend is not None:
            worth = worth + self.dividend * (1.0 if self.split is None else self.split)
        returns = np.full(close.shape, np.nan)
        returns[1:] = worth[1:] / close[:-1] - 1.0
        returns[self._starts == np.arange(self.bars)] = np.nan
        return returns

    def _mean_return(self) -> Floats:
        return np.asarray(np.nan_to_num(self._returns(dividends=True)).mean(axis=1))

    def _usual_volume(self, window: int) -> Floats:
        """[T, N] mean volume of the bars before, in the shares of this bar."""
        volume = np.asarray(self.volume, dtype=np.float64)
        return self._trailing(volume / self._shares, window, 1) * self._shares

    def _trailing(self, values: Floats, window: int, least: int) -> Floats:
        """[T, N] mean (least 1) or standard deviation (least 2) of the segment's rows before."""
        measure = np.nanmean if least == 1 else _deviation
        out = np.full(values.shape, np.nan)
        if self.bars > window:
            views = sliding_window_view(values, window, axis=0)[:-1]
            out[window:] = views.mean(axis=2) if least == 1 else views.std(axis=2, ddof=1)
        for start in np.unique(self._starts):
            for row in range(start, min(start + window + 1, self.bars)):
                if self._starts[row] != start:
                    break
                known = values[max(start, row - window) : row]
                known = known[~np.isnan(known).any(axis=1)]
                out[row] = measure(known, axis=0) if len(known) >= least else np.nan
        return out


def _deviation(values: Floats, axis: int) -> Floats:
    return np.asarray(values.std(axis=axis, ddof=1))


def _read_only(array: ArrayLike) -> Floats:
    table = np.ascontiguousarray(array, dtype=np.float64)
    table.setflags(write=False)
    return table


_PER_ASSET = ("high", "low", "volume", "halted", "delisted", "split", "dividend", "funding")

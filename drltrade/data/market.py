"""Holds validated, read-only prices of several assets on one clock."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from drltrade.data import clock
from drltrade.data.adjust import total_return_factors
from drltrade.data.dates import read_stamp, show
from drltrade.data.door import FIELDS, check_clock, check_shapes, check_values
from drltrade.data.reserved import fill_blanks
from drltrade.errors import UsageError, unknown

__all__ = ["Market"]


def _whole() -> np.ndarray:
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Market:
    """Prices, volumes and further columns of N assets on one clock of T bars.

    Everything is checked once, here; afterwards the arrays cannot be written to. `Market.build`
    makes one from as little as a close column.

    Attributes:
        symbols: the N names, each once.
        stamps: [T] datetime64[ns], UTC, strictly increasing within a segment.
        open: [T, N] float64; all NaN where the data have closes only. The same for high and low.
        high: [T, N] float64.
        low: [T, N] float64.
        close: [T, N] float64, above zero, never NaN.
        volume: [T, N] float64 >= 0; all NaN for an asset whose data have none.
        columns: further numeric columns by name, [T, N] float64, NaN allowed; the names in
            `drltrade.data.reserved` have a fixed meaning and are what the ledger reads.
        segment: [T] int64, 0, 0, ..., 1, 1: an episode never leaves its segment. Empty means one.
        timezone: the clock that time-of-day features use.
        name: what to call the data in reports and errors.
        notes: what loading dropped or suspects, one sentence each; nothing happens silently.
        periods: bars a year, where the clock's own answer is not wanted; slices keep it.
        labels: the name of each segment, each once; empty where nobody named them.
        raw: whether prices and volumes are as traded, splits and dividends being columns.

    Raises:
        DataError: an array has the wrong shape, stamps do not increase, or a price is impossible.
    """

    symbols: tuple[str, ...]
    stamps: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    segment: np.ndarray = field(default_factory=_whole)
    timezone: str = "UTC"
    name: str = "market"
    notes: tuple[str, ...] = ()
    periods: float | None = None
    labels: tuple[str, ...] = ()
    raw: bool = False

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "symbols", tuple(str(symbol) for symbol in self.symbols))
        put(self, "stamps", _frozen(self.stamps, np.dtype("datetime64[ns]")))
        for key in FIELDS:
            put(self, key, _frozen(getattr(self, key), np.dtype(np.float64)))
        given = {str(k): np.asarray(v, np.float64) for k, v in self.columns.items()}
        settled = fill_blanks(given, self.raw).items()
        columns = {k: _frozen(v, np.dtype(np.float64)) for k, v in settled}
        put(self, "columns", MappingProxyType(columns))
        segment = self.segment if len(self.segment) else np.zeros(len(self.stamps), np.int64)
        put(self, "segment", _frozen(segment, np.dtype(np.int64)))
        put(self, "notes", tuple(self.notes))
        put(self, "labels", tuple(str(label) for label in self.labels))
        check_shapes(self)
        check_clock(self)
        check_values(self)

    @classmethod
    def build(
        cls,
        close: Any,
        *,
        stamps: Any = None,
        symbols: Sequence[str] | None = None,
        open: Any = None,
        high: Any = None,
        low: Any = None,
        volume: Any = None,
        columns: Mapping[str, Any] | None = None,
        **rest: Any,
    ) -> Market:
        """Builds a Market from arrays, [T] for one asset or [T, N].

        Args:
            close: the closes; the only thing needed.
            stamps: [T] datetimes, UTC; weekdays from Monday 2000-01-03 where none are given.
            symbols: names; A0, A1, ... where none are given.
            open: opens, with high and low, or all three left out.
            high: highs.
            low: lows.
            volume: volumes.
            columns: further columns, [T] (the same for every asset) or [T, N].
            rest: the other fields of a Market.
        """
        closes = _table(close, None)
        shape = closes.shape
        if stamps is None:
            stamps = np.busday_offset(np.datetime64("2000-01-03"), np.arange(shape[0]))
        return cls(
            symbols=tuple(symbols or [f"A{i}" for i in range(shape[1])]),
            stamps=np.asarray(stamps, "datetime64[ns]"),
            open=_table(open, shape),
            high=_table(high, shape),
            low=_table(low, shape),
            close=closes,
            volume=_table(volume, shape),
            columns={key: _table(value, shape) for key, value in (columns or {}).items()},
            **rest,
        )

    @property
    def bars(self) -> int:
        """The number of bars, T."""
        return len(self.stamps)

    @property
    def assets(self) -> int:
        """The number of assets, N."""
        return len(self.symbols)

    @cached_property
    def has_ohlc(self) -> bool:
        """Whether every asset has open, high and low beside its close."""
        return not bool(np.isnan(self.open).any())

    @cached_property
    def has_volume(self) -> bool:
        """Whether every asset has a volume."""
        return not bool(np.isnan(self.volume).any())

    @property
    def start(self) -> np.datetime64:
        """The stamp of the first bar."""
        return np.datetime64(self.stamps[0])

    @property
    def end(self) -> np.datetime64:
        """The stamp of the last bar."""
        return np.datetime64(self.stamps[-1])

    @cached_property
    def periods_per_year(self) -> float:
        """Bars a year: `periods`, or the clock's own answer (see `drltrade.data.clock`)."""
        return self.periods or clock.periods_per_year(self.stamps, self.segment)

    @cached_property
    def adjusted(self) -> Market:
        """The Market whose prices features and strategies see: total return, known as of each bar.

        It is the Market itself unless its prices are raw and hold splits or dividends. Else each
        segment is adjusted forward from its first bar (see `adjust.total_return_factors`): a price
        is the raw one times a factor made of this bar's and earlier events, volume is divided by
        the shares that one became. Nothing that comes later changes a row.
        """
        if not self.raw:
            return self
        split, dividend = (
            self.columns.get(name, np.full_like(self.close, default))
            for name, default in (("split", 1.0), ("dividend", 0.0))
        )
        if (split == 1).all() and (dividend == 0).all():
            return self
        factor, shares = total_return_factors(self.close, split, dividend, self.segment)
        prices = {key: getattr(self, key) * factor for key in ("open", "high", "low", "close")}
        return self._replace(volume=self.volume / shares, raw=False, **prices)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of everything that can change a result: all but the name and the notes."""
        digest = hashlib.sha256()
        parts = {key: getattr(self, key) for key in ("stamps", *FIELDS, "segment")}
        parts |= {f"column {key}": self.columns[key] for key in sorted(self.columns)}
        names = (self.symbols, self.timezone, self.periods)
        digest.update(repr((*names, self.labels) if self.labels else names).encode())
        if self.raw:
            digest.update(b"raw ")
        for key, values in parts.items():
            digest.update(f"{key} {values.shape} ".encode())
            digest.update(_bytes(values))
        return digest.hexdigest()

    def select(self, symbols: Sequence[str]) -> Market:
        """Returns the Market of some of the symbols, in the order asked for.

        Raises:
            UsageError: a symbol is not there, is asked for twice, or none is asked for.
        """
        wanted = [str(symbol) for symbol in symbols]
        for symbol in wanted:
            if symbol not in self.symbols:
                raise unknown(f"symbol in {self.name}", symbol, self.symbols)
        if not wanted or len(set(wanted)) < len(wanted):
            raise UsageError(f"Symbols must be named once each, at least one; got {wanted}.")
        index = [self.symbols.index(symbol) for symbol in wanted]
        return self._replace(
            symbols=tuple(wanted),
            columns={key: values[:, index] for key, values in self.columns.items()},
            **{key: getattr(self, key)[:, index] for key in FIELDS},
        )

    def between(self, start: Any = None, end: Any = None) -> Market:
        """Returns the Market of the bars from `start` to `end`, both inclusive.

        Args:
            start: a date or stamp, "2010", "2010-06", "2010-06-30", "2010-06-30 14:00"; UTC where
                it carries no offset. None is the first bar.
            end: the same; a year, month or day is meant to its last instant.

        Raises:
            UsageError: a date cannot be read, or no bar lies in the interval.
        """
        return self._rows(self._inside(start, end))

    def until(self, bar: int) -> Market:
        """Returns the Market that ends at bar index `bar`: all that was known after its close."""
        # Notes tell of the whole file, the end of an asset among it.
        return self._rows(np.arange(self.bars) <= bar)._replace(notes=())

    def locate(self, start: Any = None, end: Any = None) -> tuple[int, int]:
        """Returns the first and the last bar index of an interval, both inclusive.

        Raises:
            UsageError: a date cannot be read, no bar lies in the interval, or bars of several
                segments do and others stand between them.
        """
        index = np.flatnonzero(self._inside(start, end))
        first, last = int(index[0]), int(index[-1])
        if last - first + 1 != len(index):
            raise UsageError(
                f"{self.name}: the bars from {start} to {end} lie apart in several segments. "
                "Take them with between()."
            )
        return first, last

    def spans(self, start: Any = None, end: Any = None) -> np.ndarray:
        """Returns [S, 2] first and last bar index of an interval in every segment it reaches.

        A segment with a single bar there is left out: nothing can be traded in it.

        Raises:
            UsageError: a date cannot be read, or no segment has two bars in the interval.
        """
        index = np.flatnonzero(self._inside(start, end))
        _, at, count = np.unique(self.segment[index], return_index=True, return_counts=True)
        found = np.stack([index[at], index[at] + count - 1], axis=1)[count > 1]
        if not len(found):
            raise UsageError(
                f"{self.name} has a single bar from {start or 'its start'} to {end or 'its end'}; "
                "an interval needs at least two. Widen it."
            )
        return found.astype(np.int64)

    def each(self) -> Market:
        """Returns a Market of one column in which every asset is a segment of its own.

        One agent then learns on all of them, one at a time; labels name the segments.
        """
        from drltrade.data.segments import each

        return each(self)

    def cut(self, intervals: Sequence[tuple[Any, Any]]) -> Market:
        """Returns the Market of some intervals of time alone, each a segment of its own.

        No look-back and no trailing figure reaches what lies between them.

        Raises:
            UsageError: a date cannot be read, or an interval holds no two bars of one segment.
        """
        from drltrade.data.segments import cut

        return cut(self, intervals)

    def _inside(self, start: Any, end: Any) -> np.ndarray:
        mask = np.ones(self.bars, bool)
        if start is not None:
            mask &= self.stamps >= read_stamp(start)
        if end is not None:
            mask &= self.stamps <= read_stamp(end, last=True)
        if not mask.any():
            span = f"{show(self.stamps.min())} to {show(self.stamps.max())}"
            raise UsageError(
                f"{self.name} has no bar from {start or 'its start'} to {end or 'its end'}. "
                f"It runs from {span}."
            )
        return mask

    def _rows(self, mask: np.ndarray) -> Market:
        kept, segment = np.unique(self.segment[mask], return_inverse=True)
        return self._replace(
            stamps=self.stamps[mask],
            segment=segment,
            labels=tuple(self.labels[number] for number in kept) if self.labels else (),
            columns={key: values[mask] for key, values in self.columns.items()},
            **{key: getattr(self, key)[mask] for key in FIELDS},
        )

    def _replace(self, **changes: Any) -> Market:
        kept = {key: getattr(self, key) for key in self.__dataclass_fields__}
        kept["periods"] = self.periods_per_year  # a short slice must not change the year
        return Market(**{**kept, **changes})

    def __reduce__(self) -> tuple[Any, ...]:
        fields = [getattr(self, key) for key in self.__dataclass_fields__]
        return Market, tuple(dict(v) if isinstance(v, MappingProxyType) else v for v in fields)

    def __copy__(self) -> Market:
        return self

    def __deepcopy__(self, memo: object) -> Market:
        return self

    def __repr__(self) -> str:
        names = ", ".join(self.symbols[:5]) + (", ..." if self.assets > 5 else "")
        return (
            f"Market({self.name}: {names}; {self.bars} bars "
            f"{show(self.start)} to {show(self.end)}; {self.periods_per_year:g} a year)"
        )


def _frozen(values: Any, dtype: np.dtype[Any]) -> np.ndarray:
    array = np.array(values, dtype=dtype, order="C", copy=True)
    array.setflags(write=False)
    return array


def _table(values: Any, shape: tuple[int, ...] | None) -> np.ndarray:
    if values is None:
        return np.full(shape or (0, 0), np.nan)
    array = np.asarray(values, np.float64)
    array = array[:, None] if array.ndim == 1 else array
    wide = shape is not None and array.shape == (shape[0], 1)
    return np.repeat(array, shape[1], axis=1) if wide and shape else array


def _bytes(values: np.ndarray) -> bytes:
    if values.dtype == np.float64:
        # One bit pattern for NaN and one for zero, whatever computed them.
        values = np.where(np.isnan(values), np.nan, values + 0.0)
    return values.astype(values.dtype.newbyteorder("<")).tobytes()

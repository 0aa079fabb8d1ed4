"""Computes the feature matrix of a Market, segment by segment, and checks that it is whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drltrade.data.dates import show
from drltrade.errors import DataError, UsageError
from drltrade.features.pieces import piece, spans
from drltrade.features.source import Source, source_of
from drltrade.features.spec import FeatureSpec, parse_features

if TYPE_CHECKING:
    from drltrade.data.market import Market

__all__ = ["Features", "compute_features", "default_features"]


@dataclass(frozen=True, eq=False)
class Features:
    """The feature matrix of a Market; read-only.

    Attributes:
        values: [T, N, F] float32, C-contiguous; NaN in warm-up rows only.
        names: F names, such as "log_return_1" or "macd_12_26_9.signal".
        warmup: rows at the start of every segment where some feature has no value yet.
        segment: [T] int64, the Market's own; None means one segment.
    """

    values: NDArray[np.float32]
    names: tuple[str, ...]
    warmup: int
    segment: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.values, np.float32)
        if values is self.values and values.flags.writeable:
            values = values.view()
        values.setflags(write=False)
        object.__setattr__(self, "values", values)
        segment = np.zeros(len(values), np.int64) if self.segment is None else self.segment
        object.__setattr__(self, "segment", segment)

    @property
    def ready(self) -> NDArray[np.bool_]:
        """[T] whether a row lies after its segment's warm-up."""
        ready = np.zeros(len(self.values), np.bool_)
        for start, stop in self.spans:
            ready[start + self.warmup : stop] = True
        return ready

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The first row and the row after the last of every segment."""
        return spans(np.asarray(self.segment))


def default_features(market: Market) -> tuple[FeatureSpec, ...]:
    """Lists the features used where none are named: eight on OHLCV, what closes allow otherwise."""
    raw: list[Any] = [{"log_return": 1}, {"log_return": 5}, {"log_return": 20}]
    if market.has_ohlc:
        raw += ["gap", "range"]
    if market.has_volume:
        raw += ["relative_volume"]
    return parse_features([*raw, "volatility", "rsi"])


def compute_features(
    market: Market, specs: Sequence[Any] | None = None, roots: Iterable[Path] = ()
) -> Features:
    """Computes features of every asset, each segment on its own.

    Args:
        market: the data.
        specs: FeatureSpecs or the raw forms that `parse_features` reads; None for the default.
        roots: where plug-ins are looked up after the current folder.

    Returns:
        Row t uses bars up to and including t of its own segment.

    Raises:
        UsageError: a spec is wrong, or needs what the data do not have.
        DataError: a value is missing after the warm-up, or no bar is left after it.
    """
    chosen = default_features(market) if specs is None else parse_features(specs)
    sources = [source_of(spec, market, tuple(roots)) for spec in chosen]
    for source in sources:
        _check_needs(source, market)
    parts = [piece(market, start, stop) for start, stop in spans(market.segment)]
    longest = max(parts, key=lambda part: part.bars)
    blocks = [_block(source, parts, longest) for source in sources]
    names = [
        name
        for source, block in zip(sources, blocks, strict=True)
        for name in source.names(block[0].shape[2])
    ]
    _check_names(names)
    rows = [np.concatenate(columns, axis=2) for columns in zip(*blocks, strict=True)]
    warmup = max(_warmup(*pair, longest) for pair in zip(sources, blocks, strict=True))
    features = Features(np.concatenate(rows), tuple(names), warmup, market.segment)
    _check_whole(features, market)
    return features


def _block(source: Source, parts: Sequence[Market], longest: Market) -> list[NDArray[np.float32]]:
    """Computes one source on every segment: a list of [t, N, K]."""
    if source.audit is not None:
        source.audit(longest)
    block = [_float32(source.compute(part)) for part in parts]
    widths = sorted({values.shape[2] for values in block})
    if len(widths) > 1:
        raise UsageError(
            f"The feature '{source.spec.name}' returned {widths[0]} columns for one segment and"
            f" {widths[-1]} for another; it must return the same for all."
        )
    return block


def _warmup(source: Source, block: Sequence[NDArray[np.float32]], longest: Market) -> int:
    ahead = source.warmup
    if ahead is None:
        ahead = max(_leading_gap(values) for values in block)
    if ahead >= longest.bars:
        raise DataError(
            f"The feature '{source.spec.label}' has no value in the first {ahead} bars, but the"
            f" longest stretch of {longest.name} has {longest.bars}."
            " Take more bars or a shorter window."
        )
    return ahead


def _float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # what does not fit becomes infinite and is refused below
        return values.astype(np.float32)


def _leading_gap(values: NDArray[np.float32]) -> int:
    whole = ~np.isnan(values).any(axis=(1, 2))
    return int(np.argmax(whole)) if whole.any() else len(values)


def _check_needs(source: Source, market: Market) -> None:
    lacking = []
    if "ohlc" in source.needs and not market.has_ohlc:
        lacking.append(("open, high and low", market.open))
    if "volume" in source.needs and not market.has_volume:
        lacking.append(("volume", market.volume))
    for what, values in lacking:
        missing = np.isnan(values).any(axis=0)
        names = [name for name, gone in zip(market.symbols, missing, strict=True) if gone]
        where = "" if missing.all() else f" for {', '.join(names[:5])}"
        raise UsageError(
            f"The feature '{source.spec.label}' needs {what}, which {market.name} does not have"
            f"{where}. Leave it out; log_return, volatility, time_of_day, rsi and macd need"
            " closes only."
        )


def _check_names(names: Sequence[str]) -> None:
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise UsageError(f"Two features are both called '{twice}'. Keep one or rename one.")


def _check_whole(features: Features, market: Market) -> None:
    bad = ~np.isfinite(features.values)
    bad[~features.ready] = False
    if not bad.any():
        return
    row, asset, column = (int(index) for index in np.argwhere(bad)[0])
    value = features.values[row, asset, column]
    raise DataError(
        f"The feature '{features.names[column]}' of {market.symbols[asset]} at"
        f" {show(market.stamps[row])} is {value:g} although its warm-up of {features.warmup} bars"
        f" is over ({int(bad.sum())} such values). Leave the feature out or mend the data."
    )

"""Turns each kind of spec into one thing: names, needs, warm-up and a function of a segment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from drltrade.errors import UsageError, unknown
from drltrade.features import technical
from drltrade.features.plugin import PluginFeature
from drltrade.features.rolling import shift
from drltrade.features.spec import FeatureSpec
from drltrade.features.table import FEATURES

if TYPE_CHECKING:
    from drltrade.data.market import Market

__all__ = ["Source", "source_of"]


@dataclass(frozen=True)
class Source:
    """What computes one spec.

    Attributes:
        spec: what the user asked for.
        compute: (market of one segment) -> [T, N, K] float64.
        outputs: short names of the K outputs; None where only the result tells how many.
        needs: what it reads, of "close", "ohlc" and "volume".
        warmup: rows without a value at the start of a segment; None where the data decide.
        audit: refuses a function that looks ahead, on one segment; None for the built-in ones,
            which a test holds to it.
    """

    spec: FeatureSpec
    compute: Callable[[Market], NDArray[np.float64]]
    outputs: tuple[str, ...] | None = ("",)
    needs: tuple[str, ...] = ("close",)
    warmup: int | None = None
    audit: Callable[[Market], None] | None = None

    def names(self, count: int) -> tuple[str, ...]:
        """Names the `count` columns of the result."""
        outputs = self.outputs or ("",)
        if self.spec.output:
            outputs = (self.spec.output,)
        elif self.outputs is None and count > 1:
            outputs = tuple(str(k) for k in range(count))
        return tuple(f"{self.spec.label}.{o}" if o else self.spec.label for o in outputs)


def source_of(spec: FeatureSpec, market: Market, roots: Iterable[Path] = ()) -> Source:
    """Finds what computes a spec on this Market.

    Raises:
        UsageError: the plug-in cannot be loaded, or the Market has no such column.
    """
    params = dict(spec.params)
    if spec.kind == "plugin":
        plugin = PluginFeature(spec.name, params, roots)
        return Source(spec, plugin.compute, None, audit=plugin.refuse_look_ahead)
    if spec.kind == "column":
        name = _column_name(spec, market)
        return Source(spec, lambda part: _column(part, name, params["lag"]))
    if spec.kind == "talib":
        short = tuple(technical.outputs(spec.name))
        pick = _picker(spec, short)
        return Source(
            spec,
            lambda part: pick(technical.compute(spec.name, params, part)),
            short if len(short) > 1 else ("",),
            technical.needs(spec.name),
            technical.warmup(spec.name, params),
        )
    feature = FEATURES[spec.name]
    choose = _picker(spec, feature.outputs)

    def own(part: Market) -> NDArray[np.float64]:
        values = feature.compute(part, **params)
        return choose(values if values.ndim == 3 else values[:, :, None])

    return Source(spec, own, feature.outputs or ("",), feature.needs, feature.warmup(**params))


def _picker(
    spec: FeatureSpec, outputs: tuple[str, ...]
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    if spec.output is None:
        return lambda values: values
    index = outputs.index(spec.output)
    return lambda values: values[:, :, index : index + 1]


def _column_name(spec: FeatureSpec, market: Market) -> str:
    lower = {name.lower(): name for name in market.columns}
    found = spec.name if spec.name in market.columns else lower.get(spec.name.lower())
    if found is not None:
        return found
    if not market.columns:
        raise UsageError(
            f"{market.name} has no column '{spec.name}': it has prices and volumes only."
        )
    raise unknown(f"column of {market.name}", spec.name, market.columns)


def _column(market: Market, name: str, lag: int) -> NDArray[np.float64]:
    """The last value published at least `lag` bars ago, carried forward; [T, N, 1]."""
    values = shift(np.asarray(market.columns[name]), lag)
    rows = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(values), 0, rows), axis=0)
    return np.take_along_axis(values, last, axis=0)[:, :, None]

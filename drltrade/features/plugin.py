"""Runs a user's feature function and holds it to the rules of the house."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drltrade.data.dates import show
from drltrade.errors import DrltradeError, UsageError
from drltrade.features.pieces import piece
from drltrade.plugins import Plugin, load_plugin

if TYPE_CHECKING:
    from drltrade.data.market import Market

__all__ = ["CUTS", "PluginFeature", "failure"]

Floats = NDArray[np.float64]
CUTS = 8
"""Places at which a user's code is run again without the later bars."""


class PluginFeature:
    """A function (market, **params) -> [T], [T, N] or [T, N, K], checked at every call.

    Args:
        ref: `path.py:function`.
        params: keyword arguments for it.
        roots: where the path is looked up after the current folder.

    Raises:
        UsageError: it cannot be loaded.
    """

    def __init__(self, ref: str, params: Mapping[str, Any], roots: Iterable[Path] = ()) -> None:
        self.plugin: Plugin = load_plugin(ref, roots)
        self._params = dict(params)

    def compute(self, market: Market) -> NDArray[np.float64]:
        """Computes the feature on one segment.

        Returns:
            [T, N, K] float64.

        Raises:
            UsageError: the function fails, or returns something that is no feature.
        """
        function: Callable[..., Any] = self.plugin.target
        try:
            result = function(market, **self._params)
            values = np.array(result, dtype=np.float64)
        except DrltradeError:
            raise
        except Exception as error:
            raise UsageError(
                failure(f"The feature '{self.plugin.ref}'", self.plugin.path, error)
            ) from error
        shape = (market.bars, market.assets)
        if values.shape == shape[:1]:
            values = np.repeat(values[:, None], market.assets, axis=1)
        if values.shape == shape:
            values = values[:, :, None]
        if values.ndim != 3 or values.shape[:2] != shape or not values.shape[2]:
            raise UsageError(
                f"The feature '{self.plugin.ref}' returned the shape {np.shape(result)}, but must"
                f" return [T], [T, N] or [T, N, K]; here T is {shape[0]} bars, N {shape[1]} assets."
            )
        return values

    def refuse_look_ahead(self, market: Market) -> None:
        """Compares the values on a segment with those that its first bars alone give.

        A few cuts find what looks ahead often; `drltrade audit` searches for what does so seldom.

        Raises:
            UsageError: a value changes when later bars are taken away, or the feature does not
                follow the bars that it is given.
        """
        whole = self.compute(market)
        for share in range(CUTS, 0, -1):
            cut = market.bars * share // (CUTS + 1)
            if cut < 1:
                return
            try:
                part = self.compute(piece(market, 0, cut))
            except UsageError:
                if share == CUTS:
                    raise
                return  # too few bars for it: nothing to compare with
            self._compare(market, whole[:cut], part, cut)

    def _compare(self, market: Market, whole: Floats, part: Floats, cut: int) -> None:
        if whole.shape != part.shape:
            raise UsageError(
                f"The feature '{self.plugin.ref}' gives {whole.shape[2]} columns on all bars but"
                f" {part.shape[2]} on the first {cut:,}: give the same number of columns always."
            )
        same = np.isclose(whole, part, 1e-9, 1e-12, equal_nan=True)
        if same.all():
            return
        row, asset, _ = (int(i) for i in np.argwhere(~same)[0])
        raise UsageError(
            f"The feature '{self.plugin.ref}' looks ahead: without the bars after"
            f" {show(market.stamps[cut - 1])} its value for {market.symbols[asset]} at"
            f" {show(market.stamps[row])} changes from {whole[row, asset, 0]:g} to"
            f" {part[row, asset, 0]:g}. Row t may use bars up to t only."
        )


def failure(what: str, path: Path, error: Exception) -> str:
    """Says in one sentence what went wrong in a user's code, and in which line of their file."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    where = f" (line {lines[-1]} of {path.name})" if lines else ""
    return f"{what} failed with {type(error).__name__}: {error}{where}."

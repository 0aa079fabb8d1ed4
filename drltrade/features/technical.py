"""Makes every TA-Lib function a feature: by its own name, causal, scale-free, one asset at a time.

TA-Lib forgets what it knew at the first NaN, so it is given whole columns only (see `needs`). Some
functions have a memory that fades but never ends (rsi, ema, macd, adx, atr, kama, the Hilbert
transforms): TA-Lib calls it the unstable period. Their first rows after the warm-up still lean on
where the data start; a backtest has look-back before its range, which settles that.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drltrade.errors import UsageError
from drltrade.features.rolling import rolling_mean
from drltrade.features.units import HIDDEN_PARAMETERS, REFUSED, VOLUME_WINDOW, unit_of

if TYPE_CHECKING:
    from drltrade.data.market import Market

__all__ = [
    "compute",
    "defaults",
    "is_technical",
    "needs",
    "outputs",
    "technical_names",
    "warmup",
]

_INPUTS = ("open", "high", "low", "close", "volume")
Number = int | float
_LARGEST = 1e9


@cache
def technical_names() -> tuple[str, ...]:
    """Lists the TA-Lib functions that can be features, in lower case."""
    return tuple(name.lower() for name in sorted(_functions()) if _obstacle(name) is None)


def is_technical(name: str) -> bool:
    """Says whether TA-Lib has this function and it can be a feature.

    Raises:
        UsageError: TA-Lib has it, but no honest feature can be made of it; the reason is given.
    """
    function = name.upper()
    if function not in _functions():
        return False
    obstacle = _obstacle(function)
    if obstacle is not None:
        raise UsageError(f"TA-Lib's '{name.lower()}' cannot be a feature: {obstacle}.")
    return True


def defaults(name: str) -> dict[str, Number]:
    """Returns the parameters of a function with TA-Lib's defaults, in TA-Lib's order."""
    hidden = HIDDEN_PARAMETERS.get(name.upper(), ())
    return {key: value for key, value in _info(name)["parameters"].items() if key not in hidden}


def outputs(name: str) -> dict[str, str]:
    """Maps the short name of each output to TA-Lib's: `signal` to `macdsignal`."""
    long = [str(output) for output in _info(name)["output_names"]]
    return {output.removeprefix(name.lower()) or output: output for output in long}


def needs(name: str) -> tuple[str, ...]:
    """Says what a function reads: "close", "ohlc", "volume"."""
    read = _read(name)
    kinds = {"close": {"close"}, "ohlc": {"open", "high", "low"}, "volume": {"volume"}}
    return tuple(kind for kind, columns in kinds.items() if columns & read)


def warmup(name: str, params: Mapping[str, Number]) -> int:
    """Counts the rows at the start that have no value yet.

    Raises:
        UsageError: TA-Lib refuses these parameters.
    """
    too_large = any(abs(value) > _LARGEST for value in params.values())  # for a C int
    lookback = -1 if too_large else int(_function(name, params).lookback)
    if lookback < 0:
        given = ", ".join(f"{key}={value:g}" for key, value in params.items())
        usual = ", ".join(f"{key}={value:g}" for key, value in defaults(name).items())
        raise UsageError(
            f"TA-Lib refuses '{name}' with {given}: a value is out of its range."
            f" Its defaults are {usual}."
        )
    units = (unit_of(name.upper(), output) for output in outputs(name).values())
    uses_mean = any(unit is not None and unit[1] for unit in units)
    return max(lookback, VOLUME_WINDOW - 1 if uses_mean else 0)


def compute(name: str, params: Mapping[str, Number], market: Market) -> NDArray[np.float64]:
    """Computes all outputs of a function on one segment of a Market.

    Args:
        name: the function in lower case.
        params: every parameter.
        market: one segment, with no NaN in what the function `needs`.

    Returns:
        [T, N, K] float64, NaN in the warm-up rows.
    """
    long = list(outputs(name).values())
    values = np.full((market.bars, market.assets, len(long)), np.nan)
    start = warmup(name, params)
    if market.bars <= start:
        return values
    function = _function(name, params)
    read = [key for key in _INPUTS if key in _read(name)]
    for asset in range(market.assets):
        inputs = {key: np.ascontiguousarray(getattr(market, key)[:, asset]) for key in read}
        result = function(inputs)
        series = result if isinstance(result, list) else [result]
        values[start:, asset] = np.stack(series, axis=-1)[start:]
    for k, output in enumerate(long):
        values[:, :, k] = _without_unit(values[:, :, k], market, unit_of(name.upper(), output))
    return values


def _without_unit(
    values: NDArray[np.float64], market: Market, unit: tuple[int, int] | None
) -> NDArray[np.float64]:
    price, volume = unit or (0, 0)
    if price:
        values = values / market.close**price
    if volume:
        mean = rolling_mean(market.volume, VOLUME_WINDOW)
        # Without any trade in the window the flow of money is none.
        values = np.where(mean == 0, 0.0, values / np.where(mean == 0, 1.0, mean) ** volume)
    return values


def _obstacle(function: str) -> str | None:
    if function in REFUSED:
        return REFUSED[function]
    if any(unit_of(function, output) is None for output in outputs(function).values()):
        return "drltrade does not know its units yet; wrap it in a plug-in as path.py:function"
    return None


def _read(name: str) -> set[str]:
    found: set[str] = set()
    for value in _info(name)["input_names"].values():
        found |= {value} if isinstance(value, str) else set(value)
    return found


@cache
def _functions() -> frozenset[str]:
    import talib

    return frozenset(talib.get_functions())


@cache
def _info(name: str) -> Any:
    from talib import abstract

    return abstract.Function(name.upper()).info  # type: ignore[attr-defined]


def _function(name: str, params: Mapping[str, Number]) -> Any:
    from talib import abstract

    function = abstract.Function(name.upper())  # type: ignore[attr-defined]
    function.parameters = dict(params)
    return function

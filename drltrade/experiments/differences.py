"""Says in what two folders of one job differ: weights, validation, every bar, every figure."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.errors import DrltradeError
from drltrade.experiments.folders import RESULT, read_json

__all__ = ["differences"]

_WEIGHTS = "policy.safetensors"
_TABLES = ("equity.parquet", "trades.parquet")
_ASIDE = {"seconds", "name", "agent", "validation"}
"""Of `metrics.json`: how long it took and what it is called; validation has a line of its own."""
_SHOWN = 3
"""Figures that are told one by one."""


def differences(then: Path, now: Path) -> list[str]:
    """Compares what a job left with what it left when it was done again.

    Weights are compared by their SHA-256, tables column by column and bit for bit, where any NaN
    equals any other, figures as they were written. Times, paths and dates of writing are not.

    Args:
        then: the folder of a finished job, or of a saved backtest.
        now: the same, done again.

    Returns:
        A sentence for each kind of difference; none where there is none.

    Raises:
        DrltradeError: a file is missing or damaged.
    """
    found: list[str] = []
    if (then / "policy.json").is_file():
        found += _weights(then, now)
    before, after = read_json(then / RESULT), read_json(now / RESULT)
    found += _validation(before.get("validation"), after.get("validation"))
    for name in _TABLES:
        found += _table(then / name, now / name)
    return [*found, *_figures(before, after)]


def _weights(then: Path, now: Path) -> Iterator[str]:
    was, is_now = (_sha256(folder / _WEIGHTS) for folder in (then, now))
    if read_json(then / "policy.json").get("weights") != was:
        yield f"{_WEIGHTS} is not the file that policy.json states: it was changed after training"
    if was != is_now:
        yield f"weights: SHA-256 {was[:12]} then, {is_now[:12]} now{_furthest(then, now)}"


def _furthest(then: Path, now: Path) -> str:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        one, two = (load_file(str(folder / _WEIGHTS)) for folder in (then, now))
    except (OSError, SafetensorError, ValueError):
        return ""
    if {name: tensor.shape for name, tensor in one.items()} != {
        name: tensor.shape for name, tensor in two.items()
    }:
        return ", of another shape"
    away = [float(np.max(np.abs(one[name] - two[name]), initial=0.0)) for name in one]
    return f", at most {max(away, default=0.0):.3g} apart"


def _sha256(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise DrltradeError(f"Cannot read '{file}': {error.strerror or error}.") from error


def _validation(then: Any, now: Any) -> Iterator[str]:
    """Names the first checkpoint that was scored otherwise."""
    if then == now:
        return
    pairs = itertools.zip_longest(then or [], now or [])
    was, is_now = next(pair for pair in pairs if pair[0] != pair[1])
    yield f"validation: (steps, score) {_short(was)} then, {_short(is_now)} now"


def _table(then: Path, now: Path) -> Iterator[str]:
    """Compares two tables column by column."""
    one, two = _columns(then), _columns(now)
    for what, names in (("then", one.keys() - two.keys()), ("now", two.keys() - one.keys())):
        if names:
            yield f"{then.name}: columns only {what}: {', '.join(sorted(names))}"
    shared = [name for name in one if name in two]
    rows = [len(next(iter(table.values()), ())) for table in (one, two)]
    if rows[0] != rows[1]:
        yield f"{then.name}: {rows[0]:,} rows then, {rows[1]:,} now"
    least = min(rows)
    apart = {name: _apart(one[name][:least], two[name][:least]) for name in shared}
    differing = {name: mask for name, mask in apart.items() if mask.any()}
    if not differing:
        return
    first = min(int(mask.argmax()) for mask in differing.values())
    labels = next((one[name] for name in ("stamp", "entry") if name in one), np.arange(least))
    told = f"{then.name}: {len(differing)} of {len(shared)} columns, first {_when(labels[first])}"
    sizes = {name: _size(one[name][:least], two[name][:least]) for name in differing}
    name = max(sizes, key=lambda name: sizes[name])
    yield f"{told}; the largest difference is {sizes[name]:.3g}, in {name}"


def _columns(file: Path) -> dict[str, NDArray[Any]]:
    """Reads a table as arrays."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
        return {
            name: np.asarray(column.to_numpy())
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
    except (OSError, pa.ArrowException, ValueError) as error:
        raise DrltradeError(f"'{file}' cannot be read ({type(error).__name__}).") from error


def _apart(one: NDArray[Any], two: NDArray[Any]) -> NDArray[np.bool_]:
    """Marks the rows that differ in any bit; one NaN is as good as another."""
    if one.dtype != two.dtype:
        return np.ones(len(one), np.bool_)
    if one.dtype.kind not in "fmM":
        return np.asarray(one != two, np.bool_)
    bits = f"u{one.dtype.itemsize}"
    same = np.ascontiguousarray(one).view(bits) == np.ascontiguousarray(two).view(bits)
    if one.dtype.kind == "f":
        same |= np.isnan(one) & np.isnan(two)
    return np.asarray(~same, np.bool_)


def _size(one: NDArray[Any], two: NDArray[Any]) -> float:
    """The largest difference of two columns of numbers; of a number and none, infinite."""
    if one.dtype.kind not in "fiub" or two.dtype.kind not in "fiub":
        return 0.0
    one, two = one.astype(np.float64), two.astype(np.float64)
    if (np.isnan(one) != np.isnan(two)).any():
        return float("inf")
    known = ~np.isnan(one) & (one != two)
    return float(np.abs(one[known] - two[known]).max(initial=0.0))


def _when(label: Any) -> str:
    if not isinstance(label, np.datetime64):
        return f"in row {label}"
    return "on " + str(label.astype("datetime64[s]")).removesuffix("T00:00:00")


def _figures(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Compares all figures but those of the clock on the wall."""
    one, two = dict(_flat(then)), dict(_flat(now))
    names = [*one, *(name for name in two if name not in one)]
    apart = [name for name in names if name not in one or name not in two or one[name] != two[name]]
    if apart:
        told = [
            f"{name} {_short(one.get(name, 'absent'))} then, {_short(two.get(name, 'absent'))} now"
            for name in apart[:_SHOWN]
        ]
        more = f"; {len(apart) - _SHOWN} more" if len(apart) > _SHOWN else ""
        yield f"{RESULT}: {'; '.join(told)}{more}"


def _flat(content: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            if name or key not in _ASIDE:
                yield from _flat(value, f"{name}.{key}" if name else str(key))
    else:
        yield name, content


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

"""Makes long lines short for the eye without losing their highs and lows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["LIMIT", "numbers", "stamps", "thin"]

LIMIT = 2000


def thin(lines: Sequence[NDArray[np.float64]], limit: int = LIMIT) -> NDArray[np.int64]:
    """Chooses the rows that draw some lines over one clock like all rows would.

    The rows are cut into equal stretches; of each, every line keeps its lowest and its highest
    point. The first and last rows stay. NaN is never chosen for being extreme.

    Args:
        lines: each [T], on the same rows.
        limit: about how many rows may stay; short lines stay whole.

    Returns:
        Sorted row indices.
    """
    rows = len(lines[0])
    if rows <= limit:
        return np.arange(rows)
    stretches = max(1, limit // (2 * len(lines)))
    width = -(-rows // stretches)
    keep = [np.array([0, rows - 1])]
    for line in lines:
        padded = np.full(stretches * width, np.nan)
        padded[:rows] = line
        table = padded.reshape(stretches, width)
        starts = np.arange(stretches) * width
        for worst, choose in ((np.inf, np.argmin), (-np.inf, np.argmax)):
            keep.append(starts + choose(np.where(np.isnan(table), worst, table), axis=1))
    chosen = np.unique(np.concatenate(keep))
    return chosen[chosen < rows]


def numbers(values: NDArray[np.float64], digits: int = 6) -> list[float | None]:
    """Writes values to some significant digits for JSON; NaN is None."""
    return [
        float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values.tolist()
    ]


def stamps(values: NDArray[np.datetime64]) -> list[str]:
    """Writes stamps as briefly as all of them stay exact."""
    for unit in ("D", "m", "s"):
        if (values == values.astype(f"datetime64[{unit}]")).all():
            return list(np.datetime_as_string(values, unit=unit))
    return list(np.datetime_as_string(values, unit="ms"))

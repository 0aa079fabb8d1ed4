"""What a policy looks at: how far its targets move when a part of what it sees is shuffled."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.diagnostics.probe import Probe, Seen
from drltrade.envs.layout import Layout

__all__ = ["account_groups", "column_groups", "importance", "lag_groups"]

Columns = NDArray[np.int64]

LAGS = 32
"""Groups that the bars of a longer window are put into."""


def importance(probe: Probe, rng: np.random.Generator) -> dict[str, Any]:
    """Permutes parts of the observations over the recorded bars, all of a part's columns alike.

    A part that the policy does not look at moves nothing (Breiman 2001, "Random forests", Machine
    Learning 45; here by what the policy does, and not by what it earns, which would mistake luck
    for sight). Of two columns that tell the same the policy may look at either. A policy with a
    memory is led through shuffled series from their first bar, so that what it remembers is
    shuffled too.

    Returns:
        `columns`: each feature, over all assets and lags, then each column of the account, with its
        `score` and `flips` (see `Moved`); `lags`: the bars of the window, `lag` 0 the last one,
        with all features; in a window above LAGS bars each entry holds those from `lag` `through`.
    """
    layout = probe.game.layout
    columns = column_groups(layout) | account_groups(layout)
    lags = lag_groups(layout)
    order = rng.permutation(len(probe.seen))
    parts = [*columns.values(), *lags.values()]
    found = probe.moved([partial(_permuted, columns=part, order=order) for part in parts])
    told = [{"score": each.score, "flips": each.flips} for each in found]
    return {
        "columns": [{"name": name} | score for name, score in zip(columns, told, strict=False)],
        "lags": [
            {"lag": first, "through": last} | score
            for (first, last), score in zip(lags, told[len(columns) :], strict=True)
        ],
    }


def column_groups(layout: Layout) -> dict[str, Columns]:
    """The places of each feature in an observation, over all assets and lags."""
    return {name: _window(layout)[:, :, at].ravel() for at, name in enumerate(layout.features)}


def account_groups(layout: Layout) -> dict[str, Columns]:
    """The places of what an observation tells of the account, over all assets."""
    assets, place = len(layout.symbols), layout.window_size
    groups = {}
    for name in ("weight", *layout.account):
        count = assets if name in ("weight", "target") else 1
        groups[name] = np.arange(place, place + count)
        place += count
    return groups


def lag_groups(layout: Layout) -> dict[tuple[int, int], Columns]:
    """The places of each bar of the window, by the first and the last lag of a group."""
    newest_first = _window(layout)[::-1]
    groups = np.array_split(np.arange(layout.window), min(layout.window, LAGS))
    return {(int(lags[0]), int(lags[-1])): newest_first[lags].ravel() for lags in groups}


def _window(layout: Layout) -> Columns:
    """[W, N, F] the place of each column, oldest bar first."""
    shape = (layout.window, len(layout.symbols), len(layout.features))
    return np.arange(layout.window_size).reshape(shape)


def _permuted(seen: Seen, *, columns: Columns, order: NDArray[np.int64]) -> Seen:
    changed = seen.copy()
    changed[:, columns] = seen[order][:, columns]
    return changed

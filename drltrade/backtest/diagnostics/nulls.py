"""Whether luck would have done as well: the record's own positions at other times.

A null keeps what a record held and about how often it traded, and takes away why: its paths go
through the same ledger at the same costs, so that only the moments differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drltrade.agents.strategies.base import hold
from drltrade.backtest.diagnostics.stage import Stage, sharpes

__all__ = ["Null", "dealt", "random_null", "shifted_null", "spells"]

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

DRAWS, LEAST = 200, 39
"""Paths of a null, and the fewest of a large one: p can be as small as 1 / (draws + 1)."""
_MOST = 8_000_000  # targets that are laid out at once: 64 MB
SLACK = 0.03
"""How much more than the record a shuffled path may turn over, as a share."""
SAME = 1e-9
"""Targets, and Sharpe ratios, that differ by less are one."""
_PAIRS = 200  # cuts whose ends are compared each with each


@dataclass(frozen=True)
class Null:
    """What paths without a reason earned.

    Attributes:
        p: (1 + paths with at least the record's Sharpe ratio) / (1 + draws); None where the
            record has none.
        draws: how many paths.
        sharpe: the 5 %, 50 % and 95 % quantiles of the paths' annual Sharpe ratios, NaN where no
            path has one.
    """

    p: float | None
    draws: int
    sharpe: tuple[float, float, float]


def random_null(stage: Stage, rng: np.random.Generator, draws: int = DRAWS) -> Null:
    """Shuffles how long the record held what: random paths of the same positions.

    Where a few positions come again and again, as with discrete actions, their order stays and how
    long each is held is dealt out anew among the spells of the same position; the turnover, in
    weights, is the record's own. Else the path is cut where it moves most, as often as adds no more
    than SLACK to the turnover, and the parts are shuffled. Then the path begins at a random row,
    and what stood before that follows after its end. Each account is shuffled on its own.
    """
    draws = _affordable(stage, draws)
    orders = []
    for standing in _standing(stage):
        starts, kinds = spells(standing)
        orders.append([dealt(starts, kinds, len(standing), rng) for _ in range(draws)])
    return _null(stage, orders, draws)


def shifted_null(stage: Stage, rng: np.random.Generator, draws: int = DRAWS) -> Null:
    """Sends the record's orders later by a random number of bars, the last ones to its beginning.

    All stays as it was, one after another, but for the bars that it meets.
    """
    draws = _affordable(stage, draws)
    orders = []
    for standing in _standing(stage):
        rows = np.arange(len(standing))
        shifts = rng.integers(1, max(len(rows), 2), draws)
        orders.append([np.roll(rows, shift) for shift in shifts.tolist()])
    return _null(stage, orders, draws)


def spells(standing: Floats) -> tuple[Rows, Rows]:
    """Parts a path of targets [n, N] into spells that can change places.

    Returns:
        [k] the first row of each, and its kind: spells of one kind may change places.
    """
    moved = np.abs(np.diff(standing, axis=0)).sum(axis=1)
    changes = np.flatnonzero(moved > SAME)
    starts = np.append(0, changes + 1)
    _, kinds = np.unique(np.round(standing[starts] / SAME), axis=0, return_inverse=True)
    kinds = kinds.reshape(-1)
    if len(starts) >= 4 * (int(kinds.max()) + 1):
        return starts, kinds
    starts = np.append(0, _cuts(standing, moved, changes))
    return starts, np.zeros(len(starts), np.int64)


def _cuts(standing: Floats, moved: Floats, changes: Rows) -> Rows:
    """Rows before which a path is cut, so that its parts in any order trade about as much.

    The path is cut at its largest moves, at as many as leaves the turnover of a random order within
    SLACK: a seam trades what lies between the end of one part and the beginning of another.
    """
    largest = changes[np.argsort(-moved[changes], kind="stable")]
    while len(largest):
        step = len(largest) // _PAIRS + 1
        ends, begins = standing[largest[::step]], standing[largest[::step] + 1]
        apart = float(np.abs(ends[:, None] - begins).sum(axis=2).mean())
        if len(largest) * apart - moved[largest].sum() <= SLACK * moved.sum():
            break
        largest = largest[: len(largest) * 3 // 4]
    return np.asarray(np.sort(largest) + 1)


def dealt(starts: Rows, kinds: Rows, rows: int, rng: np.random.Generator) -> Rows:
    """Draws an order of n rows in which spells of one kind have changed places: [n]."""
    lengths = np.diff(np.append(starts, rows))
    order = np.arange(len(starts))
    for kind in range(int(kinds.max()) + 1):
        own = np.flatnonzero(kinds == kind)
        order[own] = rng.permutation(own)
    lengths = lengths[order]
    begins = np.cumsum(lengths) - lengths
    drawn = np.repeat(starts[order] - begins, lengths) + np.arange(rows)
    return np.asarray(np.roll(drawn, int(rng.integers(rows))))


def _affordable(stage: Stage, draws: int) -> int:
    one = stage.rows * len(stage.orders) * stage.game.market.assets
    return min(draws, max(LEAST, _MOST // one))


def _acted(stage: Stage) -> list[Floats]:
    """The orders of each account from the first that its actor was asked for."""
    return [own[begin:] for own, begin in zip(stage.orders, stage.begins.tolist(), strict=True)]


def _standing(stage: Stage) -> list[Floats]:
    """The targets that hold after each row: the last order, cash before the first.

    An account in which nobody could act holds cash for one row.
    """
    return [np.nan_to_num(hold(own), nan=0.0) if len(own) else _CASH for own in _acted(stage)]


_CASH = np.zeros((1, 1))


def _null(stage: Stage, orders: list[list[Rows]], draws: int) -> Null:
    """Plays each account in each order of its rows."""
    shape = (stage.rows, draws, len(stage.orders), stage.game.market.assets)
    targets = np.full(shape, np.nan)
    asked = zip(stage.begins.tolist(), _acted(stage), _standing(stage), orders, strict=True)
    for span, (begin, own, standing, drawn) in enumerate(asked):
        if not len(own):
            continue
        rows = np.stack(drawn, axis=1)  # [n, draws]
        # What stood is ordered where another spell begins; within one the orders are its own.
        fresh = np.diff(rows, axis=0, prepend=rows[:1]) != 1
        chosen = np.where(fresh[:, :, None], standing[rows], own[rows])
        targets[begin : begin + len(own), :, span] = chosen
    found = sharpes(stage.play(targets), stage.record)
    (mine,) = sharpes(stage.record.equity[:, None], stage.record).tolist()
    known = found[np.isfinite(found)]
    low, middle, high = np.quantile(known, [0.05, 0.5, 0.95]) if known.size else [np.nan] * 3
    # A path that is the record's own, as of who never changes position, does as well to the last
    # digit but one: sums over many paths at once are not rounded like those of one.
    as_well = known >= mine - SAME * max(1.0, abs(mine))
    p = None if mine != mine else (1 + int(as_well.sum())) / (1 + draws)
    return Null(p, draws, (float(low), float(middle), float(high)))

"""An upper bound on any account: free trade at the best prices inside the spread.

Trading at shadow prices S with P (1 - k) <= S <= P (1 + k) and no costs beats paying k a side at P:
every purchase is cheaper and every sale dearer, and at the last mark S = P (a consistent price
system: Jouini and Kallal, J. Economic Theory 1995; Cvitanic and Karatzas, Mathematical Finance
1996). S is taken to move as little as it can.

Let an order leave gross exposure at most L times equity. At shadow prices that is at most
l = L (1 + k) / (1 - k L). Positions that then drift earn no more than Pi (1 + l' m), l' = max(l, 1)
and m the largest |move| of any asset in each bar: for shares x set at a fill, sum |x (S' - S)| <=
l V max |S' / S - 1|, and |prod (1 + r) - 1| <= prod (1 + |r|) - 1 <= (prod (1 + l' |r|) - 1) / l'.
Orders that find more than L held can only sell. So B <- B (1 + l' m + interest) bounds every
account. A book that is closed out inside a bar pays more than at its open, which is a node too.
Where participation caps part the orders of one fill, each asset keeps within L for itself alone,
and m is the sum of the moves. Every other rule charges or forbids something.

With dividends, splits, funding, interest or minimum fees k is taken as 0: equity before costs is
then at least what the account has, and moves are total returns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drltrade.sim.hindsight_simplex import Floats, fill_bars, unit_costs
from drltrade.sim.prices import Prices
from drltrade.sim.rules import Rules

__all__ = ["shadow_bound"]

_SLACK = 1e-8  # orders keep within L but for rounding


def shadow_bound(
    prices: Prices, rules: Rules, leverage: float, shorts: bool, first: int, last: int
) -> float:
    """Returns a log growth that no account exceeds.

    Args:
        prices: what is traded.
        rules: fill, costs, cash rate, cap.
        leverage: the most gross exposure over equity that an order leaves.
        shorts: whether orders go short.
        first: the bar after whose close the account starts, in cash.
        last: the bar whose close ends it.
    """
    bars = fill_bars(rules, first, last)
    bar, column = _nodes(rules, bars, last)
    marks = prices.table[bar, column]  # [n, N]
    events = prices.eventful or rules.carry.cash > 0 or rules.costs.commission.minimum > 0
    tube = np.zeros(marks.shape) if events else unit_costs(rules, marks)
    tube[-1] = 0.0
    widest = float(tube.max()) * leverage
    if widest >= 0.5:  # fees for each share near the price itself: the spread says nothing
        tube[:], widest = 0.0, 0.0
    up, down = _moves(prices, rules, marks, tube, bar)
    move = np.maximum(up, -down) if shorts else up
    apart = rules.participation.rate is not None and prices.assets > 1
    largest = move.sum(axis=1) if apart else move.max(axis=1)
    reach = leverage * (1 + float(tube.max())) / (1 - widest) * (1 + _SLACK)
    earned = rules.carry.cash / 365 * np.where(np.diff(bar) > 0, prices.clock[bar[1:], 0], 0.0)
    growth = np.log1p(max(reach, 1.0) * largest + earned).sum()
    if rules.fill != "same_close":
        growth += np.log1p(rules.carry.cash / 365 * prices.clock[first + 1, 0])
    return float(growth)


def _nodes(
    rules: Rules, bars: NDArray[np.int64], last: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The bar and the price column of every fill, and of the last mark."""
    column = 0 if rules.fill == "next_open" else 3
    if rules.fill != "next_close":
        bars = np.append(bars, last)
    columns = np.full(len(bars), column)
    columns[-1] = 3
    return bars, columns


def _moves(
    prices: Prices, rules: Rules, marks: Floats, tube: Floats, bar: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """[n - 1, N] the largest rise and fall from each node to the next, 0 where there is none.

    Both the price and the total return count, and where nodes are closes the open between them.
    """
    shadow = _laziest(marks * (1 - tube), marks * (1 + tube))
    start, reached = shadow[:-1], [shadow[1:]]
    if rules.fill != "next_open":
        opens = prices.table[bar[1:], 0]
        spread = 0.0 if not tube.any() else unit_costs(rules, opens)
        reached.append(np.clip(start, opens * (1 - spread), opens * (1 + spread)))
    overnight = (np.diff(bar) > 0)[:, None]
    split = np.ones_like(start) if prices.split is None else prices.split[bar[1:]]
    split = np.where(overnight, split, 1.0)
    income = np.zeros_like(start)
    if prices.dividend is not None:
        income += np.where(overnight, split * prices.dividend[bar[1:]], 0.0)
    if prices.funding is not None:
        paid = prices.funding[bar[1:]] * prices.table[bar[1:] - 1, 3]
        income -= np.where(overnight, paid, 0.0)
    ends = [worth * split + extra for worth in reached for extra in (0.0, income)]
    moves = [end / start - 1 for end in ends]
    return np.maximum.reduce([*moves, income * 0]), np.minimum.reduce([*moves, income * 0])


def _laziest(low: Floats, high: Floats) -> Floats:
    """[n, N] the path between two others that moves least: it stands until it is pushed."""
    path = np.empty(low.shape)
    floor, ceiling = np.maximum.accumulate(low), np.minimum.accumulate(high)
    for i in range(low.shape[1]):
        parted = np.flatnonzero(floor[:, i] > ceiling[:, i])
        if not len(parted):
            path[:, i] = (floor[-1, i] + ceiling[-1, i]) / 2
            continue
        at = parted[0]
        pushed_up = low[at, i] > ceiling[at - 1, i]
        value = ceiling[at - 1, i] if pushed_up else floor[at - 1, i]
        for n in range(len(low)):
            value = min(max(value, low[n, i]), high[n, i])
            path[n, i] = value
    return path

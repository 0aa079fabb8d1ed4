"""Perfect foresight over a list of portfolios: dynamic programming on (portfolio, bar).

With costs in proportion, an order for weights w from equity V and holdings h leaves V' =
V - K(w V' - h), K homogeneous: V' / V depends on h / V and w alone, and h / V on the last weights
and the prices since. Carry, dividends, splits, funding and the maintenance margin are homogeneous
too, so log equity adds up along a path over portfolios. Ruin alone is not; it is left out, which
only bounds.
"""

# mypy: disable-error-code="no-untyped-def"
# numba infers the types of every argument; the two paths are the typed doors.
from __future__ import annotations

from dataclasses import replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drltrade.sim.engine import Engine
from drltrade.sim.hindsight_simplex import Floats, fill_bars, fill_prices, unit_costs
from drltrade.sim.prices import Prices
from drltrade.sim.rules import Rules

__all__ = ["held_path", "rebalanced_path"]

_NO_RUIN = 1e-12  # far below what rounding leaves of an equity of one
_AT_ONCE = 100_000  # accounts


def rebalanced_path(
    prices: Prices, rules: Rules, portfolios: Floats, first: int, last: int
) -> tuple[float, NDArray[np.int64]]:
    """Returns the log growth and the portfolio [n] of each decision, back to it at every bar.

    The ledger itself says what each bar does: fresh accounts order a portfolio u, then w. Their
    equity after the second bar over that after the first is what every account earns that holds u
    and orders w.

    Args:
        prices: what is traded; nothing halted in the interval.
        rules: costs in proportion, nothing that keeps an order from being carried out whole.
        portfolios: [M, N].
        first: the bar after whose close the account starts, in cash.
        last: the bar whose close ends it.
    """
    count, n = len(portfolios), last - first
    plain = replace(rules, ruin=_NO_RUIN, on_change=False)
    starts = np.repeat(np.arange(first, last), count)
    chosen = np.tile(np.arange(count), n)
    none = np.full(len(starts), -1)
    one, ended = _play(prices, plain, portfolios, starts, chosen, none)
    begin, dead = one.reshape(n, count), ended.reshape(n, count)
    arcs, ends = np.zeros((n - 1, count, count)), np.zeros((n - 1, count, count), bool)
    if n > 1:
        starts = np.repeat(np.arange(first, last - 1), count * count)
        held = np.tile(np.repeat(np.arange(count), count), n - 1)
        wanted = np.tile(np.arange(count), (n - 1) * count)
        two, ended = _play(prices, plain, portfolios, starts, held, wanted)
        arcs = two.reshape(n - 1, count, count) - begin[:-1, :, None]
        ends = ended.reshape(n - 1, count, count)
    growth, path = _best_path(begin[0], dead[0], arcs, ends)
    return float(growth), path


def _play(
    prices: Prices,
    rules: Rules,
    portfolios: Floats,
    starts: NDArray[np.int64],
    one: NDArray[np.int64],
    two: NDArray[np.int64],
) -> tuple[Floats, NDArray[np.bool_]]:
    """Log equity of fresh accounts after one order, or two, and whether they were closed out."""
    logs, ended = np.empty(len(starts)), np.empty(len(starts), bool)
    bars = 1 if len(two) and two[0] < 0 else 2
    for begin in range(0, len(starts), _AT_ONCE):
        rows = slice(begin, begin + _AT_ONCE)
        at = starts[rows]
        engine = Engine(prices, rules, accounts=len(at))
        engine.reset(np.arange(len(at)), at, at + bars)
        step = engine.step(portfolios[one[rows]])
        if bars == 2:
            step = engine.step(portfolios[two[rows]])
        logs[rows], ended[rows] = np.log(step.equity / step.start), step.terminated
    return logs, ended


@njit(cache=True)
def _best_path(begin, dead, arcs, ends):
    """The best path over portfolios; a closed-out account keeps what it has."""
    n, count = len(arcs) + 1, len(begin)
    came = np.full((n, count), -1)
    value = np.where(dead, -np.inf, begin)
    final, final_bar, final_to, final_from = -np.inf, 0, 0, -1
    for w in range(count):
        if dead[w] and begin[w] > final:
            final, final_to = begin[w], w
    for j in range(1, n):
        after = np.full(count, -np.inf)
        for u in range(count):
            if value[u] == -np.inf:
                continue
            for w in range(count):
                reached = value[u] + arcs[j - 1, u, w]
                if ends[j - 1, u, w]:
                    if reached > final:
                        final, final_bar, final_to, final_from = reached, j, w, u
                elif reached > after[w] or (reached == after[w] and u == w):
                    after[w], came[j, w] = reached, u
        value = after
    path = np.zeros(n, np.int64)
    at, bar = int(np.argmax(value)), n - 1
    if final > value[at]:
        path[final_bar:] = final_to
        if final_bar == 0:
            return final, path
        at, bar = final_from, final_bar - 1
    best = max(final, value.max())
    while bar >= 0:
        path[bar] = at
        at = came[bar, at]
        bar -= 1
    return best, path


def held_path(
    prices: Prices, rules: Rules, weights: Floats, first: int, last: int
) -> tuple[float, NDArray[np.int64]]:
    """Returns the log growth and the level [n] of each decision; an unchanged one is no order.

    Between two orders the shares stand still, so a hold from one fill to another multiplies equity
    by what its prices say: the state is (level, fill of its order), and there are n^2 / 2 holds of
    each level. An account that its broker closes out is credited with its equity at the open of
    that bar, which bounds what is left.

    Args:
        prices: of one asset; nothing halted in the interval.
        rules: costs in proportion, nothing that keeps an order from being carried out whole.
        weights: [K] what the rules make of each level.
        first: the bar after whose close the account starts, in cash.
        last: the bar whose close ends it.
    """
    bars = fill_bars(rules, first, last)
    paid = fill_prices(prices, rules, bars)
    count, nothing = prices.bars, np.zeros(prices.bars)
    table = np.empty((count, 8))
    table[:, :4] = prices.table[:, :, 0]
    table[:, 4] = 1.0 if prices.split is None else prices.split[:, 0]
    table[:, 5] = nothing if prices.dividend is None else prices.dividend[:, 0]
    table[:, 6] = nothing if prices.funding is None else prices.funding[:, 0]
    table[:, 7] = prices.clock[:, 0]
    carry = rules.carry
    rates = np.array([carry.cash, carry.debit, carry.borrow]) / 365
    late = rules.fill != "same_close"
    before = float(np.log1p(rates[0] * table[first + 1, 7])) if late else 0.0
    goal, came_from, came_as, best = _hold(
        table, bars, paid[:, 0], unit_costs(rules, paid)[:, 0], np.ascontiguousarray(weights),
        rates, rules.margin.maintenance, rules.fill == "next_open", last,
    )  # fmt: skip
    path = np.empty(last - first, np.int64)
    j, u, until = int(goal[0]), int(goal[1]), last - first
    while until > 0:
        path[j:until] = u
        until, j, u = j, int(came_from[j, u]), int(came_as[j, u])
    return before + float(best), path


@njit(cache=True)
def _overnight(cash, shares, row, close, rates):
    """Carry on the book at a close, then the events of the next bar: (cash, shares)."""
    worth = shares * close
    short = max(-worth, 0.0)
    earned = rates[0] * max(cash - short, 0.0) - rates[1] * max(-cash, 0.0) - rates[2] * short
    shares *= row[4]
    return cash + earned * row[7] - worth * row[6] + shares * row[5], shares


@njit(cache=True)
def _fails(cash, shares, price, maintenance):
    equity = cash + shares * price
    return equity <= 0.0 or equity < maintenance * abs(shares * price)


@njit(cache=True)
def _hold(table, bars, paid, costs, weights, rates, maintenance, at_open, last):
    """Forward over all holds: who came from where, and the best end."""
    n, count = len(bars), len(weights)
    value = np.full((n, count), -np.inf)
    came_from, came_as = np.zeros((n, count), np.int64), np.zeros((n, count), np.int64)
    for u in range(count):
        value[0, u] = -np.log1p(costs[0] * abs(weights[u]))
    best, goal = -np.inf, (0, 0)
    for j in range(n):
        for u in range(count):
            if value[j, u] == -np.inf:
                continue
            cash, shares, bar = 1.0 - weights[u], weights[u] / paid[j], bars[j]
            reached, ended = 1.0, False
            for k in range(j + 1, n + 1):
                # From fill k - 1 to fill k, or to the end: over the bar's extremes first or last.
                if at_open:
                    extreme = table[bar, 2] if shares > 0.0 else table[bar, 1]
                    ended = _fails(cash, shares, extreme, maintenance)
                    reached = cash + shares * table[bar, 0 if ended else 3]
                if ended or bar == last:
                    break
                cash, shares = _overnight(cash, shares, table[bar + 1], table[bar, 3], rates)
                bar += 1
                reached = cash + shares * table[bar, 0]
                if at_open:
                    ended = _fails(cash, shares, table[bar, 0], maintenance)
                else:
                    extreme = table[bar, 2] if shares > 0.0 else table[bar, 1]
                    ended = _fails(cash, shares, table[bar, 0], maintenance)
                    ended = ended or _fails(cash, shares, extreme, maintenance)
                    reached = reached if ended else cash + shares * table[bar, 3]
                if ended or k == n:
                    break
                equity, held = cash + shares * paid[k], shares * paid[k]
                for w in range(count):
                    if w == u:
                        continue
                    # V' = V - c |w V' - h|: the sign is that of the trade at V' = V / (1 + c |w|)
                    left = (equity + costs[k] * held) / (1.0 + costs[k] * weights[w])
                    if weights[w] * left < held:
                        left = (equity - costs[k] * held) / (1.0 - costs[k] * weights[w])
                    if left <= 0.0:
                        continue
                    total = value[j, u] + np.log(left)
                    if total > value[k, w]:
                        value[k, w], came_from[k, w], came_as[k, w] = total, j, u
            if reached > 0.0 and value[j, u] + np.log(reached) > best:
                best, goal = value[j, u] + np.log(reached), (j, u)
    return goal, came_from, came_as, best

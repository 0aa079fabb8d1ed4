"""Perfect foresight for a long-only, unlevered account: the best path over assets and cash.

A fill moves money from cash into asset i at a factor 1 / (1 + k_i) and back at 1 - k_i, where k_i
is the cost of one unit traded; between fills a unit of an asset becomes g units of it and y of cash
(dividends, delisting), a unit of cash becomes 1 + interest. All this is linear and nothing may be
negative, so each unit of money can be managed for itself (the linear programme of a generalised
network flow), and the log value of a unit is found backwards in time, node by node. What a long
pays as funding is left out, which only bounds; every other rule of LEDGER.md forbids something or
charges more.
Source: Ahuja, Magnanti and Orlin, "Network Flows", 1993, chapter 15, for generalised flows.
"""

# mypy: disable-error-code="no-untyped-def"
# numba infers the types of every argument; `simplex_path` is the typed door.
from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drltrade.sim.prices import Prices
from drltrade.sim.rules import Rules

__all__ = ["Floats", "fill_bars", "fill_prices", "simplex_path", "unit_costs"]

Floats = NDArray[np.float64]


def fill_bars(rules: Rules, first: int, last: int) -> NDArray[np.int64]:
    """[n] the bar whose price fills each decision, taken after bars first..last - 1."""
    shift = 0 if rules.fill == "same_close" else 1
    return np.arange(first, last) + shift


def fill_prices(prices: Prices, rules: Rules, bars: NDArray[np.int64]) -> Floats:
    """[n, N] the prices at those fills."""
    return np.asarray(prices.table[bars, 0 if rules.fill == "next_open" else 3])


def unit_costs(rules: Rules, paid: Floats) -> Floats:
    """[n, N] least cost of one unit of notional at these prices: rates, and fees for each share."""
    return rules.costs.rate + rules.costs.commission.per_share / paid


def simplex_path(prices: Prices, rules: Rules, first: int, last: int) -> tuple[float, Floats]:
    """Returns the log growth and the targets [T, N] that earn it.

    Args:
        prices: what is traded.
        rules: fill, costs in proportion, cash rate, haircut.
        first: the bar after whose close the account starts, in cash.
        last: the bar whose close ends it.
    """
    bars = fill_bars(rules, first, last)
    paid = fill_prices(prices, rules, bars)
    gain, income, interest, before = _between(prices, rules, bars, paid, first, last)
    halted = np.ascontiguousarray(prices.halts[bars])
    value, weights = _solve(gain, income, interest, unit_costs(rules, paid), halted)
    targets = np.full((prices.bars, prices.assets), np.nan)
    targets[first:last] = weights
    return before + value, targets


def _between(
    prices: Prices, rules: Rules, bars: NDArray[np.int64], paid: Floats, first: int, last: int
) -> tuple[Floats, Floats, Floats, float]:
    """What happens after each fill: gain and income of each asset [n, N], growth of cash [n]."""
    close, split = prices.table[:, 3], prices.split
    dividend, funding = prices.dividend, prices.funding
    nothing = np.zeros(paid.shape)
    cash_growth = np.log1p(rules.carry.cash / 365 * prices.clock[:, 0])
    late = rules.fill != "same_close"
    before = float(cash_growth[first + 1]) if late else 0.0
    after = np.append(paid[1:], close[last][None], axis=0)
    events = np.minimum(bars + 1, last)  # bar whose carry and events come after each fill
    shares = np.ones(paid.shape) if split is None else split[events]
    income = nothing if dividend is None else shares * dividend[events] / paid
    gain = after * shares / paid
    if prices.delisted is not None:
        gone = np.asarray(prices.delisted, bool)[events]
        left = close[events - 1] * (1 - rules.delisting.haircut) / paid
        income, gain = np.where(gone, left, income), np.where(gone, 0.0, gain)
    if funding is not None:
        received = np.maximum(-funding[events], 0.0)
        income = income + received * close[events - 1] / paid
    interest = cash_growth[events].copy()
    if late:  # nothing but the mark comes after the last fill
        gain[-1], income[-1], interest[-1] = close[last] / paid[-1], 0.0, 0.0
    return gain, income, interest, before


@njit(cache=True)
def _solve(gain, income, interest, costs, halted):
    """Values backwards, then the mixture they ask for forwards: (log value, weights [n, N])."""
    n, assets = gain.shape
    held = np.zeros((n, assets))  # log value of a unit of each asset after a fill
    cash = np.zeros(n)
    best = np.full(n, -1)  # what cash buys
    later_held, later_cash = np.zeros(assets), 0.0  # before the next fill
    for j in range(n - 1, -1, -1):
        cash[j] = interest[j] + later_cash
        for i in range(assets):
            worth = gain[j, i] * np.exp(later_held[i] - later_cash) + income[j, i]
            held[j, i] = np.log(worth) + later_cash if worth > 0.0 else -np.inf
        later_cash = cash[j]
        for i in range(assets):
            value = held[j, i] - np.log1p(costs[j, i])
            if not halted[j, i] and value > later_cash:
                later_cash, best[j] = value, i
        for i in range(assets):
            later_held[i] = held[j, i]
            if not halted[j, i]:
                sold = np.log(1.0 - costs[j, i]) + later_cash if costs[j, i] < 1.0 else -np.inf
                later_held[i] = max(held[j, i], sold)
    weights = np.zeros((n, assets))
    units, money = np.zeros(assets), 1.0
    for j in range(n):
        at_best = cash[j]
        if best[j] >= 0:
            at_best = held[j, best[j]] - np.log1p(costs[j, best[j]])
        for i in range(assets):
            if halted[j, i] or units[i] <= 0.0 or costs[j, i] >= 1.0:
                continue
            if np.log(1.0 - costs[j, i]) + at_best > held[j, i]:
                money += units[i] * (1.0 - costs[j, i])
                units[i] = 0.0
        if best[j] >= 0:
            units[best[j]] += money / (1.0 + costs[j, best[j]])
            money = 0.0
        total = money + units.sum()
        for i in range(assets):
            weights[j, i] = units[i] / total
        money = money / total * np.exp(interest[j])
        for i in range(assets):
            money += weights[j, i] * income[j, i]
            units[i] = weights[j, i] * gain[j, i]
    return later_cash, weights

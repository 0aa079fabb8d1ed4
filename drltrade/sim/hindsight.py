"""The most that any policy could have earned with perfect foresight, under the real costs.

Every answer says whether it is `exact` or a `bound`. It is exact where a proved upper bound was
also attained: the targets that it names were run through the ledger and earned the same.

Three ways, each of which bounds the log growth from above:

* `hindsight_levels`: a list of portfolios, and an account that goes back to one of them at every
  bar. With costs in proportion everything in LEDGER.md but ruin is homogeneous in money, so what a
  bar multiplies equity by depends on (last portfolio, next portfolio, the bar) alone: dynamic
  programming over portfolios is exact. For one asset whose unchanged level is no order, the state
  is (level, bar of its order) instead.
* `hindsight_simplex`: long only, unlevered. Every unit of money can be managed for itself: the
  best of all portfolios, mixtures and waits is a path over single assets and cash.
* `hindsight_shadow`: anything. Trading without costs at any price inside the bid-ask spread beats
  the real account, and nobody can earn more in a bar than the largest move times the leverage.

A ruined account ends at `ruin` times its start, which no bound falls below.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drltrade.errors import UsageError
from drltrade.sim.hindsight_levels import held_path, rebalanced_path
from drltrade.sim.hindsight_shadow import shadow_bound
from drltrade.sim.hindsight_simplex import simplex_path
from drltrade.sim.path import run_path
from drltrade.sim.prices import Prices
from drltrade.sim.rules import Rules

__all__ = ["Hindsight", "hindsight"]

Floats = NDArray[np.float64]

_MOST_ARCS = 40_000_000  # of dynamic programming: a few seconds
_MOST_HOLDS = 400_000_000
_ROUNDING = 1e-8  # of log growth, and as much again for each hundred bars


@dataclass(frozen=True, eq=False)
class Hindsight:
    """What perfect foresight could have earned.

    Attributes:
        targets: [T, N] weights that earn it, decided after each bar; NaN outside the interval, and
            everywhere where only a bound is known.
        growth: log of final equity over the start that no policy exceeds.
        attained: log growth of `targets` in the ledger; 0, that of cash, where there are none.
        exact: whether growth is attained.
        why: one sentence that begins with "exact" or "bound".
    """

    targets: Floats
    growth: float
    attained: float
    exact: bool
    why: str


def hindsight(
    prices: Prices,
    rules: Rules,
    levels: ArrayLike | Sequence[float] | None = None,
    first: int = 0,
    last: int | None = None,
) -> Hindsight:
    """Finds the best log growth of an account from cash, knowing every price.

    Args:
        prices: what is traded, on any fill.
        rules: the account's rules.
        levels: what may be asked for after each bar: [K] weights of an asset, of several every
            combination; or [M, N] portfolios. None is any weights, and no order too.
        first: the bar after whose close the account starts, in cash.
        last: the bar whose close ends it; None is the last one.

    Returns:
        The bound, exact where it is attained.

    Raises:
        UsageError: the range does not fit the prices, or leads across a seam of segments.
    """
    prices.check(rules)
    last = prices.bars - 1 if last is None else last
    if not 0 <= first < last < prices.bars:
        raise UsageError(f"Hindsight needs 0 <= first < last < {prices.bars}; got {first}..{last}.")
    if prices.segment is not None and prices.segment[first] != prices.segment[last]:
        raise UsageError(f"Bars {first} and {last} lie in different segments; take one at a time.")
    asked = _portfolios(levels, prices.assets)
    case = _Case(prices, rules, asked, first, last)
    found = []
    for way in (_simplex, _levels):
        answer = way(case)
        if answer is not None and answer.exact:
            return answer
        found.append(answer)
    bounds = [answer for answer in (*found, _shadow(case)) if answer is not None]
    return min(bounds, key=lambda answer: answer.growth)


@dataclass(frozen=True, eq=False)
class _Case:
    """The question, with what several ways ask of it."""

    prices: Prices
    rules: Rules
    asked: Floats | None  # [M, N] portfolios
    first: int
    last: int

    @property
    def effective(self) -> Floats | None:
        """[M, N] what the rules make of each portfolio."""
        if self.asked is None:
            return None
        rules = self.rules
        wanted = self.asked if rules.shorts else np.maximum(self.asked, 0.0)
        if rules.limits.weight is not None:
            wanted = np.clip(wanted, -rules.limits.weight, rules.limits.weight)
        gross = np.abs(wanted).sum(axis=1, keepdims=True)
        over = gross > rules.leverage * (1 + 1e-12)
        return np.where(over, wanted * rules.leverage / np.where(over, gross, 1.0), wanted)

    @property
    def long_only(self) -> bool:
        """Whether no order goes short or beyond equity."""
        wanted = self.effective
        if wanted is None or self.rules.limits.change is not None:
            return not self.rules.shorts and self.rules.leverage <= 1
        return bool((wanted >= 0).all() and (wanted.sum(axis=1) <= 1 + 1e-9).all())

    @property
    def halts(self) -> bool:
        """Whether some asset cannot be traded in some bar of the interval."""
        begin = self.first if self.rules.fill == "same_close" else self.first + 1
        return bool(self.prices.halts[begin : self.last + 1].any())

    @property
    def plain(self) -> bool:
        """Whether every order is carried out as asked, at a cost in proportion."""
        rules, costs = self.rules, self.rules.costs
        cut = rules.participation.rate is not None or rules.limits.change is not None
        coarse = costs.commission.minimum > 0 or rules.lot > 0 or rules.band > 0
        return not (cut or coarse or costs.impact.coefficient > 0 or self.halts)

    def answer(self, growth: float, targets: Floats | None, how: str) -> Hindsight:
        """Runs the targets through the ledger and says what is known."""
        none = np.full((self.prices.bars, self.prices.assets), np.nan)
        floor = math.log(self.rules.ruin)
        if targets is None:
            return Hindsight(none, max(growth, floor), 0.0, False, f"bound: {how}")
        path = run_path(self.prices, self.rules, targets, self.first, self.last)
        attained = float(np.log(path.equity[-1] / path.equity[0]))
        slack = _ROUNDING * (1 + (self.last - self.first) / 100)
        if attained >= growth - slack and self.allows(targets):
            return Hindsight(targets, max(growth, attained), attained, True, f"exact: {how}")
        return Hindsight(targets, max(growth, floor), attained, False, f"bound: {how}")

    def allows(self, targets: Floats) -> bool:
        """Whether every target is one of the portfolios that may be asked for."""
        if self.asked is None:
            return True
        used = targets[self.first : self.last]
        off = np.abs(used[:, None, :] - self.asked).max(axis=2).min(axis=1)
        return bool((off < 1e-9).all())


def _simplex(case: _Case) -> Hindsight | None:
    several = case.prices.assets > 1
    minimum, cap = case.rules.costs.commission.minimum > 0, case.rules.participation.rate
    # Capped sales beside whole purchases, or a sale that its own fee undoes, can leave debt.
    if not case.long_only or (several and (minimum or cap is not None)):
        return None
    growth, targets = simplex_path(case.prices, case.rules, case.first, case.last)
    how = "the best path over single assets and cash, which no long-only mixture exceeds."
    return case.answer(growth, targets, how)


def _levels(case: _Case) -> Hindsight | None:
    wanted, bars = case.effective, case.last - case.first
    if case.asked is None or wanted is None or not case.plain:
        return None
    if not case.rules.on_change:
        if bars * len(wanted) ** 2 > _MOST_ARCS:
            return None
        growth, chosen = rebalanced_path(case.prices, case.rules, case.asked, case.first, case.last)
        how = f"the best path over {len(wanted)} portfolios re-balanced at every bar."
    else:
        if case.prices.assets > 1 or bars**2 * len(wanted) ** 2 / 2 > _MOST_HOLDS:
            return None
        weights = wanted[:, 0]
        growth, chosen = held_path(case.prices, case.rules, weights, case.first, case.last)
        how = f"the best path over {len(wanted)} levels, held from order to order."
    targets = np.full((case.prices.bars, case.prices.assets), np.nan)
    targets[case.first : case.last] = case.asked[chosen]
    return case.answer(growth, targets, how)


def _shadow(case: _Case) -> Hindsight:
    leverage, wanted = case.rules.leverage, case.effective
    shorts = case.rules.shorts
    if wanted is not None and case.rules.limits.change is None:
        leverage = min(leverage, float(np.abs(wanted).sum(axis=1).max()))
        shorts = bool((wanted < 0).any())
    growth = shadow_bound(case.prices, case.rules, leverage, shorts, case.first, case.last)
    how = "trading at the best prices inside the spread, each bar in its largest move."
    return case.answer(growth, None, how)


def _portfolios(levels: ArrayLike | Sequence[float] | None, assets: int) -> Floats | None:
    if levels is None:
        return None
    table = np.asarray(levels, np.float64)
    if table.ndim == 1 and table.size:
        if len(table) ** assets > 4096:
            return None  # too many to go through: any weights bound them
        table = np.array(list(itertools.product(table, repeat=assets)))
    if table.ndim != 2 or table.shape[1] != assets or not len(table):
        raise UsageError(
            f"levels have shape {table.shape}; they must be weights [K] or portfolios"
            f" [M, {assets}]."
        )
    if not np.isfinite(table).all():
        raise UsageError("levels hold a weight that is no number.")
    return np.unique(table, axis=0)

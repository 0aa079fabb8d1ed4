"""The best policy of a market whose law is known, and its mean reward: exact value iteration.

The setting is that of the known-answer markets in `drltrade.data.synthetic`: a position w earns
w x return(state) in the next bar and pays cost x |w - last w|, both in units of simple return: the
ledger's rewards while returns are near 1e-3, where compounding and re-balancing move little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drltrade.errors import DrltradeError, UsageError

__all__ = [
    "Optimum",
    "bertram",
    "dp_optimal",
    "kelly",
    "merton",
    "no_trade_band",
    "policy_reward",
    "two_state_optimum",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_MOST_SWEEPS = 200_000
_LAZY = 0.1  # chance to stay put, which makes every chain aperiodic and moves no mean


class FiniteChain(Protocol):
    """A finite Markov chain: probabilities [S, S], expected next returns [S], the signal [S]."""

    @property
    def transition(self) -> Floats:
        """[S, S], rows sum to 1."""

    @property
    def returns(self) -> Floats:
        """[S]."""

    @property
    def signal(self) -> Floats:
        """[S], increasing."""


class MarkovLaw(Protocol):
    """A transition law, as the synthetic markets have one."""

    def chain(self, points: int) -> FiniteChain:
        """Returns the law on finitely many states."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """The best policy of a law under position levels and linear cost.

    Attributes:
        levels: [K] positions, increasing.
        signal: [S] what the signal says in each state.
        policy: [S, K] index of the level to take in a state, holding a level.
        advantage: [S, K, K] what taking each level (last axis) is worth in a state, holding a level
            (middle axis), less the best; the best is 0.
        mean_reward: mean reward a bar in the long run, from no position.
        error: half the width of the interval in which value iteration holds the mean reward; NaN
            where rewards are discounted.
    """

    levels: Floats
    signal: Floats
    policy: Integers
    advantage: Floats
    mean_reward: float
    error: float

    def threshold(self, held: float, wanted: float) -> float:
        """Returns the signal at which, holding a level, another one becomes as good as staying.

        Linear between the two states around it; NaN where staying is better, or worse, everywhere.

        Raises:
            UsageError: one of the two is not a level.
        """
        at, to = (self._index(level) for level in (held, wanted))
        gain = self.advantage[:, at, to] - self.advantage[:, at, at]
        turns = np.flatnonzero(np.sign(gain[1:]) != np.sign(gain[:-1]))
        if not len(turns):
            return math.nan
        i = turns[0]
        share = gain[i] / (gain[i] - gain[i + 1])
        return float(self.signal[i] + share * (self.signal[i + 1] - self.signal[i]))

    def follow(self, states: Integers) -> Floats:
        """Returns [T] the positions that the policy takes along states, from no position."""
        held, taken = _nearest_flat(self.levels), np.empty(len(states), np.int64)
        for t, state in enumerate(states):
            held = taken[t] = self.policy[state, held]
        return self.levels[taken]

    def _index(self, level: float) -> int:
        found = np.flatnonzero(np.isclose(self.levels, level))
        if not len(found):
            raise UsageError(f"{level:g} is no level; the levels are {self.levels.tolist()}.")
        return int(found[0])


def dp_optimal(
    law: MarkovLaw,
    levels: Sequence[float] = (-1.0, 0.0, 1.0),
    cost: float = 0.0,
    *,
    discount: float = 1.0,
    points: int = 2001,
    tolerance: float = 1e-9,
) -> Optimum:
    """Finds the best policy of a law by relative value iteration on (signal, position).

    V(s, w) <- max over w' of w' return(s) - cost |w' - w| + E[V(s', w')]. The least and the largest
    change of V in a sweep enclose the best mean reward (Odoni 1969; Puterman, "Markov Decision
    Processes", section 8.5), so the answer carries its own error. On a finite chain it is exact;
    a continuous signal becomes a grid of `points`.

    Args:
        law: how the signal moves and what it promises.
        levels: positions that may be taken.
        cost: of one unit traded, in units of return.
        discount: of the next bar's reward; 1 maximises the mean.
        points: states of a continuous signal.
        tolerance: of the mean reward, in parts of the largest reward.

    Raises:
        UsageError: a level is named twice, or cost or discount is out of range.
        DrltradeError: the sweeps do not converge.
    """
    chain = law.chain(points)
    places = _levels(levels)
    if not (math.isfinite(cost) and cost >= 0):
        raise UsageError(f"cost is {cost!r}; it must be a number from 0 on, in units of return.")
    if not 0 < discount <= 1:
        raise UsageError(f"discount is {discount!r}; it must be above 0 and at most 1.")
    fees = cost * np.abs(places - places[:, None])  # [K, K] from row to column
    earned = chain.returns[:, None] * places  # [S, K]
    size = max(float(np.abs(earned).max()), 1e-300)
    value, low, high = np.zeros_like(earned), 0.0, 0.0
    lazy = _LAZY if discount == 1 else 0.0
    for _ in range(_MOST_SWEEPS):
        ahead = earned + discount * (chain.transition @ value)  # [S, K] of taking each level
        best = np.max(ahead[:, None, :] - fees, axis=2)
        change = best - value
        low, high = float(change.min()), float(change.max())
        value = value + (1 - lazy) * change
        if discount == 1:
            value -= value[0, 0]
        if high - low <= 2 * tolerance * size if discount == 1 else high <= 1e-14 * size >= -low:
            break
    else:
        raise DrltradeError("Value iteration did not converge; use fewer states or more tolerance.")
    ahead = earned + discount * (chain.transition @ value)
    advantage = ahead[:, None, :] - fees
    advantage -= advantage.max(axis=2, keepdims=True)
    policy = _choose(advantage, tolerance * size)
    mean, error = (low + high) / 2, (high - low) / 2
    if discount < 1:
        mean, error = policy_reward(law, places, policy, cost, points=points), math.nan
    return Optimum(places, np.asarray(chain.signal), policy, advantage, mean, error)


def policy_reward(
    law: MarkovLaw,
    levels: Sequence[float] | Floats,
    policy: ArrayLike,
    cost: float = 0.0,
    *,
    points: int = 2001,
) -> float:
    """Returns the mean reward a bar of a policy in the long run, from no position.

    Args:
        law: how the signal moves and what it promises.
        levels: positions that may be taken.
        policy: [S, K] index of the level to take in a state of `law.chain(points)`, holding a
            level; or [S], whatever is held.
        cost: of one unit traded.
        points: states of a continuous signal.

    Raises:
        DrltradeError: the mean does not settle.
    """
    chain, places = law.chain(points), _levels(levels)
    table = np.asarray(policy, np.int64)
    count, kinds = len(chain.returns), len(places)
    table = np.repeat(table[:, None], kinds, axis=1) if table.ndim == 1 else table
    fees = cost * np.abs(places[table] - places)
    reward = chain.returns[:, None] * places[table] - fees  # [S, K] in a state, holding a level
    mass = np.zeros((count, kinds))
    mass[:, _nearest_flat(places)] = 1.0 / count
    rows, onward = np.arange(count)[:, None], np.ascontiguousarray(chain.transition.T)
    for _ in range(_MOST_SWEEPS):
        moved = np.zeros_like(mass)
        np.add.at(moved, (rows, table), mass)
        change = onward @ moved - mass
        mass = mass + (1 - _LAZY) * change
        if np.abs(change).sum() < 1e-10:
            return float((mass * reward).sum())
    raise DrltradeError("The policy's mean reward did not settle; use fewer states.")


def two_state_optimum(mu: float, flip: float, cost: float, discount: float = 1.0) -> float:
    """Returns the best mean reward where a side that earns `mu` flips with chance `flip`.

    Trade every flip iff cost < mu / (1 - discount (1 - 2 flip)): mu - 2 flip cost; else never: 0.
    """
    return mu - 2 * flip * cost if cost * (1 - discount * (1 - 2 * flip)) < mu else 0.0


def bertram(cost: float) -> tuple[float, float]:
    """Returns the entry level and the rate of return of the best trade on a standard OU process.

    dx = -x dt + sqrt(2) dW; buy at -m, sell at m, pay `cost` a round trip. The mean cycle lasts
    2 pi erfi(m / sqrt 2), so m maximises (2 m - cost) / (2 pi erfi(m / sqrt 2)).
    Source: Bertram, "Analytic solutions for optimal statistical arbitrage trading", Physica A 2010.

    Raises:
        UsageError: the cost is not above 0, or above 8 standard deviations.
    """
    if not 0 < cost <= 8:
        raise UsageError(f"cost is {cost!r}; it must be above 0 and at most 8.")

    def slope(m: float) -> float:
        rise = math.sqrt(2 / math.pi) * math.exp(m * m / 2)  # d/dm erfi(m / sqrt 2)
        return 2 * _erfi(m / math.sqrt(2)) - (2 * m - cost) * rise

    low, high = cost / 2, cost / 2 + 3.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return low, (2 * low - cost) / (2 * math.pi * _erfi(low / math.sqrt(2)))


def kelly(chance: float, odds: float = 1.0) -> tuple[float, float]:
    """Returns the fraction to stake on a bet that pays `odds` to one, and its log growth a bet.

    Source: Kelly, "A new interpretation of information rate", 1956.
    """
    stake = max(0.0, chance - (1 - chance) / odds)
    growth = chance * math.log1p(odds * stake) + (1 - chance) * math.log1p(-stake)
    return stake, growth


def merton(drift: float, rate: float, volatility: float) -> tuple[float, float]:
    """Returns the weight that log utility holds for ever, and its growth a year.

    Source: Merton, "Lifetime portfolio selection under uncertainty", 1969.
    """
    excess = drift - rate
    return excess / volatility**2, rate + excess**2 / (2 * volatility**2)


def no_trade_band(weight: float, cost: float) -> float:
    """Returns the half-width around log utility's weight inside which not to trade, at small cost.

    (1.5 weight^2 (1 - weight)^2 cost)^(1/3). Source: Rogers, "Why is the effect of proportional
    transaction costs O(delta^(2/3))?", 2004; Janecek and Shreve, Finance and Stochastics 2004.
    """
    return float((1.5 * weight**2 * (1 - weight) ** 2 * cost) ** (1 / 3))


def _erfi(x: float) -> float:
    """The imaginary error function by its series, which has no cancellation."""
    term = total = x
    for n in range(1, 400):
        term *= x * x / n
        total += term / (2 * n + 1)
    return 2 / math.sqrt(math.pi) * total


def _levels(levels: Sequence[float] | Floats) -> Floats:
    places = np.sort(np.asarray(levels, np.float64))
    if places.ndim != 1 or not len(places) or (np.diff(places) == 0).any():
        raise UsageError(f"levels are {list(levels)}; they must be a list of different positions.")
    return places


def _nearest_flat(places: Floats) -> int:
    return int(np.argmin(np.abs(places)))


def _choose(advantage: Floats, slack: float) -> Integers:
    """The best level of each state; among equals the one that is held, which trades nothing."""
    count, kinds, _ = advantage.shape
    best = advantage.argmax(axis=2)
    held = np.broadcast_to(np.arange(kinds), (count, kinds))
    stays = advantage[:, np.arange(kinds), np.arange(kinds)] >= -slack
    return np.where(stays, held, best).astype(np.int64)

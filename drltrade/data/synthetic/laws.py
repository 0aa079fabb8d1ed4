"""Transition laws of synthetic markets: what the signal promises, and how it moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drltrade.data.market import Market
from drltrade.errors import UsageError

__all__ = ["AutoRegression", "Chain", "HiddenRegimes", "Law", "Memory", "Wave", "check"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_REACH = 6.5  # standard deviations to each side that a grid covers: 1e-10 of the mass is outside
_MOST_LAG = 10  # 2,048 states


class Law(Protocol):
    """What a solver and a policy need of a law."""

    def chain(self, points: int) -> Chain:
        """Returns the law on finitely many states; `points` of them where it has a continuum."""

    def states(self, market: Market, points: int) -> Integers:
        """Returns [T] the state of `chain(points)` that each bar of a market is in."""


def check(name: str, value: float, low: float, high: float) -> None:
    """Refuses a parameter of a law that is not strictly between two bounds.

    Raises:
        UsageError: it is outside.
    """
    if not low < value < high:
        raise UsageError(f"{name} is {value!r}; it must be above {low:g} and below {high:g}.")


@dataclass(frozen=True, eq=False)
class Chain:
    """A finite Markov chain: any law that a solver can hold in its hand.

    Attributes:
        transition: [S, S] probabilities; row s is where state s goes, and sums to 1.
        returns: [S] expected simple return of the next bar, known in state s.
        signal: [S] what the column `signal` says in state s, increasing; None is 0, 1, ...
    """

    transition: Floats
    returns: Floats
    signal: Floats = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        transition = np.array(self.transition, np.float64)
        returns = np.array(self.returns, np.float64)
        signal = np.array(self.signal, np.float64)
        signal = signal if len(signal) else np.arange(len(returns), dtype=np.float64)
        count = len(returns)
        if transition.shape != (count, count) or signal.shape != (count,) or not count:
            raise UsageError(
                f"A chain of {count} returns needs as many signals and a square transition table;"
                f" got {signal.shape} and {transition.shape}."
            )
        if (transition < 0).any() or not np.allclose(transition.sum(axis=1), 1, atol=1e-9):
            raise UsageError("Every row of a chain's transition table must be probabilities.")
        if (np.diff(signal) <= 0).any():
            raise UsageError("A chain's signal must increase from state to state.")
        for name, array in (("transition", transition), ("returns", returns), ("signal", signal)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def chain(self, points: int = 0) -> Chain:
        """The chain itself."""
        return self

    def states(self, market: Market, points: int = 0) -> Integers:
        """The state whose signal is nearest."""
        if len(self.returns) == 1:
            return np.zeros(market.bars, np.int64)
        middle = (self.signal[1:] + self.signal[:-1]) / 2
        return np.asarray(np.searchsorted(middle, market.columns["signal"][:, 0]), np.int64)


@dataclass(frozen=True)
class AutoRegression:
    """A Gaussian AR(1) signal that the next bar's expected return is proportional to.

    signal' = rho signal + deviation sqrt(1 - rho^2) e; the next return is gain x signal. An
    Ornstein-Uhlenbeck price is one: gain = rho - 1.
    Source: de Lataillade, Deremble, Potters, Bouchaud, "Optimal trading with linear costs", 2012.

    Attributes:
        rho: coefficient, above -1 and below 1.
        gain: expected simple return for a signal of one.
        deviation: the signal's standard deviation.
    """

    rho: float
    gain: float
    deviation: float = 1.0

    def __post_init__(self) -> None:
        check("rho", self.rho, -0.999, 0.999)
        check("deviation", self.deviation, 0, np.inf)

    def chain(self, points: int = 2001) -> Chain:
        """A uniform grid with normal weights: exact but for the kinks of what is integrated."""
        grid = np.linspace(-_REACH, _REACH, points)
        spread = np.sqrt(1 - self.rho**2)
        weights = np.exp(-0.5 * ((grid - self.rho * grid[:, None]) / spread) ** 2)
        weights /= weights.sum(axis=1, keepdims=True)
        signal = self.deviation * grid
        return Chain(weights, self.gain * signal, signal)

    def states(self, market: Market, points: int = 2001) -> Integers:
        """The nearest point of the grid."""
        signal = market.columns["signal"][:, 0] / self.deviation
        return _nearest(signal, _REACH, points)


@dataclass(frozen=True)
class HiddenRegimes:
    """Two regimes that nobody sees: the next return is +-drift plus noise, and the side flips.

    The state is what a Bayesian knows: belief = P(up | returns so far). Its log odds move from
    l = log(p / (1 - p)), p = belief (1 - flip) + (1 - belief) flip, to l + 2 drift r / noise^2,
    a mixture of two normal laws. The column `signal` is 2 belief - 1.
    Source: Hamilton, Econometrica 1989; Dai, Zhang and Zhu, "Trend following trading under a
    regime switching model", SIAM J. Financial Mathematics 2010.

    Attributes:
        flip: probability that a bar changes sides.
        drift: mean of a bar's simple return in the up regime; its negative in the other.
        noise: standard deviation of a bar's simple return around it.
    """

    flip: float
    drift: float
    noise: float

    def __post_init__(self) -> None:
        check("flip", self.flip, 0, 1)
        check("drift", self.drift, 0, np.inf)
        check("noise", self.noise, 0.2 * self.drift, 50 * self.drift)

    @property
    def step(self) -> float:
        """Mean move of the log odds in a bar; its variance is twice that."""
        return 2 * (self.drift / self.noise) ** 2

    def chain(self, points: int = 2001) -> Chain:
        """A uniform grid of log odds."""
        grid = np.linspace(-self._reach, self._reach, points)
        belief = 1 / (1 + np.exp(-grid))
        up = belief * (1 - self.flip) + (1 - belief) * self.flip
        odds = np.log(up / (1 - up))
        weights = np.zeros((points, points))
        for chance, side in ((up, 1.0), (1 - up, -1.0)):
            off = (grid - odds[:, None] - side * self.step) / np.sqrt(2 * self.step)
            weights += chance[:, None] * np.exp(-0.5 * off**2)
        weights /= weights.sum(axis=1, keepdims=True)
        signal = np.tanh(grid / 2)
        return Chain(weights, self.drift * (1 - 2 * self.flip) * signal, signal)

    def states(self, market: Market, points: int = 2001) -> Integers:
        """The nearest point of the grid."""
        signal = np.clip(market.columns["signal"][:, 0], -1 + 1e-15, 1 - 1e-15)
        return _nearest(2 * np.arctanh(signal), self._reach, points)

    def beliefs(self, returns: Floats) -> Floats:
        """Filters [T] simple returns: [T] the signal after each bar, even odds before the first."""
        signal, odds = np.empty(len(returns)), 0.0
        for t, value in enumerate(returns):
            belief = 1 / (1 + np.exp(-odds))
            up = belief * (1 - self.flip) + (1 - belief) * self.flip
            odds = np.log(up / (1 - up)) + 2 * self.drift * value / self.noise**2
            signal[t] = np.tanh(odds / 2)
        return signal

    @property
    def _reach(self) -> float:
        widest = abs(np.log((1 - self.flip) / self.flip))
        return float(min(widest + self.step + 8 * np.sqrt(2 * self.step), 35.0))


@dataclass(frozen=True)
class Memory:
    """A cue of +-1 in each bar, a fair coin, that pays `lag` bars later.

    The return of bar t + 1 is gain x signal(t - lag): who sees fewer than lag + 1 bars and
    remembers nothing sees only coins that do not matter yet. Its own position is a memory of one
    cue, and with a cost of `gain` a unit not worth its trades.
    Source: the delayed recall of Hochreiter and Schmidhuber 1997, as a market.

    Attributes:
        lag: bars that the cue lies back, 0 to 10.
        gain: simple return that a cue of one pays.
    """

    lag: int
    gain: float

    def __post_init__(self) -> None:
        if not 0 <= self.lag <= _MOST_LAG:
            raise UsageError(f"lag is {self.lag!r}; it must be from 0 to {_MOST_LAG} bars.")

    def chain(self, points: int = 0) -> Chain:
        """All 2^(lag + 1) strings of the last cues; the oldest is the highest bit."""
        count = 2 ** (self.lag + 1)
        rows, after = np.arange(count), (2 * np.arange(count)) % count
        transition = np.zeros((count, count))
        transition[rows, after] = transition[rows, after + 1] = 0.5
        return Chain(transition, self.gain * np.where(rows >= count // 2, 1.0, -1.0))

    def states(self, market: Market, points: int = 0) -> Integers:
        """The last cues as bits; what lies before the first bar counts as -1."""
        up = (market.columns["signal"][:, 0] > 0).astype(np.int64)
        padded = np.concatenate([np.zeros(self.lag, np.int64), up])
        return _number([padded[back : back + len(up)] for back in range(self.lag + 1)])


@dataclass(frozen=True)
class Wave:
    """A price that runs along a sine of whole period: the next return is gain x cos(phase).

    Attributes:
        period: bars of one wave, at least 3.
        gain: simple return of the steepest bar.
    """

    period: int
    gain: float

    def __post_init__(self) -> None:
        if not 3 <= self.period <= 5000:
            raise UsageError(f"period is {self.period!r}; it must be from 3 to 5000 bars.")

    def chain(self, points: int = 0) -> Chain:
        """One state for each bar of the wave, in their order."""
        phase = 2 * np.pi * (np.arange(self.period) + 0.5) / self.period
        transition = np.roll(np.eye(self.period), 1, axis=1)
        return Chain(transition, self.gain * np.cos(phase))

    def states(self, market: Market, points: int = 0) -> Integers:
        """The bar of the wave, read from its height and its slope."""
        height, slope = (market.columns[name][:, 0] for name in ("signal", "slope"))
        phase = np.arctan2(height, slope) / (2 * np.pi) * self.period
        return np.asarray(np.rint(phase), np.int64) % self.period


def _number(bits: Sequence[Integers]) -> Integers:
    """Reads columns of 0 and 1 as one number, the first column as the highest bit."""
    number = np.zeros(len(bits[0]), np.int64)
    for bit in bits:
        number = 2 * number + bit
    return number


def _nearest(values: Floats, reach: float, points: int) -> Integers:
    steps = (np.clip(values, -reach, reach) + reach) / (2 * reach) * (points - 1)
    return np.asarray(np.rint(steps), np.int64)

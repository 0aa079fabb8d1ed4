"""Markets whose optimum is known: each with its signal as a column and its transition law.

Everywhere open(t + 1) = close(t), highs and lows are those of the two, and the expected simple
return of bar t + 1 is a function of what the columns say at the close of t. With fills at the next
open or the same close a position taken after bar t therefore earns that return whole. Returns are
near 1e-3, so that compounding moves no optimum: a market's figures are those of its law, with
score = mean of equity / equity_before - 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from drltrade.data.market import Market
from drltrade.data.synthetic.laws import (
    AutoRegression,
    Chain,
    HiddenRegimes,
    Law,
    Memory,
    Wave,
    check,
)
from drltrade.errors import UsageError

__all__ = [
    "Synthetic",
    "ar1",
    "chain",
    "memory",
    "noise",
    "ou",
    "regimes",
    "sine",
    "stale",
    "trend",
    "two_state",
]

Floats = NDArray[np.float64]

SCALE = 1e-3
_START = 100.0
_BURN = 200
_WEEKDAYS = 60_000  # beyond these a clock of weekdays would leave the range of time stamps

THREE_STATES = ((0.9, 0.1, 0.0), (0.05, 0.9, 0.05), (0.0, 0.1, 0.9))


@dataclass(frozen=True, eq=False)
class Synthetic:
    """A made-up market and the law it was drawn from.

    Attributes:
        market: an ordinary Market of one asset.
        law: how its signal moves and what it promises; parameters alone where no optimum is known.
        signals: the columns that hold the signal.
    """

    market: Market
    law: Law
    signals: tuple[str, ...] = ("signal",)


def trend(
    bars: int = 10_000, seed: int = 0, *, drift: float = 0.5, noise: float = 1.0,
    scale: float = SCALE,
) -> Synthetic:  # fmt: skip
    """Returns a market that rises by `drift` x `scale` a bar: be long, once.

    The signal is a constant 1; noise is white, `noise` x `scale` a bar.
    """
    rng = generator(bars, seed)
    returns = np.full(bars - 1, drift * scale) + _white(rng, bars, noise * scale)
    law = Chain(np.ones((1, 1)), np.array([drift * scale]), np.ones(1))
    return Synthetic(lay_out(returns, {"signal": np.ones(bars)}, "trend"), law)


def ar1(
    bars: int = 10_000, seed: int = 0, *, rho: float = 0.9, noise: float = 0.0,
    scale: float = SCALE,
) -> Synthetic:  # fmt: skip
    """Returns a market whose next return is `scale` times an AR(1) signal of unit variance.

    With a cost of G x `scale` a unit the best policy switches between +-1 where |signal| passes a
    threshold (de Lataillade et al. 2012): rho .9, G 1: q* .43649, mean reward .6401 x `scale`.
    """
    law = AutoRegression(rho, scale)
    rng = generator(bars, seed)
    signal = _auto_regression(rng, bars, rho)
    returns = scale * signal[:-1] + _white(rng, bars, noise * scale)
    return Synthetic(lay_out(returns, {"signal": signal}, "ar1"), law)


def ou(bars: int = 10_000, seed: int = 0, *, a: float = 0.93, s: float = SCALE) -> Synthetic:
    """Returns a market whose simple returns are the increments of x' = a x + s e.

    The signal is x. At a cost of .0002 a unit, a .93 and s .001 the best mean reward is .00012710.
    """
    deviation = s / np.sqrt(1 - a**2)
    law = AutoRegression(a, a - 1, deviation)
    signal = deviation * _auto_regression(generator(bars, seed), bars, a)
    return Synthetic(lay_out(np.diff(signal), {"signal": signal}, "ou"), law)


def two_state(
    bars: int = 10_000, seed: int = 0, *, flip: float = 0.1, noise: float = 0.0,
    scale: float = SCALE,
) -> Synthetic:  # fmt: skip
    """Returns a market whose next return is +-`scale`, as the signal +-1 says that flips at times.

    Trade every flip iff the cost is below scale / (2 flip): mean reward scale - 2 flip cost.
    """
    check("flip", flip, 0, 1)
    table = ((1 - flip, flip), (flip, 1 - flip))
    return chain(bars, seed, transition=table, means=(-1.0, 1.0), noise=noise, scale=scale)


def chain(
    bars: int = 10_000, seed: int = 0, *,
    transition: object = THREE_STATES, means: object = (-1.5, 0.0, 1.5), noise: float = 0.0,
    scale: float = SCALE,
) -> Synthetic:  # fmt: skip
    """Returns a market driven by a finite Markov chain.

    Args:
        bars: number of bars.
        seed: what it is drawn from.
        transition: [S, S] probabilities.
        means: [S] expected next return of each state in units of `scale`, increasing: the signal.
        noise: standard deviation of white noise in units of `scale`.
        scale: the size of returns.
    """
    signal = np.asarray(means, np.float64)
    law = Chain(np.asarray(transition, np.float64), scale * signal, signal)
    rng = generator(bars, seed)
    cumulative = np.cumsum(law.transition, axis=1)
    cumulative[:, -1] = 1.0
    draws, state = rng.random(bars + _BURN), int(rng.integers(len(signal)))
    path = np.empty(bars + _BURN, np.int64)
    for t, draw in enumerate(draws):
        state = int(np.searchsorted(cumulative[state], draw, side="right"))
        path[t] = state
    path = path[_BURN:]
    returns = law.returns[path[:-1]] + _white(rng, bars, noise * scale)
    return Synthetic(lay_out(returns, {"signal": signal[path]}, "chain"), law)


def sine(
    bars: int = 10_000, seed: int = 0, *, period: int = 32, noise: float = 0.0,
    scale: float = SCALE,
) -> Synthetic:  # fmt: skip
    """Returns a market that runs along a sine: columns `signal`, its height, and `slope`."""
    law = Wave(period, scale)
    rng = generator(bars, seed)
    phase = (int(rng.integers(period)) + np.arange(bars)) % period
    returns = law.chain().returns[phase[:-1]] + _white(rng, bars, noise * scale)
    angle = 2 * np.pi * phase / period
    columns = {"signal": np.sin(angle), "slope": np.cos(angle)}
    return Synthetic(lay_out(returns, columns, "sine"), law, ("signal", "slope"))


def regimes(
    bars: int = 10_000, seed: int = 0, *, flip: float = 0.02, drift: float = 0.5,
    noise: float = 1.0, scale: float = SCALE,
) -> Synthetic:  # fmt: skip
    """Returns a market whose drift changes sides unseen; the signal is the Bayesian filter's.

    An agent that is given returns alone has to find that filter; see `HiddenRegimes`.
    """
    law = HiddenRegimes(flip, drift * scale, noise * scale)
    rng = generator(bars, seed)
    flips = np.cumsum(rng.random(bars + _BURN) < flip) + rng.integers(2)
    side = np.where(flips % 2 == 0, 1.0, -1.0)
    drawn = law.drift * side + law.noise * rng.standard_normal(bars + _BURN)
    signal = law.beliefs(drawn)[_BURN:]
    return Synthetic(lay_out(drawn[_BURN + 1 :], {"signal": signal}, "regimes"), law)


def stale(bars: int = 10_000, seed: int = 0, *, scale: float = SCALE) -> Synthetic:
    """Returns independent returns whose signal is the last one: nothing can be earned."""
    returns = scale * generator(bars, seed).standard_normal(bars)
    return Synthetic(lay_out(returns[1:], {"signal": returns / scale}, "stale"), _nothing())


def noise(bars: int = 10_000, seed: int = 0, *, scale: float = SCALE) -> Synthetic:
    """Returns a martingale and a signal that has nothing to do with it: stay flat."""
    returns, signal = generator(bars, seed).standard_normal((2, bars))
    return Synthetic(lay_out(scale * returns[1:], {"signal": signal}, "noise"), _nothing())


def memory(
    bars: int = 10_000, seed: int = 0, *, lag: int = 4, noise: float = 0.0, scale: float = SCALE
) -> Synthetic:
    """Returns a market whose next return is `scale` times the cue of `lag` bars back."""
    law = Memory(lag, scale)
    rng = generator(bars, seed)
    cues = np.where(rng.random(bars + lag) < 0.5, -1.0, 1.0)
    returns = scale * cues[: bars - 1] + _white(rng, bars, noise * scale)
    return Synthetic(lay_out(returns, {"signal": cues[lag:]}, "memory"), law)


def generator(bars: int, seed: int) -> np.random.Generator:
    """Returns what a market of so many bars is drawn with.

    Raises:
        UsageError: there are fewer than two bars.
    """
    if bars < 2:
        raise UsageError(f"A synthetic market of {bars} bars: it needs at least 2 bars.")
    return np.random.default_rng(seed)


def lay_out(returns: Floats, columns: Mapping[str, Floats], name: str) -> Market:
    """Builds the Market that has these simple returns.

    Args:
        returns: [T - 1], of every bar but the first.
        columns: [T] each, known at the close of their bar.
        name: what to call it.
    """
    bars = len(returns) + 1
    close = _START * np.cumprod(np.append(1.0, 1.0 + returns))
    opened = np.append(close[0], close[:-1])
    stamps = None if bars <= _WEEKDAYS else np.datetime64("2000-01-03T00", "h") + np.arange(bars)
    return Market.build(
        close,
        open=opened,
        high=np.maximum(opened, close),
        low=np.minimum(opened, close),
        columns=columns,
        stamps=stamps,
        name=name,
        periods=252.0,
    )


def _nothing() -> Chain:
    return Chain(np.ones((1, 1)), np.zeros(1))


def _white(rng: np.random.Generator, bars: int, deviation: float) -> Floats:
    return deviation * rng.standard_normal(bars - 1)


def _auto_regression(rng: np.random.Generator, bars: int, rho: float) -> Floats:
    """[T] of unit variance, stationary from the first bar."""
    shocks = np.sqrt(1 - rho**2) * rng.standard_normal(bars)
    shocks[0] /= np.sqrt(1 - rho**2)
    return np.array(list(accumulate(shocks.tolist(), lambda last, shock: rho * last + shock)))

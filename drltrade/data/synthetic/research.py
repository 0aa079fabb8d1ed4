"""Plain generators for research: textbook price processes and resampled real prices.

Nobody knows the best policy here under costs; the law holds the parameters. Each bar opens at the
close before; highs and lows are those of open and close.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drltrade.data.market import Market
from drltrade.data.synthetic.known import generator, lay_out
from drltrade.data.synthetic.laws import check
from drltrade.errors import UsageError

__all__ = [
    "Garch",
    "GeometricBrownian",
    "Heston",
    "JumpDiffusion",
    "Research",
    "bootstrap",
    "garch",
    "gbm",
    "heston",
    "jump_diffusion",
]

Floats = NDArray[np.float64]

_YEAR = 252.0


@dataclass(frozen=True)
class GeometricBrownian:
    """dS / S = drift dt + volatility dW, a year; Black and Scholes 1973.

    The growth-optimal constant weight is (drift - r) / volatility^2 (Merton 1969).
    """

    drift: float = 0.08
    volatility: float = 0.2

    def __post_init__(self) -> None:
        check("volatility", self.volatility, 0, 10)


@dataclass(frozen=True)
class Heston:
    """Variance that reverts: dv = speed (level - v) dt + wobble sqrt(v) dW, a year.

    Its shocks correlate with those of the price. Source: Heston, Rev. Financial Studies 1993; full
    truncation of Lord, Koekkoek and van Dijk 2010.
    """

    drift: float = 0.08
    level: float = 0.04
    speed: float = 3.0
    wobble: float = 0.4
    correlation: float = -0.7

    def __post_init__(self) -> None:
        for name in ("level", "speed", "wobble"):
            check(name, getattr(self, name), 0, 100)
        check("correlation", self.correlation, -1, 1)


@dataclass(frozen=True)
class JumpDiffusion:
    """A Brownian motion and jumps: `rate` a year, log size normal(size, spread).

    `drift` is that of the whole, jumps included. Source: Merton, J. Financial Economics 1976.
    """

    drift: float = 0.08
    volatility: float = 0.15
    rate: float = 6.0
    size: float = -0.02
    spread: float = 0.04

    def __post_init__(self) -> None:
        check("volatility", self.volatility, 0, 10)
        check("rate", self.rate, 0, 1000)
        check("spread", self.spread, 0, 2)


@dataclass(frozen=True)
class Garch:
    """Log returns in percent a bar: mean + e, e = s z, s'^2 = omega + alpha e^2 + beta s^2.

    Source: Bollerslev, J. Econometrics 1986.
    """

    mean: float = 0.03
    omega: float = 0.02
    alpha: float = 0.08
    beta: float = 0.9

    def __post_init__(self) -> None:
        for name in ("omega", "alpha", "beta"):
            check(name, getattr(self, name), 0, 1)
        check("alpha + beta", self.alpha + self.beta, 0, 1)

    @property
    def deviation(self) -> float:
        """Standard deviation of a bar's log return, a fraction."""
        return float(np.sqrt(self.omega / (1 - self.alpha - self.beta)) / 100)


@dataclass(frozen=True, eq=False)
class Research:
    """A made-up market without a known optimum.

    Attributes:
        market: an ordinary Market.
        law: the parameters it was drawn with; None of resampled prices.
        signals: columns that tell what is known of the next bar.
    """

    market: Market
    law: GeometricBrownian | Heston | JumpDiffusion | Garch | None
    signals: tuple[str, ...] = ()


def gbm(
    bars: int = 2520, seed: int = 0, *, drift: float = 0.08, volatility: float = 0.2
) -> Research:
    """Returns a geometric Brownian motion of daily bars."""
    law = GeometricBrownian(drift, volatility)
    shocks = generator(bars, seed).standard_normal(bars - 1)
    logs = (drift - volatility**2 / 2) / _YEAR + volatility / np.sqrt(_YEAR) * shocks
    return Research(lay_out(np.expm1(logs), {}, "gbm"), law)


def heston(
    bars: int = 2520, seed: int = 0, *, drift: float = 0.08, level: float = 0.04,
    speed: float = 3.0, wobble: float = 0.4, correlation: float = -0.7,
) -> Research:  # fmt: skip
    """Returns Heston's prices; column `signal` is the volatility a year of the next bar."""
    law = Heston(drift, level, speed, wobble, correlation)
    own, shared = generator(bars, seed).standard_normal((2, bars))
    shocks = correlation * shared + np.sqrt(1 - correlation**2) * own
    variance, value = np.empty(bars), level
    for t in range(bars):
        variance[t] = max(value, 0.0)
        shock = wobble * np.sqrt(variance[t] / _YEAR) * shared[t]
        value += speed * (level - variance[t]) / _YEAR + shock
    known = variance[:-1]
    logs = (drift - known / 2) / _YEAR + np.sqrt(known / _YEAR) * shocks[:-1]
    columns = {"signal": np.sqrt(variance)}
    return Research(lay_out(np.expm1(logs), columns, "heston"), law, ("signal",))


def jump_diffusion(
    bars: int = 2520, seed: int = 0, *, drift: float = 0.08, volatility: float = 0.15,
    rate: float = 6.0, size: float = -0.02, spread: float = 0.04,
) -> Research:  # fmt: skip
    """Returns Merton's jump diffusion."""
    law = JumpDiffusion(drift, volatility, rate, size, spread)
    rng = generator(bars, seed)
    count = rng.poisson(rate / _YEAR, bars - 1)
    jumps = size * count + spread * np.sqrt(count) * rng.standard_normal(bars - 1)
    mean_jump = np.expm1(size + spread**2 / 2)
    steady = (drift - volatility**2 / 2 - rate * mean_jump) / _YEAR
    logs = steady + volatility / np.sqrt(_YEAR) * rng.standard_normal(bars - 1) + jumps
    return Research(lay_out(np.expm1(logs), {}, "jump_diffusion"), law)


def garch(
    bars: int = 2520, seed: int = 0, *, mean: float = 0.03, omega: float = 0.02,
    alpha: float = 0.08, beta: float = 0.9,
) -> Research:  # fmt: skip
    """Returns a GARCH(1, 1); column `signal` is the volatility of the next bar, a fraction."""
    from arch.univariate import GARCH, ConstantMean, Normal  # half a second

    law = Garch(mean, omega, alpha, beta)
    model = ConstantMean(None)
    model.volatility = GARCH(1, 0, 1)
    model.distribution = Normal(seed=generator(bars, seed))
    drawn = model.simulate([mean, omega, alpha, beta], bars + 1, burn=500)
    logs = drawn["data"].to_numpy()[1:bars] / 100
    columns = {"signal": drawn["volatility"].to_numpy()[1:] / 100}
    return Research(lay_out(np.expm1(logs), columns, "garch"), law, ("signal",))


def bootstrap(
    market: Market, bars: int | None = None, seed: int = 0, *, block: float = 20.0
) -> Research:
    """Returns a stationary block bootstrap of a market: its bars in blocks, in another order.

    Each drawn bar keeps its open, high, low and close as multiples of the close before it, its
    volume and its columns, and all assets are drawn together. Prices are total-return ones.
    Source: Politis and Romano, J. American Statistical Association 1994.

    Args:
        market: real prices.
        bars: how many to draw; None is as many as the market has.
        seed: what it is drawn from.
        block: mean length of a block in bars.

    Raises:
        UsageError: the market is too short, or some asset leaves it.
    """
    from arch.bootstrap import StationaryBootstrap  # half a second

    real = market.adjusted
    if "delisted" in real.columns and (real.columns["delisted"] > 0).any():
        raise UsageError(
            f"Some asset leaves {market.name}; nothing can be drawn after that. Select the others."
        )
    pool = np.flatnonzero(np.diff(real.segment) == 0) + 1  # bars that have one before them
    length = market.bars if bars is None else bars
    if len(pool) < 2 or length < 2 or not 1 <= block <= len(pool):
        raise UsageError(
            f"A bootstrap of {market.name} with {len(pool)} usable bars needs at least 2 bars and a"
            f" block from 1 to {len(pool)}; got {length} and {block:g}."
        )
    sampler = StationaryBootstrap(block, pool, seed=np.random.default_rng(seed))
    drawn = np.concatenate([sampler.update_indices() for _ in range(-(-length // len(pool)))])
    rows = pool[drawn[:length]]
    before = real.close[rows - 1]
    start = real.close[0] * np.ones_like(before)
    start[1:] = real.close[0] * np.cumprod(real.close[rows] / before, axis=0)[:-1]
    prices = {key: start * getattr(real, key)[rows] / before for key in ("open", "high", "low")}
    kept = {key: real.columns[key][rows] for key in real.columns if key not in _EVENTS}
    resampled = Market.build(
        start * real.close[rows] / before,
        stamps=None if length <= 60_000 else np.datetime64("2000", "h") + np.arange(length),
        symbols=real.symbols,
        volume=real.volume[rows],
        columns=kept,
        name=f"bootstrap of {market.name}",
        periods=market.periods_per_year,
        **prices,
    )
    return Research(resampled, None)


_EVENTS = ("split", "dividend", "delisted")

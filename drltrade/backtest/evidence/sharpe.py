"""How much a Sharpe ratio is worth, by its length, its tails and the number of trials behind it.

Every Sharpe ratio here is per bar: an annual one over the root of the bars in a year.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.evidence.figures import sharpe_ratio

__all__ = [
    "Deflated",
    "Moments",
    "deflated_sharpe",
    "expected_maximum",
    "minimum_backtest_length",
    "minimum_track_record",
    "moments",
    "probabilistic_sharpe",
]

Floats = NDArray[np.float64]
NAN = math.nan
NORMAL = NormalDist()


@dataclass(frozen=True)
class Moments:
    """What the tests of a Sharpe ratio ask of a series of returns.

    Attributes:
        sharpe: mean over standard deviation (n - 1) of per-bar excess returns.
        skew: third standardised moment, of the population.
        kurtosis: fourth standardised moment, of the population: 3 for a normal distribution.
        bars: number of returns.
    """

    sharpe: float
    skew: float
    kurtosis: float
    bars: int

    @property
    def spread(self) -> float:
        """Standard error of the Sharpe ratio times the root of bars - 1 (Mertens 2002); NaN at 0.

        `root(1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe ^ 2)`
        """
        variance = 1.0 - self.skew * self.sharpe + (self.kurtosis - 1.0) / 4.0 * self.sharpe**2
        return math.sqrt(variance) if variance > 0.0 else NAN


@dataclass(frozen=True)
class Deflated:
    """A Sharpe ratio held against what luck alone reaches in so many trials.

    Attributes:
        trials: how many were tried.
        threshold: expected highest per-bar Sharpe ratio of as many without skill.
        probability: that the true Sharpe ratio is above 0, the search allowed for.
    """

    trials: int
    threshold: float
    probability: float


def moments(returns: Floats) -> Moments:
    """Measures returns in excess of cash, [T]; of constant ones all but `bars` are NaN.

    An account that never earned anything has a Sharpe ratio of 0 and no higher moments.
    """
    sharpe = float(sharpe_ratio(returns)) if len(returns) > 1 else NAN
    if not len(returns) or np.ptp(returns) <= 1e-12:
        return Moments(sharpe, NAN, NAN, len(returns))
    deviations = returns - returns.mean()
    scaled = deviations / math.sqrt(float(np.mean(deviations**2)))
    return Moments(sharpe, float(np.mean(scaled**3)), float(np.mean(scaled**4)), len(returns))


def probabilistic_sharpe(moments: Moments, threshold: float = 0.0) -> float:
    """Returns the probability that the true Sharpe ratio is above a threshold.

    `Phi((sharpe - threshold) * root(bars - 1) / spread)`: Bailey and Lopez de Prado, "The Sharpe
    ratio efficient frontier", Journal of Risk 15 (2012).

    Example:
        >>> f"{probabilistic_sharpe(Moments(0.458, -2.448, 10.164, 24)):.4f}"
        '0.9134'
    """
    steps = math.sqrt(max(moments.bars - 1, 0))
    return NORMAL.cdf((moments.sharpe - threshold) * steps / moments.spread)


def expected_maximum(trials: int) -> float:
    """Returns the expected highest of so many standard normal values, to a good approximation.

    `(1 - g) * z(1 - 1 / trials) + g * z(1 - 1 / (trials * e))` with Euler's g = 0.577 and z the
    normal quantile; 0 for a single trial. Bailey and Lopez de Prado, "The deflated Sharpe ratio",
    Journal of Portfolio Management 40 (2014).

    Example:
        >>> f"{expected_maximum(100):.2f}"
        '2.53'
    """
    if trials <= 1:
        return 0.0
    high = NORMAL.inv_cdf(1.0 - 1.0 / trials)
    higher = NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return (1.0 - np.euler_gamma) * high + np.euler_gamma * higher


def deflated_sharpe(moments: Moments, trials: int, variance: float) -> Deflated:
    """Holds the best of several trials against the expected best of as many without skill.

    `probabilistic_sharpe` above `root(variance) * expected_maximum(trials)`: Bailey and Lopez de
    Prado, "The deflated Sharpe ratio", Journal of Portfolio Management 40 (2014). The trials count
    as independent: those that are alike make it stricter than it need be.

    Args:
        moments: of the one that was chosen.
        trials: how many were tried, it included.
        variance: of the per-bar Sharpe ratios of all of them; not asked for of a single trial.
    """
    threshold = math.sqrt(variance) * expected_maximum(trials) if trials > 1 else 0.0
    return Deflated(trials, threshold, probabilistic_sharpe(moments, threshold))


def minimum_track_record(
    moments: Moments, threshold: float = 0.0, confidence: float = 0.95
) -> float:
    """Returns the bars after which such a Sharpe ratio is above a threshold with confidence.

    `1 + (spread * z(confidence) / (sharpe - threshold)) ^ 2`; NaN where it is not above: no length
    is enough. Bailey and Lopez de Prado, "The Sharpe ratio efficient frontier", Journal of Risk 15
    (2012).
    """
    above = moments.sharpe - threshold
    if not above > 0.0:
        return NAN
    return 1.0 + (moments.spread * NORMAL.inv_cdf(confidence) / above) ** 2


def minimum_backtest_length(trials: int, sharpe: float = 1.0) -> float:
    """Returns the years below which luck alone is expected to reach an annual Sharpe ratio.

    `(expected_maximum(trials) / sharpe) ^ 2`: Bailey, Borwein, Lopez de Prado and Zhu,
    "Pseudo-mathematics and financial charlatanism", Notices of the AMS 61 (2014).
    """
    return (expected_maximum(trials) / sharpe) ** 2

"""Whether to believe a backtest: statistics of returns and of scores, arrays in and numbers out."""

from drltrade.backtest.evidence.bootstrap import (
    Interval,
    block_length,
    interval,
    intervals,
    paired_interval,
    paired_intervals,
    resampled,
)
from drltrade.backtest.evidence.figures import FIGURES, Figure, annual_figures
from drltrade.backtest.evidence.overfitting import Overfit, overfitting
from drltrade.backtest.evidence.pairs import Contrast, Contrasts, contrasts
from drltrade.backtest.evidence.runs import (
    interquartile_mean,
    performance_profile,
    probability_of_improvement,
)
from drltrade.backtest.evidence.sharpe import (
    Deflated,
    Moments,
    deflated_sharpe,
    expected_maximum,
    minimum_backtest_length,
    minimum_track_record,
    moments,
    probabilistic_sharpe,
)
from drltrade.backtest.evidence.superiority import Superiority, holm, superior

__all__ = [
    "FIGURES",
    "Contrast",
    "Contrasts",
    "Deflated",
    "Figure",
    "Interval",
    "Moments",
    "Overfit",
    "Superiority",
    "annual_figures",
    "block_length",
    "contrasts",
    "deflated_sharpe",
    "expected_maximum",
    "holm",
    "interquartile_mean",
    "interval",
    "intervals",
    "minimum_backtest_length",
    "minimum_track_record",
    "moments",
    "overfitting",
    "paired_interval",
    "paired_intervals",
    "performance_profile",
    "probabilistic_sharpe",
    "probability_of_improvement",
    "resampled",
    "superior",
]

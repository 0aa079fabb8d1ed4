"""Claims about the worth of a Sharpe ratio: the published numbers, to the digits printed."""

import math

import numpy as np
import pytest
from scipy import stats

from drltrade.backtest.evidence import (
    Moments,
    deflated_sharpe,
    expected_maximum,
    minimum_backtest_length,
    minimum_track_record,
    moments,
    probabilistic_sharpe,
)

FUND = Moments(sharpe=0.458, skew=-2.448, kurtosis=10.164, bars=24)
CHOSEN = Moments(sharpe=2.5 / math.sqrt(250), skew=-3.0, kurtosis=10.0, bars=1250)


def test_the_papers_fund_is_less_sure_than_its_sharpe_ratio_looks():
    assert f"{probabilistic_sharpe(FUND):.4f}" == "0.9134"
    normal = Moments(FUND.sharpe, skew=0.0, kurtosis=3.0, bars=24)
    assert f"{probabilistic_sharpe(normal):.4f}" == "0.9817"


def test_the_papers_best_of_a_hundred_trials_is_not_significant_and_of_forty_six_is():
    hundred = deflated_sharpe(CHOSEN, trials=100, variance=0.5 / 250)
    assert f"{hundred.threshold:.4f}" == "0.1132"
    assert f"{hundred.probability:.4f}" == "0.9004"
    assert hundred.trials == 100
    fewer = deflated_sharpe(CHOSEN, trials=46, variance=0.5 / 250)
    assert f"{fewer.probability:.4f}" == "0.9505"


@pytest.mark.parametrize(
    ("trials", "expected"), [(10, "1.57"), (50, "2.28"), (100, "2.53"), (1000, "3.26")]
)
def test_the_expected_maximum_is_the_papers(trials, expected):
    assert f"{expected_maximum(trials):.2f}" == expected


@pytest.mark.parametrize("trials", [10, 100])
def test_the_expected_maximum_is_near_that_of_simulated_trials(trials):
    best = np.random.default_rng(5).standard_normal((20_000, trials)).max(axis=1)
    assert expected_maximum(trials) == pytest.approx(best.mean(), abs=0.04)


def test_a_single_trial_deflates_nothing():
    assert expected_maximum(1) == 0.0
    assert deflated_sharpe(FUND, 1, math.nan).probability == probabilistic_sharpe(FUND)
    assert math.isnan(deflated_sharpe(FUND, 2, math.nan).probability)


def test_moments_are_those_of_the_population():
    returns = np.random.default_rng(1).standard_t(5, size=400) * 0.01 + 0.001
    found = moments(returns)
    assert found.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1), rel=1e-12)
    assert found.skew == pytest.approx(stats.skew(returns), rel=1e-9)
    assert found.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-9)
    assert found.bars == 400


def test_moments_of_four_returns_by_hand():
    # mean .01; deviations -.02, 0, 0, .02: variance .0002 (n), .0008 / 3 (n - 1)
    # skew 0; fourth powers 2 * .02^4 / 4 = 8e-8 over .0002^2 = 4e-8: kurtosis 2
    found = moments(np.array([-0.01, 0.01, 0.01, 0.03]))
    assert found.sharpe == pytest.approx(0.01 / math.sqrt(0.0008 / 3))
    assert found.skew == pytest.approx(0.0, abs=1e-12)
    assert found.kurtosis == pytest.approx(2.0)


def test_the_probability_is_right_as_often_as_it_says():
    """Where the true Sharpe ratio is the threshold, the probability is uniform."""
    rng = np.random.default_rng(8)
    series = rng.standard_exponential((2000, 250)) - 0.9  # mean .1, deviation 1, skew 2
    found = [probabilistic_sharpe(moments(row), threshold=0.1) for row in series]
    for level in (0.05, 0.5, 0.95):
        assert np.mean(np.array(found) < level) == pytest.approx(level, abs=0.04)


def test_after_the_minimum_track_record_the_probability_is_the_confidence():
    bars = minimum_track_record(FUND, threshold=0.1, confidence=0.9)
    # By the definition of both: the same formula solved for the bars.
    deviation = math.sqrt(1 + 2.448 * 0.458 + 9.164 / 4 * 0.458**2)
    steps = (stats.norm.ppf(0.9) * deviation / 0.358) ** 2
    assert bars == pytest.approx(1 + steps)
    assert math.isnan(minimum_track_record(FUND, threshold=0.5))


def test_two_over_one_a_year_takes_the_papers_years_of_daily_returns():
    daily = Moments(2 / math.sqrt(252), skew=0.0, kurtosis=3.0, bars=100)
    assert f"{minimum_track_record(daily, 1 / math.sqrt(252)) / 252:.2f}" == "2.73"


def test_five_years_bear_no_more_than_forty_five_trials():
    assert minimum_backtest_length(45) < 5.0 < minimum_backtest_length(46)
    assert minimum_backtest_length(45, sharpe=2.0) == pytest.approx(minimum_backtest_length(45) / 4)
    assert minimum_backtest_length(1) == 0.0


@pytest.mark.parametrize("returns", [[], [0.01], [0.01] * 30, [0.0] * 30])
def test_where_nothing_varies_nothing_is_claimed(returns):
    found = moments(np.array(returns))
    assert found.bars == len(returns)
    assert math.isnan(found.skew)
    assert math.isnan(probabilistic_sharpe(found))
    assert math.isnan(minimum_track_record(found))

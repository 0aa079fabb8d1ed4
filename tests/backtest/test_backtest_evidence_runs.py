"""Claims about a few runs over several folds: each figure by hand, and against scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from drltrade.backtest.evidence import (
    interquartile_mean,
    performance_profile,
    probability_of_improvement,
)


def test_the_middle_half_by_hand():
    # Sorted 0 1 2 3 4 5 6 100: without two on each side (2 + 3 + 4 + 5) / 4
    scores = np.array([[100.0, 3.0], [0.0, 4.0], [5.0, 2.0], [1.0, 6.0]])
    assert interquartile_mean(scores).middle == 3.5
    assert interquartile_mean(np.array([[1.0], [2.0], [6.0]])).middle == 3.0  # none to spare


def test_paths_of_a_seed_are_drawn_with_it():
    scores = np.random.default_rng(3).normal(size=(6, 3))
    twins, rule = np.repeat(scores, 2, axis=0), np.zeros((1, 3))
    once = probability_of_improvement(scores, rule)
    assert probability_of_improvement(twins, rule, paths=2) == once
    surer = probability_of_improvement(twins, rule)
    assert surer.high - surer.low < once.high - once.low
    alone = interquartile_mean(twins[:2], paths=2)
    assert alone.low == alone.middle == alone.high  # one seed draws itself alone


def test_the_interval_is_that_of_scipys_bootstrap_where_there_is_one_fold():
    scores = np.random.default_rng(61).normal(1.0, 0.5, size=(20, 1))
    found = interquartile_mean(scores, draws=4000)
    theirs = stats.bootstrap(
        (scores[:, 0],),
        lambda values, axis: stats.trim_mean(values, 0.25, axis=axis),
        n_resamples=4000,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert found.low == pytest.approx(theirs.low, abs=0.03)
    assert found.high == pytest.approx(theirs.high, abs=0.03)
    assert found.low < found.middle < found.high


def test_runs_are_drawn_within_their_fold():
    """Folds that differ and runs that do not: nothing to vary."""
    found = interquartile_mean(np.tile([1.0, 5.0, 9.0, 2.0], (3, 1)))
    assert found.low == found.middle == found.high


def test_improvement_by_hand():
    # Fold 1: 2 > 1, 2 = 2, 3 > 1, 3 > 2: 3.5 of 4. Fold 2: none of 4. The mean is .4375.
    ours, theirs = np.array([[2.0, 0.0], [3.0, 0.0]]), np.array([[1.0, 1.0], [2.0, 1.0]])
    found = probability_of_improvement(ours, theirs)
    assert found.middle == pytest.approx(0.4375)
    assert 0.0 <= found.low <= found.middle <= found.high <= 1.0


def test_improvement_is_the_mann_whitney_statistic():
    rng = np.random.default_rng(62)
    ours, theirs = rng.integers(5, size=(7, 3)).astype(float), rng.integers(5, size=(4, 3)) * 1.0
    expected = np.mean(stats.mannwhitneyu(ours, theirs, axis=0).statistic) / (7 * 4)
    assert probability_of_improvement(ours, theirs).middle == pytest.approx(expected)
    back = probability_of_improvement(theirs, ours).middle
    assert back == pytest.approx(1.0 - expected)


def test_a_run_against_its_like_is_even():
    scores = np.random.default_rng(63).standard_normal((5, 4))
    found = probability_of_improvement(scores, scores)
    assert found.middle == 0.5
    assert found.low < 0.5 < found.high


def test_the_profile_by_hand():
    scores = np.array([[0.0, 1.0], [2.0, 3.0]])
    shares = [each.middle for each in performance_profile(scores, [-1.0, 0.0, 1.5, 3.0])]
    assert shares == [1.0, 0.75, 0.5, 0.0]


def test_the_profiles_area_is_the_mean_score():
    scores = np.random.default_rng(64).random((6, 5))
    grid = (np.arange(2000) + 0.5) / 2000
    area = np.mean([each.middle for each in performance_profile(scores, grid, draws=1)])
    assert area == pytest.approx(scores.mean(), abs=1e-3)


def test_an_undefined_score_leaves_all_undefined():
    scores = np.array([[1.0, math.nan], [2.0, 3.0]])
    assert math.isnan(interquartile_mean(scores, draws=20).middle)
    assert math.isnan(probability_of_improvement(scores, scores, draws=20).low)
    assert all(math.isnan(each.middle) for each in performance_profile(scores, [0.0], draws=20))


def test_the_same_seed_draws_the_same():
    scores = np.random.default_rng(65).standard_normal((5, 4))
    assert interquartile_mean(scores, seed=1) == interquartile_mean(scores, seed=1)
    assert interquartile_mean(scores, seed=1) != interquartile_mean(scores, seed=2)

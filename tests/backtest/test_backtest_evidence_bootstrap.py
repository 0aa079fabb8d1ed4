"""Claims about intervals: they hold the truth as often as they say, and pairs cancel the market."""

import math

import numpy as np
import pytest
from made_records import record_of
from scipy.signal import lfilter

from drltrade.backtest import compute_metrics
from drltrade.backtest.evidence import (
    FIGURES,
    annual_figures,
    block_length,
    interval,
    intervals,
    paired_interval,
    paired_intervals,
    resampled,
)

SHARPE = FIGURES["sharpe"]


def autocorrelated(rng, count, bars, memory, mean=0.0):
    """Unit-variance AR(1) series, [count, bars], from their stationary law."""
    noise = rng.standard_normal((count, bars + 100))
    series = lfilter([math.sqrt(1 - memory**2)], [1.0, -memory], noise, axis=1)
    return series[:, 100:] + mean


def covered(truth, figure, accounts, block=None):
    """Share of the accounts whose 95 % interval holds the truth."""
    found = [interval(figure, each, draws=300, block=block) for each in accounts]
    return np.mean([each.low <= truth <= each.high for each in found])


def test_figures_are_those_of_the_metric_table():
    rng = np.random.default_rng(3)
    returns = rng.normal(0.001, 0.02, size=(4, 300))
    figures = annual_figures(252.0)
    assert set(figures) == set(FIGURES)
    for row in returns:
        metrics = compute_metrics(record_of(np.cumprod(np.append(100.0, 1 + row))))
        for name, figure in figures.items():
            assert float(figure(row)) == pytest.approx(metrics[name], rel=1e-9), name
    for name, figure in figures.items():  # many series at once are each as alone
        alone = [float(figure(row)) for row in returns]
        assert figure(returns.reshape(2, 2, -1)).ravel() == pytest.approx(alone), name


def test_an_account_that_did_nothing_has_a_sharpe_ratio_of_nothing():
    idle, riskless = np.zeros(50), np.full(50, 0.001)
    assert float(SHARPE(idle)) == 0.0
    assert math.isnan(SHARPE(riskless))
    assert float(FIGURES["sortino"](idle)) == 0.0
    found = intervals(annual_figures(252.0), idle, draws=20)
    assert all(each.low == each.middle == each.high == 0.0 for each in found.values())
    assert math.isnan(interval(SHARPE, riskless, draws=20).low)


def test_growth_beyond_all_numbers_is_undefined():
    for name in ("total_return", "cagr"):
        assert math.isnan(FIGURES[name](np.full(2000, 10.0), 3000.0)), name
    assert float(FIGURES["max_drawdown"](np.array([0.5, -1.0, 0.0]))) == -1.0


def test_the_deepest_fall_of_a_driftless_walk_is_the_textbooks():
    """sigma * root(T) * root(pi / 2), and its error falls with the root of the steps' length."""
    paths, steps, sigma = 4000, 2048, 1e-6
    walks = np.random.default_rng(11).standard_normal((paths, steps)) * sigma
    drawdown = FIGURES["max_drawdown"]
    fine, coarse = drawdown(walks), drawdown(walks.reshape(paths, -1, 4).sum(axis=2))
    depth = -(2 * fine - coarse) / (sigma * math.sqrt(steps))
    error = depth.std() / math.sqrt(paths)
    assert error < 0.01
    assert depth.mean() == pytest.approx(1.253314, abs=3 * error)


def test_blocks_last_as_long_as_they_should_and_start_anywhere():
    indices = resampled(bars=200, draws=500, block=10.0, seed=4)
    assert indices.shape == (500, 200)
    follows = np.diff(indices, axis=1) % 200 == 1
    # It follows with chance .9, and .1 / 200 of the fresh starts happen to follow too.
    assert follows.mean() == pytest.approx(0.9 + 0.1 / 200, abs=0.004)
    counts = np.bincount(indices.ravel(), minlength=200)
    assert counts.min() > 400  # of 500 expected
    assert counts.max() < 600


def test_blocks_of_one_bar_are_independent_draws():
    follows = np.diff(resampled(50, 2000, 1.0, seed=1), axis=1) % 50 == 1
    assert follows.mean() == pytest.approx(1 / 50, abs=0.002)


def test_blocks_are_as_long_as_the_memory_of_the_returns():
    rng = np.random.default_rng(9)
    fresh, slow = (autocorrelated(rng, 3, 4000, memory) for memory in (0.0, 0.9))
    assert 1.0 <= block_length(fresh) < 10.0 < 40.0 < block_length(slow)
    calm_and_wild = fresh[0] * np.exp(autocorrelated(rng, 1, 4000, 0.97)[0])
    assert block_length(calm_and_wild) > 20.0  # not the returns but their size has a memory
    assert block_length(np.zeros(100)) == block_length(np.arange(5.0)) == 1.0


def test_blocks_find_a_truth_of_dependent_bars_and_single_bars_do_not():
    rng = np.random.default_rng(21)
    series = autocorrelated(rng, 300, 600, memory=0.5, mean=0.1)
    assert 0.89 <= covered(0.1, SHARPE, series) <= 0.98
    assert covered(0.1, SHARPE, series, block=1.0) < 0.82


def test_stretches_of_calm_and_wild_bars_widen_the_interval_of_volatility():
    rng = np.random.default_rng(22)
    size = np.exp(0.4 * autocorrelated(rng, 120, 2000, memory=0.9))
    series = rng.standard_normal((120, 2000)) * size
    truth = math.exp(0.4**2)  # root of the mean of exp(2 * .4 * N(0, 1))
    assert 0.82 <= covered(truth, FIGURES["volatility"], series) <= 0.98
    assert covered(truth, FIGURES["volatility"], series, block=1.0) < 0.75


def seeds_of_unlike_skill(rng, count, seeds, bars):
    """Accounts on one market, [count, seeds, bars]: each seed has a mean of its own about .1."""
    market = rng.standard_normal((count, 1, bars))
    own = rng.standard_normal((count, seeds, bars))
    means = 0.1 + 0.08 * rng.standard_normal((count, seeds, 1))
    return math.sqrt(0.5) * market + math.sqrt(0.5) * own + means


def test_seeds_of_unlike_skill_widen_the_interval_as_they_should():
    accounts = seeds_of_unlike_skill(np.random.default_rng(23), 200, 10, 400)
    assert 0.89 <= covered(0.1, SHARPE, accounts) <= 0.99
    assert covered(0.1, SHARPE, accounts[:, 0]) < 0.85  # bars alone know nothing of other seeds


def test_seeds_that_are_alike_are_one_seed():
    row = np.random.default_rng(2).normal(0.001, 0.01, 300)
    one = interval(SHARPE, row, draws=200)
    assert interval(SHARPE, np.stack([row] * 5), draws=200) == one


def test_paths_of_a_seed_are_drawn_with_it_and_make_nothing_surer():
    """Every run told twice tells no more; drawn as if they were runs, twins narrow it."""
    runs = np.random.default_rng(8).normal(np.linspace(0, 0.3, 6)[:, None], 1.0, (6, 400))
    twins, cash = np.repeat(runs, 2, axis=0), np.zeros(400)
    once = interval(SHARPE, runs, draws=400, block=1.0)
    assert intervals({"": SHARPE}, twins, draws=400, block=1.0, paths=2)[""] == once
    against = paired_intervals({"": SHARPE}, twins, cash, draws=400, block=1.0, paths=2)[""]
    assert against == paired_interval(SHARPE, runs, cash, draws=400, block=1.0)
    surer = interval(SHARPE, twins, draws=400, block=1.0)
    assert surer.high - surer.low < 0.9 * (once.high - once.low)


def test_the_middle_is_the_median_seed():
    rows = np.random.default_rng(6).normal(0.001, 0.01, (3, 100))
    found = interval(SHARPE, rows, draws=50, level=0.8)
    assert found.middle == np.median(SHARPE(rows))
    assert found.level == 0.8
    assert found.low < found.middle < found.high


def test_what_the_market_did_to_both_cancels_out():
    rng = np.random.default_rng(7)
    market = rng.normal(0.0, 0.02, 1000)
    ours = market + rng.normal(0.0005, 0.001, (5, 1000))
    paired = paired_interval(SHARPE, ours, market, draws=300)
    assert paired.low > 0.0  # though neither is surely above 0 alone
    assert interval(SHARPE, ours, draws=300).low < 0.0
    assert paired.middle == pytest.approx(np.median(SHARPE(ours)) - SHARPE(market))


def test_a_series_against_itself_differs_by_nothing():
    row = np.random.default_rng(8).normal(0.0, 0.01, 200)
    for found in paired_intervals(FIGURES, np.stack([row] * 3), row, draws=100).values():
        assert (found.low, found.middle, found.high) == (0.0, 0.0, 0.0)


def test_against_cash_the_difference_is_the_figure_itself():
    row = np.random.default_rng(9).normal(0.001, 0.01, 200)
    assert paired_interval(SHARPE, row, np.zeros(200), draws=100) == interval(
        SHARPE, row, draws=100
    )


def test_the_baseline_may_have_seeds_of_its_own():
    rng = np.random.default_rng(10)
    ours, theirs = rng.normal(0.002, 0.01, (5, 300)), rng.normal(0.0, 0.01, (3, 300))
    found = paired_interval(SHARPE, ours, theirs, draws=200)
    assert found.middle == pytest.approx(np.median(SHARPE(ours)) - np.median(SHARPE(theirs)))
    assert found.low < found.middle < found.high


def test_the_same_seed_draws_the_same_and_leaves_the_global_one_alone():
    row = np.random.default_rng(12).normal(0.0, 0.01, 3000)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = (interval(SHARPE, row, draws=200, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_one_figure_among_several_is_as_alone():
    rows = np.random.default_rng(13).normal(0.0, 0.01, (1, 500))
    assert intervals(FIGURES, rows, draws=100)["sharpe"] == interval(SHARPE, rows, draws=100)


@pytest.mark.parametrize("bars", [0, 1])
def test_too_short_a_series_has_no_interval(bars):
    found = intervals(FIGURES, np.zeros((2, bars)), draws=10)
    assert all(math.isnan(each.low) for each in found.values())
    paired = paired_interval(SHARPE, np.zeros(bars), np.zeros(bars), draws=10)
    assert math.isnan(paired.middle)

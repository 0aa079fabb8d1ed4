"""Figures that other libraries define alike agree with theirs.

Where conventions differ the test says so and passes what they mean:
- empyrical's Sortino cannot be had: its downside risk asks numpy for a name that numpy 2 dropped.
- quantstats' value at risk is of a fitted normal distribution; ours is of the bars themselves.
- quantstats and ffn correct skew and kurtosis for small samples; ours are of the population, as in
  the papers. Their probabilities are compared with their moments.
- ffn counts years by the calendar, 365.25 days each; ours are bars over bars a year.
- ffn counts a rank at the median as overfitted; of an even number of trials none is.
"""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_records import record_of
from scipy import stats

from drltrade.backtest import compute_metrics
from drltrade.backtest.evidence import (
    Moments,
    annual_figures,
    deflated_sharpe,
    expected_maximum,
    moments,
    overfitting,
    probabilistic_sharpe,
)

SCRIPT = Path(__file__).parents[1] / "other_libraries.py"
RATE = 0.03
CASH = RATE / 365  # the records' bars are days


def series():
    """Normal, fat-tailed and skewed returns; the last begins with its deepest fall."""
    rng = np.random.default_rng(71)
    skewed = 0.02 * (rng.standard_exponential(500) - 0.95)
    skewed[0] = -0.6
    return np.stack([rng.normal(0.0005, 0.01, 500), 0.01 * rng.standard_t(3, 500), skewed])


def trial_returns():
    return np.random.default_rng(72).normal(0.0, 0.01, (400, 10))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """What the libraries say, from a process that they may change as they like."""
    path = tmp_path_factory.mktemp("parity") / "returns.npz"
    np.savez(path, returns=series(), cash=CASH, trials=trial_returns())
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(SCRIPT), str(path)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def answers(theirs, library):
    if library not in theirs:
        pytest.skip(f"{library} is not installed")
    return theirs[library]


def records(per_year=252.0):
    for row in series():
        equity = 100.0 * np.cumprod(np.append(1.0, 1.0 + row))
        yield record_of(equity, per_year=per_year, cash_rate=RATE)


SHARED = {
    "empyrical": "sharpe volatility cagr total_return max_drawdown calmar var_5 cvar_5",
    "quantstats": "sharpe sortino volatility cagr total_return max_drawdown calmar cvar_5",
    "ffn": "sharpe sortino max_drawdown",
}


@pytest.mark.parametrize("library", SHARED)
def test_a_figure_of_the_metric_table_is_theirs(theirs, library):
    for record, found in zip(records(), answers(theirs, library), strict=True):
        metrics = compute_metrics(record)
        for name in SHARED[library].split():
            assert metrics[name] == pytest.approx(found[name], rel=1e-9), name


@pytest.mark.parametrize("library", SHARED)
def test_a_figure_of_resampled_returns_is_theirs(theirs, library):
    figures = annual_figures(252.0)
    for row, found in zip(series(), answers(theirs, library), strict=True):
        for name in set(SHARED[library].split()) & set(figures):
            returns = row - CASH if name in {"sharpe", "sortino"} else row
            assert float(figures[name](returns)) == pytest.approx(found[name], rel=1e-9), name


def test_growth_a_year_is_ffns_when_years_are_counted_as_it_does(theirs):
    for number, found in enumerate(answers(theirs, "ffn")):
        record = list(records(per_year=500 / found["years"]))[number]
        metrics = compute_metrics(record)
        assert metrics["cagr"] == pytest.approx(found["calendar_cagr"], rel=1e-9)
        assert metrics["calmar"] == pytest.approx(found["calendar_calmar"], rel=1e-9)


def with_their_moments(row, found):
    ours = moments(row - CASH)
    return Moments(ours.sharpe, found["skew"], found["excess_kurtosis"] + 3.0, ours.bars)


def test_the_probability_of_skill_is_quantstats_by_its_moments(theirs):
    for row, found in zip(series(), answers(theirs, "quantstats"), strict=True):
        own = probabilistic_sharpe(with_their_moments(row, found))
        assert own == pytest.approx(found["probabilistic_sharpe"], rel=1e-9)


def test_the_deflated_sharpe_ratio_is_ffns_by_its_moments(theirs):
    trials = trial_returns()
    variance = np.var(trials.mean(axis=0) / trials.std(axis=0, ddof=1), ddof=1)
    for row, found in zip(series(), answers(theirs, "ffn"), strict=True):
        own = deflated_sharpe(with_their_moments(row, found), 10, float(variance))
        assert own.probability == pytest.approx(found["deflated_sharpe"], rel=1e-9)
        assert expected_maximum(10) == pytest.approx(found["expected_maximum"], rel=1e-9)


def test_the_probability_of_overfitting_is_ffns(theirs):
    own = overfitting(trial_returns(), blocks=8).probability
    assert own == pytest.approx(answers(theirs, "ffn")[0]["overfitting"])
    assert 0.0 < own < 1.0


def test_the_probability_of_skill_is_skfolios():
    from skfolio import measures

    sharpes = np.random.default_rng(73).normal(0.0, 0.03, 30)
    variance = float(np.var(sharpes, ddof=1))
    for row in series():
        skew, kurtosis = stats.skew(row), stats.kurtosis(row, fisher=False)
        own = Moments(row.mean() / row.std(ddof=1), skew, kurtosis, len(row))
        assert moments(row).kurtosis == pytest.approx(own.kurtosis)
        assert probabilistic_sharpe(own, 0.01) == pytest.approx(
            measures.probabilistic_sharpe_ratio(row, 0.01), rel=1e-6
        )
        deflated = deflated_sharpe(own, 30, variance).probability
        assert deflated == pytest.approx(measures.deflated_sharpe_ratio(row, sharpes), rel=1e-6)
        assert math.isfinite(deflated)

"""Claims about beating a benchmark: luck is called skill no more often than the level says."""

import math

import numpy as np
import pytest
from scipy import stats

from drltrade.backtest.evidence import holm, superior


def test_luck_wins_no_more_often_than_the_level_says():
    rng = np.random.default_rng(31)
    found = []
    for repetition in range(300):
        market = rng.standard_normal(150)
        # Unlike in size, as agents are: the wildest must not decide.
        models = {f"m{k}": market + rng.standard_normal(150) * 3.0**k for k in range(3)}
        found.append(superior(market, models, draws=200, seed=repetition))
    p = np.array([each.p for each in found])
    assert np.sum(p < 0.05) <= stats.binom.ppf(0.999, 300, 0.05)
    assert 0.4 < np.mean(p < 0.5) < 0.6
    assert sum(bool(each.winners) for each in found) == np.sum(p < 0.05)


def test_luck_with_a_memory_wins_no_more_often_either():
    rng = np.random.default_rng(32)
    rejected = 0
    for repetition in range(200):
        noise = rng.standard_normal((2, 301))
        models = dict(zip("ab", noise[:, 1:] + 0.8 * noise[:, :-1], strict=True))
        rejected += superior(np.zeros(300), models, draws=200, seed=repetition).p < 0.05
    assert rejected <= stats.binom.ppf(0.999, 200, 0.08)  # blocks make small samples a bit bold


def test_a_planted_edge_is_found_and_named():
    rng = np.random.default_rng(33)
    found = 0
    for repetition in range(40):
        market = rng.standard_normal(500)
        models = {f"m{k}": market + rng.standard_normal(500) for k in range(4)}
        models["skilled"] = market + rng.standard_normal(500) + 0.2
        result = superior(market, models, draws=300, seed=repetition)
        found += result.p < 0.05 and "skilled" in result.winners
    assert found >= 36  # 4.5 standard errors of the mean


def test_an_edge_in_a_calm_series_is_seen_beside_a_wild_one():
    rng = np.random.default_rng(34)
    models = {"wild": rng.standard_normal(500), "calm": 0.01 * rng.standard_normal(500) + 0.002}
    result = superior(np.zeros(500), models, draws=500)
    assert result.p < 0.01
    assert result.winners == ("calm",)


def test_winners_are_all_that_are_better_and_no_others():
    rng = np.random.default_rng(35)
    edges = {"great": 0.5, "good": 0.3, "none": 0.0, "bad": -0.5}
    models = {label: rng.standard_normal(600) + edge for label, edge in edges.items()}
    assert superior(np.zeros(600), models, draws=500).winners == ("great", "good")
    better = {label: models[label] for label in ("great", "good")}
    assert superior(np.zeros(600), better, draws=500).winners == ("great", "good")  # all of them


def test_one_model_is_tested_as_by_a_t_test():
    rng = np.random.default_rng(36)
    for edge in (0.0, 0.05, 0.1):
        row = rng.standard_normal(1000) + edge
        t_test = stats.ttest_1samp(row, 0.0, alternative="greater").pvalue
        assert superior(np.zeros(1000), {"one": row}, draws=4000).p == pytest.approx(
            t_test, abs=0.03
        )


def test_what_never_differs_never_wins():
    row = np.random.default_rng(37).standard_normal(100)
    assert superior(row, {"same": row, "again": row + 1e-17}) == superior(row, {})
    assert superior(row, {"same": row}).p == 1.0
    assert superior(row, {"same": row}).winners == ()
    assert superior(np.zeros(50), {"cash": np.zeros(50)}).p == 1.0


def test_a_constant_gain_is_a_gain_and_a_constant_loss_a_loss():
    cash = np.zeros(100)
    gain = superior(cash, {"up": cash + 0.001, "down": cash - 0.001, "same": cash}, draws=200)
    assert gain.p == pytest.approx(1 / 201)
    assert gain.winners == ("up",)
    loss = superior(cash, {"down": cash - 0.001}, draws=200)
    assert loss.p == 1.0
    assert loss.winners == ()


def test_the_same_model_twice_is_tested_once():
    row = np.random.default_rng(38).standard_normal(300) + 0.1
    once, twice = (superior(np.zeros(300), {k: row for k in labels}) for labels in ("a", "ab"))
    assert once.p == twice.p


@pytest.mark.parametrize("bars", [1, 2])
def test_two_bars_prove_nothing(bars):
    assert math.isnan(superior(np.zeros(bars), {"a": np.ones(bars)}).p)


@pytest.mark.parametrize("bars", [3, 5, 20])
def test_a_few_bars_are_tested_without_complaint(bars):
    row = np.random.default_rng(39).standard_normal(bars)
    assert 0.0 < superior(np.zeros(bars), {"a": row}, draws=100).p <= 1.0


def test_the_same_seed_gives_the_same_answer():
    row = np.random.default_rng(40).standard_normal(200)
    first, again, other = (superior(np.zeros(200), {"a": row}, seed=seed).p for seed in (1, 1, 2))
    assert first == again != other


def test_holm_is_the_textbooks():
    # Sorted p times (count, count - 1, ...), made monotonic: by hand.
    assert holm([0.005, 0.5, 0.011, 0.02]) == pytest.approx([0.02, 0.5, 0.033, 0.04])
    assert holm([]) == []
    assert holm([0.7, 0.8]) == [1.0, 1.0]


def test_holm_is_that_of_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p = np.random.default_rng(41).random(20) ** 3
    assert holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1])

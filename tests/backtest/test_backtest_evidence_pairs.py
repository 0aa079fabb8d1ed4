"""Claims about pairs of agents: who differs is said no more often than the level allows."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from drltrade.backtest.evidence import holm
from drltrade.backtest.evidence.pairs import MOST_PAIRS, contrasts


def noise(rng, count, bars=200, mean=0.0):
    return {f"a{i}": rng.normal(mean, 0.01, bars) for i in range(count)}


def test_the_p_value_is_the_share_of_samples_as_far_from_the_mean_on_either_side():
    """Gaps 1, 1 and 4, in thousandths: mean 2. Of the 27 samples with replacement only 4, 4, 4 has
    a mean 2 or more from it (4; 1, 1, 1 is only 1 away): p = 1 / 27."""
    agents = {"one": np.array([0.002, 0.003, 0.007]), "other": np.array([0.001, 0.002, 0.003])}
    (pair,) = contrasts(agents, 252.0, draws=40_000).pairs
    assert pair.p == pytest.approx(1 / 27, abs=0.003)
    assert pair.adjusted == pair.p
    assert pair.mean == pytest.approx(0.002 * 252)
    # Means 4 and 2; deviations (n - 1) of 2, 3, 7 are root 7, of 1, 2, 3 they are 1.
    assert pair.sharpe.middle == pytest.approx((4 / math.sqrt(7) - 2) * math.sqrt(252))
    assert pair.sharpe.low <= pair.sharpe.middle <= pair.sharpe.high


def test_one_pair_of_many_bars_is_tested_as_by_a_two_sided_t_test():
    rng = np.random.default_rng(51)
    for edge in (-0.08, 0.0, 0.04):
        agents = {"one": rng.standard_normal(1000) + edge, "other": np.zeros(1000)}
        (pair,) = contrasts(agents, 1.0, draws=4000).pairs
        assert pair.p == pytest.approx(stats.ttest_1samp(agents["one"], 0.0).pvalue, abs=0.03)


def test_every_pair_is_there_once_and_each_agent_against_the_rival():
    rng = np.random.default_rng(52)
    found = contrasts(noise(rng, 3), 252.0, rival={"hold": rng.normal(0, 0.01, 200)}, draws=200)
    assert [(pair.first, pair.second) for pair in found.pairs] == [
        ("a0", "a1"), ("a0", "a2"), ("a1", "a2"), ("a0", "hold"), ("a1", "hold"), ("a2", "hold"),
    ]  # fmt: skip
    assert (found.possible, found.leader) == (6, None)
    assert [p.adjusted for p in found.pairs] == holm([p.p for p in found.pairs])


def test_too_many_pairs_leave_those_of_who_led_before_and_count_only_them():
    rng = np.random.default_rng(53)
    agents, rival = noise(rng, 9), {"hold": np.zeros(200)}
    found = contrasts(agents, 252.0, rival=rival, leader="a4", draws=200)
    assert found.possible == 9 * 8 // 2 + 9 > MOST_PAIRS
    assert found.leader == "a4"
    assert {pair.first for pair in found.pairs} == {"a4"}
    assert [pair.second for pair in found.pairs] == [
        "a0", "a1", "a2", "a3", "a5", "a6", "a7", "a8", "hold",
    ]  # fmt: skip
    assert [p.adjusted for p in found.pairs] == holm([p.p for p in found.pairs])
    assert contrasts(agents, 252.0, rival=rival, draws=200).leader == "a0"
    assert contrasts(noise(rng, 8), 252.0, rival=rival, leader="a4", draws=200).leader is None


def test_noise_differs_no_more_often_than_the_level_says_all_pairs_together():
    rng = np.random.default_rng(54)
    cried = alone = 0
    for repetition in range(300):
        pairs = contrasts(noise(rng, 4), 252.0, draws=200, seed=repetition).pairs
        cried += min(pair.adjusted for pair in pairs) < 0.05
        alone += min(pair.p for pair in pairs) < 0.05
    assert cried <= stats.binom.ppf(0.999, 300, 0.05)
    assert alone > stats.binom.ppf(0.999, 300, 0.05)  # what the correction is there for


def test_noise_with_a_memory_differs_hardly_more_often():
    rng = np.random.default_rng(55)
    cried = 0
    for repetition in range(200):
        shocks = rng.standard_normal((3, 251))
        series = shocks[:, 1:] + 0.5 * shocks[:, :-1]
        pairs = contrasts(dict(zip("abc", series, strict=True)), 1.0, draws=200, seed=repetition)
        cried += min(pair.adjusted for pair in pairs.pairs) < 0.05
    assert cried <= stats.binom.ppf(0.999, 200, 0.08)  # blocks make small samples a bit bold


def test_a_planted_difference_is_found_and_nothing_else():
    """The gap is 4.5 standard errors of the mean difference: missed once in a hundred times."""
    rng = np.random.default_rng(56)
    found = others = 0
    for repetition in range(60):
        agents = noise(rng, 3, bars=400)
        agents["skilled"] = agents.pop("a2") + 4.5 * 0.01 * math.sqrt(2 / 400)
        pairs = contrasts(agents, 252.0, draws=400, seed=repetition).pairs
        told = {(pair.first, pair.second): pair.adjusted < 0.05 for pair in pairs}
        found += told["a0", "skilled"] and told["a1", "skilled"]
        others += told["a0", "a1"]
        assert all(pair.mean < 0 for pair in pairs if told[pair.first, pair.second] and
                   pair.second == "skilled")  # fmt: skip
    assert found >= 54
    assert others <= stats.binom.ppf(0.999, 60, 0.05)


def test_who_does_just_the_same_never_differs():
    row = np.random.default_rng(57).normal(0, 0.01, 100)
    (pair,) = contrasts({"one": row, "again": row + 1e-17}, 252.0).pairs
    assert (pair.p, pair.adjusted) == (1.0, 1.0)
    assert pair.sharpe.low == pytest.approx(0.0, abs=1e-9) == pair.sharpe.high
    (idle,) = contrasts({"idle": np.zeros(100), "cash": np.zeros(100)}, 252.0).pairs
    assert (idle.p, idle.sharpe.middle) == (1.0, 0.0)


def test_a_constant_difference_is_a_sure_one():
    row = np.random.default_rng(58).normal(0, 0.01, 100)
    (pair,) = contrasts({"one": row + 0.001, "other": row}, 252.0, draws=200).pairs
    assert pair.p == pytest.approx(1 / 201)


@pytest.mark.parametrize("bars", [1, 2])
def test_two_bars_prove_nothing(bars):
    (pair,) = contrasts({"one": np.ones(bars), "other": np.zeros(bars)}, 252.0).pairs
    assert math.isnan(pair.p)
    assert math.isnan(pair.adjusted)
    assert math.isnan(pair.sharpe.low)


def test_one_agent_alone_is_held_against_the_rival_or_nobody():
    row = np.random.default_rng(59).normal(0, 0.01, 100)
    assert contrasts({"one": row}, 252.0).pairs == ()
    (pair,) = contrasts({"one": row}, 252.0, rival={"cash": 0.0 * row}, draws=200).pairs
    assert (pair.first, pair.second) == ("one", "cash")
    assert pair.sharpe.middle == pytest.approx(row.mean() / row.std(ddof=1) * math.sqrt(252))


def test_very_many_pairs_are_drawn_often_enough_to_differ_at_all():
    rng = np.random.default_rng(60)
    agents = noise(rng, 120, bars=60)
    agents["a0"] = agents["a0"] + 1.0
    found = contrasts(agents, 252.0, draws=200)
    assert len(found.pairs) == 119
    assert max(pair.adjusted for pair in found.pairs) < 0.05


def test_the_same_seed_gives_the_same_numbers_and_they_are_json():
    agents = noise(np.random.default_rng(61), 3)
    first, again, other = (
        json.dumps(contrasts(agents, 252.0, draws=200, seed=seed).plain) for seed in (1, 1, 2)
    )
    assert first == again != other

"""Claims about the probability of backtest overfitting: by hand, on noise, with a real edge."""

import math
from itertools import combinations

import numpy as np
import pytest

from drltrade.backtest.evidence import overfitting
from drltrade.errors import UsageError


def test_two_blocks_by_hand():
    # Of the columns' two halves (two bars each), the means over deviations:
    #   a: .02 / .0141 > 0 then -.02 / .0141 < 0;  b: the other way round;  c: 0 in both.
    # The first half chooses a, which the second ranks last of three (1 of 4: log 1/3);
    # the second chooses b, which the first ranks last.
    a = [0.01, 0.03, -0.03, -0.01]
    b = [-0.03, -0.01, 0.01, 0.03]
    c = [0.01, -0.01, 0.01, -0.01]
    found = overfitting(np.array([a, b, c]).T, blocks=2)
    assert found.probability == 1.0
    assert found.splits == 2
    assert found.logits == pytest.approx([math.log(1 / 3)] * 2)


def test_a_steady_best_is_never_overfitted():
    # a, .02 / .0141, is best in both halves: third of three in the other, log 3.
    a = [0.01, 0.03, 0.01, 0.03]
    b = [-0.03, -0.01, 0.0, 0.02]
    c = [0.01, -0.01, 0.01, -0.01]
    found = overfitting(np.array([a, b, c]).T, blocks=2)
    assert found.probability == 0.0
    assert found.logits == pytest.approx([math.log(3.0)] * 2)


def plainly(returns, blocks):
    """The definition, one half at a time."""
    parts = np.array_split(np.arange(len(returns)), blocks)
    below = []
    for chosen in combinations(range(blocks), blocks // 2):
        rows = np.concatenate([parts[k] for k in chosen])
        inside = returns[rows]
        outside = np.delete(returns, rows, axis=0)
        best = np.argmax(inside.mean(axis=0) / inside.std(axis=0, ddof=1))
        scores = outside.mean(axis=0) / outside.std(axis=0, ddof=1)
        rank = (scores <= scores[best]).sum() / (len(scores) + 1)
        below.append(math.log(rank / (1 - rank)))
    return np.array(below)


@pytest.mark.parametrize("count", [2, 5, 8])
def test_every_half_is_ranked_as_the_definition_says(count):
    returns = np.random.default_rng(count).normal(0.001, 0.02, size=(120, count))
    found = overfitting(returns, blocks=6)
    assert found.splits == math.comb(6, 3)
    assert found.logits == pytest.approx(plainly(returns, 6))


@pytest.mark.parametrize("count", [3, 10])
def test_on_noise_the_best_falls_below_the_median_half_of_the_time(count):
    rng = np.random.default_rng(51)
    found = [overfitting(rng.standard_normal((320, count)), 8).probability for _ in range(300)]
    error = np.std(found) / math.sqrt(len(found))
    assert error < 0.02
    assert np.mean(found) == pytest.approx(0.5, abs=3.5 * error)


def test_a_real_edge_is_not_overfitting():
    returns = np.random.default_rng(52).standard_normal((2000, 20))
    returns[:, 7] += 0.2
    found = overfitting(returns)
    assert found.splits == 12_870
    assert found.probability < 0.01


def test_the_first_bars_that_fill_no_block_are_left_out():
    returns = np.random.default_rng(53).standard_normal((100, 4))
    odd = np.concatenate([np.full((3, 4), 99.0), returns])
    assert overfitting(odd, blocks=10).logits == pytest.approx(overfitting(returns, 10).logits)


def test_configurations_that_are_alike_or_constant_are_a_toss_up():
    row = np.random.default_rng(54).standard_normal(160)
    assert overfitting(np.stack([row] * 4, axis=1), blocks=8).probability == 0.5
    assert overfitting(np.full((160, 3), 0.01), blocks=8).probability == 0.5


def test_too_little_to_choose_from_says_nothing():
    assert math.isnan(overfitting(np.zeros((100, 1))).probability)
    short = overfitting(np.zeros((31, 2)))
    assert math.isnan(short.probability)
    assert (short.splits, len(short.logits)) == (0, 0)


@pytest.mark.parametrize("blocks", [0, 7, -2])
def test_blocks_that_cannot_be_halved_are_refused(blocks):
    with pytest.raises(UsageError, match="even number"):
        overfitting(np.zeros((100, 2)), blocks)

"""Claims about the curves of training: whether a score still moved is a matter of its errors."""

import math

import numpy as np
import pytest

from drltrade.report.learning import Learning, learning_figure, learning_view
from drltrade.report.page import render

STEPS = list(range(100, 1100, 100))


def test_the_change_is_that_of_the_last_fifth_over_the_fifth_before():
    """Two of ten checkpoints each: 1 and 3 before, 4 and 6 after; and a run that stood still."""
    scores = np.array([[0, 0, 0, 0, 0, 0, 1, 3, 4, 6], [1] * 10], dtype=float)
    change, error = Learning(STEPS, scores).change
    assert change == pytest.approx((3.0 + 0.0) / 2)
    assert error == pytest.approx(np.std([3.0, 0.0], ddof=1) / math.sqrt(2))


@pytest.mark.parametrize(("late", "told"), [(0.0, "no"), (0.5, "upwards"), (-0.5, "downwards")])
def test_a_score_moves_where_it_moves_by_more_than_two_errors(late, told):
    rng = np.random.default_rng(3)
    scores = rng.normal(0.0, 0.1, (20, 10))
    scores[:, -2:] += late
    ((_, (line,)),) = learning_view({"ppo": Learning(STEPS, scores)}).groups
    assert line.cells[-1].text == told


def test_a_single_run_or_checkpoint_says_nothing_of_the_end():
    one = Learning([100], np.array([[0.3], [0.4]]))
    assert all(math.isnan(value) for value in one.change)
    ((_, (line,)),) = learning_view({"ppo": Learning(STEPS, np.ones((1, 10)))}).groups
    assert line.cells[-1].text == "n/a"


def test_the_page_shows_the_curves_only_where_there_are_some(entries):
    curves = {entries[0].label: Learning(STEPS, np.ones((3, 10)))}
    page = render("run", entries, learning=curves)
    assert "Was it trained long enough" in page
    assert "at 1,000 steps" in page
    assert "Was it trained long enough" not in render("run", entries)
    figure = learning_figure(curves, entries)
    assert figure["data"][0]["x"][-1] == 1.0

"""Action schemes reach what they promise and refuse what they cannot be."""

import numpy as np
import pytest

from drltrade.envs import ActionScheme
from drltrade.errors import UsageError


def test_levels_on_one_asset_are_weights_and_on_several_share_the_limit():
    one = ActionScheme("levels", 1, leverage=2.0)
    assert one.targets(np.array([0, 1, 2])).tolist() == [[-2.0], [0.0], [2.0]]
    four = ActionScheme("levels", 4)
    assert four.targets(np.array([[2, 1, 0, 2]])).tolist() == [[0.25, 0.0, -0.25, 0.25]]


def test_choices_are_cash_equal_weight_and_each_asset():
    scheme = ActionScheme("choices", 2)
    assert scheme.space.n == 4
    table = scheme.targets(np.arange(4))
    assert table.tolist() == [[0, 0], [0.5, 0.5], [1, 0], [0, 1]]
    assert scheme.labels(("A", "B")) == ("cash", "equal weight", "A", "B")


def test_continuous_spreads_over_the_range_of_the_levels():
    both = ActionScheme("continuous", 1)
    assert both.targets(np.array([[-1.0], [0.25], [7.0]])).tolist() == [[-1.0], [0.25], [1.0]]
    long_only = ActionScheme("continuous", 1, levels=(0.0, 1.0))
    assert long_only.targets(np.array([[-1.0], [0.0], [1.0]])).tolist() == [[0.0], [0.5], [1.0]]
    assert not long_only.shorts


def test_every_vertex_of_the_portfolio_simplex_is_reachable():
    scheme = ActionScheme("portfolio", 3)
    corners = np.vstack([-np.ones(3), 2 * np.eye(3) - 1])
    assert scheme.targets(corners).tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert scheme.targets(np.ones((1, 3))).sum() == pytest.approx(1.0)
    inside = scheme.targets(np.array([[-0.8, -0.6, -0.4]]))
    assert inside.tolist()[0] == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.parametrize("bad", [-1, 3])
def test_an_index_outside_the_list_is_refused(bad):
    with pytest.raises(UsageError, match="0 to 2"):
        ActionScheme("levels", 1).targets(np.array([bad]))


def test_a_diverged_policy_is_told_apart_from_a_trade():
    with pytest.raises(UsageError, match="NaN"):
        ActionScheme("continuous", 1).targets(np.array([[np.nan]]))
    with pytest.raises(UsageError, match="whole-number"):
        ActionScheme("levels", 1).targets(np.array([1.0]))

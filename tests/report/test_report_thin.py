"""Claims about thinning: short lines whole, long lines short, no high or low lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drltrade.report.thin import numbers, stamps, thin


@given(st.integers(2, 3000), st.integers(1, 3), st.integers(20, 500), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_a_thinned_line_keeps_its_ends_its_extremes_and_its_order(rows, lines, limit, seed):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(lines, rows)).cumsum(axis=1)
    kept = thin(list(table), limit)
    assert (kept[0], kept[-1]) == (0, rows - 1)
    assert (np.diff(kept) > 0).all()
    assert len(kept) <= limit + 2 * lines + 2
    if rows <= limit:
        assert len(kept) == rows
    for line in table:
        assert line[kept].max() == line.max()
        assert line[kept].min() == line.min()


def test_a_single_spike_in_five_thousand_bars_stays():
    line = np.zeros(5000)
    line[3210] = 7.0
    assert 3210 in thin([line], 100)


def test_gaps_do_not_take_the_place_of_extremes():
    line = np.full(5000, np.nan)
    line[1234:1240] = [1, 5, 2, 3, -4, 2]
    kept = thin([line], 100)
    assert {1235, 1238} <= set(kept.tolist())


def test_json_numbers_have_six_digits_and_no_nan():
    assert numbers(np.array([1.23456789, np.nan, np.inf, -0.000123456789])) == [
        1.23457,
        None,
        None,
        -0.000123457,
    ]


@pytest.mark.parametrize(
    ("given_", "texts"),
    [
        (["2020-01-01", "2020-01-02"], ["2020-01-01", "2020-01-02"]),
        (["2020-01-01", "2020-01-01T13:00"], ["2020-01-01T00:00", "2020-01-01T13:00"]),
        (["2020-01-01T13:00:05"], ["2020-01-01T13:00:05"]),
    ],
)
def test_stamps_are_as_short_as_all_of_them_stay_exact(given_, texts):
    assert stamps(np.array(given_, dtype="datetime64[ns]")) == texts

"""Claims about window arithmetic, against the plain loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drltrade.features.rolling import rolling_extreme, rolling_mean, rolling_moments


@settings(max_examples=60, deadline=None)
@given(window=st.integers(1, 70), rows=st.integers(1, 90), seed=st.integers(0, 1000))
def test_windows_equal_the_plain_loop(window, rows, seed):
    values = np.random.default_rng(seed).normal(5, 2, (rows, 2))
    mean, (center, squares) = rolling_mean(values, window), rolling_moments(values, window)
    high, low = rolling_extreme(values, window), rolling_extreme(values, window, highest=False)
    for t in range(rows):
        if t < window - 1:
            assert np.isnan([mean[t], center[t], squares[t], high[t], low[t]]).all()
            continue
        part = values[t - window + 1 : t + 1]
        assert mean[t] == pytest.approx(part.mean(axis=0), rel=1e-12)
        assert center[t] == pytest.approx(part.mean(axis=0), rel=1e-12)
        assert squares[t] == pytest.approx(part.var(axis=0) * window, rel=1e-9, abs=1e-12)
        assert (high[t] == part.max(axis=0)).all()
        assert (low[t] == part.min(axis=0)).all()


@given(window=st.integers(1, 50), cut=st.integers(0, 60))
def test_a_window_has_the_same_bits_wherever_the_data_start(window, cut):
    values = np.random.default_rng(1).normal(size=(120, 1))
    for rolled in (rolling_mean, lambda v, w: rolling_moments(v, w)[1]):
        late = rolled(values[cut:], window)[window - 1 :]
        assert late.tobytes() == rolled(values, window)[cut + window - 1 :].tobytes()


def test_a_huge_value_leaves_no_trace_once_it_is_out_of_the_window():
    values = np.full((100, 1), 0.1)
    values[20] = 1e15
    assert rolling_mean(values, 10)[-1, 0] == pytest.approx(0.1, rel=1e-15)
    assert rolling_moments(values, 10)[1][-1, 0] == 0.0


def test_a_tiny_spread_about_a_large_level_keeps_its_digits():
    noise = np.random.default_rng(0).normal(size=(64, 1))
    squares = rolling_moments(1e8 + noise, 64)[1][-1, 0]
    assert squares == pytest.approx(noise.var() * 64, rel=1e-6)

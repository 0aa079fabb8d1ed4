"""Claims about scalers: they know the rows they were given, and come back from JSON unchanged."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drltrade.data import stack
from drltrade.errors import DataError, UsageError
from drltrade.features import SCALERS, Features, Scaler, compute_features

FITTED = ["standard", "robust"]


def random_features(rows=400, seed=0, warmup=3):
    rng = np.random.default_rng(seed)
    values = rng.normal([1.0, -50.0, 0.001], [0.1, 20.0, 1e-5], (rows, 2, 3)).astype(np.float32)
    values[:warmup] = np.nan
    return Features(values, ("a", "b", "c"), warmup)


def test_standard_scaling_gives_mean_zero_and_deviation_one_on_its_own_rows():
    features = random_features()
    scaled = Scaler.fit("standard", features, slice(0, 400)).transform(features).values[3:]
    assert np.abs(scaled.mean(axis=0)).max() < 1e-3
    assert scaled.std(axis=0) == pytest.approx(np.ones((2, 3)), abs=1e-3)


def test_robust_scaling_agrees_with_it_on_normal_data_and_ignores_outliers():
    features = random_features(rows=20_000)
    values = features.values.copy()
    values[10:40] = 1e9
    spoiled = Features(values, features.names, 3)
    robust = Scaler.fit("robust", spoiled, slice(0, 20_000))
    standard = Scaler.fit("standard", features, slice(0, 20_000))
    assert robust.scale == pytest.approx(standard.scale, rel=0.05)
    assert robust.center == pytest.approx(standard.center, rel=0.02)


def test_each_asset_has_its_own_scale():
    values = np.random.default_rng(0).normal(0, [[1.0], [100.0]], (500, 2, 1)).astype(np.float32)
    scaler = Scaler.fit("standard", Features(values, ("a",), 0), slice(None))
    assert scaler.scale is not None
    assert scaler.scale[1, 0] / scaler.scale[0, 0] == pytest.approx(100, rel=0.2)


@pytest.mark.parametrize("kind", FITTED)
def test_rows_outside_the_train_split_do_not_move_it(kind):
    features = random_features()
    values = features.values.copy()
    values[200:] = values[200:] * 1e4 + 77
    other = Features(values, features.names, features.warmup)
    mask = np.arange(400) < 200
    before, after = (Scaler.fit(kind, f, mask).to_dict() for f in (features, other))
    assert before == after
    assert before == Scaler.fit(kind, features, slice(0, 200)).to_dict()


@pytest.mark.parametrize("kind", SCALERS)
def test_later_rows_do_not_move_earlier_ones(kind):
    features = random_features()
    values = features.values.copy()
    values[300:] *= 10
    bumped = Features(values, features.names, features.warmup)
    scaler = Scaler.fit(kind, features, slice(0, 200), window=20)
    again = Scaler.fit(kind, bumped, slice(0, 200), window=20)
    left, right = scaler.transform(features).values, again.transform(bumped).values
    assert left[:300].tobytes() == right[:300].tobytes()


@pytest.mark.parametrize("kind", SCALERS)
def test_what_comes_out_is_a_feature_matrix_again(kind):
    features = random_features()
    scaled = Scaler.fit(kind, features, slice(0, 300), window=15).transform(features)
    assert scaled.names == features.names
    assert scaled.values.dtype == np.float32
    assert scaled.values.flags.c_contiguous
    assert not scaled.values.flags.writeable
    assert scaled.warmup == features.warmup + (14 if kind == "rolling" else 0)
    assert np.isfinite(scaled.values[scaled.warmup :]).all()
    assert np.isnan(scaled.values[: scaled.warmup]).any()


@pytest.mark.parametrize("kind", FITTED)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), power=st.integers(-20, 20))
def test_json_keeps_every_bit(kind, seed, power):
    values = np.random.default_rng(seed).standard_cauchy((50, 2, 2)) * 10.0**power
    features = Features(values.astype(np.float32), ("a", "b"), 0)
    scaler = Scaler.fit(kind, features, slice(0, 30))
    again = Scaler.from_dict(json.loads(json.dumps(scaler.to_dict(), allow_nan=False)))
    assert again.to_dict() == scaler.to_dict()
    assert again.transform(features).values.tobytes() == (
        scaler.transform(features).values.tobytes()
    )


@pytest.mark.parametrize("kind", ["rolling", "none"])
def test_json_keeps_scalers_without_figures(kind):
    scaler = Scaler.fit(kind, random_features(), slice(None), window=9)
    assert Scaler.from_dict(json.loads(json.dumps(scaler.to_dict()))).to_dict() == scaler.to_dict()


@pytest.mark.parametrize("kind", ["standard", "robust", "rolling"])
@pytest.mark.parametrize("level", [0.0, 0.1, -3e8, 7e-30])
def test_a_column_that_does_not_vary_becomes_zero(kind, level):
    features = Features(np.full((60, 1, 1), level, np.float32), ("a",), 0)
    scaled = Scaler.fit(kind, features, slice(None), window=10).transform(features)
    assert (scaled.values[scaled.warmup :] == 0).all()


def test_a_broken_bar_is_clipped_at_ten_spreads():
    features = random_features()
    scaler = Scaler.fit("standard", features, slice(None))
    values = features.values.copy()
    values[-1] = [[1e6, -1e6, 1e6]] * 2
    scaled = scaler.transform(Features(values, features.names, 3)).values
    assert scaled[-1].tolist() == [[10, -10, 10]] * 2


def test_rolling_is_the_distance_from_the_mean_of_the_window():
    features = random_features(rows=60, warmup=0)
    scaled = Scaler.fit("rolling", features, slice(None), window=10).transform(features).values
    part = features.values[31:41].astype(np.float64)
    expected = (part[-1] - part.mean(axis=0)) / part.std(axis=0)
    assert scaled[40] == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_rolling_looks_into_no_other_segment(make_market):
    first, second = make_market(bars=200), make_market(bars=230, seed=5)
    joint = compute_features(stack([first, second]))
    rolled = Scaler.fit("rolling", joint, slice(None), window=30).transform(joint)
    alone = compute_features(second)
    single = Scaler.fit("rolling", alone, slice(None), window=30).transform(alone)
    assert rolled.values[200:].tobytes() == single.values.tobytes()


def test_warm_up_rows_of_every_segment_are_left_out(make_market):
    joint = compute_features(stack([make_market(bars=200), make_market(bars=230, seed=5)]))
    assert joint.ready.sum() == 430 - 2 * joint.warmup
    scaler = Scaler.fit("standard", joint, slice(None))
    rows = joint.values[joint.ready].astype(np.float64)
    assert scaler.center == pytest.approx(rows.mean(axis=0), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda f: Scaler.fit("standrad", f, slice(None)), "Did you mean 'standard'"),
        (lambda f: Scaler.fit("standard", f, slice(0, 3)), "No row to fit"),
        (lambda f: Scaler.fit("rolling", f, slice(0, 3), window=1), "must be 2 or more"),
        (lambda f: Scaler.fit("rolling", f, slice(0, 3), window=999).transform(f), "needs 999"),
        (lambda f: Scaler.from_dict({"kind": "standard"}), "cannot be read"),
        (
            lambda f: Scaler.from_dict(Scaler("standard", ("a",)).to_dict()),
            "lacks its centre or scale",
        ),
        (
            lambda f: Scaler.fit("none", f, slice(None)).transform(
                Features(f.values, ("a", "b", "x"), 3)
            ),
            "fitted on the features a, b, c, not on a, b, x",
        ),
        (
            lambda f: Scaler.fit("robust", f, slice(None)).transform(
                Features(f.values[:, :1], f.names, 3)
            ),
            "fitted on 2 assets, but these features are of 1",
        ),
    ],
)
def test_a_mistake_is_answered_in_words(call, words):
    with pytest.raises((UsageError, DataError), match=words):
        call(random_features())

"""Claims about a user's own feature function."""

import numpy as np
import pytest

from drltrade.data import stack
from drltrade.errors import DataError, UsageError
from drltrade.features import compute_features

SOURCE = """
import numpy as np

def one(market):                       # [T]
    return np.arange(market.bars) / 10

def table(market, scale=1.0):          # [T, N]
    return np.log(market.close) * scale

def cube(market):                      # [T, N, K]
    return np.stack([market.high, market.low], axis=-1) / market.close[:, :, None]

def late(market):
    values = np.log(market.close).copy()
    values[:7] = np.nan
    return values

def whole_mean(market):
    return market.close / market.close.mean(axis=0)

def tomorrow(market):
    values = np.full(market.close.shape, 0.0)
    values[:-1] = market.close[1:] / market.close[:-1]
    return values

def centred(market):
    values = np.log(market.close).copy()
    values[1:-1] = (values[2:] + values[:-2]) / 2
    return values

def hole(market):
    values = np.log(market.close).copy()
    values[40, 1] = np.nan
    return values

def short(market):
    return market.close[:-1]

def scalar(market):
    return 3.0

def words(market):
    return ["up"] * market.bars

def broken(market):
    return market.close / market.clsoe

def writes(market):
    market.close[0] = 1.0
    return market.close

def per_segment(market):
    return np.zeros((market.bars, market.assets, market.bars % 2 + 1))
"""


@pytest.fixture(autouse=True)
def roots(tmp_path):
    (tmp_path / "mine.py").write_text(SOURCE)
    return (tmp_path,)


def run(market, name, roots, **params):
    ref = f"mine.py:{name}"
    return compute_features(market, [{ref: params} if params else ref], roots)


def test_one_series_two_or_three_dimensions_are_all_fine(make_market, roots):
    market = make_market(bars=60)
    one = run(market, "one", roots)
    assert one.names == ("one",)
    assert one.values[:, :, 0].tolist() == [[np.float32(t / 10)] * 2 for t in range(60)]
    table = run(market, "table", roots, scale=2.0)
    assert table.names == ("table_2",)
    assert np.allclose(table.values[:, :, 0], 2 * np.log(market.close))
    cube = run(market, "cube", roots)
    assert cube.names == ("cube.0", "cube.1")
    assert np.allclose(cube.values[:, :, 1], market.low / market.close)


def test_leading_gaps_are_its_warm_up(make_market, roots):
    assert run(make_market(bars=60), "late", roots).warmup == 7


@pytest.mark.parametrize("name", ["whole_mean", "tomorrow", "centred"])
def test_a_function_that_looks_ahead_is_refused(name, make_market, roots):
    with pytest.raises(UsageError, match="looks ahead: without the bars after 2020-"):
        run(make_market(bars=90), name, roots)


def test_a_hole_after_the_warm_up_names_feature_symbol_and_stamp(make_market, roots):
    with pytest.raises(DataError, match="'hole' of S1 at 2020-02-10 is nan"):
        run(make_market(bars=90), "hole", roots)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("short", r"returned the shape \(89, 2\), but must return \[T\]"),
        ("scalar", r"returned the shape \(\)"),
        ("words", "failed with ValueError: could not convert string"),
        ("broken", r"failed with AttributeError: .*clsoe.* \(line 46 of mine\.py\)"),
        ("writes", r"failed with ValueError: .*read-only"),
        ("missing", "has no function or class 'missing'"),
    ],
)
def test_a_broken_function_is_answered_in_words(name, words, make_market, roots):
    with pytest.raises(UsageError, match=words):
        run(make_market(bars=90), name, roots)


def test_an_unknown_parameter_is_answered_in_words(make_market, roots):
    with pytest.raises(UsageError, match="unexpected keyword argument 'scael'"):
        run(make_market(), "table", roots, scael=2)


def test_segments_must_agree_on_the_number_of_columns(make_market, roots):
    market = stack([make_market(bars=60), make_market(bars=61)])
    with pytest.raises(UsageError, match="gives 2 columns on all bars but 1 on the first"):
        run(market, "per_segment", roots)

"""Claims about what a user may write as a feature, and what is answered when it is wrong."""

import json

import pytest

from drltrade.data import Market
from drltrade.errors import DataError, UsageError
from drltrade.features import compute_features, parse_features

FORMS = {
    "gap": "gap",
    "RSI": "rsi_14",
    "time_of_day.sin": "time_of_day",
    "macd.macdsignal": "macd_12_26_9",
    "mine.py:slope": "slope",
}


@pytest.mark.parametrize(("raw", "label"), FORMS.items())
def test_a_name_stands_for_its_defaults(raw, label):
    assert parse_features([raw])[0].label == label


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        ({"log_return": 5}, "log_return_5"),
        ({"log_return": None}, "log_return_1"),
        ({"log_return": {"bars": 7}}, "log_return_7"),
        ({"rsi": 21}, "rsi_21"),
        ({"rsi": 21.0}, "rsi_21"),
        ({"macd": {"fastperiod": 10}}, "macd_10_26_9"),
        ({"macd": [5, 10, 3]}, "macd_5_10_3"),
        ({"bbands": {"nbdevup": 1}}, "bbands_20_1_2_0"),
        ({"column": "vix"}, "vix_lag_1"),
        ({"column": "vix", "lag": 0}, "vix_lag_0"),
        ({"mine.py:slope": {"bars": 9}}, "slope_9"),
    ],
)
def test_a_mapping_sets_parameters(raw, label):
    (spec,) = parse_features([raw])
    assert spec.label == label


@pytest.mark.parametrize(
    "raw",
    [
        "gap",
        {"log_return": 5},
        "macd.signal",
        {"t3": {"vfactor": 0.65}},
        {"column": "vix", "lag": 2},
        {"mine.py:slope": {"bars": 9, "kind": "x"}},
    ],
)
def test_a_spec_survives_json_and_parses_back_to_itself(raw):
    (spec,) = parse_features([raw])
    assert parse_features([json.loads(json.dumps(spec.raw))]) == (spec,)
    assert parse_features([spec]) == (spec,)


WRONG = {
    "not a list": ("gap", "must be a list"),
    "a mapping": ({"rsi": 3}, "must be a list"),
    "empty": ([], "is empty"),
    "a number": ([3], "cannot be read"),
    "typo of ours": (["log_retrun"], "Did you mean 'log_return'"),
    "typo of TA-Lib": (["bbandz"], "Did you mean 'bbands'"),
    "a stranger": (["zzzzzz"], "Unknown feature 'zzzzzz'"),
    "typo of a parameter": ([{"rsi": {"timeperoid": 3}}], "Did you mean 'timeperiod'"),
    "no parameters": ([{"gap": 3}], "its parameters are: none"),
    "no parameters, named": ([{"gap": {"bars": 3}}], "'gap' has no parameters"),
    "too many": ([{"rsi": [3, 4]}], "its parameters are: timeperiod"),
    "zero bars": ([{"log_return": 0}], "must be 1 or more"),
    "one bar of volatility": ([{"volatility": 1}], "must be 2 or more"),
    "a word": ([{"rsi": "fast"}], "must be a whole number"),
    "a truth": ([{"rsi": True}], "must be a whole number"),
    "half a bar": ([{"log_return": 1.5}], "must be a whole number"),
    "not finite": ([{"t3": {"vfactor": float("inf")}}], "must be a number"),
    "out of TA-Lib's range": ([{"rsi": 1}], "TA-Lib refuses 'rsi' with timeperiod=1"),
    "a lot out of range": ([{"sma": 10**7}], "TA-Lib refuses 'sma'"),
    "beyond any integer of C": ([{"sma": 10**30}], "TA-Lib refuses 'sma'"),
    "unknown output": (["macd.sginal"], "Did you mean 'signal'"),
    "output of a single one": (["rsi.signal"], "has a single output"),
    "two names": ([{"rsi": 3, "gap": None}], "one name, not 2"),
    "twice": (["rsi", {"rsi": 14}], "listed twice"),
    "negative lag": ([{"column": "vix", "lag": -1}], "must be 0 or more"),
    "unknown key of a column": ([{"column": "vix", "lga": 1}], "Did you mean 'lag'"),
    "no function": (["mine.py"], "Write it as path.py:function"),
    "a scalar for a plug-in": ([{"mine.py:f": 3}], "write them as {key: value}"),
    "raw prices": (["exp"], "depends on the currency"),
    "running total": (["obv"], "depends on where the data start; use mfi"),
    "an amount of money": ([{"sarext": {"startvalue": 3.0}}], "Unknown parameter"),
}


@pytest.mark.parametrize(("raw", "words"), WRONG.values(), ids=WRONG.keys())
def test_a_mistake_is_answered_in_words(raw, words):
    with pytest.raises(UsageError) as error:
        parse_features(raw)
    assert words in str(error.value)
    assert str(error.value).endswith(".")
    assert len(str(error.value)) < 400


def test_data_without_what_a_feature_needs_are_named(make_market):
    market = make_market()
    closes = Market.build(market.close, name="closes.csv")
    with pytest.raises(UsageError, match=r"'gap' needs open, high and low, which closes\.csv does"):
        compute_features(closes, ["gap"])
    with pytest.raises(UsageError, match="'atr_14' needs open, high and low"):
        compute_features(closes, ["atr"])
    volume = market.volume.copy()
    volume[:, 1] = float("nan")
    half = Market.build(market.close, volume=volume, symbols=["A", "B"])
    with pytest.raises(UsageError, match="needs volume, which market does not have for B"):
        compute_features(half, ["relative_volume"])
    with pytest.raises(UsageError, match="has no column 'vix': it has prices and volumes only"):
        compute_features(closes, [{"column": "vix"}])
    with pytest.raises(UsageError, match="Did you mean 'vix'"):
        compute_features(market, [{"column": "vxi"}])


def test_too_few_bars_are_answered_with_the_number_that_is_needed(make_market):
    with pytest.raises(DataError, match=r"no value in the first 50 bars.*has 30"):
        compute_features(make_market(bars=30), [{"log_return": 50}])
    with pytest.raises(DataError, match=r"no value in the first 33 bars.*has 33"):
        compute_features(make_market(bars=33), ["macd"])


def test_a_single_bar_is_enough_for_a_feature_without_memory(make_market):
    assert compute_features(make_market(bars=1), ["range"]).values.shape == (1, 2, 1)


def test_two_features_of_one_name_are_refused(make_market):
    with pytest.raises(UsageError, match=r"both called 'macd_12_26_9\.signal'"):
        compute_features(make_market(), ["macd", "macd.signal"])

"""Several markets are segments of one: laid end to end, named, taken apart, never looked across."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_worlds import random_market

from drltrade.config import parse
from drltrade.data import DataSettings, Market, load, stack
from drltrade.data.door import FIELDS
from drltrade.data.segments import part, rows_of, span_names
from drltrade.errors import DataError, UsageError
from drltrade.features import compute_features


def three(bars=120):
    market = random_market(bars, assets=3)
    vix = np.arange(3.0 * bars).reshape(bars, 3)
    return Market.build(
        market.close,
        symbols=["A", "B", "C"],
        columns={"vix": vix},
        **{key: getattr(market, key) for key in FIELDS if key != "close"},
    )


def test_every_asset_becomes_a_segment_of_one_column():
    market = three()
    each = market.each()
    assert (each.symbols, each.labels) == (("each",), ("A", "B", "C"))
    assert each.segment.tolist() == [0] * 120 + [1] * 120 + [2] * 120
    for number in range(3):
        rows = slice(120 * number, 120 * (number + 1))
        assert each.stamps[rows].tolist() == market.stamps.tolist()
        assert each.columns["vix"][rows, 0].tolist() == market.columns["vix"][:, number].tolist()
        for key in FIELDS:
            assert getattr(each, key)[rows, 0].tolist() == getattr(market, key)[:, number].tolist()
    assert each.periods_per_year == market.periods_per_year
    assert each.timezone == market.timezone


def test_one_asset_alone_stays_as_it_is():
    market = three().select(["B"])
    assert market.each() is market


def test_segments_by_asset_keep_their_own_names():
    twice = stack([three(), three()], name="twice")
    assert twice.labels == ("market (1)", "market (2)")
    each = twice.each()
    assert each.labels[:3] == ("A market (1)", "A market (2)", "B market (1)")
    assert each.bars == 6 * 120


def test_one_word_of_yaml_does_it():
    settings = parse(DataSettings, {"symbols": ["AAPL", "IBM"], "each": True}, "data")
    market = load(settings)
    assert market.labels == ("AAPL", "IBM")
    assert market.bars == 2 * load(DataSettings(symbols=["AAPL", "IBM"])).bars


def test_a_segment_comes_back_as_the_market_that_it_was():
    market = three()
    for number, symbol in enumerate("ABC"):
        own, alone = part(market.each(), number), market.select([symbol])
        assert own.symbols == (symbol,)
        assert own.labels == (symbol,)
        for key in ("stamps", *FIELDS):
            assert getattr(own, key).tolist() == getattr(alone, key).tolist()
        assert own.periods_per_year == market.periods_per_year
    assert part(market, 0) is market


def test_labels_follow_their_segments():
    each = three().each()
    cut = each.until(200)
    assert cut.labels == ("A", "B")
    assert pickle.loads(pickle.dumps(each)).labels == each.labels
    assert stack([each, each]).labels == ("A (1)", "B (1)", "C (1)", "A (2)", "B (2)", "C (2)")
    aapl, ibm = (load(DataSettings(symbols=[symbol])) for symbol in ("AAPL", "IBM"))
    assert stack([aapl, ibm]).labels == ("AAPL", "IBM")


def test_labels_are_a_part_of_the_fingerprint_only_where_there_are_some():
    market = three()
    named = Market.build(market.close, stamps=market.stamps, labels=("one",))
    bare = Market.build(market.close, stamps=market.stamps)
    assert named.fingerprint != bare.fingerprint


@pytest.mark.parametrize("labels", [("A",), ("A", "A", "B"), ("A", "B", "C", "D")])
def test_every_segment_has_one_label_of_its_own(labels):
    each = three().each()
    with pytest.raises(DataError, match="has 3 segments"):
        Market.build(each.close, stamps=each.stamps, segment=each.segment, labels=labels)


def test_what_an_account_trades_has_a_name():
    market = three()
    spans = market.each().spans()
    assert span_names(market.each(), spans) == ("A", "B", "C")
    assert span_names(market.each(), spans[1:2]) == ("B",)
    assert span_names(market, market.spans()) == ("A", "B", "C")
    twice = stack([market, market])
    names = span_names(twice, twice.spans())
    assert names[:2] == ("market (1) A", "market (1) B")
    assert len(set(names)) == 6


# Intervals


@given(st.data())
def test_spans_are_the_bars_of_an_interval_in_every_segment(data):
    lengths = data.draw(st.lists(st.integers(1, 8), min_size=1, max_size=4))
    starts = [data.draw(st.integers(0, 6)) for _ in lengths]
    day = np.datetime64("2020-01-01", "ns") + np.arange(20) * np.timedelta64(1, "D")
    stamps = np.concatenate([day[s : s + n] for s, n in zip(starts, lengths, strict=True)])
    segment = np.repeat(np.arange(len(lengths)), lengths)
    market = Market.build(np.ones(len(stamps)), stamps=stamps, segment=segment)
    low = data.draw(st.integers(0, 14))
    high = data.draw(st.integers(low, 19))
    wanted = (stamps >= day[low]) & (stamps <= day[high])
    counts = np.bincount(segment[wanted], minlength=len(lengths))
    if not (counts > 1).any():
        with pytest.raises(UsageError):
            market.spans(day[low], day[high])
        return
    spans = market.spans(day[low], day[high])
    assert rows_of(spans, market.bars).tolist() == (wanted & (counts > 1)[segment]).tolist()
    assert (segment[spans[:, 0]] == segment[spans[:, 1]]).all()
    if len(lengths) == 1:
        assert spans.tolist() == [list(market.locate(day[low], day[high]))]


def test_a_single_bar_is_no_interval():
    with pytest.raises(UsageError, match="a single bar from 2000-01-05 to 2000-01-05"):
        three().spans("2000-01-05", "2000-01-05")


def test_no_feature_looks_across_a_seam():
    market = three()
    whole = compute_features(market.each())
    for number, symbol in enumerate(market.symbols):
        alone = compute_features(market.select([symbol]))
        rows = slice(120 * number, 120 * (number + 1))
        assert whole.values[rows].tobytes() == alone.values.tobytes()
        assert whole.warmup == alone.warmup

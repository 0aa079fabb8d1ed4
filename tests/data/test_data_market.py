"""A Market is checked once, cannot be changed, and slices without surprises."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drltrade.data import Market, load_market, stack
from drltrade.errors import DataError, UsageError

DAYS = np.arange("2020-01-01", "2020-01-11", dtype="datetime64[D]")


def small(**changes: object) -> Market:
    """Ten days of two assets; close 10..19 and twice that."""
    close = np.stack([np.arange(10.0, 20), 2 * np.arange(10.0, 20)], axis=1)
    fields = {
        "stamps": DAYS,
        "symbols": ("A", "B"),
        "open": close - 0.5,
        "high": close + 1,
        "low": close - 1,
        "volume": np.ones((10, 2)),
        "columns": {"vix": np.arange(10.0)},
    }
    return Market.build(**({"close": close} | fields | changes))


def test_arrays_are_read_only_copies() -> None:
    close = np.full((3, 1), 5.0)
    market = Market.build(close)
    close[0] = 99
    assert market.close[0, 0] == 5
    for name in ("stamps", "open", "high", "low", "close", "volume", "segment"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(market, name)[0] = 1
    with pytest.raises(TypeError):
        small().columns["vix"] = np.zeros((10, 2))
    with pytest.raises(ValueError, match="read-only"):
        small().columns["vix"][0] = 1


def test_closes_alone_make_a_market() -> None:
    market = Market.build([1.0, 2, 3])
    assert (market.bars, market.assets, market.symbols) == (3, 1, ("A0",))
    assert not market.has_ohlc
    assert not market.has_volume
    assert np.isnan(market.open).all()
    assert market.stamps.astype("datetime64[D]").tolist() == [
        *np.array(["2000-01-03", "2000-01-04", "2000-01-05"], "datetime64[D]").tolist()
    ]


def test_one_dimensional_columns_hold_for_every_asset() -> None:
    assert small().columns["vix"].tolist() == [[float(i)] * 2 for i in range(10)]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, (0, 9)),
        ("2020-01-03", None, (2, 9)),
        (None, "2020-01-03", (0, 2)),
        ("2020-01-03", "2020-01-05", (2, 4)),
        ("2020-01", "2020-01", (0, 9)),
        ("2020", "2020", (0, 9)),
        ("2020-01-03", "9999-12-31", (2, 9)),
        ("2020-01-03 12:00", "2020-01-05 00:00", (3, 4)),
        ("2020-01-03T01:00+02:00", None, (2, 9)),
        (np.datetime64("2020-01-09"), None, (8, 9)),
        (__import__("datetime").date(2020, 1, 9), None, (8, 9)),
        (2020, 2020, (0, 9)),
    ],
)
def test_both_ends_of_an_interval_belong_to_it(start, end, expected) -> None:
    market = small()
    assert market.locate(start, end) == expected
    first, last = expected
    part = market.between(start, end)
    assert part.close.tolist() == market.close[first : last + 1].tolist()
    assert part.columns["vix"].tolist() == market.columns["vix"][first : last + 1].tolist()
    assert part.stamps.tolist() == market.stamps[first : last + 1].tolist()


def test_a_day_includes_its_last_bar() -> None:
    hours = np.arange("2020-01-01T00", "2020-01-03T00", dtype="datetime64[h]")
    market = Market.build(np.ones(48), stamps=hours)
    assert market.locate("2020-01-01", "2020-01-01") == (0, 23)


@pytest.mark.parametrize(("start", "end"), [("2021", None), (None, "2019"), ("2020-02", "2020-01")])
def test_an_empty_interval_names_what_there_is(start, end) -> None:
    with pytest.raises(UsageError, match="2020-01-01 to 2020-01-10"):
        small().between(start, end)


@pytest.mark.parametrize(
    "date", ["tomorrow", "2020-13-01", "01/02/2020", "", "NaT", "2020-01-01Tx"]
)
def test_what_is_no_date_is_refused(date: str) -> None:
    with pytest.raises(UsageError, match="is not a date"):
        small().between(date)


def test_select_keeps_the_order_asked_for() -> None:
    part = small().select(["B"])
    assert part.close[:, 0].tolist() == (2 * np.arange(10.0, 20)).tolist()
    assert small().select(["B", "A"]).symbols == ("B", "A")
    with pytest.raises(UsageError, match="Did you mean 'AAPL'"):
        load_market().select(["APL"])
    with pytest.raises(UsageError, match="once each"):
        small().select(["A", "A"])
    with pytest.raises(UsageError, match="at least one"):
        small().select([])


WRONG = {
    "close nan": ({"close": np.full((10, 2), np.nan)}, "must be a number"),
    "close zero": ({"close": np.zeros((10, 2))}, "above zero"),
    "high shape": ({"high": np.ones((9, 2))}, r"high has shape \(9, 2\)"),
    "no low": ({"low": None}, "together, or none"),
    "low over open": (
        {"low": np.full((10, 2), 60.0), "high": np.full((10, 2), 99.0)},
        "above open",
    ),
    "volume negative": ({"volume": -np.ones((10, 2))}, "cannot be negative"),
    "stamps back": ({"stamps": DAYS[::-1]}, "must increase"),
    "stamps equal": ({"stamps": DAYS[[0, 0, 1, 2, 3, 4, 5, 6, 7, 8]]}, "must increase"),
    "stamp missing": ({"stamps": [*DAYS[:-1], np.datetime64("NaT")]}, "is missing"),
    "few stamps": ({"stamps": DAYS[:5]}, r"open has shape"),
    "symbols equal": ({"symbols": ("A", "A")}, "twice"),
    "three symbols": ({"symbols": ("A", "B", "C")}, "3 symbols"),
    "segments skip": ({"segment": [0] * 5 + [2] * 5}, "segments must count"),
    "segments fall": ({"segment": [0] * 5 + [1] * 2 + [0] * 3}, "segments must count"),
    "segments short": ({"segment": [0, 1]}, "segment has shape"),
    "column shape": ({"columns": {"vix": np.ones(4)}}, "vix has shape"),
    "no bars": ({"close": np.ones((0, 2))}, "empty"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_impossible_market_is_refused(case: str) -> None:
    changes, says = WRONG[case]
    keep = {"open": None, "high": None, "low": None, "volume": None}
    changes = ({} if case.startswith(("high", "no low", "low", "volume")) else keep) | changes
    if case == "no bars":
        changes |= {"stamps": DAYS[:0], "columns": None}
    with pytest.raises(DataError, match=says):
        small(**changes)


def test_a_refusal_names_asset_stamp_and_value() -> None:
    close = np.full((10, 2), 5.0)
    close[3, 1] = -2
    with pytest.raises(DataError, match="close of B at 2020-01-04 is -2"):
        small(close=close, open=None, high=None, low=None)


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="Unknown time zone 'Mars/Olympus'"):
        small(timezone="Mars/Olympus")


def test_rounding_is_no_contradiction() -> None:
    market = small()
    nudged = np.maximum(market.open, market.close) * (1 - 1e-9)
    assert small(high=nudged).bars == 10


# Fingerprints


def test_the_fingerprint_sees_every_value_and_nothing_else() -> None:
    market = small()
    assert market.fingerprint == small().fingerprint
    assert market.fingerprint == small(name="other", notes=("a note",)).fingerprint
    assert len(market.fingerprint) == 64
    seen = {market.fingerprint}
    for name in ("open", "high", "low", "close", "volume"):
        values = getattr(market, name).copy()
        values[7, 1] *= 1 + 1e-7
        seen.add(small(**{name: values}).fingerprint)
    seen.add(small(symbols=("A", "C")).fingerprint)
    seen.add(small(stamps=DAYS + 1).fingerprint)
    seen.add(small(timezone="Asia/Tokyo").fingerprint)
    seen.add(small(columns={"vix": np.arange(10.0) + 1}).fingerprint)
    seen.add(small(columns={"vax": np.arange(10.0)}).fingerprint)
    seen.add(small(segment=[0] * 5 + [1] * 5).fingerprint)
    seen.add(small(periods=99).fingerprint)
    assert len(seen) == 13


def test_every_nan_and_every_zero_is_the_same() -> None:
    other = np.array([np.uint64(0xFFF8000000000001)]).view(np.float64)[0]
    ours, theirs = np.zeros((10, 2)), np.full((10, 2), -0.0)
    ours[0], theirs[0] = np.nan, other
    assert small(columns={"x": ours}).fingerprint == small(columns={"x": theirs}).fingerprint


# Exact arithmetic only, so that every machine makes the same bits.
SYNTHETIC = """
import numpy as np
from drltrade.data import Market
close = (np.arange(900) * 7919 % 1000 + 1000).reshape(300, 3) / 8
columns = {name: np.arange(300.0) * k for k, name in enumerate(("vix", "rate", "spread"))}
print(Market.build(close, columns=columns, symbols=("x", "y", "z")).fingerprint)
"""
SYNTHETIC_FINGERPRINT = "e733b82870ee236df38bba65787d2ebed4c791f7cbbff2b47e920f5e223f6307"


@pytest.mark.parametrize("hash_seed", ["0", "1", "random"])
def test_fingerprints_agree_across_processes_and_machines(hash_seed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SYNTHETIC],
        env={"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == SYNTHETIC_FINGERPRINT


def test_a_copy_is_the_same_market() -> None:
    market = small()
    again = pickle.loads(pickle.dumps(market))
    assert again.fingerprint == market.fingerprint
    assert again.columns["vix"].tolist() == market.columns["vix"].tolist()
    with pytest.raises(ValueError, match="read-only"):
        again.close[0] = 1
    assert copy.deepcopy(market) is market


# Segments


def test_stacked_markets_become_segments() -> None:
    early, late = small(), small(stamps=DAYS + 100, name="late")
    both = stack([late, early, late])
    assert both.bars == 30
    assert both.segment.tolist() == [0] * 10 + [1] * 10 + [2] * 10
    assert both.stamps[10] < both.stamps[9]
    assert both.name == "late + market"
    assert both.columns["vix"].shape == (30, 2)
    assert stack([both, early]).segment[-1] == 3


def test_slicing_numbers_segments_afresh() -> None:
    both = stack([small(), small(stamps=DAYS + 100)])
    later = both.between("2020-04-01")
    assert later.segment.tolist() == [0] * 10
    assert both.locate("2020-04-01") == (10, 19)
    # Bars in the middle of each segment: not one run.
    twice = stack([small(), small()])
    assert twice.between("2020-01-04", "2020-01-05").segment.tolist() == [0, 0, 1, 1]
    with pytest.raises(UsageError, match="several segments"):
        twice.locate("2020-01-04", "2020-01-05")


def test_other_symbols_may_be_stacked_and_are_noted() -> None:
    stocks = [load_market(symbols=[symbol]) for symbol in ("AAPL", "IBM")]
    both = stack(stocks)
    assert both.symbols == ("AAPL",)
    assert both.bars == 6540
    assert "in turn: AAPL; IBM" in both.notes[-1]


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (lambda: small().select(["A"]), "2 and 1 assets"),
        (lambda: small(stamps=np.arange("2020", "2030", dtype="datetime64[Y]")), "bars a year"),
        (lambda: small(timezone="Asia/Tokyo"), "Asia/Tokyo"),
        (lambda: small(columns={}), "only one has vix"),
        (lambda: small(open=None, high=None, low=None), "closes only"),
        (lambda: small(raw=True), "only one has prices as traded"),
    ],
)
def test_what_does_not_fit_is_not_stacked(other, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        stack([small(), other()])


def test_nothing_cannot_be_stacked() -> None:
    with pytest.raises(UsageError, match="at least one"):
        stack([])


# Invariants


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_slice_is_a_run_of_the_whole(data: st.DataObject) -> None:
    bars = data.draw(st.integers(1, 40))
    steps = data.draw(st.lists(st.integers(1, 9), min_size=bars, max_size=bars))
    stamps = np.datetime64("2020-01-01") + np.cumsum(steps)
    market = Market.build(np.arange(1.0, bars + 1), stamps=stamps)
    first = data.draw(st.integers(0, bars - 1))
    last = data.draw(st.integers(first, bars - 1))
    part = market.between(str(stamps[first]), str(stamps[last]))
    assert part.close[:, 0].tolist() == list(range(first + 1, last + 2))
    assert market.locate(str(stamps[first]), str(stamps[last])) == (first, last)
    assert part.periods_per_year == market.periods_per_year


def test_importing_the_room_loads_no_pandas_and_no_torch() -> None:
    script = (
        "import sys; import drltrade.data; from drltrade.data import Market, DataSettings\n"
        "Market.build([1.0, 2.0])\n"
        "print([name for name in ('pandas', 'torch', 'yfinance', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"

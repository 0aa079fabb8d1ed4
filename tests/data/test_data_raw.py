"""Raw prices stay as traded, and what strategies see of them is their total return so far."""

from __future__ import annotations

import pickle
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drltrade.config import parse
from drltrade.data import DataSettings, Market, load, load_market, stack
from drltrade.data.check import check_file
from drltrade.errors import DataError, UsageError

DAYS = pd.bdate_range("2020-01-01", periods=5)
HAND = pd.DataFrame(
    {
        "Date": DAYS,
        "Open": [99.0, 103.0, 51.0, 52.0, 51.0],
        "High": [101.0, 105.0, 53.0, 54.0, 53.0],
        "Low": [98.0, 102.0, 50.0, 51.0, 50.0],
        "Close": [100.0, 104.0, 52.0, 53.0, 51.0],
        "Adj Close": [50.0, 52.0, 52.0, 53.0, 51.0],
        "Volume": [10.0, 12.0, 30.0, 28.0, 26.0],
        "Stock Splits": [0.0, 0, 2, 0, 0],  # 2:1 before the third bar opens
        "Dividends": [0.0, 0, 0, 0, 2],  # and 2 for each new share on the fifth
    }
)


def hand(**changes: object) -> Market:
    return load_market(HAND.assign(**changes), prices="raw")


def test_raw_prices_are_taken_as_they_stand() -> None:
    market = hand()
    assert market.raw
    assert market.close[:, 0].tolist() == HAND.Close.tolist()
    assert market.open[:, 0].tolist() == HAND.Open.tolist()
    assert market.volume[:, 0].tolist() == HAND.Volume.tolist()
    assert market.columns["split"][:, 0].tolist() == [1, 1, 2, 1, 1]
    assert market.columns["dividend"][:, 0].tolist() == [0, 0, 0, 0, 2]
    assert set(market.columns) == {"split", "dividend"}
    assert market.notes == ("asset: prices are as traded; Adj Close is not used.",)


def test_the_adjusted_return_is_that_of_one_share_held() -> None:
    """100 -> 104; then 2 shares of 52: flat; 53; then 51 and 2 in cash: flat again."""
    adjusted = hand().adjusted
    assert not adjusted.raw
    returns = adjusted.close[1:, 0] / adjusted.close[:-1, 0] - 1
    assert returns == pytest.approx([0.04, 0.0, 53 / 52 - 1, 0.0], abs=1e-15)
    # The factor is 1, 1, 2, 2 and 2 (1 + 2 / 51) = 106 / 51: the dividend buys at the close.
    assert adjusted.close[:, 0] == pytest.approx([100, 104, 104, 106, 106], rel=1e-15)
    assert adjusted.open[:, 0] == pytest.approx([99, 103, 102, 104, 106], rel=1e-15)
    assert adjusted.high[4, 0] == pytest.approx(53 * 106 / 51, rel=1e-15)
    assert adjusted.low[2, 0] == 100
    assert adjusted.volume[:, 0].tolist() == [10, 12, 15, 14, 13]  # the split part alone


def test_a_dividend_on_the_day_of_a_split_is_for_the_new_shares() -> None:
    """One share at 100 becomes 4 at 24, each with 1 in cash: 4 x 25 = 100."""
    market = Market.build([100.0, 24.0], columns={"split": [1, 4], "dividend": [0, 1]}, raw=True)
    assert market.adjusted.close[:, 0] == pytest.approx([100, 100], rel=1e-15)


def test_events_of_the_first_bar_fell_to_earlier_holders() -> None:
    columns = {"split": [2.0, 1.0], "dividend": [5.0, 0.0]}
    market = Market.build([10.0, 11.0], columns=columns, raw=True)
    assert market.adjusted.close[:, 0].tolist() == [10, 11]


def test_segments_are_adjusted_each_from_its_own_start() -> None:
    both = stack([hand(), hand()])
    assert both.raw
    once = hand().adjusted.close[:, 0].tolist()
    assert both.adjusted.close[:, 0].tolist() == once * 2


def test_a_market_without_events_is_its_own_adjusted_one() -> None:
    plain = load_market()
    assert plain.adjusted is plain
    calm = hand(**{"Close": HAND.Open, "Stock Splits": 0.0, "Dividends": 0.0})
    assert calm.adjusted is calm


def test_adjusted_prices_keep_split_and_dividend_as_mere_columns() -> None:
    """The ledger reads them only where the Market is raw; both at once would pay twice."""
    market = load_market(HAND)
    assert not market.raw
    assert market.close[:, 0].tolist() == HAND["Adj Close"].tolist()
    assert set(market.columns) == {"stock_splits", "dividends"}
    assert market.columns["stock_splits"][:, 0].tolist() == [0, 0, 2, 0, 0]
    wild = Market.build([1.0, 2.0], columns={"split": [-1.0, np.nan]})
    assert wild.columns["split"][0, 0] == -1
    assert wild.adjusted is wild


@pytest.mark.parametrize("names", [("split_ratio", "dividend_amount"), ("Splits", "DIVIDEND")])
def test_other_names_of_split_and_dividend_are_understood(names: tuple[str, str]) -> None:
    renamed = HAND.rename(columns={"Stock Splits": names[0], "Dividends": names[1]})
    assert load_market(renamed, prices="raw").fingerprint == hand().fingerprint


def test_empty_cells_are_no_event() -> None:
    splits, cash = [np.nan, 0, 2, 1, np.nan], [np.nan, 0, 0, np.nan, 2]
    assert hand(**{"Stock Splits": splits, "Dividends": cash}).fingerprint == hand().fingerprint


def test_raw_is_part_of_the_fingerprint_and_of_every_copy() -> None:
    market = hand()
    other = Market.build([1.0, 2.0])
    assert other.fingerprint != Market.build([1.0, 2.0], raw=True).fingerprint
    assert pickle.loads(pickle.dumps(market)).raw
    assert market.between("2020-01-02").raw
    assert market.select(market.symbols).raw
    assert market.until(2).raw


# The embedded sample's source: raw prices, and the adjusted closes of another party.


def apple() -> tuple[pd.DataFrame, np.ndarray]:
    source = pd.read_csv(files("bokeh_sampledata") / "_data" / "stocks.csv.gz")
    raw = source[source.Ticker == "AAPL"].reset_index(drop=True)
    split = np.where(raw.Date.isin(["2000-06-21", "2005-02-28"]), 2.0, 1.0)
    return raw, split


def test_apple_as_traded_has_the_returns_of_the_embedded_sample() -> None:
    raw, split = apple()
    # 2.65 each on the ex-dates of 2012 and 2013: all dividends of these years.
    cash = raw.Date.map({"2012-08-09": 2.65, "2012-11-07": 2.65, "2013-02-07": 2.65}).fillna(0.0)
    market = load_market(raw.assign(split=split, dividend=cash), prices="raw")
    assert market.close[:, 0].tolist() == raw.Close.tolist()
    assert not [note for note in market.notes if "split" in note]
    sample = load_market("sample", ["AAPL"])
    ours, theirs = (np.diff(np.log(m.close[:, 0])) for m in (market.adjusted, sample))
    # They take a dividend from the close before (1 - d / C'), as CRSP-style back-adjustment does.
    assert ours == pytest.approx(theirs, abs=2e-4)
    calm = cash[1:].to_numpy() == 0
    assert ours[calm] == pytest.approx(theirs[calm], abs=1e-9)
    # Volume counts shares of the first day here, those of after 2014's 7:1 in the sample.
    assert market.adjusted.volume * 28 == pytest.approx(sample.volume)


def test_a_split_that_is_told_is_no_suspicion_and_one_too_many_is() -> None:
    raw, split = apple()
    told = load_market(raw.assign(split=split, dividend=0.0), prices="raw")
    assert told.notes == ("AAPL: prices are as traded; Adj Close is not used.",)
    untold = load_market(raw.assign(split=1.0, dividend=0.0), prices="raw")
    assert "(2 such bars)" in untold.notes[0]
    assert "is it in the column split, and are the prices as traded?" in untold.notes[0]
    # Split-adjusted prices with a split column: what Yahoo calls unadjusted.
    shares = np.cumprod(split)
    mixed = raw.assign(split=split, dividend=0.0)
    for name in ("Open", "High", "Low", "Close"):
        mixed[name] = raw[name] * shares
    assert "are the prices as traded?" in load_market(mixed, prices="raw").notes[0]


def test_missing_event_columns_are_told(tmp_path: Path) -> None:
    bare = HAND.drop(columns=["Adj Close", "Stock Splits", "Dividends"])
    market = load_market(bare, prices="raw")
    assert any("has no column split: no split is assumed" in note for note in market.notes)
    assert any("has no column dividend" in note for note in market.notes)
    # One file with, one without: the second holds none.
    HAND.to_csv(tmp_path / "A.csv", index=False)
    bare.to_csv(tmp_path / "B.csv", index=False)
    both = load_market(tmp_path, prices="raw")
    assert both.columns["split"][:, 1].tolist() == [1.0] * 5
    assert both.columns["dividend"].tolist() == [[0, 0]] * 4 + [[2, 0]]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"Stock Splits": [0, 0, -2.0, 0, 0]}, "row 3: split of asset is -2, but must be above"),
        ({"Stock Splits": [0, 0, np.inf, 0, 0]}, "split of asset is inf"),
        ({"Dividends": [0, -1.0, 0, -1, 0]}, r"row 2: dividend of asset is -1, .*\(2 such rows\)"),
        (
            {"Stock Splits": [None, None, "2:1", None, None]},
            "row 3: stock_splits is '2:1', which is not",
        ),
        ({"split": 1.0}, "two columns of split, one of them 'split'"),
    ],
)
def test_impossible_events_are_refused_by_row(changes: dict, says: str) -> None:
    with pytest.raises(DataError, match=says):
        hand(**changes)


def test_adjusted_closes_alone_cannot_be_raw() -> None:
    alone = HAND[["Date", "Adj Close"]]
    assert load_market(alone).close[0, 0] == 50
    with pytest.raises(DataError, match="adjusted closes alone, but prices: raw needs those"):
        load_market(alone, prices="raw")


def test_the_sample_has_no_raw_prices() -> None:
    with pytest.raises(UsageError, match="The sample holds adjusted prices only"):
        load_market(prices="raw")


def test_settings_and_a_check_read_raw_prices(tmp_path: Path) -> None:
    path = tmp_path / "asset.csv"
    HAND.to_csv(path, index=False)
    chosen = parse(DataSettings, {"source": str(path), "prices": "raw"}, "data")
    assert load(chosen).fingerprint == hand().fingerprint
    assert check_file(path, raw=True).fingerprint == hand().fingerprint
    assert check_file(path).fingerprint == load_market(HAND).fingerprint
    with pytest.raises(UsageError, match="prices"):
        parse(DataSettings, {"prices": "rough"}, "data")
    with pytest.raises(UsageError, match=r"value of prices 'rough'.*Allowed: adjusted, raw"):
        load_market(path, prices="rough")  # type: ignore[arg-type]


# No look-ahead


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 18))
def test_what_comes_later_never_changes_an_adjusted_row(seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)

    def raw(bars: int) -> dict[str, np.ndarray]:
        close = np.exp(rng.normal(3, 0.5, (bars, 2)))
        return {
            "close": close,
            "open": close * 1.01,
            "high": close * 1.02,
            "low": close * 0.9,
            "volume": rng.uniform(1, 9, (bars, 2)),
            "split": np.where(rng.random((bars, 2)) < 0.3, rng.uniform(0.1, 9, (bars, 2)), 1),
            "dividend": np.where(rng.random((bars, 2)) < 0.3, rng.uniform(0, 5, (bars, 2)), 0),
        }

    def market(fields: dict[str, np.ndarray]) -> Market:
        columns = {name: fields.pop(name) for name in ("split", "dividend")}
        return Market.build(columns=columns, raw=True, **fields)

    one, two = raw(20), raw(20)
    other = {name: np.concatenate([one[name][:cut], two[name][cut:]]) for name in one}
    whole = market(dict(one))
    for again in (market(other), whole.until(cut - 1)):
        for name in ("open", "high", "low", "close", "volume"):
            rows = getattr(whole.adjusted, name)[:cut], getattr(again.adjusted, name)[:cut]
            assert rows[0].tobytes() == rows[1].tobytes()
    returns = whole.adjusted.close[1:] / whole.adjusted.close[:-1]
    held = one["split"][1:] * (one["close"][1:] + one["dividend"][1:]) / one["close"][:-1]
    assert returns == pytest.approx(held, rel=1e-12)

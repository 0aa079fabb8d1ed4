"""The columns that the ledger reads mean one thing each and hold nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from drltrade.data import Market, load_market
from drltrade.data.reserved import RESERVED, canonical
from drltrade.errors import DataError

DAYS = pd.date_range("2020-01-01", periods=3)


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"date": DAYS, "close": [1.0, 2, 3], **columns})


def test_the_ledgers_columns_are_all_there() -> None:
    assert set(RESERVED) == {"tradable", "delisted", "funding", "split", "dividend"}
    for name, known in RESERVED.items():
        assert known.fits(np.array([known.default])).all(), name
        assert known.meaning
        assert known.unit


def test_the_readme_tells_every_reserved_column() -> None:
    readme = (Path(__file__).parents[2] / "data" / "COLUMNS.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)`[^|]*\| [a-z]", readme, re.MULTILINE)
    assert told == list(RESERVED)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("tradable", 0.5, "tradable of A1 at 2000-01-04 is 0.5, but must be 1 or 0"),
        ("tradable", np.nan, "tradable of A1 at 2000-01-04 is nan, but must be 1 or 0"),
        ("delisted", 2.0, "delisted of A1 at 2000-01-04 is 2"),
        ("delisted", np.nan, "delisted of A1"),
        ("funding", 1.0, "but must be above -1 and below 1"),
        ("funding", np.inf, "funding of A1"),
        ("split", -1.0, "but must be above zero and finite"),
        ("dividend", -0.1, "but must be zero or above and finite"),
    ],
)
def test_the_door_refuses_what_a_reserved_column_cannot_mean(name, value, says) -> None:
    values = np.full((3, 2), RESERVED[name].default)
    values[1, 1] = value
    with pytest.raises(DataError, match=says) as caught:
        Market.build(np.ones((3, 2)), columns={name: values}, raw=True)
    assert str(caught.value).endswith("rename the column if yours says something else.")


def test_blank_cells_are_filled_where_they_mean_none() -> None:
    gap = [np.nan, 0.01, 0.0]
    market = Market.build(np.ones(3), columns={"funding": gap, "vix": gap})
    assert market.columns["funding"][:, 0].tolist() == [0, 0.01, 0]
    assert np.isnan(market.columns["vix"][0, 0])
    raw = Market.build(np.ones(3), columns={"split": gap, "dividend": gap}, raw=True)
    assert raw.columns["split"][:, 0].tolist() == [1, 0.01, 1]
    assert raw.columns["dividend"][:, 0].tolist() == [0, 0.01, 0]
    with pytest.raises(ValueError, match="read-only"):
        raw.columns["split"][0] = 1


@pytest.mark.parametrize("words", ["True False True", "true FALSE yes", "1 0 1", "yes no Yes"])
def test_flags_may_be_words(tmp_path, words: str) -> None:
    path = tmp_path / "A.csv"
    frame(tradable=words.split()).to_csv(path, index=False)
    assert load_market(path).columns["tradable"][:, 0].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["true", "maybe", "true"], "row 2: tradable is 'maybe', which is neither true nor false"),
        (["true", None, "true"], "row 2: tradable of asset is missing"),
        ([1.0, 1, 3], "row 3: tradable of asset is 3, but must be 1 or 0"),
    ],
)
def test_a_flag_that_says_nothing_is_named_by_row(cells: list, says: str) -> None:
    with pytest.raises(DataError, match=says):
        load_market(frame(tradable=cells))


def test_text_in_a_reserved_number_is_an_error_and_elsewhere_left_out() -> None:
    with pytest.raises(DataError, match="row 1: funding is '1bp', which is not a number"):
        load_market(frame(funding=["1bp", "0", "0"]))
    assert load_market(frame(split=["2:1", "", ""])).columns == {}


def test_aliases_hold_for_raw_prices_alone() -> None:
    assert canonical("stock_splits", raw=True) == "split"
    assert canonical("stock_splits", raw=False) is None
    assert canonical("split", raw=False) is None
    assert canonical("tradable", raw=False) == "tradable"
    assert canonical("vix", raw=True) is None

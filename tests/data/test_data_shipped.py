"""The shipped data are the bytes their README names, and load without complaint."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from drltrade.data import load_market
from drltrade.data.check import check_file

DATA = Path(__file__).parents[2] / "data"
README = (DATA / "README.md").read_text(encoding="utf-8")
SUMS = dict(re.findall(r"^\| `([^`]+)`.*`([0-9a-f]{64})` \|$", README, re.MULTILINE))


def test_the_readme_names_every_shipped_table() -> None:
    shipped = {path.name for path in DATA.iterdir() if path.name.endswith((".csv", ".csv.gz"))}
    assert {"eurusd-hourly.csv", "sp500-20.csv.gz", "../drltrade/data/sample.parquet"} == set(SUMS)
    assert {name for name in SUMS if "/" not in name} <= shipped


@pytest.mark.parametrize("name", SUMS)
def test_bytes_match_the_sum_in_the_readme(name: str) -> None:
    content = (DATA / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == SUMS[name]
    assert len(content) < 1_000_000


@pytest.mark.parametrize("name", ["LICENSE-gym-anytrading.txt", "LICENSE-skfolio.txt"])
def test_licences_lie_beside_the_data(name: str) -> None:
    assert name in README
    assert "copyright notice" in (DATA / name).read_text(encoding="utf-8")


def test_the_twenty_stocks_are_the_file_that_skfolio_ships() -> None:
    ours = (DATA / "sp500-20.csv.gz").read_bytes()
    assert ours == (files("skfolio") / "datasets" / "data" / "sp500_dataset.csv.gz").read_bytes()


def test_eurusd_hourly_is_read_day_first() -> None:
    market = load_market(DATA / "eurusd-hourly.csv")
    assert (market.bars, market.assets) == (6225, 1)
    assert str(market.start) == "2017-01-01T22:00:00.000000000"
    assert str(market.end) == "2017-12-29T21:00:00.000000000"
    assert market.periods_per_year == 252 * 24
    assert market.has_ohlc
    assert market.has_volume
    assert market.notes == ()
    assert market.timezone == "UTC"
    weekday = (market.stamps.astype("datetime64[D]").astype(int) + 3) % 7
    assert set(weekday.tolist()) == {0, 1, 2, 3, 4, 6}  # nobody trades on Saturdays


def test_eurusd_bars_do_not_contradict_themselves() -> None:
    market = load_market(DATA / "eurusd-hourly.csv")
    assert (market.low <= np.minimum(market.open, market.close)).all()
    assert (market.high >= np.maximum(market.open, market.close)).all()


def test_the_twenty_stocks_have_closes_only() -> None:
    market = load_market(DATA / "sp500-20.csv.gz")
    assert (market.bars, market.assets) == (8313, 20)
    assert not market.has_ohlc
    assert not market.has_volume
    assert np.isnan(market.open).all()
    assert market.periods_per_year == 252
    assert market.close[-1, market.symbols.index("AAPL")] == 125.674
    assert len(market.notes) == 1
    assert "RRC" in market.notes[0]


@pytest.mark.parametrize("name", ["eurusd-hourly.csv", "sp500-20.csv.gz"])
def test_the_check_finds_them_usable(name: str) -> None:
    report = check_file(DATA / name)
    assert report.ok
    assert report.bars == load_market(DATA / name).bars
    assert report.fingerprint == load_market(DATA / name).fingerprint

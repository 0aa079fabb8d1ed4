"""Raw fetching gives back what was traded, although Yahoo adjusts everything for splits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from drltrade.data import load_market, yahoo
from drltrade.data.fetch import fetch
from drltrade.data.traded import as_traded

DAYS = pd.bdate_range("2020-01-01", periods=60)
SPLITS = {20: 2.0, 55: 5.0}  # the second comes after the last day that is asked for
DIVIDENDS = {10: 0.7, 20: 0.4, 30: 0.5}  # as paid per share on the day; the second with a split
LAST = 40


def traded() -> pd.DataFrame:
    """What happened at the exchange."""
    rng = np.random.default_rng(4)
    shares = np.ones(60)
    for day, ratio in SPLITS.items():
        shares[day:] *= ratio
    close = 1000 * np.exp(np.cumsum(rng.normal(0, 0.01, 60))) / shares
    frame = pd.DataFrame(index=DAYS)
    frame["open"], frame["high"], frame["low"] = close * 1.001, close * 1.01, close * 0.99
    frame["close"] = close
    frame["volume"] = np.round(rng.uniform(1000, 2000, 60) * shares)
    frame["dividend"] = pd.Series(DIVIDENDS).reindex(range(60), fill_value=0.0).to_numpy()
    frame["split"] = pd.Series(SPLITS).reindex(range(60), fill_value=1.0).to_numpy()
    return frame


def as_yahoo_tells() -> pd.DataFrame:
    """The same in today's shares, day by day, with an adjusted close as Yahoo makes it."""
    told = traded()
    adjusted = told.close.to_numpy().copy()
    for day in range(60):
        for later, ratio in SPLITS.items():
            if day < later:
                told.iloc[day, told.columns.get_indexer(["open", "high", "low", "close"])] /= ratio
                told.iloc[day, told.columns.get_loc("dividend")] /= ratio
                told.iloc[day, told.columns.get_loc("volume")] *= ratio
    adjusted = told.close.to_numpy().copy()
    for day in DIVIDENDS:
        paid = told.dividend.iloc[day]
        adjusted[:day] *= 1 - paid / told.close.iloc[day - 1]
    return told.assign(adjusted=adjusted, split=told.split.where(told.split != 1, 0.0))


def test_splits_are_undone_in_prices_volumes_and_dividends() -> None:
    table, notes = as_traded(as_yahoo_tells())
    expected = traded()
    for name in expected.columns:
        assert table[name].to_numpy() == pytest.approx(expected[name].to_numpy(), rel=1e-12), name
    assert notes == []


def test_events_without_a_bar_move_to_the_next_one() -> None:
    """Yahoo adds an empty row for a split or a dividend on a day without trade."""
    told = as_yahoo_tells()
    told.iloc[20, told.columns.get_indexer(["open", "high", "low", "close", "adjusted"])] = np.nan
    table, _ = as_traded(told)
    expected = traded()
    kept = np.arange(60) != 20
    for name in ("close", "volume"):
        ours, theirs = table[name].to_numpy(), expected[name].to_numpy()
        assert ours[kept] == pytest.approx(theirs[kept], rel=1e-12)
    assert table.split.iloc[21] == 2
    assert table.dividend.iloc[21] == pytest.approx(0.4)
    assert table.split.iloc[20] == 1
    assert table.dividend.iloc[20] == 0


def test_dividends_in_other_shares_than_the_prices_raise_a_doubt() -> None:
    told = as_yahoo_tells()
    told["dividend"] = traded().dividend  # not adjusted for the splits: Yahoo has done this, too
    _, notes = as_traded(told)
    assert len(notes) == 1
    assert notes[0].startswith("3 dividends do not fit Yahoo's own Adj Close (2020-01-15 ...)")


# Through yfinance itself


@pytest.fixture
def answered(recorded, monkeypatch):
    """The recorded feed, answering in Yahoo's shape with events of the days asked for."""
    session, adapter = recorded
    asked: list[dict] = []
    told = as_yahoo_tells()
    plain = adapter.chart

    def chart(symbol: str, query: dict[str, list[str]]) -> tuple[int, dict]:
        asked.append(query)
        status, content = plain(symbol, query)
        first, last = (int(query.get(key, [0])[0]) for key in ("period1", "period2"))
        stamps = (DAYS + pd.Timedelta("9h30min")).tz_localize("America/New_York")
        seconds = np.array([int(stamp.timestamp()) for stamp in stamps])
        kept = np.flatnonzero((seconds >= first) & (seconds < (last or np.inf)))
        result = content["chart"]["result"][0]
        cells = {key: [float(told[key].iloc[i]) for i in kept] for key in told}
        result["timestamp"] = seconds[kept].tolist()
        result["indicators"]["quote"] = [
            {key: cells[key] for key in ("open", "high", "low", "close", "volume")}
        ]
        result["indicators"]["adjclose"] = [{"adjclose": cells["adjusted"]}]
        result["events"] = {
            "dividends": {
                str(seconds[i]): {"amount": told.dividend.iloc[i], "date": int(seconds[i])}
                for i in kept
                if told.dividend.iloc[i]
            },
            "splits": {
                str(seconds[i]): {
                    "date": int(seconds[i]),
                    "numerator": told.split.iloc[i],
                    "denominator": 1.0,
                }
                for i in kept
                if told.split.iloc[i]
            },
        }
        return status, content

    monkeypatch.setattr(adapter, "chart", chart)
    return session, adapter, asked


def run(answered: tuple, folder: Path, **rest: object) -> Path:
    options = {"cache": folder / "cache", "session": answered[0], "pause": 0.0, "raw": True} | rest
    return fetch(["AAPL"], "2020-01-01", str(DAYS[LAST - 1])[:10], **options)


def test_a_raw_file_is_ready_for_raw_prices(answered, tmp_path) -> None:
    lines: list[str] = []
    path = run(answered, tmp_path, progress=lines.append)
    assert path.name == "AAPL_2020-01-01_2020-02-25_raw.csv"
    assert any("1 splits and 3 dividends" in line for line in lines)
    market = load_market(path, prices="raw")
    expected = traded().iloc[:LAST]
    assert market.stamps.tolist() == DAYS[:LAST].to_numpy("datetime64[ns]").tolist()
    for name in ("open", "high", "low", "close", "volume"):
        assert getattr(market, name)[:, 0] == pytest.approx(expected[name].to_numpy(), rel=1e-12)
    for name in ("split", "dividend"):
        assert market.columns[name][:, 0] == pytest.approx(expected[name].to_numpy(), rel=1e-12)
    assert market.notes == ()


def test_splits_after_the_last_day_asked_for_are_undone_too(answered, tmp_path) -> None:
    run(answered, tmp_path)
    ends = [int(query["period2"][0]) for query in answered[2] if "period2" in query]
    assert max(ends) > pd.Timestamp.now("UTC").timestamp()
    assert load_market(run(answered, tmp_path), prices="raw").close[0, 0] > 900


def test_raw_and_adjusted_prices_have_caches_of_their_own(answered, tmp_path) -> None:
    raw = run(answered, tmp_path).read_bytes()
    adjusted = run(answered, tmp_path, raw=False)
    assert load_market(adjusted).close[0, 0] < 200
    answered[1].failures = 10**6
    assert run(answered, tmp_path).read_bytes() == raw
    card = json.loads((tmp_path / "cache" / "AAPL.raw.json").read_text())
    assert "as traded" in card["source"]
    assert (
        "adjusted for splits and dividends"
        in json.loads((tmp_path / "cache" / "AAPL.json").read_text())["source"]
    )


def test_a_fund_without_events_is_fetched_as_it_stands(tmp_path, monkeypatch) -> None:
    calm = traded().assign(dividend=0.0, split=0.0)
    monkeypatch.setattr(yahoo, "download_raw", lambda *_: calm.rename_axis("date"))
    path = fetch(["X"], "2020", "2020", cache=tmp_path, raw=True)
    market = load_market(path, prices="raw")
    assert market.close[:, 0] == pytest.approx(calm.close.to_numpy(), rel=1e-12)
    assert market.adjusted is market

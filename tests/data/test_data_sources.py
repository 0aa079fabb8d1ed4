"""The same prices are read alike from every shape that people keep them in."""

from __future__ import annotations

import datetime
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from drltrade.config import parse
from drltrade.data import DataSettings, load, load_market
from drltrade.data.check import check_file
from drltrade.errors import DataError, UsageError

DAYS = pd.bdate_range("2020-01-01", periods=30)
RNG = np.random.default_rng(3)


def bars(symbol: str) -> pd.DataFrame:
    rng = np.random.default_rng(sum(symbol.encode()))
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(DAYS)))), 2)
    frame = pd.DataFrame({"Date": DAYS, "Open": close - 0.25, "High": close + 0.5})
    return frame.assign(Low=close - 0.5, Close=close, Volume=rng.integers(1, 99, len(DAYS)))


A, B = bars("A"), bars("B")
LONG = pd.concat([A.assign(Symbol="A"), B.assign(Symbol="B")])
EXPECTED = np.stack([A.Close, B.Close], axis=1)


def write(path: Path, frame: pd.DataFrame, **options: object) -> Path:
    frame.to_csv(path, index=False, **options)
    return path


def two_header_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """The shape that yfinance.download returns."""
    wide = frame.pivot(index="Date", columns="Symbol")
    wide.columns.names = ["Price", "Ticker"]
    return wide


def by_date(folder: Path) -> Path:
    return write(folder / "p.csv", LONG.sort_values("Date", kind="stable"))


SHAPES = {
    "long": lambda f: write(f / "p.csv", LONG),
    "long, sorted by date": by_date,
    "long, other words": lambda f: write(
        f / "p.csv",
        LONG.rename(columns={"Date": "TIMESTAMP", "Symbol": "tic", "Volume": "vol"}),
    ),
    "long, semicolons": lambda f: write(f / "p.csv", LONG, sep=";"),
    "long, tabs": lambda f: write(f / "p.tsv", LONG, sep="\t"),
    "long, byte-order mark and CRLF": lambda f: write(
        f / "p.csv", LONG, encoding="utf-8-sig", lineterminator="\r\n"
    ),
    "long, gzip": lambda f: write(f / "p.csv.gz", LONG),
    "long, trailing comma": lambda f: _trailing(f / "p.csv"),
    "long, dates of the day first": lambda f: write(f / "p.csv", LONG, date_format="%d.%m.%Y"),
    "long, dates of the month first": lambda f: write(f / "p.csv", LONG, date_format="%m/%d/%Y"),
    "long, dates as one number": lambda f: write(f / "p.csv", LONG, date_format="%Y%m%d"),
    "long, months by name": lambda f: write(f / "p.csv", LONG, date_format="%b %d, %Y"),
    "long, epoch seconds": lambda f: write(f / "p.csv", LONG.assign(Date=_epoch("s"))),
    "long, epoch milliseconds": lambda f: write(f / "p.csv", LONG.assign(Date=_epoch("ms"))),
    "long, midnight in New York": lambda f: write(
        f / "p.csv", LONG.assign(Date=LONG.Date.dt.tz_localize("America/New_York"))
    ),
    "long, midnight in UTC": lambda f: write(
        f / "p.csv", LONG.assign(Date=LONG.Date.dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    ),
    "parquet": lambda f: _parquet(f / "p.parquet", LONG),
    "parquet with a zone": lambda f: _parquet(
        f / "p.parquet", LONG.assign(Date=LONG.Date.dt.tz_localize("Asia/Tokyo"))
    ),
    "parquet with the date as index": lambda f: _parquet(f / "p.pq", LONG.set_index("Date")),
    "parquet with two indices": lambda f: _parquet(f / "p.pq", LONG.set_index(["Symbol", "Date"])),
    "parquet of dates": lambda f: _parquet(f / "p.pq", LONG.assign(Date=LONG.Date.dt.date)),
    "two header rows": lambda f: _two_rows(f / "p.csv"),
    "one file a symbol": lambda f: [write(f / "A.csv", A), _parquet(f / "B.parquet", B)],
    "a folder": lambda f: [write(f / "A.csv", A), write(f / "B.csv", B)][0].parent,
    "a DataFrame": lambda f: LONG,
    "a DataFrame with an index": lambda f: LONG.set_index("Date"),
    "a DataFrame with a nameless index": lambda f: LONG.set_index("Date").rename_axis(None),
    "a DataFrame from yfinance": lambda f: two_header_rows(LONG),
    "a DataFrame by ticker": lambda f: two_header_rows(LONG).swaplevel(axis=1).sort_index(axis=1),
}


def _epoch(unit: str) -> np.ndarray:
    return LONG.Date.to_numpy().astype(f"datetime64[{unit}]").astype(np.int64)


def _parquet(path: Path, frame: pd.DataFrame) -> Path:
    frame.to_parquet(path)
    return path


def _two_rows(path: Path) -> Path:
    two_header_rows(LONG).to_csv(path)
    return path


def _trailing(path: Path) -> Path:
    text = LONG.to_csv(index=False)
    path.write_text("".join(f"{line},\n" for line in text.splitlines()))
    return path


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_market(shape: str, tmp_path: Path) -> None:
    market = load_market(SHAPES[shape](tmp_path))
    assert market.symbols == ("A", "B")
    assert market.stamps.tolist() == DAYS.to_numpy("datetime64[ns]").tolist()
    assert market.close.tolist() == EXPECTED.tolist()
    assert market.low[:, 1].tolist() == B.Low.tolist()
    assert market.volume[:, 0].tolist() == A.Volume.tolist()
    assert market.timezone == "UTC"
    assert market.notes == ()
    assert market.fingerprint == load_market(LONG).fingerprint


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_wide_tables_hold_closes_only(tmp_path: Path, ending: str) -> None:
    wide = pd.DataFrame({"date": DAYS, "A": A.Close, "B": B.Close})
    path = tmp_path / f"w.{ending}"
    (write if ending == "csv" else _parquet)(path, wide)
    market = load_market(path, ["B", "A"])
    assert market.symbols == ("B", "A")
    assert market.close.tolist() == EXPECTED[:, ::-1].tolist()
    assert not market.has_ohlc
    assert not market.has_volume


def test_tickers_that_look_like_columns_stay_tickers(tmp_path: Path) -> None:
    """C is Citigroup, V is Visa, LOW is Lowe's."""
    wide = pd.DataFrame({"date": DAYS, "C": A.Close, "V": B.Close, "LOW": A.Close})
    assert load_market(write(tmp_path / "w.csv", wide)).symbols == ("C", "V", "LOW")


@pytest.mark.parametrize("name", ["volume", "A_Volume", "Volume.1", "tick vol", "AVOL"])
def test_a_wide_column_that_looks_like_a_volume_is_told(tmp_path: Path, name: str) -> None:
    wide = pd.DataFrame({"date": DAYS, "A": A.Close, "B": B.Close, name: 1000 + A.Volume})
    market = load_market(write(tmp_path / "w.csv", wide))
    assert market.assets == 3
    assert f"the column {name} is read as the closes of an asset" in market.notes[0]
    assert "looks like a volume" in market.notes[0]
    assert check_file(tmp_path / "w.csv").warnings == market.notes[:1]


@pytest.mark.parametrize("name", ["VOLV-B.ST", "VOLCAR"])
def test_volvo_is_no_volume(tmp_path: Path, name: str) -> None:
    wide = pd.DataFrame({"date": DAYS, "A": A.Close, name: B.Close})
    assert load_market(write(tmp_path / "w.csv", wide)).notes == ()


def test_single_letters_are_understood_together(tmp_path: Path) -> None:
    letters = A.rename(columns={"Date": "t", "Open": "o", "High": "h", "Low": "l", "Close": "c"})
    letters = letters.rename(columns={"t": "time", "Volume": "v"})
    market = load_market(write(tmp_path / "A.csv", letters))
    assert market.high[:, 0].tolist() == A.High.tolist()
    assert market.volume[:, 0].tolist() == A.Volume.tolist()


def test_a_lone_series_is_named_after_its_file(tmp_path: Path) -> None:
    market = load_market(write(tmp_path / "gold.csv", A))
    assert market.symbols == ("gold",)
    assert market.name == "gold"


def test_assets_listed_later_start_later_and_are_counted(tmp_path: Path) -> None:
    wide = pd.DataFrame({"date": DAYS, "A": A.Close, "B": B.Close})
    wide.loc[:9, "B"] = np.nan
    wide.loc[28:, "A"] = np.nan
    market = load_market(write(tmp_path / "w.csv", wide))
    assert market.bars == 18
    assert market.notes == ("18 bars are common to all symbols; bars left out: A 10, B 2.",)
    alone = load_market(tmp_path / "w.csv", ["B"])
    assert (alone.bars, alone.notes) == (20, ())


def test_one_asset_without_ohlc_leaves_closes_for_all(tmp_path: Path) -> None:
    paths = [write(tmp_path / "A.csv", A), write(tmp_path / "B.csv", B[["Date", "Close"]])]
    market = load_market(paths)
    assert not market.has_ohlc
    assert np.isnan(market.open).all()
    assert market.volume[:, 0].tolist() == A.Volume.tolist()
    assert np.isnan(market.volume[:, 1]).all()
    assert market.notes == ("Only closes are used: B lacks open, high and low.",)


def test_further_numbers_become_columns_and_text_is_left_out(tmp_path: Path) -> None:
    extra = A.assign(VIX=np.arange(30.0), **{"Fed Rate": 1.5}, sector="tech")
    extra.loc[4, "VIX"] = np.nan
    market = load_market(write(tmp_path / "A.csv", extra))
    assert set(market.columns) == {"vix", "fed_rate"}
    assert np.isnan(market.columns["vix"][4, 0])
    assert market.columns["vix"][5, 0] == 5
    assert any("'sector' holds text and is left out" in note for note in market.notes)


def test_a_close_far_from_its_neighbours_is_noted(tmp_path: Path) -> None:
    odd = A[["Date", "Close"]].copy()
    odd.loc[7, "Close"] *= 10
    path = write(tmp_path / "A.csv", odd)
    (note,) = load_market(path).notes
    assert "A.csv', line 9: the close of A on 2020-01-10 is" in note
    assert "times the one before: one bar far from both neighbours" in note
    assert check_file(path).ok
    assert check_file(path).symbols[0].suspects == 1


@pytest.mark.parametrize(
    ("factor", "says"),
    [
        (0.5, "that matches a split"),
        (2.0, "that matches a split"),
        (30.0, "that matches a split"),
        (9.2, "a split or a change of unit"),
    ],
)
def test_a_level_that_moves_for_good_is_noted(tmp_path: Path, factor: float, says: str) -> None:
    odd = pd.DataFrame({"date": DAYS, "close": np.where(np.arange(30) < 9, 10.0, 10.0 * factor)})
    (note,) = load_market(write(tmp_path / "A.csv", odd)).notes
    assert "2020-01-14" in note
    assert says in note
    assert len(check_file(tmp_path / "A.csv").warnings) == 1


def test_rounding_of_adjusted_prices_is_smoothed(tmp_path: Path) -> None:
    """Three decimals, one factor: high may fall below close by a rounding error, no more."""
    odd = A.assign(High=A[["Open", "Close"]].max(axis=1) * (1 - 3e-7))
    market = load_market(write(tmp_path / "A.csv", odd))
    assert (market.high >= np.maximum(market.open, market.close)).all()
    assert market.notes == ("A: high or low of 30 bars was off by rounding.",)
    with pytest.raises(DataError, match="below open or close"):
        load_market(A.assign(High=A.Close * (1 - 1e-5)))


def test_adjusted_closes_adjust_everything(tmp_path: Path) -> None:
    """A 2:1 split after the tenth bar and a 1 % dividend after the twentieth."""
    shares = np.where(np.arange(30) < 10, 2.0, 1.0)
    dividend = np.where(np.arange(30) < 20, 0.99, 1.0)
    raw = A.copy()
    for name in ("Open", "High", "Low", "Close"):
        raw[name] = A[name] * shares
    raw["Adj Close"] = A.Close * dividend
    raw["Volume"] = A.Volume / shares
    market = load_market(write(tmp_path / "A.csv", raw))
    assert market.close[:, 0] == pytest.approx((A.Close * dividend).to_numpy(), rel=1e-12)
    assert market.open[:, 0] == pytest.approx((A.Open * dividend).to_numpy(), rel=1e-12)
    assert market.volume[:, 0] == pytest.approx(A.Volume.to_numpy(), rel=1e-12)
    assert market.notes == ("A: prices are adjusted by Adj Close, volume by the 1 splits in it.",)


# Clocks


HOURS = pd.date_range("2020-03-06 09:00", periods=60, freq="h")


def hourly(stamps: object) -> pd.DataFrame:
    return pd.DataFrame({"time": stamps, "close": np.arange(60.0) + 1})


def test_plain_times_are_utc(tmp_path: Path) -> None:
    market = load_market(write(tmp_path / "h.csv", hourly(HOURS)))
    assert market.stamps.tolist() == HOURS.to_numpy("datetime64[ns]").tolist()
    assert market.timezone == "UTC"


@pytest.mark.parametrize("zoned", [True, False])
def test_local_times_are_converted(tmp_path: Path, zoned: bool) -> None:
    """New York moves to summer time within these hours."""
    local = HOURS.tz_localize("UTC").tz_convert("America/New_York")
    stamps = local if zoned else local.tz_localize(None)
    path = write(tmp_path / "h.csv", hourly(stamps))
    market = load_market(path, timezone="America/New_York")
    assert market.stamps.tolist() == HOURS.to_numpy("datetime64[ns]").tolist()
    assert market.timezone == "America/New_York"


def test_a_parquet_file_brings_its_own_zone(tmp_path: Path) -> None:
    local = HOURS.tz_localize("UTC").tz_convert("Europe/Berlin")
    market = load_market(_parquet(tmp_path / "h.parquet", hourly(local)))
    assert market.timezone == "Europe/Berlin"
    assert market.stamps.tolist() == HOURS.to_numpy("datetime64[ns]").tolist()


def test_an_hour_that_never_was_is_refused(tmp_path: Path) -> None:
    stamps = pd.date_range("2020-03-08 00:00", periods=60, freq="h")
    with pytest.raises(DataError, match=r"line 4: the stamp 2020-03-08 02:00:00 happens twice or"):
        load_market(write(tmp_path / "h.csv", hourly(stamps)), timezone="America/New_York")


def test_date_and_time_in_two_columns(tmp_path: Path) -> None:
    text = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\n" + "".join(
        f"{stamp:%Y.%m.%d}\t{stamp:%H:%M:%S}\t1\t2\t1\t2\t5\n" for stamp in HOURS
    )
    (tmp_path / "mt.csv").write_text(text)
    market = load_market(tmp_path / "mt.csv")
    assert market.stamps.tolist() == HOURS.to_numpy("datetime64[ns]").tolist()
    assert market.volume[0, 0] == 5


def test_stamps_may_leave_midnight_and_seconds_out(tmp_path: Path) -> None:
    text = "date,close\n2020-01-01,1\n2020-01-01 12:00,2\n2020-01-02 00:00:00,3\n"
    (tmp_path / "p.csv").write_text(text)
    stamps = load_market(tmp_path / "p.csv").stamps.astype("datetime64[h]")
    assert stamps.astype(str).tolist() == ["2020-01-01T00", "2020-01-01T12", "2020-01-02T00"]


def test_days_and_hours_share_no_clock(tmp_path: Path) -> None:
    paths = [write(tmp_path / "A.csv", A), write(tmp_path / "h.csv", hourly(HOURS))]
    with pytest.raises(DataError, match="A has dates and h has times of day"):
        load_market(paths)


# Naming things


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("sampel", "Did you mean 'sample'"),
        ("A.cvs", "Did you mean 'A.csv'"),
        ("nowhere/prices.csv", "'nowhere/prices.csv' does not exist"),
        ("AAPL", "To pick symbols of the sample, name them as symbols"),
        ("empty", "holds no file"),
        ([], "No data file"),
    ],
)
def test_a_missing_source_is_one_sentence(tmp_path, monkeypatch, source, says: str) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "A.csv", A)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError) as caught:
        load_market(source)
    assert says in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_symbol_names_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", LONG.replace({"Symbol": {"A": "AAPL", "B": "MSFT"}}))
    with pytest.raises(UsageError, match=r"'AAPPL'. Did you mean 'AAPL'\? Allowed: AAPL, MSFT"):
        load_market(path, ["AAPPL"])
    with pytest.raises(UsageError, match="named twice"):
        load_market(path, ["AAPL", "AAPL"])


def test_one_symbol_in_two_files_is_refused(tmp_path: Path) -> None:
    one, two = write(tmp_path / "p.csv", LONG), write(tmp_path / "q.csv", LONG)
    with pytest.raises(DataError, match="both hold A"):
        load_market([one, two])


def test_files_are_found_below_the_roots(tmp_path: Path, monkeypatch) -> None:
    lab = tmp_path / "lab"
    (lab / "data").mkdir(parents=True)
    write(lab / "data" / "A.csv", A)
    monkeypatch.chdir(tmp_path)
    assert load_market("data/A.csv", roots=[lab]).bars == 30
    assert load_market("data", roots=[lab]).bars == 30
    assert load(DataSettings(source="data/A.csv"), roots=[lab]).bars == 30


# Settings


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("sample", {"source": "sample"}),
        ("data/x.csv", {"source": "data/x.csv"}),
        (["a.csv", "b.csv"], {"source": ["a.csv", "b.csv"]}),
        ({"symbols": "AAPL"}, {"symbols": ["AAPL"]}),
        ({"symbols": "AAPL, IBM"}, {"symbols": ["AAPL", "IBM"]}),
        ({"symbols": ("AAPL", "IBM")}, {"symbols": ["AAPL", "IBM"]}),
        ({"start": datetime.date(2010, 1, 2)}, {"start": "2010-01-02"}),
        ({"start": 2010, "end": "2012-06"}, {"start": "2010", "end": "2012-06"}),
    ],
)
def test_short_forms_are_understood(content, expected: dict) -> None:
    settings = DataSettings.model_validate(content)
    assert settings.model_dump(exclude_unset=True) == expected


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"sorce": "x"}, "Did you mean 'source'"),
        ({"start": "soon"}, "'soon' is not a date"),
        ({"start": "2012", "end": "2011"}, "start 2012 is after end 2011"),
        ({"start": True}, "'start' but is True|'start'"),
        ({"symbols": [True]}, "symbols"),
        ({"source": 5}, "source"),
        ({"periods_per_year": -1}, "above 0"),
    ],
)
def test_wrong_settings_are_one_sentence(content: dict, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        parse(DataSettings, content, "x.yaml")
    assert "\n" not in str(caught.value)


def test_settings_load_what_they_say() -> None:
    market = load(DataSettings(symbols=["IBM"], start="2010", end="2010", periods_per_year=250))
    assert market.symbols == ("IBM",)
    assert market.bars == 252
    assert market.periods_per_year == 250
    assert str(market.start)[:4] == str(market.end)[:4] == "2010"


def test_check_of_a_gzip_table_reports_gaps(tmp_path: Path) -> None:
    holed = A.drop(index=range(5, 15))
    (tmp_path / "g.csv.gz").write_bytes(gzip.compress(holed.to_csv(index=False).encode()))
    report = check_file(tmp_path / "g.csv.gz")
    assert report.ok
    assert (report.rows, report.bars) == (20, 20)
    (one,) = report.symbols
    assert (one.symbol, one.gaps, one.start) == ("g", 1, "2020-01-01")
    assert one.longest_gap_days == 15
    assert report.columns == ("open", "high", "low", "close", "volume")
    assert report.to_dict()["ok"] is True
    assert "can be used" in str(report)

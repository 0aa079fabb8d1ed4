"""Fetching works through yfinance itself on recorded-shape answers, and offline the second time."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from recorded_yahoo import DAYS, prices

from drltrade.data import load_market, yahoo
from drltrade.data.check import check_file
from drltrade.data.fetch import fetch
from drltrade.errors import DataError, UsageError


def run(recorded: tuple, tmp_path: Path, symbols: list[str], **rest: object) -> Path:
    options = {"start": "2020-01-01", "end": "2020-03-31", "pause": 0.0} | rest
    start, end = options.pop("start"), options.pop("end")
    session = recorded[0]
    return fetch(symbols, start, end, cache=tmp_path / "cache", session=session, **options)


def test_prices_arrive_adjusted_through_yfinance_itself(recorded, tmp_path) -> None:
    market = load_market(run(recorded, tmp_path, ["AAPL", "MSFT"]))
    assert market.symbols == ("AAPL", "MSFT")
    assert market.bars == len(DAYS)
    assert market.stamps.tolist() == DAYS.to_numpy("datetime64[ns]").tolist()
    assert market.close[:, 1] == pytest.approx(prices("MSFT").adjclose.to_numpy(), rel=1e-12)
    factor = (prices("AAPL").adjclose / prices("AAPL").close).to_numpy()
    assert market.open[:, 0] == pytest.approx(prices("AAPL").open.to_numpy() * factor, rel=1e-12)
    assert market.volume[:, 0].tolist() == prices("AAPL").volume.tolist()
    assert market.notes == ()


def test_the_second_call_needs_no_network(recorded, tmp_path) -> None:
    first = run(recorded, tmp_path, ["AAPL"]).read_bytes()
    asked = len(recorded[1].asked)
    assert asked > 0
    recorded[1].failures = 10**6
    assert run(recorded, tmp_path, ["AAPL"]).read_bytes() == first
    inner = run(recorded, tmp_path, ["AAPL"], start="2020-02", end="2020-02")
    assert len(recorded[1].asked) == asked
    assert load_market(inner).bars == len(pd.bdate_range("2020-02-01", "2020-02-29"))


def test_a_wider_span_is_asked_for_again(recorded, tmp_path) -> None:
    run(recorded, tmp_path, ["AAPL"], start="2020-02-03", end="2020-02-28")
    asked = len(recorded[1].asked)
    assert load_market(run(recorded, tmp_path, ["AAPL"])).bars == len(DAYS)
    assert len(recorded[1].asked) > asked


def test_a_damaged_cache_is_fetched_again(recorded, tmp_path) -> None:
    path = run(recorded, tmp_path, ["AAPL"])
    good = path.read_bytes()
    (tmp_path / "cache" / "AAPL.prices.csv").write_text("date,open\n")
    assert run(recorded, tmp_path, ["AAPL"]).read_bytes() == good


def test_progress_tells_each_step(recorded, tmp_path) -> None:
    lines: list[str] = []
    run(recorded, tmp_path, ["AAPL", "MSFT"], progress=lines.append)
    assert [line.split(":")[0] for line in lines] == ["[1/2] AAPL"] * 2 + ["[2/2] MSFT"] * 2
    assert "65 bars, 2020-01-01 to 2020-03-31" in lines[1]
    again: list[str] = []
    run(recorded, tmp_path, ["AAPL"], progress=again.append)
    assert "from the cache" in again[0]


def test_a_short_failure_is_tried_again(recorded, tmp_path) -> None:
    recorded[1].failures = 4
    lines: list[str] = []
    run(recorded, tmp_path, ["AAPL"], progress=lines.append)
    assert any("trying again" in line for line in lines)


def test_no_network_is_one_sentence(recorded, tmp_path) -> None:
    recorded[1].failures = 10**6
    with pytest.raises(DataError, match=r"Yahoo cannot be reached for 'AAPL'.*3 times"):
        run(recorded, tmp_path, ["AAPL"])
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("status", [429, 500])
def test_refusal_and_breakdown_are_one_sentence(recorded, tmp_path, status: int) -> None:
    recorded[1].status = status
    with pytest.raises(DataError, match="Yahoo cannot be reached") as caught:
        run(recorded, tmp_path, ["AAPL"])
    assert "\n" not in str(caught.value)


def test_an_unknown_ticker_is_one_sentence(recorded, tmp_path, capsys) -> None:
    with pytest.raises(DataError, match="no such ticker") as caught:
        run(recorded, tmp_path, ["AAPLE"])
    assert "'AAPLE'" in str(caught.value)
    assert "2020-01-01 to 2020-03-31" in str(caught.value)
    assert capsys.readouterr() == ("", "")


def test_a_span_without_trading_is_one_sentence(recorded, tmp_path) -> None:
    with pytest.raises(DataError, match="did not trade then"):
        run(recorded, tmp_path, ["AAPL"], start="1999-01-01", end="1999-02-01")


def test_days_without_a_price_are_counted(recorded, tmp_path) -> None:
    lines: list[str] = []
    path = run(recorded, tmp_path, ["HOLES"], progress=lines.append)
    assert load_market(path).bars == len(DAYS) - 1
    assert any("1 days without a price are left out (2020-01-06" in line for line in lines)
    card = json.loads((tmp_path / "cache" / "HOLES.json").read_text())
    assert "left out" in card["notes"][0]


def test_yfinance_settings_are_left_as_they_were(recorded, tmp_path) -> None:
    import yfinance

    def state() -> tuple:
        level = logging.getLogger("yfinance").level
        return yfinance.config.debug.hide_exceptions, level, list(warnings.filters)

    before = state()
    run(recorded, tmp_path, ["AAPL"])
    assert state() == before


def test_fetching_in_a_fresh_process_leaves_the_warning_filters_alone(tmp_path) -> None:
    script = (
        "import warnings, requests\n"
        "from drltrade.data.fetch import fetch\n"
        "from drltrade.errors import DataError\n"
        "before = list(warnings.filters)\n"
        "try:\n"
        f"    fetch(['X'], '2020', cache={str(tmp_path)!r}, attempts=1,\n"
        "          session=requests.Session())\n"
        "except DataError as error:\n"
        "    print(error)\n"
        "assert list(warnings.filters) == before, warnings.filters\n"
    )
    # Every request goes to a port of this machine on which nobody listens.
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    place = {"XDG_CACHE_HOME": str(tmp_path), "PATH": "", "NO_PROXY": ""}
    done = subprocess.run(
        [sys.executable, "-c", script], env=nowhere | place, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Yahoo cannot be reached for 'X'")
    assert done.stderr == ""


def answer(frame: pd.DataFrame) -> Callable[..., pd.DataFrame]:
    return lambda symbol, start, end, session=None: frame


def frame_of(**changes: list[float]) -> pd.DataFrame:
    good = {"open": [1.0, 2], "high": [2.0, 3], "low": [1.0, 2], "close": [2.0, 3]}
    index = pd.DatetimeIndex(["2020-01-02", "2020-01-03"], name="date")
    return pd.DataFrame(good | {"volume": [5, 6]} | changes, index=index)


def test_yahoos_own_contradictions_are_widened_and_counted(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(yahoo, "download", answer(frame_of(high=[1.9, 3])))
    lines: list[str] = []
    path = fetch(["X"], "2020", "2020", cache=tmp_path, progress=lines.append)
    assert check_file(path).ok
    assert any("high or low of 1 bars did not hold open and close" in line for line in lines)


def test_the_last_day_asked_for_is_never_today(tmp_path, monkeypatch) -> None:
    spans: list[tuple[date, date]] = []

    def note(symbol: str, start: date, end: date, session: object = None) -> pd.DataFrame:
        spans.append((start, end))
        return frame_of()

    monkeypatch.setattr(yahoo, "download", note)
    fetch(["X"], "2020-01-01", None, cache=tmp_path)
    fetch(["Y"], "2020-01-01", "2999", cache=tmp_path)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert spans == [(date(2020, 1, 1), yesterday)] * 2


@pytest.mark.parametrize(
    ("symbols", "start", "end", "says"),
    [
        ([], "2020", None, "No ticker"),
        (["../etc/passwd"], "2020", None, "is no ticker"),
        (["A B"], "2020", None, "is no ticker"),
        (["AAPL"], "2020-13-01", None, "is not a date"),
        (["AAPL"], "2020-02-01", "2020-01-01", "no day from 2020-02-01 to 2020-01-01"),
        (["AAPL"], "2999-01-01", None, "both before today"),
    ],
)
def test_wrong_use_is_refused_before_any_request(tmp_path, symbols, start, end, says) -> None:
    with pytest.raises(UsageError, match=says):
        fetch(symbols, start, end, cache=tmp_path)


def test_many_symbols_make_a_short_file_name(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(yahoo, "download", answer(frame_of()))
    path = fetch([f"S{i}" for i in range(40)], "2020", "2020", cache=tmp_path)
    assert len(path.name) < 80
    assert load_market(path).assets == 40

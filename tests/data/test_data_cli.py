"""The data commands hand their options on and say what comes next."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from drltrade.cli.app import app
from drltrade.data import load_market, yahoo

DAYS = pd.bdate_range("2020-01-01", periods=4, name="date")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_sample_is_checked_by_its_name() -> None:
    """It used to be answered: 'sample' is neither 'sample' nor a file."""
    done = run("data", "check", "sample", "--json")
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    assert report["ok"]
    assert [one["symbol"] for one in report["symbols"]] == ["AAPL", "FB", "GOOG", "IBM", "MSFT"]


def test_raw_prices_are_checked_as_raw(tmp_path: Path) -> None:
    path = tmp_path / "A.csv"
    frame = pd.DataFrame({"close": [4.0, 2, 2, 2], "split": [1.0, 2, 1, 1]}, index=DAYS)
    frame.assign(dividend=0.0).to_csv(path)
    assert "matches a split" in run("data", "check", path).stdout
    assert "matches a split" not in run("data", "check", path, "--raw").stdout


def test_fetching_raw_writes_splits_and_names_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.DataFrame({name: 2.0 for name in ("open", "high", "low", "close")}, index=DAYS)
    frame = frame.assign(volume=6, dividend=[0, 0, 0.5, 0], split=[0, 0, 2.0, 0])
    monkeypatch.setattr(yahoo, "download_raw", lambda *_: frame)
    done = run("data", "fetch", "X", "--start", "2020", "--raw", "--cache", tmp_path)
    assert done.exit_code == 0, done.output
    assert "prices: raw}" in done.stdout
    market = load_market(next(tmp_path.glob("*_raw.csv")), prices="raw")
    assert market.close[:, 0].tolist() == [4, 4, 2, 2]
    assert market.volume[:, 0].tolist() == [3, 3, 6, 6]
    assert market.columns["dividend"][:, 0].tolist() == [0, 0, 0.5, 0]

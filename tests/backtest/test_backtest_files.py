"""Claims about what a record leaves on disk: bit for bit, valid JSON, never half a file."""

import json
import math
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest

from drltrade.backtest.files import payload, read_record, stamp_text, write_record
from drltrade.backtest.metrics import METRICS
from drltrade.backtest.record import Record
from drltrade.backtest.trades import trade_list
from drltrade.errors import DrltradeError
from drltrade.sim import Path, Prices, Rules, run_path


@pytest.fixture
def record():
    rng = np.random.default_rng(5)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, (40, 2)), axis=0))
    targets = rng.choice([-0.5, 0.0, 0.5, np.nan], close.shape)
    path = run_path(Prices(np.full_like(close, np.nan), close), Rules("next_close"), targets, 0, 39)
    return Record(
        name="two <assets>",
        symbols=("A", "B:C"),
        stamps=np.datetime64("2020-01-01", "ns") + np.arange(40) * np.timedelta64(90, "m"),
        path=path,
        close=close,
        periods_per_year=252.0,
        cash_rate=1e-5,
        assumptions={"fill": "next_close", "costs": {"commission": 5e-4}, "seed": np.int64(3)},
        warnings=("short",),
        actions=rng.integers(0, 3, (39, 2)),
    )


def test_a_record_comes_back_bit_for_bit(record, tmp_path):
    write_record(record, tmp_path / "run")
    back = read_record(tmp_path / "run")
    for field in fields(Path):
        before, after = getattr(record.path, field.name), getattr(back.path, field.name)
        np.testing.assert_array_equal(after, before, err_msg=field.name)
        assert np.asarray(after).dtype == np.asarray(before).dtype
    for name in ("stamps", "close", "actions"):
        np.testing.assert_array_equal(getattr(back, name), getattr(record, name))
        assert getattr(back, name).dtype == getattr(record, name).dtype
    for name in ("name", "symbols", "periods_per_year", "cash_rate", "warnings"):
        assert getattr(back, name) == getattr(record, name)
    assert back.assumptions == {"fill": "next_close", "costs": {"commission": 5e-4}, "seed": 3}
    assert trade_list(back) == trade_list(record)


def test_the_folder_holds_three_files_that_other_tools_read(record, tmp_path):
    write_record(record, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "equity.parquet",
        "metrics.json",
        "trades.parquet",
    ]
    equity = pd.read_parquet(tmp_path / "equity.parquet")
    assert equity["equity"].to_numpy() == pytest.approx(record.equity, abs=0)
    assert str(equity.index.tz) == "UTC"
    trades = pd.read_parquet(tmp_path / "trades.parquet")
    assert trades["pnl"].tolist() == [trade.pnl for trade in trade_list(record)]
    assert json.loads((tmp_path / "metrics.json").read_text()) == payload(record)


def test_the_payload_is_plain_json_and_its_money_adds_up(record):
    content = json.loads(json.dumps(payload(record), allow_nan=False))
    promised = {"metrics", "final_equity", "bars", "start", "end", "trades", "costs", "assumptions"}
    assert promised <= content.keys()
    assert content["metrics"].keys() == METRICS.keys()
    assert (content["bars"], content["start"]) == (40, "2020-01-01")
    assert content["end"] == "2020-01-03T10:30"
    assert content["trades"] == content["metrics"]["trades"] == len(trade_list(record))
    costs = content["costs"]
    assert costs["gross_pnl"] - costs["total"] + costs["interest"] + costs["shortfall"] == (
        pytest.approx(costs["net_pnl"], abs=1e-12)
    )
    assert content["final_equity"] == record.equity[-1]


def test_an_undefined_figure_is_null_and_no_trades_are_an_empty_table(record, tmp_path):
    idle = run_path(
        Prices(record.close, record.close), Rules(), np.full(record.close.shape, np.nan), 0, 39
    )
    nothing = replace(record, path=idle, actions=None, assumptions={"noise": math.nan})
    write_record(nothing, tmp_path)
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert content["metrics"]["sharpe"] is None
    assert content["assumptions"] == {"noise": None}
    assert pd.read_parquet(tmp_path / "trades.parquet").empty
    assert read_record(tmp_path).actions is None


def test_a_failed_write_leaves_the_old_record_and_no_scraps(record, tmp_path, monkeypatch):
    write_record(record, tmp_path)
    before = (tmp_path / "equity.parquet").read_bytes()

    def no_room(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", no_room)
    with pytest.raises(DrltradeError, match="No space left"):
        write_record(record, tmp_path)
    assert (tmp_path / "equity.parquet").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 3


def test_what_is_not_a_record_is_said_in_one_sentence(record, tmp_path):
    with pytest.raises(DrltradeError, match=r"no record .* equity\.parquet is missing"):
        read_record(tmp_path)
    (tmp_path / "equity.parquet").write_text("not parquet")
    with pytest.raises(DrltradeError, match="not a record"):
        read_record(tmp_path)
    pd.DataFrame({"equity": [1.0]}).to_parquet(tmp_path / "equity.parquet")
    with pytest.raises(DrltradeError, match="not a record"):
        read_record(tmp_path)


@pytest.mark.parametrize(
    ("stamp", "text"),
    [
        ("2011-01-03", "2011-01-03"),
        ("2011-01-03T10:00", "2011-01-03T10:00"),
        ("2011-01-03T10:00:05", "2011-01-03T10:00:05"),
        ("NaT", ""),
    ],
)
def test_stamps_are_as_short_as_they_are_exact(stamp, text):
    assert stamp_text(np.datetime64(stamp, "ns")) == text

"""Symbols with different bars share one clock, and nothing is ever filled backward."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drltrade.config import parse
from drltrade.data import DataSettings, load, load_market
from drltrade.errors import DataError, UsageError

DAYS = pd.date_range("2020-01-01", periods=8)


def bars(days: list[int], level: float = 10.0, **columns: object) -> pd.DataFrame:
    close = level + np.array(days, float)
    prices = {"open": close - 0.5, "high": close + 1, "low": close - 1, "close": close}
    return pd.DataFrame({"date": DAYS[days], **prices, "volume": 100.0, **columns})


def table(**symbols: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame.assign(symbol=name) for name, frame in symbols.items()])


EVERY = list(range(8))
# A has every day; B is listed on the third and misses the fifth; C ends on the sixth.
THREE = table(A=bars(EVERY), B=bars([2, 3, 5, 6, 7], 20), C=bars(EVERY[:6], 30))


def test_the_clock_runs_from_the_last_listing_to_the_last_end() -> None:
    market = load_market(THREE, align="all")
    assert market.stamps.tolist() == DAYS[2:].to_numpy("datetime64[ns]").tolist()
    assert load_market(THREE).stamps.tolist() == DAYS[[2, 3, 5]].to_numpy("datetime64[ns]").tolist()


def test_a_missing_bar_holds_the_last_close_and_cannot_be_traded() -> None:
    market = load_market(THREE.assign(vix=np.arange(len(THREE)) * 1.0), align="all")
    assert market.close[:, 1].tolist() == [22, 23, 23, 25, 26, 27]
    for name in ("open", "high", "low"):
        assert getattr(market, name)[2, 1] == 23
    assert market.volume[:, 1].tolist() == [100, 100, 0, 100, 100, 100]
    assert market.columns["tradable"][:, 1].tolist() == [1, 1, 0, 1, 1, 1]
    assert market.columns["delisted"][:, 1].tolist() == [0] * 6
    assert np.isnan(market.columns["vix"][:, 1]).tolist() == [False, False, True] + [False] * 3


def test_a_symbol_is_delisted_from_its_first_missing_bar_on() -> None:
    market = load_market(THREE, align="all")
    assert market.close[:, 2].tolist() == [32, 33, 34, 35, 35, 35]
    assert market.columns["delisted"][:, 2].tolist() == [0, 0, 0, 0, 1, 1]
    assert market.columns["tradable"][:, 2].tolist() == [1, 1, 1, 1, 0, 0]
    assert market.columns["tradable"][:, 0].tolist() == [1] * 6


def test_notes_count_what_was_left_out_filled_and_ended() -> None:
    assert load_market(THREE, align="all").notes == (
        "The clock begins on 2020-01-03 with B, the last to be listed; bars before it left out: "
        "A 2, C 2.",
        "Missing bars hold the last close, untradable; bars filled forward: B 1.",
        "C ends on 2020-01-06 and counts as delisted from 2020-01-07 on (2 bars).",
    )


def test_a_bar_missing_at_the_start_holds_a_close_of_before_it() -> None:
    """The clock begins with B; A has no bar that day, but it had one two days before."""
    market = load_market(table(A=bars([0, 3, 4]), B=bars([2, 3, 4])), align="all")
    assert market.close[:, 0].tolist() == [10, 13, 14]
    assert market.columns["tradable"][:, 0].tolist() == [0, 1, 1]
    assert "delisted" not in market.columns


def test_where_nothing_is_missing_both_alignments_agree() -> None:
    whole = table(A=bars(EVERY), B=bars(EVERY, 20))
    market = load_market(whole, align="all")
    assert market.fingerprint == load_market(whole).fingerprint
    assert market.notes == ()


def test_the_datas_own_flags_are_kept_where_they_have_a_bar() -> None:
    halted = bars([0, 1, 3, 4], tradable=[True, False, True, True])
    market = load_market(table(A=halted, B=bars(EVERY[:5], tradable=True)), align="all")
    assert market.columns["tradable"][:, 0].tolist() == [1, 0, 0, 1, 1]
    assert load_market(table(A=halted)).columns["tradable"][:, 0].tolist() == [1, 0, 1, 1]


def test_a_symbol_whose_file_has_no_flag_can_be_traded(tmp_path: Path) -> None:
    bars([0, 1, 3, 4], tradable=[True, False, True, True]).to_csv(tmp_path / "A.csv", index=False)
    bars(EVERY).to_csv(tmp_path / "B.csv", index=False)
    market = load_market(tmp_path)
    assert market.columns["tradable"].tolist() == [[1, 1], [0, 1], [1, 1], [1, 1]]


def test_an_empty_cell_of_a_wide_table_is_a_missing_bar() -> None:
    wide = pd.DataFrame({"date": DAYS, "A": np.arange(8.0) + 1, "B": np.arange(8.0) + 5})
    wide.loc[[0, 4], "B"] = np.nan
    with pytest.raises(DataError, match="close of B is missing"):
        load_market(wide)
    market = load_market(wide, align="all")
    assert market.close[:, 1].tolist() == [6, 7, 8, 8, 10, 11, 12]
    assert market.columns["tradable"][:, 1].tolist() == [1, 1, 1, 0, 1, 1, 1]
    assert np.isnan(market.volume).all()


def test_no_split_or_dividend_is_carried_into_a_missing_bar() -> None:
    events = bars([0, 1, 3], split=[1, 2, 1.0], dividend=[0, 3, 0.0])
    market = load_market(table(A=events, B=bars(EVERY[:4])), prices="raw", align="all")
    assert market.columns["split"][:, 0].tolist() == [1, 2, 1, 1]
    assert market.columns["dividend"][:, 0].tolist() == [0, 3, 0, 0]


def test_symbols_that_are_never_listed_together_are_refused() -> None:
    apart = table(A=bars([0, 1]), B=bars([3, 4]))
    with pytest.raises(DataError, match=r"never listed together: A 2020-01-01 to 2020-01-02; B"):
        load_market(apart, align="all")


def test_settings_choose_the_alignment(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    THREE.to_csv(path, index=False)
    chosen = parse(DataSettings, {"source": str(path), "align": "all"}, "data")
    assert load(chosen).bars == 6
    assert load(DataSettings(source=str(path))).bars == 3
    with pytest.raises(UsageError, match="align"):
        parse(DataSettings, {"align": "some"}, "data")
    with pytest.raises(UsageError, match=r"value of align 'some'.*Allowed: common, all"):
        load_market(path, align="some")  # type: ignore[arg-type]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 18))
def test_rows_that_come_later_change_no_price_and_no_tradable_flag(seed: int, cut: int) -> None:
    """What is dropped or changed after the cut leaves the bars up to it as they were.

    Only `delisted` may say more: that an asset never came back is known when its rows end.
    """
    rng = np.random.default_rng(seed)
    days = pd.date_range("2020-01-01", periods=20)

    def symbol(name: str) -> pd.DataFrame:
        kept = rng.random(20) < 0.7
        kept[:2] = True
        close = np.exp(rng.normal(3, 0.1, 20))
        frame = pd.DataFrame({"date": days, "symbol": name, "close": close, "volume": 5.0})
        return frame[kept]

    whole = pd.concat([symbol("A"), symbol("B")])
    early = whole[whole.date < days[cut]]
    late = whole[whole.date >= days[cut]]
    changed = pd.concat([early, late.assign(close=late.close * 10).sample(frac=0.5)])
    changed = changed.sort_values(["symbol", "date"])
    ours = load_market(whole, align="all")
    for other in (load_market(early, align="all"), load_market(changed, align="all")):
        until = days[cut - 1].to_datetime64()
        mine = ours.stamps <= until
        its = other.stamps <= until
        assert ours.stamps[mine].tolist() == other.stamps[its].tolist()
        for name in ("close", "volume"):
            assert getattr(ours, name)[mine].tobytes() == getattr(other, name)[its].tobytes()
        flags = [m.columns.get("tradable", np.ones_like(m.close)) for m in (ours, other)]
        assert flags[0][mine].tolist() == flags[1][its].tolist()


def test_a_bar_in_which_something_happens_is_not_left_out_in_silence() -> None:
    split = bars(EVERY, split=[1.0, 1, 1, 2, 1, 1, 1, 1])
    lacking = table(A=split, B=bars([0, 1, 2, 4, 5, 6, 7], 20, split=1.0))
    with pytest.raises(DataError, match=r"A has split 2 on 2020-01-04.*align: all"):
        load_market(lacking, prices="raw")
    assert load_market(lacking, prices="raw", align="all").columns["split"][3, 0] == 2
    assert load_market(lacking).bars == 7  # adjusted prices know of it already

"""Periods a year come from the clock and land on the field's conventions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from drltrade.data import Market
from drltrade.data.clock import bar_seconds, periods_per_year


def every(step: str, start: str = "2019-01-01", end: str = "2020-12-31") -> pd.DatetimeIndex:
    return pd.date_range(start, end, freq=step)


def session(step: str, opens: str, closes: str, zone: str, **span: str) -> pd.DatetimeIndex:
    """Bars of an exchange that keeps local hours on weekdays, as UTC stamps."""
    local = every(step, **span).tz_localize(zone, ambiguous="NaT", nonexistent="NaT").dropna()
    kept = local[local.indexer_between_time(opens, closes)]
    return kept[kept.day_of_week < 5].tz_convert(None)


def fx_week(step: str) -> pd.DatetimeIndex:
    """Open from Sunday 22:00 to Friday 22:00, UTC."""
    stamps = every(step)
    hour = stamps.day_of_week * 24 + stamps.hour
    return stamps[(hour < 4 * 24 + 22) | (hour >= 6 * 24 + 22)]


HOLIDAYS = pd.to_datetime(["2019-07-04", "2019-12-25", "2020-01-01", "2020-01-02", "2020-05-25"])
CLOCKS = {
    "daily stocks": (every("B").difference(HOLIDAYS), 252),
    "daily stocks, a fortnight": (every("B", "2020-03-02", "2020-03-13"), 252),
    "daily stocks stamped at midnight in New York": (
        every("B").tz_localize("America/New_York").tz_convert(None),
        252,
    ),
    "daily stocks stamped at midnight in Tokyo": (
        every("B").tz_localize("Asia/Tokyo").tz_convert(None),
        252,
    ),
    "daily FX with Sundays": (every("D")[every("D").day_of_week != 5], 252),
    "daily crypto": (every("D"), 365),
    "daily crypto, a month": (every("D", "2020-03-01", "2020-03-31"), 365),
    "weekly, Fridays": (every("W-FRI"), 52),
    "weekly, Mondays": (every("W-MON"), 52),
    "monthly, ends": (every("ME"), 12),
    "monthly, starts": (every("MS"), 12),
    "monthly, last business days": (every("BME"), 12),
    "quarterly": (every("QE", "2000", "2020"), 4),
    "yearly": (every("YE", "1990", "2020"), 1),
    "hourly US stocks": (
        session("h", "09:30", "15:59", "America/New_York", start="2019-01-01 00:30"),
        252 * 7,
    ),
    "minute US stocks": (
        session("min", "09:30", "15:59", "America/New_York", start="2020-03-01", end="2020-04-15"),
        252 * 390,
    ),
    "5-minute US stocks": (
        session("5min", "09:30", "15:59", "America/New_York", start="2020-03-01", end="2020-06-15"),
        252 * 78,
    ),
    "hourly FX": (fx_week("h"), 252 * 24),
    "4-hourly FX": (fx_week("4h"), 252 * 6),
    "hourly futures, 23 hours": (
        session("h", "00:00", "22:59", "UTC"),
        252 * 23,
    ),
    "hourly crypto": (every("h"), 8760),
    "hourly crypto with holes": (every("h").delete(slice(1000, 1003)), 8760),
    "12-hourly crypto": (every("12h"), 730),
    "minute crypto": (every("min", "2020-01-01", "2020-01-20"), 365 * 1440),
    "minute crypto, one bar in a hundred missing": (
        every("min", "2020-01-01", "2020-01-20").delete(np.arange(50, 27000, 100)),
        365 * 1440,
    ),
    "15-minute crypto": (every("15min", "2020-01-01", "2020-02-20"), 365 * 96),
}


@pytest.mark.parametrize("clock", CLOCKS)
def test_each_clock_snaps_to_its_convention(clock: str) -> None:
    stamps, expected = CLOCKS[clock]
    values = stamps.to_numpy("datetime64[ns]")
    assert periods_per_year(values, np.zeros(len(values), np.int64)) == expected


def test_a_step_of_no_convention_is_counted_plainly() -> None:
    stamps = every("10D").to_numpy("datetime64[ns]")
    assert periods_per_year(stamps, np.zeros(len(stamps), np.int64)) == pytest.approx(36.52425)


def test_a_single_bar_counts_as_daily() -> None:
    assert Market.build([1.0]).periods_per_year == 252


def test_steps_between_segments_do_not_count() -> None:
    stamps = every("h", "2020-01-01", "2020-01-03").to_numpy("datetime64[ns]")
    both = np.concatenate([stamps, stamps - np.timedelta64(896, "D")])
    segment = np.repeat([0, 1], len(stamps))
    assert bar_seconds(both, segment) == 3600
    assert periods_per_year(both, segment) == periods_per_year(stamps, segment[: len(stamps)])


def test_a_slice_keeps_the_year_of_the_whole() -> None:
    stamps = every("D")
    market = Market.build(np.ones(len(stamps)), stamps=stamps)
    assert market.periods_per_year == 365
    assert market.between("2020-03-02", "2020-03-05").periods_per_year == 365


def test_a_stated_year_wins() -> None:
    assert Market.build(np.ones(9), periods=260).periods_per_year == 260

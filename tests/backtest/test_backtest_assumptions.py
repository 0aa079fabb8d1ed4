"""Scaler, warm-up, survivors and what fills take for granted are told, and warned of if wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_worlds import random_market, small_game

from drltrade.backtest.hints import hints_of, scaler_finding
from drltrade.data import Market
from drltrade.features import Scaler, compute_features

MARKET = random_market(bars=600, assets=2, seed=3)


def hint(check, **settings):
    return next(f for f in hints_of(small_game(**settings)) if f.check == check)


def test_a_scaler_that_knows_the_test_split_is_caught():
    game = small_game(market=MARKET)
    raw = compute_features(MARKET)
    for rows, level in ((slice(0, 400), "ok"), (slice(None), "LEAK"), (slice(0, 410), "warning")):
        scaler = Scaler.fit("standard", raw, rows)
        finding = scaler_finding(replace(game, scaler=scaler), np.array([[0, 399]]))
        assert finding.level == level, rows


def test_assumptions_are_reported():
    costs = {"commission": {"rate": 0.0}, "slippage": {"rate": 0.0}}
    margin = {"maintenance": 0.0}
    bad = small_game(market=MARKET, fill="same_close", costs=costs, margin=margin, equity=1e7,
                     actions="continuous")  # fmt: skip
    late = bad.within(bad.first, 60)
    levels = {finding.check: finding.level for finding in hints_of(late)}
    wrong = {"warm-up", "survivorship", "fill", "costs", "margin", "size"}
    assert levels == dict.fromkeys(wrong, "warning") | {"halts": "ok", "prices": "ok"}
    good = hints_of(small_game(bars=600, equity=1e4))
    assert {finding.level for finding in good} == {"ok"}


def test_the_size_of_an_order_is_compared_with_what_is_traded():
    def size(**settings):
        return hint("size", market=MARKET, **settings)

    usual = np.nanmedian(MARKET.close * MARKET.volume, axis=0).min()
    assert size(equity=2 * usual).details["share"] == pytest.approx(1.0)  # half of it an asset
    assert size(equity=2 * usual).level == "warning"
    assert size(equity=0.01 * usual).level == "ok"
    assert size(equity=2 * usual, participation={"rate": 0.1}).level == "ok"
    assert size(equity=2 * usual, costs={"impact": {"coefficient": 1.0}}).level == "ok"
    closes = hint("size", market=Market.build(MARKET.close), fill="next_close")
    assert "no volume" in closes.message


def test_bars_that_cannot_be_traded_are_counted():
    volume = MARKET.volume.copy()
    volume[100:103, 0] = 0.0
    tradable = np.ones((600, 2))
    tradable[200, 1] = 0.0
    market = replace(MARKET, volume=volume, columns={"tradable": tradable})
    found = hint("halts", market=market)
    assert found.level == "warning"
    assert found.details["bars"] == 4


def test_delistings_are_told_from_symbols_that_stand_still():
    delisted = np.zeros((600, 2))
    delisted[500:, 0] = 1.0
    found = hint("survivorship", market=replace(MARKET, columns={"delisted": delisted}))
    assert found.level == "ok"
    assert found.details["gone"] == ["A0"]
    close = MARKET.close.copy()
    close[-30:, 1] = close[-31, 1]
    market = Market.build(close, columns={"delisted": delisted})
    found = hint("survivorship", market=market, fill="next_close")
    assert found.level == "warning"
    assert found.details["gone"] == ["A0", "A1"]
    assert "1 not marked as delisted" in found.message


def test_a_column_without_a_lag_is_warned_of():
    market = replace(MARKET, columns={"vix": np.ones((600, 2))})
    features = ["gap", {"column": "vix", "lag": 0}]
    found = hints_of(small_game(market=market, features=features))
    assert found[-1].check == "lags"
    assert "vix" in found[-1].message


def test_what_the_prices_hold_is_told():
    split, dividend = np.ones((600, 2)), np.zeros((600, 2))
    split[150, 0], dividend[60::63] = 2.0, 0.4
    columns = {"split": split, "dividend": dividend}
    market = replace(MARKET, raw=True, columns=columns)
    assert "splits: 1, dividends: 18" in hint("prices", market=market).message
    assert hint("prices", market=replace(MARKET, raw=True)).level == "warning"
    assert "adjusted" in hint("prices", market=MARKET).message

"""The embedded sample gives the published figures, and is what its recipe makes of the source."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from drltrade.data import load_market

# (symbol, bars, total return, CAGR, volatility, Sharpe, max drawdown), computed independently.
BUY_AND_HOLD = [
    ("AAPL", 3270, 12.408616, 0.221540, 0.459643, 0.678402, -0.818018),
    ("IBM", 3270, 1.379213, 0.069100, 0.279848, 0.378510, -0.583139),
    ("MSFT", 3270, -0.183333, -0.015491, 0.330319, 0.117599, -0.674645),
]
UNADJUSTED = (2.303430, 0.096493, 0.495287, 0.463330, -0.909009)


def figures(close: np.ndarray, year: float) -> tuple[float, ...]:
    """Total return, CAGR, volatility, Sharpe and deepest drawdown of holding one asset."""
    returns = close[1:] / close[:-1] - 1
    wealth = close / close[0]
    years = len(returns) / year
    spread = returns.std(ddof=1)
    return (
        wealth[-1] - 1,
        wealth[-1] ** (1 / years) - 1,
        spread * year**0.5,
        returns.mean() / spread * year**0.5,
        min(wealth[i] / wealth[: i + 1].max() - 1 for i in range(len(wealth))),
    )


@pytest.fixture(scope="module")
def source() -> pd.DataFrame:
    raw = pd.read_csv(files("bokeh_sampledata") / "_data" / "stocks.csv.gz", parse_dates=["Date"])
    return raw.rename(columns=lambda name: name.lower().replace(" ", "_"))


@pytest.mark.parametrize("known", BUY_AND_HOLD, ids=lambda known: known[0])
def test_buy_and_hold_gives_the_known_figures(known: tuple) -> None:
    symbol, bars, *expected = known
    market = load_market("sample", [symbol])
    assert market.bars == bars
    assert market.periods_per_year == 252
    assert figures(market.close[:, 0], 252) == pytest.approx(expected, abs=5.1e-7)


def test_forgetting_to_adjust_gives_other_figures(source: pd.DataFrame) -> None:
    raw = source.loc[source.ticker == "AAPL", "close"].to_numpy()
    assert figures(raw, 252) == pytest.approx(UNADJUSTED, abs=5.1e-7)
    ours = figures(load_market("sample", ["AAPL"]).close[:, 0], 252)
    assert abs(ours[0] - UNADJUSTED[0]) > 10


def test_constant_equal_weights_give_the_known_figures() -> None:
    market = load_market("sample", ["AAPL", "GOOG", "IBM", "MSFT"])
    assert market.bars == 2148
    assert str(market.start)[:10] == "2004-08-19"
    assert str(market.end)[:10] == "2013-03-01"
    daily = (market.close[1:] / market.close[:-1]).mean(axis=1)
    wealth = np.concatenate([[1.0], np.cumprod(daily)])
    expected = (5.398394, 0.243400, 0.237430, 1.036449, -0.518345)
    assert figures(wealth, 252) == pytest.approx(expected, abs=5.1e-7)
    assert market.notes == (
        "2148 bars are common to all symbols; bars left out: AAPL 1122, IBM 1122, MSFT 1122.",
    )


@pytest.mark.parametrize("symbol", ["AAPL", "FB", "GOOG", "IBM", "MSFT"])
def test_one_factor_adjusts_every_price_of_the_source(source: pd.DataFrame, symbol: str) -> None:
    raw = source[source.ticker == symbol]
    market = load_market("sample", [symbol])
    factor = (raw.adj_close / raw.close).to_numpy()
    assert market.close[:, 0].tolist() == raw.adj_close.tolist()
    for name in ("open", "high", "low"):
        ours = getattr(market, name)[:, 0]
        assert ours == pytest.approx(raw[name].to_numpy() * factor, rel=1e-12)
    assert (market.low <= np.minimum(market.open, market.close)).all()
    assert (market.high >= np.maximum(market.open, market.close)).all()
    assert market.notes == ()


# Splits as the companies announced them: first day of trade after it, new shares for one. The
# last of AAPL and that of GOOG came after the sample ends; its adjusted prices know them.
SPLITS = {
    "AAPL": (("2000-06-21", 2), ("2005-02-28", 2), ("2014-06-09", 7)),
    "GOOG": (("2014-04-03", 2),),
    "MSFT": (("2003-02-18", 2),),
    "IBM": (),
    "FB": (),
}


@pytest.mark.parametrize("symbol", SPLITS)
def test_volume_is_adjusted_by_the_splits_alone(source: pd.DataFrame, symbol: str) -> None:
    raw = source[source.ticker == symbol]
    expected = raw.volume.to_numpy(float)
    for day, shares in SPLITS[symbol]:
        expected = np.where(raw.date < day, expected * shares, expected)
    assert load_market("sample", [symbol]).volume[:, 0].tolist() == expected.tolist()


def test_the_loader_itself_adjusts_the_raw_source(source: pd.DataFrame) -> None:
    """A table with Close and Adj Close must never be used unadjusted."""
    raw = source[source.ticker.isin(["AAPL", "MSFT"])]
    market = load_market(raw, ["AAPL", "MSFT"])
    sample = load_market("sample", ["AAPL", "MSFT"])
    for name in ("open", "high", "low", "close"):
        assert getattr(market, name) == pytest.approx(getattr(sample, name), rel=1e-12)
    later = np.array([7.0, 1.0])  # the split of 2014 leaves no step in the data
    assert market.volume * later == pytest.approx(sample.volume)
    assert any("adjusted by Adj Close, volume by the 2 splits" in note for note in market.notes)


def test_the_special_dividend_of_microsoft_is_no_split(source: pd.DataFrame) -> None:
    raw = source[(source.ticker == "MSFT") & (source.date > "2004-06")]
    market = load_market(raw, ["MSFT"])
    assert market.volume[:, 0].tolist() == raw.volume.tolist()


def test_raw_prices_without_adjusted_ones_raise_suspicion(source: pd.DataFrame) -> None:
    raw = source[source.ticker == "AAPL"].drop(columns="adj_close")
    notes = load_market(raw).notes
    assert len(notes) == 1
    assert "2000-06-21" in notes[0]
    assert "(2 such bars)" in notes[0]
    assert "are the prices adjusted?" in notes[0]


def test_the_sample_names_nearest_symbol() -> None:
    with pytest.raises(Exception, match=r"Unknown symbol in sample 'APPL'\. Did you mean 'AAPL'"):
        load_market(symbols=["APPL"])

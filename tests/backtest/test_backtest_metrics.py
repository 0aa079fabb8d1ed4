"""Claims about the metric table: every figure derived by hand, or bound by an inequality."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_records import record_of

from drltrade.backtest.metrics import METRICS, compute_metrics, drawdowns
from drltrade.backtest.record import Record
from drltrade.sim import Commission, Costs, Prices, Rules, Slippage, run_path


def traded_record(close, targets, *, rate=0.0, fill="next_close", start=100.0, opens=None):
    """A record that the simulator itself wrote."""
    close = np.asarray(close, dtype=np.float64)
    close = close.reshape(len(close), -1)
    targets = np.asarray(targets, dtype=np.float64).reshape(close.shape)
    costs = Costs(Commission(rate / 2), Slippage(rate / 2))
    opens = np.full_like(close, np.nan) if opens is None else np.asarray(opens).reshape(close.shape)
    rules = Rules(fill=fill, costs=costs)
    path = run_path(Prices(opens, close), rules, targets, 0, len(close) - 1, start)
    return Record(
        name="by the simulator",
        symbols=tuple(f"S{i}" for i in range(close.shape[1])),
        stamps=np.datetime64("2020-01-01", "ns") + np.arange(len(close)) * np.timedelta64(1, "D"),
        path=path,
        close=close,
        periods_per_year=252.0,
        assumptions={"fill": fill},
    )


def test_five_bars_by_hand():
    # returns: +.1, -.1, +.1, -.2 ; mean -.025
    # squared deviations: .015625, .005625, .015625, .030625 ; sum .0675 ; / 3 = .0225 ; root .15
    record = record_of([100.0, 110.0, 99.0, 108.9, 87.12], per_year=4.0)
    metrics = compute_metrics(record)
    assert metrics["total_return"] == pytest.approx(-0.1288, abs=1e-12)
    assert metrics["cagr"] == pytest.approx(-0.1288, abs=1e-12)  # four bars are one year
    assert metrics["volatility"] == pytest.approx(0.15 * 2, abs=1e-12)
    assert metrics["sharpe"] == pytest.approx(-0.025 / 0.15 * 2, abs=1e-12)
    # downside: root of (.01 + .04) / 4 over all four bars, not over the two that lost
    assert metrics["sortino"] == pytest.approx(-0.025 / math.sqrt(0.0125) * 2, abs=1e-12)
    # peak 110, trough 87.12
    assert metrics["max_drawdown"] == pytest.approx(87.12 / 110 - 1, abs=1e-12)
    assert metrics["drawdown_bars"] == 3
    assert metrics["calmar"] == pytest.approx(-0.1288 / (1 - 87.12 / 110), abs=1e-12)
    assert (metrics["best_bar"], metrics["worst_bar"]) == (
        pytest.approx(0.1),
        pytest.approx(-0.2),
    )
    # quantile at .05 * 3 = .15 of the way from -.2 to -.1; the worst 5 % of four bars is one bar
    assert metrics["var_5"] == pytest.approx(-0.185, abs=1e-12)
    assert metrics["cvar_5"] == pytest.approx(-0.2, abs=1e-12)


def test_a_loss_in_the_first_bar_is_a_drawdown():
    assert compute_metrics(record_of([100.0, 80.0, 90.0]))["max_drawdown"] == pytest.approx(-0.2)


def test_sharpe_subtracts_the_cash_rate_of_each_bar():
    equity = [1.0, 1.02, 1.02 * 1.04]
    # excess .01 and .03: mean .02, deviation root of (2 * .0001) = .0141421
    metrics = compute_metrics(record_of(equity, cash_rate=3.65, per_year=1.0))
    assert metrics["sharpe"] == pytest.approx(0.02 / math.sqrt(0.0002))
    assert math.isnan(metrics["sortino"])


def test_turnover_exposure_and_time_in_market_by_hand():
    record = record_of(
        [1.0, 1.0, 1.0, 1.0, 1.0],
        weights=[0.0, 1.0, -0.5, 0.0, 0.5],
        turnover=[0.0, 1.0, 1.5, 0.5, 0.5],
        per_year=8.0,
    )
    metrics = compute_metrics(record)
    assert metrics["turnover"] == pytest.approx(3.5 / 4 * 8)
    assert metrics["exposure"] == pytest.approx(0.5)
    assert metrics["time_in_market"] == pytest.approx(0.75)


@pytest.mark.parametrize("equity", [[100.0] * 5, [100.0, 100.0], [100.0]])
def test_an_account_that_never_trades_has_no_ratio(equity):
    metrics = compute_metrics(record_of(equity))
    undefined = {"sharpe", "sortino", "calmar", "win_rate", "profit_factor", "average_trade"}
    assert undefined <= {name for name, value in metrics.items() if math.isnan(value)}
    assert metrics["total_return"] == metrics["max_drawdown"] == metrics["trades"] == 0.0


def test_constant_growth_has_no_sharpe_although_rounding_leaves_a_deviation():
    metrics = compute_metrics(record_of(1.001 ** np.arange(200)))
    assert math.isnan(metrics["sharpe"])
    assert math.isnan(metrics["sortino"])
    assert metrics["cagr"] == pytest.approx(1.001**252 - 1)


def test_win_rate_and_profit_factor_count_both_legs_costs():
    # Four round trips at 1 % a side, fill next_close: +10 %, flat, -10 %, +1 % (a loss after costs)
    close = [100, 100, 110, 110, 110, 110, 99, 99, 99.99, 99.99]
    held = [1, 0, 1, 0, 1, 0, 1, 0, np.nan, np.nan]
    record = traded_record(close, held, rate=0.01)
    metrics = compute_metrics(record)
    assert metrics["trades"] == 4
    assert metrics["win_rate"] == pytest.approx(0.25)
    pnl, equity = [], 100.0
    for growth in (1.1, 1.0, 0.9, 1.01):
        after = equity / 1.01 * growth * 0.99  # (V - c V') in, (1 - c) out
        pnl.append(after - equity)
        equity = after
    assert metrics["profit_factor"] == pytest.approx(pnl[0] / -sum(pnl[1:]), rel=1e-9)
    assert metrics["total_return"] == pytest.approx(equity / 100 - 1, rel=1e-9)


def test_an_open_trade_counts_as_a_trade_but_not_as_a_win():
    metrics = compute_metrics(traded_record([100, 100, 120], [1, np.nan, np.nan]))
    assert metrics["trades"] == 1
    assert math.isnan(metrics["win_rate"])


equities = st.lists(st.floats(-0.3, 0.3), min_size=2, max_size=60).map(
    lambda returns: 100.0 * np.cumprod([1.0, *(1.0 + r for r in returns)])
)


@given(equities)
@settings(max_examples=200, deadline=None)
def test_bounds_that_hold_for_every_curve(equity):
    metrics = compute_metrics(record_of(equity))
    assert not any(math.isinf(value) for value in metrics.values())
    assert -1.0 < metrics["max_drawdown"] <= 0.0
    assert metrics["max_drawdown"] <= min(0.0, metrics["total_return"]) + 1e-12
    assert metrics["worst_bar"] <= metrics["cvar_5"] + 1e-12
    assert metrics["cvar_5"] <= metrics["var_5"] + 1e-12
    assert metrics["var_5"] <= metrics["best_bar"] + 1e-12
    assert metrics["volatility"] >= 0.0
    assert 0 <= metrics["drawdown_bars"] < len(equity)


@given(equities, st.floats(1e-3, 1e6))
@settings(max_examples=100, deadline=None)
def test_the_size_of_the_account_does_not_matter(equity, scale):
    small, large = compute_metrics(record_of(equity)), compute_metrics(record_of(equity * scale))
    for name in METRICS:
        assert small[name] == pytest.approx(large[name], rel=1e-6, abs=1e-9, nan_ok=True), name


@given(equities)
@settings(max_examples=100, deadline=None)
def test_drawdowns_match_a_walk_along_the_curve(equity):
    peak, walked = equity[0], []
    for value in equity.tolist():
        peak = max(peak, value)
        walked.append(value / peak - 1)
    assert drawdowns(equity) == pytest.approx(walked, abs=1e-15)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_says_what_it_is(name):
    metric = METRICS[name]
    assert metric.name == name
    assert metric.label
    assert len(metric.formula.split()) >= 3
    assert metric.sign in {-1, 0, 1}


def test_the_promised_keys_are_there():
    promised = (
        "total_return cagr volatility sharpe sortino max_drawdown calmar var_5 cvar_5 turnover"
        " exposure win_rate profit_factor trades"
    )
    assert set(promised.split()) <= METRICS.keys()


@pytest.mark.parametrize(
    ("symbol", "figures"),
    [
        ("AAPL", (12.408616, 0.221540, 0.459643, 0.678402, -0.818018)),
        ("IBM", (1.379213, 0.069100, 0.279848, 0.378510, -0.583139)),
        ("MSFT", (-0.183333, -0.015491, 0.330319, 0.117599, -0.674645)),
    ],
)
def test_the_embedded_stocks_have_the_figures_computed_elsewhere(symbol, figures):
    from drltrade.data import load_market

    close = load_market("sample", symbols=[symbol]).close
    hold = np.full(len(close), np.nan)
    hold[0] = 1.0
    metrics = compute_metrics(traded_record(close, hold, fill="same_close"))
    names = ("total_return", "cagr", "volatility", "sharpe", "max_drawdown")
    assert tuple(metrics[name] for name in names) == pytest.approx(figures, abs=6e-7)

"""Claims about single numbers: each derived by hand or by another algorithm."""

import numpy as np
import pytest

from drltrade.data import Market
from drltrade.features import compute_features

CLOSE = np.array([100.0, 110.0, 99.0, 99.0, 132.0])
OPEN = np.array([100.0, 105.0, 110.0, 99.0, 100.0])
HIGH = np.array([101.0, 112.0, 111.0, 100.0, 140.0])
LOW = np.array([99.0, 100.0, 90.0, 98.0, 100.0])
VOLUME = np.array([10.0, 30.0, 20.0, 0.0, 50.0])


def column(raw, **rest):
    market = Market.build(CLOSE, open=OPEN, high=HIGH, low=LOW, volume=VOLUME, **rest)
    return compute_features(market, [raw]).values[:, 0, 0].tolist()


def close_to(values):
    return pytest.approx(values, rel=1e-6, nan_ok=True)


NAN = float("nan")


def test_log_return_is_the_log_of_the_quotient_of_closes():
    logs = [np.log(1.1), np.log(0.9), 0.0, np.log(4 / 3)]
    assert column("log_return") == close_to([NAN, *logs])
    assert column({"log_return": 3}) == close_to([NAN] * 3 + [np.log(0.99), np.log(1.2)])


def test_gap_is_the_step_from_the_last_close_to_the_open():
    assert column("gap") == close_to([NAN, np.log(1.05), 0, 0, np.log(100 / 99)])


def test_range_is_the_log_distance_of_the_extremes():
    assert column("range")[1:3] == close_to([np.log(1.12), np.log(111 / 90)])


def test_relative_volume_is_a_share_of_the_trailing_mean():
    assert column({"relative_volume": 2}) == close_to([NAN, 30 / 20, 20 / 25, 0, 2])


def test_dollar_volume_is_the_log_share_and_an_idle_bar_counts_a_thousandth():
    dollars = CLOSE * VOLUME
    means = (dollars[1:] + dollars[:-1]) / 2
    shares = np.maximum(dollars[1:] / means, 1e-3)
    assert column({"dollar_volume": 2}) == close_to([NAN, *np.log(shares)])


def test_volatility_is_the_sample_deviation_of_log_returns():
    logs = np.diff(np.log(CLOSE))
    expected = [np.std(logs[i : i + 3], ddof=1) for i in range(2)]
    assert column({"volatility": 3}) == close_to([NAN] * 3 + expected)


def test_a_column_is_known_only_after_its_lag_and_then_until_the_next_value():
    columns = {"rate": np.array([NAN, 2.0, NAN, 4.0, 5.0])}
    assert column({"column": "rate"}, columns=columns) == close_to([NAN, NAN, 2, 2, 4])
    assert column({"column": "rate", "lag": 0}, columns=columns) == close_to([NAN, 2, 2, 4, 5])
    assert column({"column": "RATE", "lag": 3}, columns=columns) == close_to([NAN] * 4 + [2])


def times(stamps, raw, timezone):
    stamps = np.array(stamps, "datetime64[ns]")
    market = Market.build(np.ones(len(stamps)), stamps=stamps, timezone=timezone)
    found = compute_features(market, [raw])
    assert found.names == (f"{raw}.sin", f"{raw}.cos")
    return found.values[:, 0].astype(float)


def test_the_time_of_day_is_read_on_the_markets_own_clock_summer_and_winter():
    # 09:30 in New York is 14:30 UTC in winter and 13:30 in summer.
    found = times(["2023-01-10T14:30", "2023-07-10T13:30"], "time_of_day", "America/New_York")
    angle = 2 * np.pi * 9.5 / 24
    assert found == pytest.approx(np.tile([np.sin(angle), np.cos(angle)], (2, 1)), abs=1e-6)


def test_the_hour_the_clocks_change_is_right_to_the_bar():
    # 2023-03-12: 06:30 UTC is 01:30 EST, 07:30 UTC is 03:30 EDT.
    found = times(["2023-03-12T06:30", "2023-03-12T07:30"], "time_of_day", "America/New_York")
    angles = 2 * np.pi * np.array([1.5, 3.5]) / 24
    assert found == pytest.approx(np.stack([np.sin(angles), np.cos(angles)], 1), abs=1e-6)


def test_the_week_begins_on_monday():
    # 2024-01-01 was a Monday; Thursday noon is half a week later.
    found = times(["2024-01-01T00:00", "2024-01-04T12:00"], "time_of_week", "UTC")
    assert found == pytest.approx(np.array([[0, 1], [0, -1]]), abs=1e-6)


def wilder_rsi(close, n):
    """Wilder's own recursion, written out."""
    change = np.diff(close)
    up, down = np.maximum(change, 0), np.maximum(-change, 0)
    mean_up, mean_down = up[:n].mean(), down[:n].mean()
    result = [100 * mean_up / (mean_up + mean_down)]
    for i in range(n, len(change)):
        mean_up += (up[i] - mean_up) / n
        mean_down += (down[i] - mean_down) / n
        result.append(100 * mean_up / (mean_up + mean_down))
    return result


def test_rsi_is_wilders_recursion(make_market):
    market = make_market(assets=1)
    found = compute_features(market, [{"rsi": 9}])
    assert found.names == ("rsi_9",)
    assert found.warmup == 9
    expected = wilder_rsi(market.close[:, 0], 9)
    assert found.values[9:, 0, 0].tolist() == pytest.approx(expected, rel=1e-5)


def test_a_moving_average_is_given_as_a_share_of_the_close(make_market):
    market = make_market(assets=1)
    close = market.close[:, 0]
    found = compute_features(market, [{"sma": 10}, {"var": 10}])
    mean = [close[t - 9 : t + 1].mean() / close[t] for t in range(9, 300)]
    var = [close[t - 9 : t + 1].var() / close[t] ** 2 for t in range(9, 300)]
    assert found.values[9:, 0, 0].tolist() == pytest.approx(mean, rel=1e-6)
    assert found.values[9:, 0, 1].tolist() == pytest.approx(var, rel=1e-4, abs=1e-9)


def test_true_range_is_a_share_of_the_close(make_market):
    market = make_market(assets=1)
    high, low, close = market.high[1:], market.low[1:], market.close
    true = np.maximum(high, close[:-1]) - np.minimum(low, close[:-1])
    found = compute_features(market, ["trange"]).values[1:, 0, 0]
    assert found.tolist() == pytest.approx((true / close[1:])[:, 0].tolist(), rel=1e-5)


def test_flows_of_money_are_in_units_of_close_times_mean_volume(make_market):
    market = make_market(assets=1)
    close, volume = market.close[:, 0], market.volume[:, 0]
    spread = market.high[:, 0] - market.low[:, 0]
    mean = np.array([volume[t - 19 : t + 1].mean() for t in range(19, 300)])
    found = compute_features(market, ["marketfi"])
    assert found.warmup == 19
    expected = (spread / volume)[19:] / close[19:] * mean
    assert found.values[19:, 0, 0].tolist() == pytest.approx(expected.tolist(), rel=1e-4)


def test_one_output_of_macd_is_that_column_of_all_three(make_market):
    market = make_market()
    whole = compute_features(market, [{"macd": {"fastperiod": 5}}])
    assert whole.names == ("macd_5_26_9.macd", "macd_5_26_9.signal", "macd_5_26_9.hist")
    single = compute_features(market, [{"macd.signal": {"fastperiod": 5}}])
    assert single.names == ("macd_5_26_9.signal",)
    assert single.values.tobytes() == np.ascontiguousarray(whole.values[:, :, 1:2]).tobytes()


def test_the_default_is_eight_columns_and_fewer_on_closes_only(make_market):
    market = make_market()
    assert compute_features(market).names == (
        "log_return_1",
        "log_return_5",
        "log_return_20",
        "gap",
        "range",
        "relative_volume_20",
        "volatility_20",
        "rsi_14",
    )
    closes = compute_features(Market.build(market.close))
    assert closes.names == (
        "log_return_1",
        "log_return_5",
        "log_return_20",
        "volatility_20",
        "rsi_14",
    )
    assert closes.warmup == compute_features(market).warmup == 20

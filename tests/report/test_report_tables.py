"""Claims about the tables: months, costs and medians derived by hand."""

import math

import numpy as np
import pytest

from drltrade.backtest.metrics import compute_metrics
from drltrade.report import Entry, comparison_table, format_rows
from drltrade.report.tables import cost_rows, monthly_returns, seed_rows
from drltrade.report.words import count, figure, join, money, percent, ratio

NAN = math.nan


def test_months_compound_and_the_first_bar_is_only_the_start(make_record):
    # 2020-01-30 start, then +10 % on the 31st (January), -10 % on Feb 1, +20 % on Feb 2.
    close = [100, 110, 99, 118.8]
    record = make_record(close, [1, NAN, NAN, NAN], start="2020-01-30", rate=0, fill="same_close")
    (year,) = monthly_returns(record)
    assert year.year == 2020
    assert year.months[0] == pytest.approx(0.10)
    assert year.months[1] == pytest.approx(0.9 * 1.2 - 1)
    assert year.months[2:] == (None,) * 10
    assert year.total == pytest.approx(0.188)


def test_years_multiply_to_the_total_return(make_record):
    rng = np.random.default_rng(2)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, 900)))
    record = make_record(close, rng.choice([-1.0, 0.0, 1.0], 900), start="2019-11-15")
    years = monthly_returns(record)
    assert [year.year for year in years] == [2019, 2020, 2021, 2022]
    total = np.prod([1 + year.total for year in years]) - 1
    assert total == pytest.approx(compute_metrics(record)["total_return"])


def test_costs_lead_from_gross_to_net(make_record):
    # All in at 100 and out at 150, 0.5 % commission and 0.5 % slippage a side.
    record = make_record([100, 100, 150, 150], [1, 0, NAN, NAN], rate=0.01)
    stake = 1 / 1.01
    pieces = cost_rows(record)
    assert pieces["gross"] == pytest.approx(0.5 * stake)
    assert pieces["commission"] == pytest.approx(-0.005 * (stake + 1.5 * stake))
    assert pieces["slippage"] == pytest.approx(pieces["commission"])
    assert pieces["net"] == pytest.approx(1.5 * stake * 0.99 - 1)
    assert sum(pieces.values()) - pieces["net"] == pytest.approx(pieces["net"])


def test_the_comparison_takes_medians_and_keeps_the_range(make_entry):
    entries = [
        make_entry("hold", 0.3, kind="strategy"),
        make_entry("best", 9.0, kind="reference"),
        make_entry("ppo", 0.1, 0.5, 0.2),
    ]
    rows = comparison_table(entries)
    assert [row["name"] for row in rows] == ["ppo", "hold", "best"]
    assert rows[0]["seeds"] == 3
    assert rows[0]["total_return"] == pytest.approx(0.2)
    assert rows[0]["total_return_low"] == pytest.approx(0.1)
    assert rows[0]["total_return_high"] == pytest.approx(0.5)
    assert math.isnan(rows[0]["win_rate"])
    header, cells = format_rows(rows)
    assert header[:3] == ["", "seeds", "Total return"]
    assert cells[0][:3] == ["ppo", "3", "20.0 % (10.0 to 50.0 %)"]
    assert {len(line) for line in cells} == {len(header)}


def test_a_median_is_taken_over_the_seeds_where_it_is_defined(make_record):
    idle = make_record([1, 1, 1], [NAN] * 3, rate=0)
    moving = make_record([1, 1, 2, 1.5], [1, NAN, NAN, NAN], rate=0)
    entry = Entry("x", (idle, moving))
    assert entry.median("sharpe") == pytest.approx(compute_metrics(moving)["sharpe"])
    assert math.isnan(Entry("y", (idle,)).median("sharpe"))


def test_the_median_seed_is_the_one_with_the_middle_final_equity(make_entry):
    assert make_entry("x", 0.5, 0.1, 0.2).middle == 2
    assert make_entry("x", 0.5, 0.1, 0.2, 0.4).middle == 2  # the lower of the two in the middle
    assert make_entry("x", 0.5).middle == 0


def test_seed_rows_say_who_ended_ahead(make_entry):
    entries = [make_entry("ppo", 0.5, 0.1), make_entry("hold", 0.3, kind="strategy")]
    rows = seed_rows(entries, 0.3)
    assert [(row["name"], row["seed"], row["ahead"]) for row in rows] == [
        ("ppo", "0", "yes"),
        ("ppo", "1", "no"),
        ("hold", "", ""),
    ]
    assert rows[0]["figures"]["total_return"] == "50.0 %"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (percent(0.1234), "12.3 %"),
        (percent(0.01234), "1.23 %"),
        (percent(-0.00001), "0.00 %"),
        (percent(12.408616), "1,240.9 %"),
        (percent(0.05, sign=True), "+5.00 %"),
        (percent(NAN), "n/a"),
        (ratio(-0.001), "0.00"),
        (ratio(NAN), "n/a"),
        (money(1234.5), "1,234.50"),
        (count(12.0), "12"),
        (count(12.5), "12.5"),
        (figure("trades", 3.0), "3"),
        (figure("sharpe", 1.0), "1.00"),
        (join(["a"]), "a"),
        (join(["a", "b", "c"]), "a, b and c"),
    ],
)
def test_figures_are_written_one_way(written, text):
    assert written == text

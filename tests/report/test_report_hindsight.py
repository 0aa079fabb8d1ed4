"""Every page says what share of hindsight was earned, and whether that is exact or a bound."""

import math
from dataclasses import replace

import pytest

from drltrade.backtest.hindsight import Best, Yardstick
from drltrade.report import Entry, comparison_table
from drltrade.report.hindsight import hindsight_kind, hindsight_notes
from drltrade.report.page import render
from drltrade.report.words import money, percent

EXACT = Best(2.0, True, "exact: the best path over 3 levels.")
BOUND = Best(60.0, False, "bound: trading inside the spread.")
NONE = Best(math.nan, False, "not looked for: 9 bars of 9 assets would take about 90 seconds.")


@pytest.fixture
def held_against(make_entry):
    def make(label, best, earned=0.5, kind="agent", seeds=2):
        entry = make_entry(label, *(0.1,) * seeds, kind=kind)
        records = (
            replace(each, hindsight=Yardstick(earned, lambda: best)) for each in entry.records
        )
        return Entry(label, tuple(records), kind)

    return make


def test_one_yardstick_is_one_sentence_and_several_name_their_owners(held_against):
    both = [held_against("ppo", EXACT), held_against("dqn", EXACT)]
    assert hindsight_notes(both) == [
        "Hindsight: exact, log growth 2 (7.389 times the start); the best path over 3 levels."
    ]
    rule = held_against("buy_and_hold", BOUND, kind="strategy", seeds=1)
    assert hindsight_notes([*both, rule]) == [
        "Hindsight for ppo and dqn: exact, log growth 2 (7.389 times the start); the best path over"
        " 3 levels.",
        "Hindsight for buy_and_hold: bound, log growth at most 60; trading inside the spread.",
    ]


def test_many_owners_are_counted_and_no_yardstick_says_nothing(held_against, make_entry):
    many = [held_against(f"a{i}", EXACT) for i in range(7)] + [held_against("sac", BOUND)]
    assert hindsight_notes(many)[0].startswith("Hindsight for a0, a1, a2, a3 and 3 more: exact")
    assert hindsight_notes([make_entry("old", 0.1)]) == []
    assert hindsight_kind(make_entry("old", 0.1)) == ""


def test_what_was_not_looked_for_says_why(held_against):
    entry = held_against("ppo", NONE)
    assert hindsight_notes([entry]) == [f"Hindsight: {NONE.why}"]
    assert hindsight_kind(entry) == "not looked for"
    (row,) = comparison_table([entry])
    assert math.isnan(row["hindsight_share"])


def test_the_page_shows_share_kind_and_sentence(held_against):
    entries = [
        held_against("ppo", EXACT, earned=0.25),
        held_against("cash", BOUND, earned=-6.0, kind="strategy", seeds=1),
    ]
    page = render("t", entries)
    assert "Share of hindsight" in page
    assert "12.5 %<small>exact</small>" in page
    assert "-10.0 %<small>bound</small>" in page
    for sentence in hindsight_notes(entries):
        assert f">{sentence}</p>" in page


def test_a_reference_is_set_apart(held_against):
    entries = [held_against("ppo", EXACT), held_against("hindsight (not causal)", EXACT, 2.0,
                                                         "reference", 1)]  # fmt: skip
    page = render("t", entries)
    assert "References: they know more than a trader can" in page
    assert "<td>100.0 %<small>exact</small></td>" in page


def test_the_table_tells_what_the_share_was_measured_against(held_against):
    (row,) = comparison_table([held_against("ppo", EXACT)])
    assert row["hindsight_share"] == 0.25
    assert row["hindsight"] == {"growth": 2.0, "exact": True, "why": EXACT.why}


def test_vast_figures_stay_short():
    assert percent(1.5e26) == "1.5e+28 %"
    assert percent(2e7, sign=True) == "+2e+09 %"
    assert percent(9999.0) == "999,900.0 %"
    assert money(1.234e31) == "1.234e+31"
    assert money(2_993_567_250.0) == "2,993,567,250.00"
    assert money(math.inf) == "n/a"

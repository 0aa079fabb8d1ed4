"""The section on pairs says who differs, and nothing that the p-values do not bear."""

import math

import pytest
from made_records import record_of
from report.reading import Page

from drltrade.backtest.evidence.bootstrap import Interval
from drltrade.backtest.evidence.pairs import Contrast, Contrasts
from drltrade.report.entry import Entry
from drltrade.report.page import render
from drltrade.report.pairs_view import pairs_sentence, pairs_view
from drltrade.report.terms import TERMS


def contrast(first, second, adjusted, mean=0.1, p=0.01):
    return Contrast(first, second, Interval(-0.5, 0.25, 1.0, 0.95), mean, p, adjusted)


def test_where_none_differs_the_smallest_p_value_is_told():
    pairs = (contrast("a", "b", 0.4), contrast("a", "hold", 0.231), contrast("b", "hold", 1.0))
    assert pairs_sentence(Contrasts(pairs, 3, None, ("hold",))) == (
        "No two differ beyond chance in what they earned: of 3 pairs the smallest p-value, adjusted"
        " for their number, is 0.231."
    )


def test_who_differs_is_named_with_the_one_that_earned_more_first():
    pairs = (contrast("a", "b", 0.02, mean=-0.1), contrast("a", "hold", 0.0001))
    assert pairs_sentence(Contrasts(pairs, 2, None, ("hold",))) == (
        "2 of 2 pairs differ beyond chance, p adjusted for their number: a earned more than hold"
        " (p < 0.001) and b earned more than a (p = 0.020)."
    )


def test_of_many_that_differ_three_are_named():
    pairs = tuple(contrast("a", name, 0.01) for name in "bcdef")
    assert pairs_sentence(Contrasts(pairs, 5, None)).endswith("(p = 0.010) and 2 more.")


def test_one_pair_is_told_as_one():
    assert pairs_sentence(Contrasts((contrast("a", "hold", 0.3),), 1, None, ("hold",))) == (
        "a and hold do not differ beyond chance in what they earned (p = 0.300)."
    )
    assert pairs_sentence(Contrasts((contrast("a", "hold", 0.05),), 1, None)).startswith("a and")
    assert pairs_sentence(Contrasts((contrast("a", "hold", 0.049),), 1, None)) == (
        "They differ beyond chance: a earned more than hold (p = 0.049)."
    )


def test_that_only_the_leaders_pairs_are_shown_is_said():
    pairs = (contrast("a", "b", 0.4), contrast("a", "c", 0.5))
    told = pairs_sentence(Contrasts(pairs, 45, "a"))
    assert "of 2 pairs, those of a alone, who was chosen before the test (all 45 would be" in told


@pytest.mark.parametrize("pairs", [(), (contrast("a", "b", math.nan, p=math.nan),)])
def test_nothing_is_claimed_of_nothing(pairs):
    assert "chance" not in pairs_sentence(Contrasts(pairs, len(pairs), None))


def test_the_table_has_a_line_for_each_pair_agents_first_then_the_rival():
    pairs = (contrast("a", "b", 0.049), contrast("a", "hold", 0.231), contrast("b", "hold", 1.0))
    grid = pairs_view(Contrasts(pairs, 3, None, ("hold",))).table
    assert [(head, [(line.name, line.small) for line in lines]) for head, lines in grid.groups] == [
        ("Among themselves", [("a", "less b")]),
        ("Against hold", [("a", "less hold"), ("b", "less hold")]),
    ]
    cells = [[cell.text for cell in line.cells] for _, lines in grid.groups for line in lines]
    assert cells[0] == ["+0.25", "+10.0 %", "0.049", "yes"]
    assert [row[-1] for row in cells] == ["yes", "no", "no"]
    smalls = [cell.small for cell in grid.groups[0][1][0].cells]
    assert smalls == ["-0.50 to 1.00", "", "alone 0.010", ""]


def test_the_page_has_the_section_with_its_terms_where_there_are_pairs():
    entries = [Entry(name, (record_of([100.0, 101.0, 99.0, 103.0]),)) for name in "ab"]
    page = Page(render("t", entries, pairs=Contrasts((contrast("a", "b", 0.3),), 1, None)))
    assert page.mistakes == []
    assert "Which of them differ" in page.prose
    for key in ("pair", "adjusted"):
        assert TERMS[key].meaning in page.prose
    for nothing in (None, Contrasts((), 0, None)):
        assert "Which of them differ" not in Page(render("t", entries, pairs=nothing)).prose

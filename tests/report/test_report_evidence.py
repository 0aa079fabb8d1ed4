"""Claims about the sections of evidence and diagnostics: every figure in words, n/a where none."""

from dataclasses import replace

import numpy as np
import pytest
from report.reading import Page

from drltrade.backtest.hindsight import Best, Yardstick
from drltrade.report.evidence_figures import evidence_figures
from drltrade.report.evidence_view import evidence_facts, evidence_view
from drltrade.report.page import render
from drltrade.report.terms import TERMS

DQN, SAC = "dqn <script>alert(1)</script>", "sac"


@pytest.fixture(scope="module")
def full(entries, make_evidence, make_diagnostics):
    diagnostics = {DQN: make_diagnostics(), SAC: make_diagnostics()}
    return Page(render("t", entries, evidence=make_evidence(), diagnostics=diagnostics))


def cells(page, name):
    """The rows of a table as text, header first, by the id of the table."""
    return page.tables[f"{name}-table"]


def row(page, table, name):
    (found,) = [line for line in cells(page, table) if line[0].startswith(name)]
    return found[1:]


def test_without_evidence_there_is_no_section_and_no_figure_of_it(entries):
    page = Page(render("t", entries))
    assert page.figures["more"] == {}
    assert not {"evidence", "drivers"} & set(page.ids)
    assert "Trials on these bars" not in page.prose


def test_the_full_page_is_closed_escaped_and_fetches_nothing(full):
    assert full.mistakes == full.stack == []
    assert len(full.ids) == len(set(full.ids))
    assert {"evidence", "drivers"} <= set(full.ids)
    ours = full.text.replace(full.scripts[1], "")
    for tag in ("<script>alert", "<b>37", "<i>calm", "return <b>", "http:", "https:"):
        assert tag not in ours
    for name in ("up, <i>calm</i>", "return <b>", "Short test: <b>37</b> policies", "B&B hold"):
        assert name in full.prose
    named = [a["aria-labelledby"] for _, a, _ in full.tags if "aria-labelledby" in a]
    assert set(named) <= set(full.ids)
    assert all(header.get("scope") in {"col", "row", "rowgroup"} for header in full.all("th"))
    assert all("div" in stack for tag, _, stack in full.tags if tag == "table")


def test_the_header_tells_trials_folds_and_the_chosen_baseline(full, make_evidence):
    facts = dict(evidence_facts(make_evidence()))
    assert facts["Out of sample"] == "4.0 years"
    assert facts["Trials on these bars"] == "37 judged on them, 120 on validation"
    assert facts["Folds"] == "4, the first tested 2010-01-04 to 2010-12-31"
    assert facts["Chosen baseline"] == "B&B hold, 0.95 on validation"
    assert facts["Trials on these bars"] in full.prose
    assert dict(evidence_facts(make_evidence(folds=1)))["Folds"] == "1"
    before = full.prose.index("Before you believe it")
    assert before < full.prose.index("Short test") < full.prose.index("at a glance")


def test_the_question_is_asked_and_answered_with_its_p_values(full, make_evidence):
    assert (
        "Does any of dqn <script>alert(1)</script> or sac beat both cash and B&B hold" in full.prose
    )
    assert (
        "No, p = 0.310, which is not below 0.05: luck alone makes as much of a lead in 31.0 % of"
        " such tests. No single agent beats both."
    ) in full.prose
    assert cells(full, "rivals")[1:] == [
        ["cash", "below 0.001", "yes"],
        ["B&B hold", "0.310", "no"],
    ]


def test_skill_that_was_found_names_its_winners(entries, make_evidence):
    from dataclasses import replace

    found = make_evidence()
    skill = replace(found.skill, found=True, p=0.012, winners=("sac",))
    view = evidence_view(replace(found, skill=skill), entries)
    assert view.answer == [
        "Yes, p = 0.012, which is below 0.05.",
        "Each by itself beats both: sac.",
    ]
    certain = evidence_view(replace(found, skill=replace(skill, p=0.0002)), entries)
    assert certain.answer[0] == "Yes, p below 0.001, which is below 0.05."


def test_every_figure_of_an_agent_is_in_its_table(full):
    def shown(name):
        return row(full, "bearing", name)[0]

    assert cells(full, "bearing")[0] == [
        "Figure", f"{DQN} 95 % interval, 5 seeds", "sac 95 % interval, 5 seeds",
    ]  # fmt: skip
    sharpe, above_cash, above_rule = (
        line[1] for line in cells(full, "bearing") if line[0] == "Sharpe"
    )
    assert sharpe == "0.81 0.31 to 1.31"
    assert above_cash == "+0.81 0.31 to 1.31"
    assert above_rule == "-0.19 -0.69 to 0.31"
    assert shown("Total return") == "12.5 % -37.5 to 62.5 %"
    assert shown("Max drawdown") == "-60.0 % -110.0 to -10.0 %"
    assert shown("Chance that Sharpe") == "87.5 %"
    assert shown("Deflated Sharpe") == "below 0.1 % 37 trials, luck reaches 1.21"
    assert shown("Track record") == "320 bars needed 1,049"
    assert shown("Chance to beat B&B hold on a fold") == "50 % 0.00 to 100.0 %"
    assert shown("Interquartile mean") == "0.77 0.27 to 1.27"
    assert shown("Share of the achievable") == "3.40 %"
    assert [shown(f"Sharpe, {part}") for part in ("train", "validation", "test")] == [
        "2.31",
        "1.42",
        "0.81",
    ]
    assert "Overfitting probability 42.0 %: so often the best of 12 runs" in full.prose


def test_folds_are_a_table_of_shades_with_their_figures(full):
    table = cells(full, "folds")
    assert table[0] == ["Fold", DQN, "sac", "B&B hold"]
    assert table[1] == ["0 2010-01-04 to 2010-12-31", "-0.60", "-0.60", "1.00"]
    assert table[4][1:] == ["0.90", "0.90", "1.00"]
    shades = [a["style"] for a in full.all("td") if "heat" in a.get("class", "")]
    assert shades[:3] == ["--share: 33%", "--share: 33%", "--share: 55%"]


def test_the_forest_shows_every_agent_with_its_whisker_and_the_baseline(entries, make_evidence):
    from dataclasses import replace

    evidence = replace(make_evidence(), baseline={"label": "buy_and_hold", "score": 0.2})
    figure = evidence_figures(evidence, entries)["forest"]
    *agents, rule = figure["data"]
    assert [point["y"] for point in agents] == [
        ["dqn &lt;script&gt;alert(1)&lt;/script&gt;"],
        ["sac"],
    ]
    assert agents[0]["x"] == [0.8125]
    assert agents[0]["error_x"]["array"] == agents[0]["error_x"]["arrayminus"] == [0.5]
    assert [point["marker"]["color"] for point in agents] == ["--agent-1", "--agent-2"]
    level = entries[2].median("sharpe")
    assert rule["y"] == ["buy_and_hold"]
    assert rule["x"] == [pytest.approx(level, rel=1e-5)]
    (line,) = figure["layout"]["shapes"]
    assert line["x0"] == line["x1"] == level
    # A baseline that the page does not compare has no place in it.
    alone = evidence_figures(make_evidence(), entries)["forest"]
    assert len(alone["data"]) == 2
    assert "shapes" not in alone["layout"]


def test_profiles_and_curves_of_costs_and_lags_are_the_figures_given(full):
    more = full.figures["more"]
    assert set(more) == {"forest", "profile", "multipliers", "lags"}
    assert more["profile"]["data"][0]["y"] == [0.9, 0.4]
    assert cells(full, "profile")[1:] == [["0.00", "90 %", "90 %"], ["1.00", "40 %", "40 %"]]
    curve, crossing = more["multipliers"]["data"][:2]
    assert (curve["x"], curve["y"]) == ([0.0, 1.0, 2.0], [1.5, 0.8125, -0.25])
    assert crossing["x"] == [1.76]
    # On the line from 0.8125 at 1 to -0.25 at 2.
    assert crossing["y"] == [pytest.approx(0.8125 - 0.76 * 1.0625, abs=1e-5)]
    assert more["lags"]["data"][0]["x"] == [0.0, 1.5]


def test_what_drives_a_policy_is_told_in_tables(full):
    assert row(full, "multipliers", "sac") == [
        "1.50 31.0 %", "0.81 12.5 %", "-0.25 -4.00 %", "× 1.76",
    ]  # fmt: skip
    assert row(full, "nulls", "sac") == [
        "0.81",
        "0.25 -0.50 to 1.50; p 0.134 of 200 paths",
        "n/a n/a to n/a; p n/a of 200 paths",
    ]
    assert row(full, "regimes", "up, <i>calm</i> 123 bars")[0] == (
        "25.0 % Sharpe 0.61, exposure 42.0 %"
    )
    assert row(full, "regimes", "down, calm 45 bars")[0] == "-12.5 % Sharpe n/a, exposure -33.0 %"
    assert row(full, "attribution", "Timing") == ["-10.0 %", "-10.0 %"]
    assert row(full, "attribution", "Total return") == ["+12.5 %", "+12.5 %"]
    assert [line[0] for line in cells(full, "inputs")] == ["Input", "return <b>", "volatility_5"]
    assert [line[0] for line in cells(full, "lags")] == ["Bars ago", "0", "1 to 2"]
    assert row(full, "noise", "10 %")[0] == "13.0 %"
    assert row(full, "excursions", "sac") == ["+3.10 %", "-1.70 %"]


def test_bars_end_where_their_values_lie(full):
    # From -10 % to 25 %: 0 lies 10 / 35 = 28.6 % from the left.
    bars = [a for a in full.all("td") if "bar" in a.get("class", "").split()]
    styles = {a["style"]: a["class"] for a in bars}
    assert styles["--from: 28.6%; --to: 100.0%; --zero: 28.6%"] == "bar gain"
    assert styles["--from: 0.0%; --to: 28.6%; --zero: 28.6%"] == "bar loss"
    strips = [a["style"] for a in full.all("td") if a.get("class") == "strip"]
    # Luck from -0.5 to 1.5, the policy at 0.8125.
    assert strips == ["--from: 0.0%; --to: 100.0%; --at: 65.6%"] * 2


def test_undefined_figures_read_n_a_and_draw_nothing(entries, make_evidence, make_diagnostics):
    evidence = make_evidence((SAC,), seeds=3, undefined=True)
    page = Page(
        render("t", entries, evidence=evidence, diagnostics={SAC: make_diagnostics(undefined=True)})
    )
    assert page.mistakes == []
    assert "It cannot be told: the p-value is n/a." in page.prose
    assert row(page, "rivals", "B&B hold") == ["n/a", "n/a"]
    for line in cells(page, "bearing")[1:]:
        if len(line) > 1 and line[0] != "Track record":
            assert line[1].startswith("n/a"), line
    assert row(page, "bearing", "Track record") == ["320 bars needed n/a"]
    assert row(page, "multipliers", "sac") == ["n/a n/a"] * 3 + ["n/a"]
    for table in ("attribution", "inputs", "lags", "noise", "excursions"):
        assert {text for line in cells(page, table)[1:] for text in line[1:]} == {"n/a"}
    mine = page.text[page.text.index('id="evidence"') : page.text.index('id="growth"')]
    assert "nan" not in mine.lower().replace("nance", "")
    assert page.figures["more"]["forest"]["data"][0]["x"] == [None]


def test_one_seed_and_one_fold_claim_no_range(entries, make_evidence):
    page = Page(render("t", entries, evidence=make_evidence((SAC,), folds=1, seeds=1)))
    assert "Does sac beat both cash" in page.prose
    assert cells(page, "bearing")[0] == ["Figure", "sac one seed, no range"]
    assert row(page, "bearing", "Total return") == ["12.5 %"]
    assert not {"folds-table", "profile-table"} & set(page.tables)
    for words in ("Interquartile mean", "on a fold", "Overfitting probability"):
        assert words not in page.prose
    assert set(page.figures["more"]) == {"forest"}


def test_paths_of_one_seed_are_a_range_over_groups_of_bars(entries, make_evidence):
    evidence = make_evidence((SAC,), seeds=1)
    paths = {SAC: replace(evidence.agents[SAC], paths=5)}
    evidence = replace(evidence, agents=paths)
    page = Page(render("t", entries, evidence=evidence))
    assert cells(page, "bearing")[0] == ["Figure", "sac range over 5 paths of one seed"]
    assert cells(page, "folds")[0][0] == "Group"
    assert dict(evidence_facts(evidence))["Groups of bars"].startswith("4, ")


def test_it_is_told_that_folds_validate_on_what_others_test(entries, make_evidence):
    told = "bars that validate one fold are tested in another"
    assert told in evidence_view(make_evidence(), entries).question
    assert told not in evidence_view(make_evidence(folds=1), entries).question


def test_the_share_of_the_achievable_says_whether_all_of_it_is_a_bound(entries, make_evidence):
    best = Best(1.0, exact=False, why="bound: more may be asked for.")
    (first, *others) = (e for e in entries if e.label == SAC)
    records = tuple(replace(r, hindsight=Yardstick(0.1, lambda: best)) for r in first.records)
    page = Page(render("t", [replace(first, records=records)], evidence=make_evidence((SAC,))))
    assert not others
    assert row(page, "bearing", "Share of the achievable") == ["3.40 % bound"]


@pytest.mark.parametrize(
    ("sharpe", "total", "text"),
    [
        ([1.0, 0.5], [0.3, 0.1], "above × 2"),
        ([-0.1, -0.5], [-0.1, -0.2], "no gain"),
        ([1.0, 1.0], [0.3, 0.3], "n/a"),
        ([1.0, None], [0.3, None], "n/a"),
    ],
)
def test_a_break_even_out_of_range_says_on_which_side(entries, sharpe, total, text):
    """Where costs are none to multiply, all are alike and nothing can be said."""
    costs = {"multipliers": [0.0, 2.0], "sharpe": sharpe, "total_return": total, "break_even": None}
    page = Page(render("t", entries, diagnostics={SAC: {"costs": costs}}))
    assert row(page, "multipliers", SAC)[-1] == text


def test_policies_without_some_diagnostics_leave_their_tables_out(entries, make_diagnostics):
    some = make_diagnostics() | {"importance": None, "sensitivity": None, "nulls": {}}
    page = Page(render("t", entries, diagnostics={SAC: some}))
    assert page.mistakes == []
    assert not {"inputs-table", "lags-table", "noise-table", "nulls-table"} & set(page.tables)
    assert "What it looks at" not in page.prose
    assert "Importance" not in page.prose
    assert Page(render("t", entries, diagnostics={})).figures["more"] == {}


def test_every_term_is_explained_in_a_sentence_and_only_those_used(full, entries, make_evidence):
    for key, term in TERMS.items():
        assert term.meaning.endswith(".")
        assert "http" not in term.source
        assert (term.meaning in full.prose) == (key not in {"range", "pair", "adjusted"})
    seeds = Page(render("t", entries, evidence=make_evidence(seeds=3)))
    assert TERMS["range"].meaning in seeds.prose
    assert TERMS["interval"].meaning not in seeds.prose


def test_what_is_hidden_at_first_is_shown_where_no_script_runs(full):
    assert "<noscript><style>.view[hidden] { display: block !important; }" in full.text


@pytest.mark.parametrize(
    ("value", "chance", "p"),
    [
        (0.5, "50.0 %", "0.500"),
        (0.0, "below 0.1 %", "below 0.001"),
        (1.0, "above 99.9 %", "1.000"),
        (np.nan, "n/a", "n/a"),
        (None, "n/a", "n/a"),
    ],
)
def test_probabilities_are_never_written_as_certain(value, chance, p):
    from drltrade.report import words

    assert words.chance(value) == chance
    assert words.p_value(value) == p

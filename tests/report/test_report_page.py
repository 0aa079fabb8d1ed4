"""Claims about the page: one file, nothing fetched, nothing unescaped, the records' own figures."""

import re

import numpy as np
import pytest
from report.reading import Page

from drltrade.backtest.metrics import METRICS, compute_metrics, drawdowns
from drltrade.backtest.trades import trade_list
from drltrade.errors import DrltradeError, UsageError
from drltrade.report import Entry, write_report
from drltrade.report.page import render

TITLE = "A </title><script>alert(2)</script> title"
SECTIONS = "summary comparison growth account price months costs positions seeds definitions"


@pytest.fixture(scope="module")
def page(entries):
    return Page(
        render(
            TITLE,
            entries,
            {"train": ["2015-01-01", "2018-12-31"], "reward": {"log_return": 1.0}},
            ["Somebody said <i>this</i>."],
        )
    )


def test_every_tag_is_closed_in_order(page):
    assert page.mistakes == []
    assert page.stack == []


def test_plotly_is_there_once_and_three_scripts_are_all(page):
    assert page.text.count("* plotly.js v") == 1
    assert len(page.scripts) == 3
    assert len(page.text) < 5_600_000


def test_nothing_is_fetched_from_anywhere(page):
    for tag, attributes, _ in page.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            assert name not in attributes, (tag, attributes)
        assert tag not in {"link", "iframe", "object", "embed", "img"}
    ours = page.text.replace(page.scripts[1], "")
    assert not re.search(r"https?://|url\(|@import|fetch\(|XMLHttpRequest", ours)
    (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy


def test_the_chart_tools_offer_nothing_that_leaves_the_page(page):
    assert 'modeBarButtons: [["toImage", "resetScale2d"]]' in page.scripts[2]
    assert "displaylogo: false" in page.scripts[2]


def test_names_are_shown_as_written_and_never_run(page):
    ours = page.text.replace(page.scripts[1], "")
    assert "alert(1)" in ours
    assert "alert(2)" in ours
    assert "<script>alert" not in ours
    assert "<b>A" not in ours
    assert "<i>this" not in ours
    assert TITLE in page.prose
    assert "Somebody said <i>this</i>." in page.prose
    # Plotly's own texts know some HTML, so names are escaped once more for it.
    names = {trace["name"] for trace in page.figures["growth"]["data"]}
    assert "dqn &lt;script&gt;alert(1)&lt;/script&gt;" in names


def test_every_section_is_there_and_ids_are_unique(page):
    assert set(SECTIONS.split()) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    named = [a["aria-labelledby"] for _, a, _ in page.tags if "aria-labelledby" in a]
    assert set(named) <= set(page.ids)


def test_tables_have_captions_and_scoped_headers(page):
    tables = page.all("table")
    assert len(tables) == len(page.all("caption")) >= 10
    assert all(header.get("scope") in {"col", "row", "rowgroup"} for header in page.all("th"))
    scrolling = [stack for tag, _, stack in page.tags if tag == "table"]
    assert all("div" in stack for stack in scrolling)
    assert all("aria-label" in a for a in page.all("div") if "chart" in a.get("class", "").split())


def test_it_opens_with_a_verdict_the_warnings_and_the_conditions(page, entries):
    prose = page.prose
    assert "No better than" in prose or "Ahead of" in prose
    assert prose.index("Before you believe it") < prose.index("at a glance")
    for text in ("next_close, at the next bar's close", "commission 5 bp, slippage 5 bp"):
        assert text in prose
    assert "2015-01-01 to 2018-12-31" in prose
    assert "3 for each agent: 7, 8, 9" in prose


def test_the_growth_lines_are_the_records_own(page, entries):
    traces = page.figures["growth"]["data"]
    for number, entry in enumerate(entries):
        mine = [trace for trace in traces if trace["legendgroup"] == f"g{number}"]
        lines = {trace["meta"]: trace for trace in mine}
        curves = np.array([record.equity / record.equity[0] for record in entry.records])
        assert lines["median"]["y"] == pytest.approx(np.median(curves, axis=0), rel=1e-5)
        assert lines["drawdown"]["y"] == pytest.approx(drawdowns(entry.shown.equity), abs=1e-4)
        assert ("low" in lines) == (len(entry.records) > 1)
        if "low" in lines:
            assert lines["low"]["y"] == pytest.approx(curves.min(axis=0), rel=1e-5)
            assert lines["high"]["y"] == pytest.approx(curves.max(axis=0), rel=1e-5)
        assert lines["median"]["x"][0] == "2020-01-01"
        assert len(lines["median"]["x"]) == 320


def test_the_pictures_of_an_account_are_its_records(page, entries):
    figures = page.figures
    labels = [option for option in re.findall(r'<option value="\d+">([^<]*)', page.text)]
    assert len(labels) == len(figures["views"]) == len(entries)
    for name, view, assets in zip(labels, figures["views"], figures["assets"], strict=True):
        (entry,) = [e for e in entries if e.label == name.replace("&lt;", "<").replace("&gt;", ">")]
        record = entry.shown
        assert tuple(assets) == record.symbols
        pieces = dict(zip(view["cost"]["data"][0]["x"], view["cost"]["data"][0]["y"], strict=True))
        assert pieces["Net"] == pytest.approx(compute_metrics(record)["total_return"], abs=1e-5)
        paid = -(pieces["Commission"] + pieces["Slippage"])
        assert paid == pytest.approx(compute_metrics(record)["costs"], rel=1e-5)
        assert pieces["Gross"] - paid == pytest.approx(pieces["Net"], abs=1e-5)
        assert sum(view["position"]["data"][0]["y"]) == pytest.approx(1.0, abs=2e-3)
        assert (view["action"] is None) == (record.actions is None)
        for asset, figure in enumerate(view["price"]):
            close = figures["lines"][figure["data"][0]["shared"]]
            assert close["y"] == pytest.approx(record.close[:, asset], rel=1e-5)
            held = figure["data"][-1]
            assert held["y"] == pytest.approx(record.path.weights[:, asset], abs=1e-4)
            marks = {t["name"]: len(t["x"]) for t in figure["data"] if t.get("mode") == "markers"}
            mine = [t for t in trade_list(record) if t.symbol == record.symbols[asset]]
            sides = [trade.side for trade in mine]
            for side in ("long", "short"):
                assert marks.get(f"{side} entry", 0) == min(sides.count(side), 300)


def test_discrete_actions_go_by_the_weights_they_asked_for(page):
    by_names = [view["action"]["data"][0]["x"] for view in page.figures["views"] if view["action"]]
    assert ["-50%", "flat", "+50%"] in by_names
    assert any(isinstance(names[0], float) for names in by_names)


def test_how_often_is_told_in_tables_too(page):
    names = [line[0] for line in page.tables["action-0-table"][1:]]
    shown = page.figures["views"][0]
    assert len(names) == sum(share > 0 for share in shown["action"]["data"][0]["y"])
    assets = dict(page.tables["asset-0-table"][1:])
    assert set(assets) == {"A<b>A", "B&B"}
    (positions,) = shown["position"]["data"]
    held = {float(name.rstrip(" %")) / 100 for name, _ in page.tables["position-0-table"][1:]}
    drawn = {x for x, y in zip(positions["x"], positions["y"], strict=True) if y}
    assert sorted(held) == pytest.approx(sorted(drawn))


def test_the_tables_hold_the_metrics_of_the_records(page, entries):
    prose = page.prose
    for entry in entries:
        for name in ("total_return", "sharpe", "max_drawdown"):
            value = np.median(entry.figures[name])
            text = f"{value:.2f}" if METRICS[name].unit == "ratio" else f"{100 * value:.1f} %"
            assert text in prose or abs(value) < 0.1 or np.isnan(value), (entry.label, name)
    assert f"{entries[0].records[1].equity[-1]:,.2f}" in prose
    for metric in METRICS.values():
        assert metric.formula in prose


def test_a_long_record_stays_a_small_file(make_record):
    rng = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, (5000, 10)), axis=0))
    entries = [
        Entry(
            f"agent {number}",
            tuple(
                make_record(
                    close, rng.dirichlet(np.ones(10), 5000), every=True, name="x", seed=seed
                )
                for seed in range(2)
            ),
        )
        for number in range(3)
    ]
    text = render("long", entries)
    assert len(text) < 4_850_000 + 2_500_000


def test_the_file_is_written_whole_or_not_at_all(entries, tmp_path, monkeypatch):
    path = write_report(tmp_path / "new" / "report.html", "t", entries[2:])
    before = path.read_text(encoding="utf-8")

    def no_room(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("drltrade.report.page.os.replace", no_room)
    with pytest.raises(DrltradeError, match=r"Cannot write the report .* No space left"):
        write_report(path, "other", entries[2:])
    assert path.read_text(encoding="utf-8") == before
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]


def test_the_same_records_make_the_same_page(entries):
    assert render("t", entries[1:]) == render("t", entries[1:])


def test_what_cannot_be_reported_is_said(entries):
    with pytest.raises(UsageError, match="at least one record"):
        render("t", [])
    with pytest.raises(UsageError, match="no record"):
        Entry("empty", ())
    with pytest.raises(UsageError, match="Two entries of a report are called 'cash'"):
        render("t", [entries[3], entries[3]])


def test_a_strategy_alone_is_what_its_page_is_about(make_entry):
    strategies = [make_entry("sma", 0.1, kind="strategy"), make_entry("hold", 0.3, kind="strategy")]
    page = Page(render("t", strategies))
    assert page.mistakes == []
    assert "sma at a glance" in page.prose
    assert "Seed by seed" not in page.prose
    colours = {t["line"]["color"] for t in page.figures["growth"]["data"]}
    assert colours == {"--agent-1", "--agent-2"}


@pytest.mark.parametrize("bars", [2, 3])
def test_the_shortest_record_makes_a_page(make_record, bars):
    record = make_record(np.linspace(100, 101, bars), [1.0] + [np.nan] * (bars - 1))
    page = Page(render("short", [Entry("x", (record,))]))
    assert page.mistakes == []


def test_a_ruined_account_makes_a_page(make_record):
    record = make_record([100, 100, 300, 300], [-1, np.nan, np.nan, np.nan])
    page = Page(render("ruin", [Entry("x", (record,))]))
    assert "was ruined" in page.prose
    assert "Forgiven in ruin" in page.prose

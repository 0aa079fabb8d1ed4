"""Puts entries on one self-contained page: HTML, style, script and data in a single file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from drltrade.backtest.metrics import METRICS
from drltrade.errors import DrltradeError, UsageError
from drltrade.report import honesty, tables, words
from drltrade.report.accounts import account_view
from drltrade.report.diagnostics_figures import diagnostics_figures
from drltrade.report.diagnostics_view import diagnostics_view
from drltrade.report.entry import Entry, best, of_kind
from drltrade.report.evidence_figures import evidence_figures
from drltrade.report.evidence_view import evidence_facts, evidence_view
from drltrade.report.figures import growth_figure
from drltrade.report.hindsight import hindsight_kind, hindsight_notes
from drltrade.report.learning import Learning, learning_figure, learning_view
from drltrade.report.pairs_view import pairs_view
from drltrade.report.panels import price_line, shown_assets
from drltrade.report.terms import TERMS
from drltrade.report.thin import LIMIT
from drltrade.report.verdict import sides
from drltrade.report.verdict import verdict as found

if TYPE_CHECKING:
    from drltrade.backtest.evidence.evidence import Evidence
    from drltrade.backtest.evidence.pairs import Contrasts

__all__ = ["render", "write_report"]

Diagnostics = Mapping[str, Mapping[str, Any]]

KPIS = ("total_return", "cagr", "sharpe", "max_drawdown", "turnover", "costs")
_PANEL_POINTS = 60_000  # of all position lines together: what keeps the file small


def write_report(
    path: Path,
    title: str,
    entries: Sequence[Entry],
    assumptions: Mapping[str, Any] | None = None,
    warnings: Sequence[str] = (),
    verdict: Sequence[str] | None = None,
    evidence: Evidence | None = None,
    diagnostics: Diagnostics | None = None,
    learning: Mapping[str, Learning] | None = None,
    pairs: Contrasts | None = None,
) -> Path:
    """Writes the page beside its place and renames it.

    Args:
        path: the HTML file; its folder is made.
        title: heading of the page.
        entries: what is compared; several records of an entry are its seeds.
        assumptions: conditions beyond those that the records state, such as `train`, `valid`,
            `reward`, `budget`, `git`; nested mappings are shown as dotted names.
        warnings: what else must be said; what the records themselves show is added.
        verdict: the sentences at the top; by default `verdict(entries)`.
        evidence: how sure the figures are, a section of its own.
        diagnostics: what drives each policy, by label: what `diagnose` says of its median seed.
        learning: the checkpoints of each agent, by label.
        pairs: which of them differ, two by two.

    Returns:
        The path.

    Raises:
        UsageError: there is no entry, or two share a label.
        DrltradeError: the file cannot be written.
    """
    text = render(
        title, entries, assumptions, warnings, verdict, evidence, diagnostics, learning, pairs
    )
    beside = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_text(text, encoding="utf-8")
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DrltradeError(f"Cannot write the report '{path}': {reason}.") from error
    return path


def render(
    title: str,
    entries: Sequence[Entry],
    assumptions: Mapping[str, Any] | None = None,
    warnings: Sequence[str] = (),
    verdict: Sequence[str] | None = None,
    evidence: Evidence | None = None,
    diagnostics: Diagnostics | None = None,
    learning: Mapping[str, Learning] | None = None,
    pairs: Contrasts | None = None,
) -> str:
    """Returns the page as text; see `write_report`."""
    if not entries:
        raise UsageError("A report needs at least one record; there is none.")
    labels = [entry.label for entry in entries]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise UsageError(f"Two entries of a report are called '{twice[0]}'; rename one.")
    assumptions = dict(assumptions or {})
    ordered = of_kind(entries, "agent", "strategy", "reference")
    judged, baselines = sides(entries)
    baseline = best(baselines)
    leader = best(judged) or ordered[0]
    views, lines = _views(ordered, leader)
    sections = _sections(entries, evidence, diagnostics, learning, pairs)
    figures = {
        "growth": growth_figure(entries),
        "lines": lines,
        "views": [view.figures for view in views],
        "assets": [view.assets for view in views],
        "more": sections["more"],
    }
    told = [*warnings, *(() if evidence is None else evidence.warnings)]
    stated = [] if evidence is None else evidence_facts(evidence)
    template = _environment().get_template("page.html")
    return template.render(
        title=title,
        verdict=list(verdict) if verdict is not None else found(entries),
        warnings=honesty.warnings_of(entries, told, assumptions),
        facts=[*honesty.facts(ordered, assumptions), *stated],
        leader=leader,
        agents=len(of_kind(entries, "agent")),
        hindsight=hindsight_notes(ordered),
        comparable=not list(honesty.differences(entries)),
        baseline=baseline,
        kpis=_kpis(leader, [entry for entry in ordered if entry is not leader]),
        groups=_groups(entries),
        compared=[METRICS[name] for name in tables.COMPARED],
        views=views,
        seeds=_seeds(entries, baseline) if judged and judged[0].kind == "agent" else [],
        every=[(metric, _row(metric.name, ordered)) for metric in METRICS.values()],
        ordered=ordered,
        assumptions=list(honesty.flatten(_assumed(entries, leader, assumptions))),
        months=["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
        **sections,
        figures=_script_json(figures),
        plotly=Markup(_plotly_js()),
    )


def _sections(
    entries: Sequence[Entry],
    evidence: Evidence | None,
    diagnostics: Diagnostics | None,
    learning: Mapping[str, Learning] | None,
    pairs: Contrasts | None,
) -> dict[str, Any]:
    """Builds what is there only where it was handed in, with its figures and its terms."""
    sure = None if evidence is None else evidence_view(evidence, entries)
    drives = diagnostics_view(diagnostics) if diagnostics else None
    apart = pairs_view(pairs) if pairs is not None and pairs.pairs else None
    used = [key for part in (sure, apart, drives) if part is not None for key in part.terms]
    more = {} if evidence is None else evidence_figures(evidence, entries)
    more |= diagnostics_figures(diagnostics, entries) if diagnostics else {}
    more |= {"learning": learning_figure(learning, entries)} if learning else {}
    return {
        "evidence": sure,
        "pairs": apart,
        "diagnostics": drives,
        "learning": learning_view(learning) if learning else None,
        "terms": [TERMS[key] for key in used],
        "more": more,
    }


def _assumed(entries: Sequence[Entry], leader: Entry, given: Mapping[str, Any]) -> dict[str, Any]:
    """Joins what the leader's record states with what was given; what is its alone stays out."""
    known = dict(leader.shown.assumptions)
    if sum(len(entry.records) for entry in entries) > 1:
        for key in ("agent", "seed", "strategy", "ensemble"):
            known.pop(key, None)
    return known | dict(given)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("drltrade.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = lambda text: str(text).replace(" %", "\u00a0%")
    loader = environment.loader
    if loader is not None:
        for name in ("page.css", "page.js"):
            environment.globals[name.replace(".", "_")] = Markup(
                loader.get_source(environment, name)[0]
            )
    return environment


def _plotly_js() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _script_json(content: Any) -> Markup:
    """Writes JSON that can stand inside a script element whatever the names in it are."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _views(ordered: Sequence[Entry], leader: Entry) -> tuple[list[Any], dict[str, Any]]:
    """Builds the detail of every entry's median seed, the leader's first, and the price lines."""
    first = [leader, *(entry for entry in ordered if entry is not leader)]
    panels = sum(len(shown_assets(entry.shown)) for entry in first)
    limit = min(LIMIT, max(250, _PANEL_POINTS // panels))
    lines: dict[str, Any] = {}
    views = []
    for number, entry in enumerate(first):
        record = entry.shown
        keys = {}
        for asset in shown_assets(record):
            # Records of one comparison share their bars, so most lines are drawn once.
            key = f"{record.symbols[asset]} {words.span(record)} {len(record.stamps)}"
            keys[asset] = key
            if key not in lines:
                lines[key] = price_line(record, asset, LIMIT)
        views.append(account_view(entry, keys, limit, number))
    return views, lines


def _kpis(leader: Entry, others: Sequence[Entry]) -> list[dict[str, Any]]:
    shown = [entry for entry in others if entry.kind == "strategy"][:6]
    rows = []
    for name in KPIS:
        low, high = leader.range(name)
        rows.append(
            {
                "metric": METRICS[name],
                "value": words.figure(name, leader.median(name)),
                "range": words.spread(name, low, high) if len(leader.records) > 1 else "",
                "others": [
                    (entry.label, words.figure(name, entry.median(name))) for entry in shown
                ],
            }
        )
    return rows


def _groups(entries: Sequence[Entry]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Groups the comparison by kind, every cell already text with its range."""
    judged = "Baselines" if of_kind(entries, "agent") else "Strategies"
    told = "References: they know more than a trader can"
    kinds = {entry.label: hindsight_kind(entry) for entry in entries}
    groups = []
    for kind, heading in (("agent", "Agents"), ("strategy", judged), ("reference", told)):
        rows = [row for row in tables.comparison_table(entries) if row["kind"] == kind]
        cells = [
            {
                "name": row["name"],
                "runs": row["runs"] if row["records"] > 1 else "",
                "cells": [
                    (
                        words.figure(name, row[name]),
                        _small(name, row, kinds[row["name"]]),
                    )
                    for name in tables.COMPARED
                ],
            }
            for row in rows
        ]
        if cells:
            groups.append((heading, cells))
    return groups


def _small(name: str, row: Mapping[str, Any], hindsight: str) -> str:
    """What stands in small print below a figure: its range, or the kind of best it is part of."""
    if name == "hindsight_share":
        return hindsight
    if row["records"] > 1 and name in tables.RANGED:
        return words.spread(name, row[f"{name}_low"], row[f"{name}_high"])
    return ""


def _seeds(entries: Sequence[Entry], baseline: Entry | None) -> list[dict[str, Any]]:
    other = None if baseline is None else baseline.median("total_return")
    return tables.seed_rows(entries, other)


def _row(name: str, entries: Sequence[Entry]) -> list[str]:
    return [words.figure(name, entry.median(name)) for entry in entries]

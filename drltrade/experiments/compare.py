"""Puts several runs side by side: one table, one page, and which of them differ beyond chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from drltrade.errors import UsageError
from drltrade.experiments.evidence import (
    Side,
    diagnostics_of,
    evidence_of,
    joint_evidence,
    learning_of,
)
from drltrade.experiments.noting import note_runs
from drltrade.experiments.reports import assumptions_of, warnings_of
from drltrade.experiments.results import EXPERIMENT
from drltrade.experiments.side_by_side import Runs, read_runs

if TYPE_CHECKING:
    from drltrade.backtest.evidence.evidence import Evidence
    from drltrade.backtest.evidence.pairs import Contrasts
    from drltrade.report.entry import Entry

__all__ = ["PAGE", "Comparison", "compare_pairs", "compare_reports"]

PAGE = "compare.html"
"""The page of a comparison, in the folder that holds the first of its runs."""

_NAMED = 4
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Comparison:
    """What several runs come to, side by side.

    Attributes:
        entries: agents with their run's name before their own, then baselines.
        verdict: what was found, in sentences; of each by itself where they are not like for like.
        evidence: the numbers behind it, all agents of all runs being one family; None where the
            runs are not like for like, or nothing was trained.
        contrasts: which of them differ, two by two; None where the runs are not like for like.
        warnings: why they are not, and what else must be said of any of them.
        page: the HTML file.
    """

    entries: tuple[Entry, ...]
    verdict: tuple[str, ...]
    evidence: Evidence | None
    contrasts: Contrasts | None
    warnings: tuple[str, ...]
    page: Path


def compare_reports(folders: Sequence[Path], page: Path | None = None) -> Comparison:
    """Compares runs, notes in their ledgers that they were, and writes the page.

    Runs of the same bars and terms are judged together: the best of all their agents has to beat
    cash and the baseline that did best on validation, and every pair of agents is tested.

    Args:
        folders: experiments, jobs or saved backtests.
        page: the HTML file; `compare.html` in the folder that holds the first run unless given.

    Raises:
        UsageError: a run is named twice or holds no record, or the page is no HTML file.
        DrltradeError: a record or an experiment's note is damaged, or the page cannot be written.
    """
    from drltrade.report.page import write_report
    from drltrade.report.pairs_view import pairs_sentence
    from drltrade.report.verdict import verdict

    place = _place(folders[0], page)
    runs = read_runs(folders)
    noted = note_runs(folders)
    evidence = None if runs.unlike else joint_evidence(runs.sides)
    contrasts = None if runs.unlike else compare_pairs(runs.entries, evidence)
    told = _each(runs) if runs.unlike else verdict(runs.entries, evidence)
    if contrasts is not None and contrasts.pairs:
        told.append(pairs_sentence(contrasts))
    said = list(_said(runs, evidence))
    written = write_report(
        place,
        _title(runs.names),
        runs.entries,
        _assumptions(runs),
        said,
        told,
        evidence=evidence,
        diagnostics=_by_agent(runs, lambda side: diagnostics_of(side.folder, side.own)),
        learning=_by_agent(runs, lambda side: learning_of(side.folder)),
        pairs=contrasts,
    )
    own = [text for entry in runs.entries for record in entry.records for text in record.warnings]
    warnings = dict.fromkeys([*runs.unlike, *said, *own, *noted])
    return Comparison(runs.entries, tuple(told), evidence, contrasts, tuple(warnings), written)


def _each(runs: Runs) -> list[str]:
    """What each run comes to by itself, where they may not be held against each other."""
    from drltrade.report.verdict import verdict

    return [
        f"{name}: {verdict(side.own, evidence_of(side.folder, side.own))[0]}"
        for name, side in zip(runs.names, runs.sides, strict=True)
    ]


def compare_pairs(entries: Sequence[Entry], evidence: Evidence | None) -> Contrasts:
    """Tests every pair of agents, and each against the baseline of their judgement, or cash.

    Without agents every pair of strategies. Where there are too many pairs, those of the agent that
    validation scored best are tested.
    """
    from drltrade.backtest.evidence.evidence import Contender
    from drltrade.backtest.evidence.pairs import contrasts
    from drltrade.report.entry import of_kind

    agents, rules = (
        {
            entry.label: Contender(entry.label, entry.records).mean
            for entry in of_kind(entries, kind)
        }
        for kind in ("agent", "strategy")
    )
    per_year = entries[0].records[0].periods_per_year
    if not agents:
        return contrasts(rules, per_year)
    chosen = "cash" if evidence is None else str(evidence.baseline["label"])
    rival = rules.get(chosen, np.zeros_like(next(iter(agents.values()))))
    return contrasts(agents, per_year, rival={chosen: rival}, leader=_leader(evidence))


def _leader(evidence: Evidence | None) -> str | None:
    """The agent that validation scored best."""
    known = {} if evidence is None else evidence.agents
    scores = {label: each.gap.get("valid", np.nan) for label, each in known.items()}
    able = [label for label, score in scores.items() if np.isfinite(score)]
    return max(able, key=lambda label: scores[label], default=None)


def _said(runs: Runs, evidence: Evidence | None) -> Iterator[str]:
    """What no record says by itself."""
    if runs.unlike:
        yield "What is not comparable is not tested against each other."
    several = len(runs.names) > 1
    for name, side in zip(runs.names, runs.sides, strict=True):
        own = {text for entry in side.own for record in entry.records for text in record.warnings}
        for text in warnings_of(side.own, side.folder):
            if text not in own:
                yield f"{name}: {text}" if several else text
        known = any((home / EXPERIMENT).is_file() for home in (side.folder, side.folder.parent))
        if evidence is not None and side.of_kind("agent") and not known:
            yield (
                f"{name} stands in no experiment: what was tried for it is missing where trials"
                " are counted."
            )


def _assumptions(runs: Runs) -> dict[str, Any]:
    """What the page opens with; where runs differ, each value with the names that have it."""
    stated = [assumptions_of(side.folder, side.own) for side in runs.sides]
    told: dict[str, Any] = {}
    for key in dict.fromkeys(key for each in stated for key in each if key != "title"):
        values = [(each[key], name) for each, name in zip(stated, runs.names, strict=True)
                  if key in each]  # fmt: skip
        if len(values) == len(stated) and all(value == values[0][0] for value, _ in values):
            told[key] = values[0][0]
            continue
        owners: dict[str, list[str]] = {}
        for value, name in values:
            owners.setdefault(_text(value), []).append(name)
        told[key] = "; ".join(f"{text} ({', '.join(names)})" for text, names in owners.items())
    return told


def _text(value: Any) -> str:
    from drltrade.report.honesty import flatten

    if isinstance(value, Mapping):
        return ", ".join(f"{name} {text}" for name, text in flatten(value))
    return dict(flatten({"": value}))[""]


def _by_agent(runs: Runs, read: Callable[[Side], Mapping[str, _T]]) -> dict[str, _T]:
    """Reads something of each run by agent, under the names of the comparison."""
    found = {}
    for side in runs.sides:
        each = read(side)
        for label, entry in side.of_kind("agent"):
            if entry.label in each:
                found[label] = each[entry.label]
    return found


def _title(names: Sequence[str]) -> str:
    from drltrade.report.words import join

    rest = len(names) - _NAMED
    return f"Comparison of {join(names if rest < 2 else [*names[:_NAMED], f'{rest} more'])}"


def _place(first: Path, page: Path | None) -> Path:
    """Where the page goes; below the current folder it is told from there."""
    if page is None:
        place, here = first.resolve().parent / PAGE, Path.cwd().resolve()
        return place.relative_to(here) if place.is_relative_to(here) else place
    if page.suffix.lower() not in (".html", ".htm") or page.is_dir():
        raise UsageError(f"The page is '{page}'; it must be a file that ends in .html.")
    return page

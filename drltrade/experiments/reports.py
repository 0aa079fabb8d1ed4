"""Makes the page of a run folder from its records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drltrade.errors import DrltradeError, UsageError
from drltrade.experiments.evidence import EVIDENCE, diagnostics_of, evidence_of, learning_of
from drltrade.experiments.folders import RESULT, is_done, read_json, write_json
from drltrade.experiments.results import EXPERIMENT, experiment_jobs, has_folds, read_entries
from drltrade.experiments.splits import ROLES, Fold, whole_test

if TYPE_CHECKING:
    from drltrade.backtest.evidence.evidence import Evidence
    from drltrade.report.entry import Entry

__all__ = ["Report", "assumptions_of", "make_report", "warnings_of"]


@dataclass(frozen=True, eq=False)
class Report:
    """What a run folder's records come to.

    Attributes:
        entries: agents with one record a seed, ensembles, then baselines.
        verdict: what was found, in sentences.
        evidence: the numbers behind it; None where there was nothing to judge.
        page: the HTML file.
    """

    entries: tuple[Entry, ...]
    verdict: tuple[str, ...]
    evidence: Evidence | None
    page: Path


def make_report(folder: Path) -> Report:
    """Writes a run folder's page and its `evidence.json` afresh from its records.

    Raises:
        UsageError: the folder holds no record.
        DrltradeError: a record or the experiment's note is damaged.
    """
    from drltrade.report.page import write_report
    from drltrade.report.verdict import verdict

    entries = read_entries(folder)
    if not entries:
        raise UsageError(f"'{folder}' holds no record to report on.")
    evidence = evidence_of(folder, entries)
    if evidence is not None:
        write_json(folder / EVIDENCE, evidence.plain)
    sentences = verdict(entries, evidence)
    assumptions = assumptions_of(folder, entries)
    title = str(assumptions.pop("title"))
    page = write_report(
        folder / "report.html",
        title,
        entries,
        assumptions,
        warnings_of(entries, folder),
        sentences,
        evidence=evidence,
        diagnostics=diagnostics_of(folder, entries),
        learning=learning_of(folder),
    )
    return Report(tuple(entries), tuple(sentences), evidence, page)


def warnings_of(entries: Sequence[Entry], folder: Path) -> tuple[str, ...]:
    """Collects the warnings of all records, each once, in order, and what no test record shows."""
    every = [warning for e in entries for record in e.records for warning in record.warnings]
    return tuple(dict.fromkeys([*every, *_collapsed(folder), *_without_path(entries, folder)]))


def _collapsed(folder: Path) -> list[str]:
    """Tells which policies collapsed on the intervals that they were trained and chosen on."""
    from drltrade.backtest.collapse import collapse_warnings

    found: dict[str, list[Mapping[str, Any]]] = {}
    for job in [folder] if is_done(folder) else experiment_jobs(folder):
        result = read_json(job / RESULT)
        if "agent" in result:
            found.setdefault(str(result["agent"]), []).append(result.get("collapse", {}))
    return collapse_warnings(found, "seeds and folds" if has_folds(folder) else "seeds")


def _without_path(entries: Sequence[Entry], folder: Path) -> Iterator[str]:
    """Tells of references that were asked for as baselines, but of which only a bound is known."""
    from drltrade.agents.strategies import REFERENCES

    if not (folder / EXPERIMENT).is_file():
        return
    asked = read_json(folder / EXPERIMENT).get("settings", {}).get("baselines", ())
    shown = {record.name for entry in entries for record in entry.records}
    for name in REFERENCES:
        if name in asked and name not in shown:
            yield (
                f"{name} has no line of its own: no account is known that earns as much as its"
                " bound, which the shares of hindsight are told against."
            )


def assumptions_of(folder: Path, entries: Sequence[Entry]) -> dict[str, Any]:
    """Collects what the page opens with; a run of several jobs tells what all of them share."""
    first = entries[0].records[0]
    result = {"title": folder.resolve().name, **first.assumptions}
    note = next((p for p in (folder, folder.parent) if (p / EXPERIMENT).is_file()), None)
    if note is not None:
        content = read_json(note / EXPERIMENT)
        try:
            folds = [Fold.of(fold["number"], fold) for fold in content["folds"]]
            result |= {role: _told(folds, role) for role in ROLES}
            result |= {"seeds": content["seeds"], "budget": content["budget"]}
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise DrltradeError(
                f"'{note / EXPERIMENT}' is damaged. Run the experiment again: what is done is kept."
            ) from error
    if len(entries[0].records) > 1 or len(entries) > 1:
        for key in ("agent", "seed"):
            result.pop(key, None)
    return result


def _told(folds: Sequence[Fold], role: str) -> str:
    """Writes what one role of all folds is."""
    spans = [whole_test(folds)] if role == "test" else getattr(folds[0], role)
    told = ", ".join(f"{span.start} to {span.end} ({span.bars:,} bars)" for span in spans)
    if len(folds) == 1:
        return told
    return f"{told} in {len(folds)} folds" if role == "test" else f"in the first fold {told}"

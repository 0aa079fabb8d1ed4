"""Gathers what one experiment or several left behind and has it judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drltrade.errors import DrltradeError
from drltrade.experiments.folders import RESULT, is_done, read_json
from drltrade.experiments.results import EXPERIMENT, experiment_jobs
from drltrade.experiments.splits import Fold, Span
from drltrade.experiments.training import DIAGNOSTICS
from drltrade.experiments.trials import count_trials, read_trials

if TYPE_CHECKING:
    from drltrade.backtest.evidence.evidence import Contender, Evidence
    from drltrade.backtest.record import Record
    from drltrade.report.entry import Entry, Kind
    from drltrade.report.learning import Learning

__all__ = [
    "EVIDENCE",
    "Side",
    "diagnostics_of",
    "evidence_of",
    "joint_evidence",
    "learning_of",
    "share_bars",
]

EVIDENCE = "evidence.json"
"""The judgement of an experiment, beside its page."""


_WORST = -10.0
"""A ruined account's score in a picture of scores, where its own would hide all others."""


@dataclass(frozen=True, eq=False)
class Side:
    """One of the runs that are judged together.

    Attributes:
        folder: an experiment, or one job or saved backtest.
        entries: what it left, each with its name in the judgement. A baseline that several runs
            share has the same name in all of them.
    """

    folder: Path
    entries: tuple[tuple[str, Entry], ...]

    @property
    def own(self) -> list[Entry]:
        """The same under the names of the run."""
        return [entry for _, entry in self.entries]

    def of_kind(self, kind: Kind) -> list[tuple[str, Entry]]:
        """The entries of one kind."""
        return [(label, entry) for label, entry in self.entries if entry.kind == kind]


@dataclass(frozen=True, eq=False)
class _Note:
    """What an experiment says of itself: the folder of runs, its folds and validation scores."""

    out: Path
    folds: tuple[Fold, ...]
    scores: Mapping[str, float]


def evidence_of(folder: Path, entries: Sequence[Entry]) -> Evidence | None:
    """Judges the agents of an experiment, or of one job; see `joint_evidence`."""
    return joint_evidence([Side(folder, tuple((entry.label, entry) for entry in entries))])


def joint_evidence(sides: Sequence[Side]) -> Evidence | None:
    """Judges the agents of several runs as one family, by all that was ever tried on their bars.

    The baselines are those of all runs, scored by the mean of what their experiments noted; the
    trials are those of all their ledgers.

    Returns:
        None where there is nothing to judge: no trained agent, no note of an experiment, or
        records of different bars.

    Raises:
        DrltradeError: an experiment's note is damaged.
    """
    from drltrade.backtest.evidence.judge import judge

    agents = [each for side in sides for each in side.of_kind("agent")]
    rules = [each for side in sides for each in side.of_kind("strategy")]
    records = [record for _, entry in [*agents, *rules] for record in entry.records]
    notes = [_note(side.folder) for side in sides]
    known = [note for note in notes if note is not None]
    if not agents or not known or not share_bars(records) or len(records[0].returns) < 2:
        return None
    tests = _tests(known, records[0])
    family: list[Contender] = []
    scores: dict[str, list[float]] = {}
    for side, note in zip(sides, notes, strict=True):
        jobs = [read_json(job / RESULT) for job in _jobs(side.folder)]
        for label, agent in side.of_kind("agent"):
            family.append(replace(_contender(agent, tests, jobs), label=label))
        for label, rule in side.of_kind("strategy"):
            scores.setdefault(label, []).append(_score(rule, {} if note is None else note.scores))
    first = {label: entry for label, entry in reversed(rules)}
    return judge(
        family,
        [replace(_contender(first[label], tests), label=label) for label in scores],
        {label: _mean(found) for label, found in scores.items()},
        trials=_trials(known, family),
        folds=[f"{span.start} to {span.end}" for span in tests],
    )


def share_bars(records: Sequence[Record]) -> bool:
    """Whether all records are of the same bars."""
    return all(np.array_equal(record.stamps, records[0].stamps) for record in records)


def _note(folder: Path) -> _Note | None:
    """Reads the note of the experiment that a folder is, or stands in."""
    home = next((p for p in (folder, folder.parent) if (p / EXPERIMENT).is_file()), None)
    if home is None:
        return None
    note = read_json(home / EXPERIMENT)
    try:
        folds = tuple(Fold.of(fold["number"], fold) for fold in note["folds"])
        scores = {name: _number(score) for name, score in note["baseline_scores"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DrltradeError(
            f"'{home / EXPERIMENT}' is damaged. Run the experiment again: what is done is kept."
        ) from error
    return _Note(home.resolve().parent, folds, scores)


def _tests(notes: Sequence[_Note], record: Record) -> list[Span]:
    """The test bars of each fold; of runs that were folded differently all bars as one."""
    from drltrade.backtest.files import stamp_text

    every = [{span for fold in note.folds for span in fold.test} for note in notes]
    if all(spans == every[0] for spans in every):
        return sorted(every[0], key=lambda span: span.start)
    first, last = (stamp_text(record.stamps[at]) for at in (0, -1))
    return [Span(first, last, len(record.stamps))]


def diagnostics_of(folder: Path, entries: Sequence[Entry]) -> dict[str, dict[str, Any]]:
    """Reads what drives each agent: of its median seed, on the bars of the last fold."""
    known = {}
    for job in _jobs(folder):
        if (job / DIAGNOSTICS).is_file():
            result = read_json(job / RESULT)
            known[str(result.get("agent")), int(result.get("seed", 0))] = job
    found = {}
    for entry in entries:
        key = entry.label, entry.seed(entry.middle)
        if entry.kind == "agent" and key in known:
            found[entry.label] = read_json(known[key] / DIAGNOSTICS)
    return found


def learning_of(folder: Path) -> dict[str, Learning]:
    """Reads the validation scores of all checkpoints, by agent; runs that stopped early are cut."""
    from drltrade.report.learning import Learning

    found: dict[str, list[list[tuple[int, float]]]] = {}
    for job in _jobs(folder):
        result = read_json(job / RESULT)
        if result.get("validation"):
            history = [(int(steps), _number(score)) for steps, score in result["validation"]]
            found.setdefault(str(result["agent"]), []).append(history)
    curves = {}
    for label, runs in found.items():
        shared = min(map(len, runs))
        steps = [steps for steps, _ in runs[0][:shared]]
        scores = np.array([[score for _, score in run[:shared]] for run in runs])
        curves[label] = Learning(steps, np.maximum(np.nan_to_num(scores), _WORST))
    return curves


def _jobs(folder: Path) -> list[Path]:
    return [folder] if is_done(folder) else experiment_jobs(folder)


def _contender(
    entry: Entry, tests: Sequence[Span], jobs: Sequence[Mapping[str, Any]] = ()
) -> Contender:
    from drltrade.backtest.evidence.evidence import Contender

    sharpes = [[_sharpe_within(record, span) for span in tests] for record in entry.records]
    own = [job for job in jobs if job.get("agent") == entry.label]
    places = {"train": "train_metrics", "valid": "valid_metrics", "test": "metrics"}
    gap = {
        role: _median([_number(job.get(place, {}).get("sharpe")) for job in own])
        for role, place in places.items()
    }
    return Contender(entry.label, entry.records, np.array(sharpes), gap if own else {})


def _sharpe_within(record: Record, span: Span) -> float:
    """Annual Sharpe ratio of the bars of one fold; an account that stood still has one of 0."""
    from drltrade.backtest.evidence.figures import sharpe_ratio
    from drltrade.data.dates import read_stamp

    stamps = record.stamps[1:]
    inside = (stamps >= read_stamp(span.start)) & (stamps <= read_stamp(span.end, last=True))
    excess: NDArray[np.float64] = (record.returns - record.cash_returns)[inside]
    return float(sharpe_ratio(excess, record.periods_per_year)) if len(excess) > 1 else math.nan


def _trials(notes: Sequence[_Note], agents: Sequence[Contender]) -> dict[str, Any]:
    """What was tried on the test bars, and what validation chose among.

    A folder of runs that has no ledger, as that of a run which was moved, knows of these agents.
    """
    record = agents[0].records[0]
    data, counts = str(record.assumptions["data_fingerprint"]), {}
    ledgers = dict.fromkeys(note.out for note in notes)
    noted = [trial for out in ledgers for trial in read_trials(out)]
    for role in ("test", "valid"):
        every = [each for note in notes for fold in note.folds for each in fold.intervals(role)]
        span = min(start for start, _ in every), max(end for _, end in every)
        counts[role] = count_trials(noted, data, *span, kind=role, symbols=record.symbols)
    test, valid = counts["test"], counts["valid"]
    known = test.count >= len(agents)
    return {
        "test": max(test.count, len(agents)),
        "valid": max(valid.count, len(agents)),
        "variance": test.variance if known else _variance(agents),
    }


def _variance(agents: Sequence[Contender]) -> float:
    """Of the agents' per-bar Sharpe ratios, each the mean over its seeds; of one as luck has it."""
    from drltrade.backtest.evidence.figures import sharpe_ratio

    ratios = [float(np.mean(sharpe_ratio(agent.excess))) for agent in agents]
    known = [ratio for ratio in ratios if math.isfinite(ratio)]
    return float(np.var(known, ddof=1)) if len(known) > 1 else 1.0 / agents[0].excess.shape[1]


def _score(rule: Entry, scores: Mapping[str, float]) -> float:
    """The validation score of a rule, which an experiment knows by the name it was asked for."""
    stated = rule.records[0].assumptions.get("strategy", {})
    return scores.get(stated.get("name", rule.label), math.nan)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.median(known)) if known else math.nan

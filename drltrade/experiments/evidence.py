"""Gathers what an experiment left behind and has it judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drltrade.errors import DrltradeError
from drltrade.experiments.folders import RESULT, is_done, read_json
from drltrade.experiments.results import EXPERIMENT, experiment_jobs
from drltrade.experiments.splits import Fold, Span
from drltrade.experiments.training import DIAGNOSTICS
from drltrade.experiments.trials import trials_on

if TYPE_CHECKING:
    from drltrade.backtest.evidence.evidence import Contender, Evidence
    from drltrade.backtest.record import Record
    from drltrade.report.entry import Entry
    from drltrade.report.learning import Learning

__all__ = ["EVIDENCE", "diagnostics_of", "evidence_of", "learning_of"]

EVIDENCE = "evidence.json"
"""The judgement of an experiment, beside its page."""


_WORST = -10.0
"""A ruined account's score in a picture of scores, where its own would hide all others."""


def evidence_of(folder: Path, entries: Sequence[Entry]) -> Evidence | None:
    """Judges the agents of an experiment, or of one job, by all that was ever tried on its bars.

    Returns:
        None where there is nothing to judge: no trained agent, no note of the experiment, or
        records of different bars.

    Raises:
        DrltradeError: the experiment's note is damaged.
    """
    from drltrade.backtest.evidence.judge import judge
    from drltrade.report.entry import of_kind

    agents, rules = of_kind(entries, "agent"), of_kind(entries, "strategy")
    home = next((p for p in (folder, folder.parent) if (p / EXPERIMENT).is_file()), None)
    records = [record for entry in [*agents, *rules] for record in entry.records]
    if not agents or home is None or not _share_bars(records) or len(records[0].returns) < 2:
        return None
    note = read_json(home / EXPERIMENT)
    try:
        folds = [Fold.of(fold["number"], fold) for fold in note["folds"]]
        scores = {rule.label: _score(rule, note["baseline_scores"]) for rule in rules}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DrltradeError(
            f"'{home / EXPERIMENT}' is damaged. Run the experiment again: what is done is kept."
        ) from error
    tests = sorted({span for fold in folds for span in fold.test}, key=lambda span: span.start)
    jobs = [read_json(job / RESULT) for job in _jobs(folder)]
    family = [_contender(entry, tests, jobs) for entry in agents]
    return judge(
        family,
        [_contender(entry, tests) for entry in rules],
        scores,
        trials=_trials(home.resolve().parent, family, folds),
        folds=[f"{span.start} to {span.end}" for span in tests],
    )


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


def _share_bars(records: Sequence[Record]) -> bool:
    return all(np.array_equal(record.stamps, records[0].stamps) for record in records)


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


def _trials(out: Path, agents: Sequence[Contender], folds: Sequence[Fold]) -> dict[str, Any]:
    """What was tried on the test bars, and what validation chose among.

    A folder of runs that has no ledger, as that of a run which was moved, knows of these agents.
    """
    record = agents[0].records[0]
    data, counts = str(record.assumptions["data_fingerprint"]), {}
    for role in ("test", "valid"):
        every = [each for fold in folds for each in fold.intervals(role)]
        span = min(start for start, _ in every), max(end for _, end in every)
        counts[role] = trials_on(out, data, *span, kind=role)
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


def _score(rule: Entry, scores: Mapping[str, Any]) -> float:
    """The validation score of a rule, which an experiment knows by the name it was asked for."""
    stated = rule.records[0].assumptions.get("strategy", {})
    return _number(scores.get(stated.get("name", rule.label)))


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.median(known)) if known else math.nan

"""Runs an experiment: its jobs, its baselines, its page."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drltrade.errors import DrltradeError
from drltrade.experiments.backtests import baseline_scores, run_baselines
from drltrade.experiments.ensembles import experiment_ensembles
from drltrade.experiments.folders import RESULT, building, is_done, read_json, write_json
from drltrade.experiments.jobs import Event, Job
from drltrade.experiments.plan import Choice, Plan, plan_experiment, read_experiment
from drltrade.experiments.reports import make_report, warnings_of
from drltrade.experiments.results import BASELINES, ENSEMBLES, EXPERIMENT, STITCHED
from drltrade.experiments.runner import run_jobs, worker_count
from drltrade.experiments.settings import ExperimentSettings
from drltrade.experiments.stitched import stitch
from drltrade.experiments.training import job_game, role_game, run_job

if TYPE_CHECKING:
    from drltrade.backtest.evidence.evidence import Evidence
    from drltrade.backtest.record import Record
    from drltrade.report.entry import Entry

__all__ = [
    "ExperimentResult",
    "carry_out",
    "plan_of",
    "run_experiment",
    "summary",
]


@dataclass(frozen=True, eq=False)
class ExperimentResult:
    """What an experiment came to.

    Attributes:
        plan: what was asked for, resolved.
        entries: agents with one record a seed, ensembles, then baselines, all on the test interval.
        verdict: what was found, in plain sentences.
        evidence: the numbers behind it: intervals, tests, counts of trials.
        warnings: what a careful reader must know, each once.
        report: the page.
        reused: how many jobs had been done before.
        seconds: how long the command worked.
    """

    plan: Plan
    entries: tuple[Entry, ...]
    verdict: tuple[str, ...]
    evidence: Evidence | None
    warnings: tuple[str, ...]
    report: Path
    reused: int
    seconds: float


def run_experiment(
    experiment: str | Path | Mapping[str, Any] | ExperimentSettings,
    *,
    out: str | Path = "runs",
    workers: int | None = None,
    progress: Callable[[Event], None] | None = None,
    choice: Choice | None = None,
) -> ExperimentResult:
    """Trains every agent with every seed, judges all on the test interval and writes the page.

    Jobs that are done already are not done again, so the same call resumes.

    Args:
        experiment: a file or name in `experiments/`, or its content.
        out: the folder for run folders.
        workers: how many jobs run at once; one a core unless said otherwise.
        progress: receives each event while jobs run.
        choice: what to change on top of the settings.

    Raises:
        UsageError: something named or set does not fit.
        DrltradeError: a job failed; the others are kept.
    """
    plan = plan_of(experiment, out=Path(out), choice=choice)
    return carry_out(plan, workers=workers, progress=progress or (lambda event: None))


def plan_of(
    experiment: str | Path | Mapping[str, Any] | ExperimentSettings | None,
    *,
    out: Path = Path("runs"),
    choice: Choice | None = None,
) -> Plan:
    """Plans an experiment from whatever names or holds it; None is the one of all defaults."""
    if experiment is None:
        return plan_experiment({}, choice=choice, out=out)
    if isinstance(experiment, ExperimentSettings):
        content = experiment.model_dump(mode="json", exclude_unset=True)
        return plan_experiment(content, choice=choice, out=out)
    if isinstance(experiment, Mapping):
        return plan_experiment(experiment, choice=choice, out=out)
    content, roots = read_experiment(experiment)
    return plan_experiment(content, choice=choice, out=out, roots=roots)


def carry_out(
    plan: Plan, *, workers: int | None = None, progress: Callable[[Event], None]
) -> ExperimentResult:
    """Does what a plan says; see `run_experiment`."""
    began = time.monotonic()
    waiting = [job for job in plan.jobs if not is_done(job.folder)]
    _note(plan, _try_out(plan))
    shutil.rmtree(plan.home / STITCHED, ignore_errors=True)
    failures = run_jobs(waiting, run_job, progress, worker_count(len(waiting), workers))
    if failures:
        raise _failed(plan.jobs, failures)
    stitch(plan)
    _save(experiment_ensembles(plan), plan.home / ENSEMBLES)
    report = make_report(plan.home)
    return ExperimentResult(
        plan=plan,
        entries=report.entries,
        verdict=report.verdict,
        evidence=report.evidence,
        warnings=warnings_of(report.entries, plan.home),
        report=report.page,
        reused=len(plan.jobs) - len(waiting),
        seconds=time.monotonic() - began,
    )


def summary(result: ExperimentResult) -> dict[str, Any]:
    """Returns what `drltrade train --json` prints of an experiment."""
    from drltrade.report.tables import comparison_table

    plan = result.plan
    jobs = []
    for job in plan.jobs:
        found = read_json(job.folder / RESULT)
        jobs.append({"id": job.id, "folder": str(job.folder), **{key: found[key] for key in _KEPT}})
    return {
        "experiment": plan.name,
        "folds": _folds(plan),
        "jobs": jobs,
        "table": comparison_table(result.entries),
        "verdict": result.verdict,
        "evidence": None if result.evidence is None else result.evidence.plain,
        "warnings": result.warnings,
        "report": str(result.report),
        "folder": str(plan.home),
        "reused": result.reused,
        "seconds": result.seconds,
    }


_KEPT = ("agent", "fold", "seed", "validation_score", "steps", "seconds", "metrics", "collapse")


def _folds(plan: Plan) -> list[dict[str, Any]]:
    return [{"number": fold.number, **fold.to_dict()} for fold in plan.folds]


def _try_out(plan: Plan) -> dict[str, float]:
    """Builds what the workers will build and runs the baselines, so that mistakes show at once.

    Returns:
        The validation score of each baseline.
    """
    games = {
        (job.agent, job.fold): job_game(job, plan.market)
        for job in plan.jobs
        if job.seed == plan.settings.seeds[0]
    }
    for game in games.values():
        game.stretches  # noqa: B018 - refuses an interval that is too short
    first = plan.jobs[0]
    whole = role_game(first, games[first.agent, first.fold], plan.market, "test")
    tests = whole.during(plan.tests)
    _save(run_baselines(plan.settings.baselines, tests, plan.roots), plan.home / BASELINES)
    return baseline_scores(
        plan.settings.baselines,
        [whole.during(fold.intervals("valid")) for fold in plan.folds],
        plan.roots,
    )


def _save(records: Iterable[Record], home: Path) -> None:
    """Writes records into a folder each, in place of those of the last command."""
    from drltrade.backtest.files import write_record

    shutil.rmtree(home, ignore_errors=True)
    for at, record in enumerate(records):
        with building(home / f"{at:03d}-{_file_name(record.name)}") as folder:
            write_record(record, folder)


def _file_name(text: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "_-" else "-" for sign in text)


def _note(plan: Plan, scores: Mapping[str, float]) -> None:
    write_json(
        plan.home / EXPERIMENT,
        {
            "name": plan.name,
            "settings": plan.settings.model_dump(mode="json"),
            "env": plan.env.model_dump(mode="json"),
            "folds": _folds(plan),
            "baseline_scores": scores,
            "seeds": list(plan.settings.seeds),
            "budget": plan.settings.budget.model_dump(mode="json"),
            "jobs": [job.id for job in plan.jobs],
        },
    )


def _failed(jobs: Sequence[Job], failures: Sequence[Event]) -> DrltradeError:
    """Tells all failures in a sentence or two; equal ones once."""
    reasons: dict[str, list[str]] = {}
    for event in failures:
        reasons.setdefault(event.message, []).append(event.job.rpartition("-")[0])
    told = " ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())
    done = len(jobs) - len(failures)
    kept = f" The other {done} are done and kept; the same command does the rest." if done else ""
    error = DrltradeError(f"{len(failures)} of {len(jobs)} jobs failed. {told}{kept}")
    error.exit_code = max(event.exit_code for event in failures)
    return error

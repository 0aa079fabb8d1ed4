"""Finds finished runs again and reads what they left: entries for tables and pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drltrade.errors import DrltradeError, UsageError, nearest
from drltrade.experiments.folders import RESULT, is_done, job_folders, read_json

if TYPE_CHECKING:
    from drltrade.backtest.record import Record
    from drltrade.report.entry import Entry, Kind

__all__ = [
    "BASELINES",
    "ENSEMBLES",
    "EXPERIMENT",
    "STITCHED",
    "best_job",
    "experiment_jobs",
    "find_run",
    "has_folds",
    "is_run",
    "known_runs",
    "newest_jobs",
    "noted",
    "read_entries",
]

EXPERIMENT = "experiment.json"
"""What an experiment's folder says of itself: settings, splits, jobs, baselines."""
BASELINES = "baselines"
"""The folder of an experiment with one record for each of its baselines."""
ENSEMBLES = "ensembles"
"""And with one for each of its ensembles."""
STITCHED = "stitched"
"""And, of several folds, with one for each account that was handed from fold to fold."""


def is_run(folder: Path) -> bool:
    """Says whether a folder is a job, a saved backtest or an experiment with a finished job."""
    return is_done(folder) or any(True for _ in job_folders(folder))


def known_runs(out: Path = Path("runs")) -> list[Path]:
    """Lists the experiments below a folder, and saved backtests, by name."""
    if not out.is_dir():
        return []
    return [folder for folder in sorted(out.iterdir()) if folder.is_dir() and is_run(folder)]


def find_run(name: str, out: Path = Path("runs")) -> Path:
    """Finds a run folder by path, or by its name below `runs/`.

    Raises:
        UsageError: there is none, or the folder holds no finished job.
    """
    for folder in (Path(name), out / name):
        if folder.is_dir():
            if is_run(folder):
                return folder
            raise UsageError(
                f"'{folder}' holds no finished run: neither {RESULT} nor job folders that have it."
                " Run `drltrade train` first, or name another folder."
            )
    if name.endswith(".py"):
        raise UsageError(f"'{name}' is a file: name what is in it as {name}:Name.")
    known = [folder.name for folder in known_runs(out)]
    raise UsageError(
        f"There is no run '{name}'.{nearest(name, known)}"
        f" Known below '{out}': {', '.join(known) or 'none yet'}."
    )


def experiment_jobs(folder: Path) -> list[Path]:
    """Lists the jobs that an experiment's last command asked for; all, where nothing says it."""
    named = [folder / str(name) for name in noted(folder, "jobs")]
    return [job for job in named if is_done(job)] or list(job_folders(folder))


def noted(folder: Path, key: str) -> list[Any]:
    """Returns a list that an experiment's folder says of itself; an empty one where it does not.

    Raises:
        DrltradeError: it is no list.
    """
    note = folder / EXPERIMENT
    found = read_json(note).get(key, []) if note.is_file() else []
    if not isinstance(found, list):
        raise DrltradeError(f"'{note}' is damaged: its '{key}' is no list.")
    return found


def best_job(folder: Path) -> tuple[Path, str]:
    """Returns the job of a run folder with the highest validation score, and a sentence on why.

    Of several folds the last one's are asked: they have learnt from the newest bars.

    Raises:
        UsageError: the folder has no trained policy.
    """
    jobs = [folder] if is_done(folder) else newest_jobs(folder)
    jobs = [job for job in jobs if (job / "policy.json").is_file()]
    if not jobs:
        raise UsageError(f"'{folder}' holds no trained policy (policy.json).")
    if len(jobs) == 1:
        return jobs[0], f"Policy of {jobs[0]}."
    last = _fold(read_json(jobs[0] / RESULT)) if has_folds(folder) else None
    among = f"{len(jobs)}" if last is None else f"{len(jobs)} of the last fold, {last},"
    scores = {job: _score(read_json(job / RESULT)) for job in jobs}
    best = max(jobs, key=lambda job: scores[job])
    return best, (
        f"Policy of {best.name}: the best of {among} by validation score ({scores[best]:.3f})."
    )


def has_folds(folder: Path) -> bool:
    """Says whether an experiment has several folds."""
    return len(noted(folder, "folds")) > 1


def newest_jobs(folder: Path) -> list[Path]:
    """Lists the jobs of an experiment; of several folds, those of the last."""
    jobs = experiment_jobs(folder)
    folds = {job: _fold(read_json(job / RESULT)) for job in jobs} if has_folds(folder) else {}
    return [job for job in jobs if folds.get(job) == max(folds.values(), default=None)]


def _fold(result: Mapping[str, Any]) -> int:
    return int(result.get("fold", 0))


def _score(result: Mapping[str, Any]) -> float:
    score = result.get("validation_score")
    return float("-inf") if score is None else float(score)


def read_entries(folder: Path) -> list[Entry]:
    """Reads what a run left: agents with one record a seed, their ensembles, then baselines.

    Of several folds those are the records that were stitched from all of them; where the experiment
    is not done, the folds stand one by one. What knows more than a trader can is a reference, and
    its label says so.

    Raises:
        DrltradeError: a record is missing or damaged.
    """
    from drltrade.backtest.files import read_record
    from drltrade.report.entry import Entry

    near = folder.parent if (folder / "job.json").is_file() else folder
    baselines = near / BASELINES
    groups: dict[str, list[Path]] = {}
    stitched = [] if is_done(folder) else list(job_folders(folder / STITCHED))
    jobs = [folder] if is_done(folder) else stitched or experiment_jobs(folder)
    alone = has_folds(folder) and not stitched
    for job in jobs:
        result = read_json(job / RESULT)
        label = str(result.get("agent") or result.get("name") or job.name)
        label += f" fold {_fold(result)}" if alone else ""
        groups.setdefault(label, []).append(job)
    entries = []
    for label, members in groups.items():
        records = tuple(read_record(job) for job in members)
        trained = not {"agent", "ensemble"}.isdisjoint(records[0].assumptions)
        entries.append(Entry(label, records, "agent") if trained else _rule(records))
    joint = _by_name(folder / ENSEMBLES).values()
    entries += [Entry(records[0].label, tuple(records), "agent") for records in joint]
    return entries + [_rule(tuple(records)) for records in _by_name(baselines).values()]


def _by_name(home: Path) -> dict[str, list[Record]]:
    from drltrade.backtest.files import read_record

    found: dict[str, list[Record]] = {}
    for saved in job_folders(home):
        record = read_record(saved)
        found.setdefault(record.name, []).append(record)
    return found


def _rule(records: tuple[Record, ...]) -> Entry:
    from drltrade.report.entry import Entry

    kind: Kind = "reference" if "reference" in records[0].assumptions else "strategy"
    return Entry(records[0].label, records, kind)

"""Notes in the ledger of trials what jobs, backtests and comparisons have looked at."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drltrade.errors import DrltradeError
from drltrade.experiments.folders import RESULT, is_done, read_json
from drltrade.experiments.trials import Trial, note_trial

if TYPE_CHECKING:
    from drltrade.backtest.record import Record

__all__ = ["job_trials", "note_backtest", "note_job", "note_runs"]


def note_job(folder: Path, out: Path) -> str:
    """Notes what a finished job was judged on, test and validation; see `note_trial`."""
    return note_trial(out, *job_trials(folder))


def note_runs(folders: Sequence[Path]) -> list[str]:
    """Notes runs that are looked at side by side in the ledgers of all of them.

    Returns:
        What went wrong, a sentence for each ledger that cannot be written.
    """
    from drltrade.experiments.results import experiment_jobs

    jobs = [job for run in folders for job in ([run] if is_done(run) else experiment_jobs(run))]
    known = {job: home for job in jobs if (home := _home(job)) is not None}
    trials: list[Trial] = []
    for job in known:
        with contextlib.suppress(DrltradeError):  # whoever shows the run says what is wrong with it
            trials += job_trials(job)
    told = [note_trial(out, *trials) for out in dict.fromkeys(known.values())]
    return [sentence for sentence in told if sentence]


def note_backtest(record: Record, job: Path) -> str:
    """Notes that a trained policy, or an ensemble of them, was judged on other bars or again.

    Args:
        record: what it came to.
        job: the folder of the policy, of an ensemble's first member. A folder that stands in no
            experiment has no ledger.
    """
    from drltrade.backtest.files import stamp_text
    from drltrade.backtest.metrics import METRICS

    out = _home(job)
    if out is None:
        return ""
    story = read_json(job / "job.json")
    together = record.assumptions.get("ensemble")
    sharpe = METRICS["sharpe"].compute(record) / math.sqrt(record.periods_per_year)
    trial = Trial(
        kind="test",
        data=str(record.assumptions["data_fingerprint"]),
        start=stamp_text(record.stamps[0]),
        end=stamp_text(record.stamps[-1]),
        policy=_hash(together) if together else _policy(story),
        learnt=_learnt(story),
        seed=0 if together else int(story["seed"]),
        sharpe=sharpe if math.isfinite(sharpe) else None,
        bars=len(record.stamps),
        symbols=tuple(sorted(set(record.symbols))),
    )
    return note_trial(out, trial)


def _home(job: Path) -> Path | None:
    """The folder of runs that a job belongs to, if it stands in an experiment."""
    experiment = job.resolve().parent
    known = (experiment / "experiment.json").is_file() and (job / "job.json").is_file()
    return experiment.parent if known else None


def job_trials(folder: Path) -> list[Trial]:
    """Lists the trials that a finished job was: its test interval, and each of its checkpoints.

    Raises:
        DrltradeError: its files are missing or damaged.
    """
    story, result = read_json(folder / "job.json"), read_json(folder / RESULT)
    try:
        return list(_trials(story, result))
    except (KeyError, TypeError, ValueError) as error:
        raise DrltradeError(
            f"'{folder}' holds no job that this drltrade can read ({error!r})."
        ) from error


def _trials(story: Mapping[str, Any], result: Mapping[str, Any]) -> Iterator[Trial]:
    from drltrade.experiments.training import RUINED

    year = math.sqrt(result["periods_per_year"])
    owner = {"data": story["data"], "policy": _policy(story), "learnt": _learnt(story)}
    owner |= {"seed": story["seed"], "symbols": tuple(sorted(set(result["symbols"])))}
    annual = result["metrics"]["sharpe"]
    sharpe = None if annual is None else annual / year
    for start, end, _ in _spans(story, "test"):
        yield Trial("test", start=start, end=end, sharpe=sharpe, bars=result["bars"], **owner)
    spans = _spans(story, "valid")
    bars = sum(count for _, _, count in spans)
    for steps, score in result["validation"]:
        sharpe = None if score is None or score <= RUINED else score / year
        for start, end, _ in spans:
            yield Trial("valid", start=start, end=end, sharpe=sharpe, bars=bars,
                        checkpoint=steps, **owner)  # fmt: skip


def _spans(story: Mapping[str, Any], role: str) -> list[tuple[str, str, int]]:
    spans = story["config"]["splits"][role]
    return [(span["start"], span["end"], span["bars"]) for span in spans]


def _policy(story: Mapping[str, Any]) -> str:
    """Hashes a configuration: all of it but for the seed, the dates, and where the data lie."""
    config = {key: value for key, value in story["config"].items() if key != "splits"}
    config["env"] = {key: value for key, value in config["env"].items() if key != "data"}
    return _hash({"config": config, "plugins": story["plugins"]})


def _learnt(story: Mapping[str, Any]) -> str:
    splits = story["config"]["splits"]
    return _hash({"data": story["data"], "train": splits["train"], "valid": splits["valid"]})


def _hash(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]

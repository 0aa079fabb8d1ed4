"""The ledger of trials: what was ever judged on some bars, so that luck can be told from skill.

Whoever tries often enough finds something that looks good, so a Sharpe ratio is deflated by the
number of trials that it is the best of (Bailey & Lopez de Prado 2014, "The deflated Sharpe ratio").
`trials.jsonl`, in the folder that holds the runs, has a line for each. What counts as one:

- On test: every policy configuration that was ever evaluated on an interval that overlaps, of the
  same data. A configuration is env, agent, budget, starting weights and the content of plug-ins,
  without the seed: seeds, which a table averages, are one trial. Costs that a finished policy is
  backtested with make no other policy of it.
- On validation: every configuration, seed and checkpoint, for each of them could have been chosen;
  the reward, a part of the configuration, multiplies them too.
- One configuration that was fitted on several stretches of bars is as many trials as there are
  policies on one bar: the folds of a walk-forward judge one bar after the other and are one trial,
  ten train intervals before the same test are ten.

Strategies written by rule are what agents are measured against, and are not counted. Each folder of
runs has a ledger of its own, and `drltrade compare` tells those of all runs about each other.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError

from drltrade.data.dates import read_stamp
from drltrade.errors import DrltradeError, UsageError
from drltrade.experiments.folders import RESULT, read_json

if TYPE_CHECKING:
    from drltrade.backtest.record import Record

__all__ = [
    "LEDGER",
    "Trial",
    "Trials",
    "job_trials",
    "note_backtest",
    "note_job",
    "note_runs",
    "note_trial",
    "read_trials",
    "trials_on",
]

LEDGER = "trials.jsonl"
_PATIENCE = 20.0
"""Seconds to wait for another process that is writing."""
_told: set[Path] = set()
"""Ledgers of which this process has said that they cannot be written."""


@dataclass(frozen=True)
class Trial:
    """One line of the ledger: one policy that was judged on one interval.

    Attributes:
        kind: what the bars were read for: a verdict, or the choice of a checkpoint.
        data: the fingerprint of the whole market.
        start: first stamp, inclusive.
        end: last stamp, inclusive; a date means all of that day.
        policy: the hash of its configuration, without seed, dates and data.
        learnt: the hash of the bars that it was trained and chosen on.
        seed: the seed of its training.
        sharpe: Sharpe ratio per bar, in excess of cash; None where it is undefined.
        bars: how many bars it was judged on.
        checkpoint: environment steps of the checkpoint; None for the policy that was kept.
    """

    kind: Literal["test", "valid"]
    data: str
    start: str
    end: str
    policy: str
    learnt: str
    seed: int
    sharpe: float | None
    bars: int
    checkpoint: int | None = None

    @cached_property
    def span(self) -> tuple[np.datetime64, np.datetime64]:
        """First and last instant."""
        return read_stamp(self.start), read_stamp(self.end, last=True)

    def overlaps(self, span: tuple[np.datetime64, np.datetime64]) -> bool:
        """Whether an interval shares an instant with this one."""
        return bool(self.span[0] <= span[1] and span[0] <= self.span[1])


@dataclass(frozen=True)
class Trials:
    """How often luck had its chance.

    Attributes:
        count: the number of trials; see the module.
        variance: of the trials' Sharpe ratios per bar, each the mean over its seeds (ddof=1). Of
            fewer than two it is unknown: then 1 / bars, which is the variance that the ratio of a
            policy without skill has by chance (Lo 2002, "The statistics of Sharpe ratios"); NaN
            where there is no trial at all.
    """

    count: int
    variance: float


_READER = TypeAdapter(Trial)


def note_trial(out: Path, *trials: Trial) -> str:
    """Appends trials to the ledger of a folder of runs; those that it has are not written again.

    Processes take turns, and what a killed one left half-written is closed off and ignored. A
    ledger that cannot be written never stops anything.

    Returns:
        What went wrong, in a sentence, the first time in this process; else nothing.
    """
    from filelock import FileLock

    file = out / LEDGER
    lines = [json.dumps(asdict(trial), allow_nan=False).encode() for trial in trials]
    try:
        out.mkdir(parents=True, exist_ok=True)
        with FileLock(out / f".{LEDGER}.lock", timeout=_PATIENCE):
            _append(file, lines)
    except OSError as error:  # also filelock's own, that it waited too long
        key = file.absolute()
        reason = error.strerror or "another process holds it"
        first = key not in _told
        _told.add(key)
        return (
            f"'{file}' cannot be written ({reason}): what is judged now is missing where trials are"
            " counted."
            if first
            else ""
        )
    return ""


def _append(file: Path, lines: Sequence[bytes]) -> None:
    known = file.read_bytes() if file.exists() else b""
    had = set(known.splitlines())
    fresh = [line + b"\n" for line in dict.fromkeys(lines) if line not in had]
    if fresh:
        torn = bool(known) and not known.endswith(b"\n")
        with file.open("ab") as ledger:
            ledger.write(b"\n" * torn + b"".join(fresh))


def read_trials(out: Path) -> list[Trial]:
    """Reads the ledger of a folder of runs; lines that are none, torn or foreign, are left out."""
    try:
        lines = (out / LEDGER).read_bytes().splitlines()
    except OSError:
        return []
    return [trial for line in lines if (trial := _read(line)) is not None]


def _read(line: bytes) -> Trial | None:
    try:
        trial = _READER.validate_json(line)
        _ = trial.span
    except (ValidationError, UsageError):
        return None
    return trial


def trials_on(
    out: Path, data: str, start: str, end: str, kind: Literal["test", "valid"] = "test"
) -> Trials:
    """Counts the trials that were made on an interval; see the module for what counts as one.

    Args:
        out: the folder that holds the runs.
        data: the fingerprint of the market.
        start: first date or stamp.
        end: last date or stamp, inclusive.
        kind: whether the bars were read for a verdict or for the choice of a checkpoint.

    Raises:
        UsageError: a date is none.
    """
    span = read_stamp(start), read_stamp(end, last=True)
    groups: dict[tuple[Any, ...], list[Trial]] = {}
    for trial in read_trials(out):
        if (trial.kind, trial.data) == (kind, data) and trial.overlaps(span):
            apart = () if kind == "test" else (trial.seed, trial.checkpoint)
            groups.setdefault((trial.policy, *apart), []).append(trial)
    chains = [chain for group in groups.values() for chain in _chains(group)]
    return Trials(len(chains), _variance(chains))


def _chains(trials: Iterable[Trial]) -> list[list[Trial]]:
    """Puts the policies of one configuration into as few rows as can be, none on another's bars.

    First come, first served, by their first bar; of intervals that is the fewest there are.
    """
    policies: dict[str, list[Trial]] = {}
    for trial in trials:
        policies.setdefault(trial.learnt, []).append(trial)
    chains: list[list[Trial]] = []
    for policy in sorted(policies.values(), key=lambda own: min(trial.span[0] for trial in own)):
        spans = {trial.span for trial in policy}
        free = (chain for chain in chains if not any(t.overlaps(s) for t in chain for s in spans))
        chain = next(free, None)
        if chain is None:
            chains.append(list(policy))
        else:
            chain += policy
    return chains


def _variance(chains: Sequence[Sequence[Trial]]) -> float:
    means = [mean for chain in chains if (mean := _sharpe(chain)) is not None]
    if len(means) > 1:
        return float(np.var(means, ddof=1))
    bars = [trial.bars for chain in chains for trial in chain]
    return 1.0 / float(np.mean(bars)) if bars else math.nan


def _sharpe(chain: Iterable[Trial]) -> float | None:
    """The mean over seeds and folds, of each the figure on the most bars; None if undefined."""
    longest: dict[tuple[str, int], Trial] = {}
    for trial in chain:
        key = trial.learnt, trial.seed
        if key not in longest or trial.bars > longest[key].bars:
            longest[key] = trial
    found = [trial.sharpe for trial in longest.values()]
    defined = [sharpe for sharpe in found if sharpe is not None and math.isfinite(sharpe)]
    return float(np.mean(defined)) if defined else None


def note_job(folder: Path, out: Path) -> str:
    """Notes what a finished job was judged on, test and validation; see `note_trial`."""
    return note_trial(out, *job_trials(folder))


def note_runs(folders: Sequence[Path]) -> str:
    """Notes runs that are looked at side by side in the ledgers of all of them."""
    from drltrade.experiments.folders import is_done
    from drltrade.experiments.results import experiment_jobs

    jobs = [job for run in folders for job in ([run] if is_done(run) else experiment_jobs(run))]
    known = {job: home for job in jobs if (home := _home(job)) is not None}
    trials: list[Trial] = []
    for job in known:
        with contextlib.suppress(DrltradeError):  # whoever shows the run says what is wrong with it
            trials += job_trials(job)
    told = [note_trial(out, *trials) for out in dict.fromkeys(known.values())]
    return " ".join(sentence for sentence in told if sentence)


def note_backtest(record: Record, job: Path) -> str:
    """Notes that a trained policy, or an ensemble of them, was judged on other bars or again.

    Args:
        record: what it came to.
        job: the folder of the policy, of an ensemble's first member. A folder that stands in no
            experiment has no ledger.
    """
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
        start=str(record.stamps[0]),
        end=str(record.stamps[-1]),
        policy=_hash(together) if together else _policy(story),
        learnt=_learnt(story),
        seed=0 if together else int(story["seed"]),
        sharpe=sharpe if math.isfinite(sharpe) else None,
        bars=len(record.stamps),
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
    owner["seed"] = story["seed"]
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
    spans = [spans] if isinstance(spans, Mapping) else spans
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

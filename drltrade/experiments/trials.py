"""The ledger of trials: what was ever judged on some bars, so that luck can be told from skill.

Whoever tries often enough finds something that looks good, so a Sharpe ratio is deflated by the
number of trials that it is the best of (Bailey & Lopez de Prado 2014, "The deflated Sharpe ratio").
`trials.jsonl`, in the folder that holds the runs, has a line for each. What counts as one:

- On test: every policy configuration that was ever evaluated on an interval that overlaps, of the
  same data or of the same symbols: a bar that is added to a file makes no new history of the rest.
  A configuration is env, agent, budget, starting weights and the content of plug-ins, without the
  seed: seeds, which a table averages, are one trial. Costs that a finished policy is backtested
  with make no other policy of it.
- On validation: every configuration, seed and checkpoint, for each of them could have been chosen;
  the reward, a part of the configuration, multiplies them too.
- One configuration that was fitted on several stretches of bars is as many trials as there are
  policies on one bar: the folds of a walk-forward judge one bar after the other and are one trial,
  ten train intervals before the same test are ten.

Strategies written by rule are what agents are measured against, and are not counted. Each folder of
runs has a ledger of its own, and `drltrade compare` tells those of all runs about each other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError

from drltrade.data.dates import read_stamp
from drltrade.errors import UsageError

__all__ = [
    "LEDGER",
    "Trial",
    "Trials",
    "count_trials",
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
        symbols: what was traded.
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
    symbols: tuple[str, ...] = ()

    @cached_property
    def span(self) -> tuple[np.datetime64, np.datetime64]:
        """First and last instant."""
        return read_stamp(self.start), read_stamp(self.end, last=True)

    def trades(self, data: str, symbols: Sequence[str]) -> bool:
        """Whether it was made on some data, or on the same symbols before a bar was added."""
        return self.data == data or (bool(symbols) and set(self.symbols) == set(symbols))

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
    out: Path,
    data: str,
    start: str,
    end: str,
    kind: Literal["test", "valid"] = "test",
    symbols: Sequence[str] = (),
) -> Trials:
    """Counts the trials of one ledger that were made on an interval; see `count_trials`."""
    return count_trials(read_trials(out), data, start, end, kind, symbols)


def count_trials(
    trials: Iterable[Trial],
    data: str,
    start: str,
    end: str,
    kind: Literal["test", "valid"],
    symbols: Sequence[str] = (),
) -> Trials:
    """Counts the trials among some that were made on an interval; see the module for what is one.

    A trial that stands in several ledgers counts once.

    Args:
        trials: what ledgers hold.
        data: the fingerprint of the market.
        start: first date or stamp.
        end: last date or stamp, inclusive.
        kind: whether the bars were read for a verdict or for the choice of a checkpoint.
        symbols: what is traded: a market of the same symbols counts as the same data, for a new bar
            or a corrected price gives it another fingerprint, but no new history.

    Raises:
        UsageError: a date is none.
    """
    span = read_stamp(start), read_stamp(end, last=True)
    groups: dict[tuple[Any, ...], list[Trial]] = {}
    for trial in trials:
        if trial.kind == kind and trial.trades(data, symbols) and trial.overlaps(span):
            apart = () if kind == "test" else (trial.seed, trial.checkpoint)
            groups.setdefault((trial.policy, *apart), []).append(trial)
    chains = [chain for group in groups.values() for chain in _chains(group)]
    return Trials(len(chains), _variance(chains))


def _chains(trials: Iterable[Trial]) -> list[list[Trial]]:
    """Lays the policies of one configuration end to end, in as few rows as can be.

    First come, first served: of intervals that needs no more rows than policies share a bar.
    """
    policies: dict[str, list[Trial]] = {}
    for trial in trials:
        policies.setdefault(trial.learnt, []).append(trial)
    pieces = [piece for own in policies.values() for piece in _pieces(own)]
    rows: list[_Piece] = []
    for piece in sorted(pieces, key=lambda piece: piece.span[0]):
        row = next((row for row in rows if row.span[1] < piece.span[0]), None)
        if row is None:
            rows.append(piece)
        else:
            row.add(piece)
    return [row.trials for row in rows]


@dataclass
class _Piece:
    """An interval, and what was judged on it."""

    span: tuple[np.datetime64, np.datetime64]
    trials: list[Trial]

    def add(self, other: _Piece) -> None:
        """Takes another that does not begin earlier."""
        self.span = self.span[0], max(self.span[1], other.span[1])
        self.trials = [*self.trials, *other.trials]


def _pieces(trials: Iterable[Trial]) -> list[_Piece]:
    """Joins the intervals of one policy that overlap: judged twice, it is one trial."""
    pieces: list[_Piece] = []
    for trial in sorted(trials, key=lambda trial: trial.span[0]):
        piece = _Piece(trial.span, [trial])
        if pieces and trial.span[0] <= pieces[-1].span[1]:
            pieces[-1].add(piece)
        else:
            pieces.append(piece)
    return pieces


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

"""Backtests trained policies together: `mean:RUN`, `rotate:RUN`, and an experiment's own."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drltrade.errors import UsageError, nearest
from drltrade.experiments.backtests import (
    Judged,
    elsewhere,
    fold_of,
    in_words,
    load_job,
    policy_game,
    sort_sets,
    story_of,
)
from drltrade.experiments.folders import is_done
from drltrade.experiments.noting import note_backtest
from drltrade.experiments.plan import Choice, Plan
from drltrade.experiments.results import experiment_jobs, known_runs, newest_jobs
from drltrade.experiments.stitched import acting, seen_by, trained_on_all

if TYPE_CHECKING:
    from drltrade.agents.ensemble import Ensemble
    from drltrade.backtest.record import Record
    from drltrade.envs import Game

__all__ = ["ensemble_of", "experiment_ensembles", "is_ensemble", "judge_ensemble", "run_ensemble"]


def is_ensemble(target: str) -> bool:
    """Says whether a target has the form `mean:RUN` or `rotate:RUN`."""
    from drltrade.agents.ensemble import SCHEMES

    scheme, colon, rest = target.partition(":")
    return scheme in SCHEMES and bool(colon and rest)


def ensemble_of(
    target: str, out: Path = Path("runs"), params: Mapping[str, Any] | None = None
) -> Ensemble:
    """Loads the policies that a target names as one.

    Args:
        target: `mean:` or `rotate:`, then runs after commas: an experiment's folder, which stands
            for all of its finished jobs, a job's, or a pattern such as `runs/first/ppo-*`.
        out: the folder that holds all runs.
        params: `every` and `look` of a rotation.

    Raises:
        UsageError: there is no such run or parameter, or the policies do not go together.
    """
    return _loaded(target, out, params or {})[0]


def _loaded(target: str, out: Path, params: Mapping[str, Any]) -> tuple[Ensemble, list[Path]]:
    from drltrade.agents.ensemble import Ensemble

    scheme, _, runs = target.partition(":")
    unknown = set(params) - ({"every", "look"} if scheme == "rotate" else set())
    if unknown:
        allowed = "ensemble.every and ensemble.look" if scheme == "rotate" else "none"
        raise UsageError(f"'{scheme}' has no setting ensemble.{min(unknown)}; it has {allowed}.")
    jobs = list(dict.fromkeys(job for name in runs.split(",") for job in _jobs(name, out)))
    policies = [load_job(job) for job in jobs]
    return Ensemble(policies, scheme, labels=[job.name for job in jobs], **params), jobs


def _jobs(name: str, out: Path) -> Iterator[Path]:
    """Yields the folders of all trained policies that a run or a pattern stands for."""
    plain = [place for place in (Path(name), out / name) if place.is_dir()][:1]
    found = plain or [Path(each) for each in sorted(glob.glob(name) or glob.glob(str(out / name)))]
    jobs = [job for folder in found for job in _policies(folder, named=bool(plain))]
    if not jobs:
        known = [folder.name for folder in known_runs(out)]
        raise UsageError(
            f"'{name}' holds no trained policy.{nearest(name, known)} Name an experiment's folder,"
            f" a job's, or a pattern such as {out / 'first' / 'ppo-*'}."
            f" Known below '{out}': {', '.join(known) or 'none yet'}."
        )
    yield from jobs


def _policies(folder: Path, *, named: bool) -> Iterator[Path]:
    """Yields the jobs of a folder with a policy; a pattern leaves out what older commands left."""
    if not is_done(folder):
        jobs = newest_jobs(folder) if named else experiment_jobs(folder)
    else:
        jobs = [folder] if named or folder in experiment_jobs(folder.parent) else []
    yield from (job for job in jobs if (job / "policy.json").is_file())


def judge_ensemble(target: str, env: str | None, choice: Choice, out: Path) -> Judged:
    """Backtests `mean:RUN` or `rotate:RUN`, by default on the test interval of its members.

    Raises:
        UsageError: something named does not fit, or the members were tested on different bars.
    """
    sets, params = sort_sets(choice.sets, "ensemble")
    ensemble, jobs = _loaded(target, out, params)
    note = f"{ensemble.name}: {', '.join(ensemble.labels)}."
    game = policy_game(ensemble, replace(choice, env=env, sets=tuple(sets)))
    tests = [] if elsewhere(env, choice) else _test_intervals(jobs)
    if tests:
        game = game.during(tests)
        note += f" Judged on their test interval, {in_words(tests)}."
    record = run_ensemble(ensemble, game)
    return Judged(record, game, f"{note} {note_backtest(record, jobs[0])}".rstrip(), ensemble.roots)


def _test_intervals(jobs: Sequence[Path]) -> list[tuple[str, str]]:
    """The test intervals that all jobs share; none where none of them says what it was."""
    stories = [story for job in jobs if (story := story_of(job))]
    tests = sorted({tuple(fold_of(story).intervals("test")) for story in stories})
    if len(tests) > 1:
        told = "; ".join(in_words(each) for each in tests)
        raise UsageError(
            f"The members were tested on different bars ({told}). Name the interval: --start, --end"
        )
    return list(tests[0]) if tests else []


def run_ensemble(ensemble: Ensemble, game: Game) -> Record:
    """Rolls an ensemble through a game, and warns of bars that members were shown."""
    from drltrade.backtest import run_backtest

    record = run_backtest(ensemble, game, name=ensemble.name)
    told = tuple(text for each in ensemble.members for text in seen_by(each, record, game))
    return replace(
        record,
        assumptions={**record.assumptions, **trained_on_all(ensemble.members)},
        warnings=record.warnings + tuple(dict.fromkeys(told)),
    )


def experiment_ensembles(plan: Plan) -> Iterator[Record]:
    """Yields the records of the ensembles of an experiment whose jobs are done, on its test bars.

    `mean` averages the seeds of each agent; `rotate` chooses among all of them.
    """
    from drltrade.agents.ensemble import Ensemble

    if not plan.settings.ensembles:
        return
    actors = list(acting(plan))
    for scheme in plan.settings.ensembles:
        for label, path in product(
            plan.agents if scheme == "mean" else [None], sorted({actor.path for actor in actors})
        ):
            joined = [
                actor for actor in actors if actor.path == path and label in (None, actor.agent)
            ]
            ensemble = Ensemble(
                [actor.policy for actor in joined],
                scheme,
                labels=[f"{actor.agent} seed {actor.seed}" for actor in joined],
                name=None if label is None else f"mean of {label} ({len(joined)} seeds)",
            )
            yield run_ensemble(ensemble, ensemble.game(plan.market).during(plan.tests))

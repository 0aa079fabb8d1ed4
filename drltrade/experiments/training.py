"""Does one job: trains, chooses the checkpoint on validation, reads the test interval once."""

from __future__ import annotations

import math
import platform
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drltrade.errors import DrltradeError
from drltrade.experiments.folders import CHECKPOINT, RESULT, building, is_done, write_json
from drltrade.experiments.jobs import Event, Job, plugin_hashes
from drltrade.experiments.noting import note_job
from drltrade.experiments.splits import Fold

if TYPE_CHECKING:
    from drltrade.agents.policy import Policy
    from drltrade.agents.task import Progress, TrainResult
    from drltrade.backtest.record import Record
    from drltrade.data.market import Market
    from drltrade.envs import Game
    from drltrade.features import Scaler

__all__ = [
    "DIAGNOSTICS",
    "describe",
    "job_game",
    "one_thread",
    "role_game",
    "run_job",
    "validation_score",
]

_LOG = "tensorboard"
DIAGNOSTICS = "diagnostics.json"
"""What the test result of a job rests on: see `drltrade.backtest.diagnostics`."""
RUINED = -1e6
"""Score of an account that was ruined: below any Sharpe ratio."""


def run_job(job: Job, report: Callable[[Event], None]) -> None:
    """Trains and tests one job and leaves its folder; a job that is done already is left alone.

    A job that was interrupted goes on from its checkpoint.

    Raises:
        DrltradeError: a plug-in or the data changed since the job was planned, or training failed.
    """
    if is_done(job.folder):
        return
    from drltrade.agents import TrainTask, train
    from drltrade.agents.table import parse_agent
    from drltrade.backtest.runner import run_backtest

    _check_unchanged(job)
    begin = _start(job)
    market = _market(job)
    game = job_game(job, market, scaler=None if begin is None else begin.scaler)
    budget = job.config["budget"]
    valid = role_game(job, game, market, "valid")
    with one_thread(), building(job.folder, keep=[_LOG]) as folder:
        if is_done(job.folder):  # by another process, a moment ago
            return
        task = TrainTask(
            game=game,
            agent=parse_agent(job.config["agent"], job.roots),
            start=begin,
            freeze=begin is not None and bool(job.config["start"]["freeze"]),
            seed=job.seed,
            steps=budget["steps"],
            device=job.device,
            log_dir=folder / _LOG,
            evaluations=budget["evaluations"],
            checkpoint=folder / CHECKPOINT,
            checkpoint_seconds=job.checkpoint_seconds,
        )

        def score(policy: Policy) -> dict[str, float]:
            return _scores(run_backtest(policy, valid, name="validation"))

        result = train(
            task,
            score=score,
            progress=lambda now: report(_progress(job, now)),
            tell=lambda words: report(Event(job.id, "note", message=words)),
        )
        result.policy.chosen_on(valid, market)
        result.policy.save(folder)
        _write_result(job, game, market, result, folder)
        # Before the folder has its name: whoever is killed here notes it again.
        if told := note_job(folder, job.home.parent):
            report(Event(job.id, "note", message=told))


@contextmanager
def one_thread() -> Iterator[None]:
    """Lets torch compute on one thread.

    Networks of this size gain little from a second one, lose twentyfold where something else wants
    the cores, and a result must not depend on how many jobs happened to run beside it.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _start(job: Job) -> Policy | None:
    """Loads the policy that a job begins with, and makes sure that it is the one planned with."""
    if job.start is None:
        return None
    from drltrade.agents import load_policy

    policy = load_policy(job.start, roots=job.roots)
    if policy.card.weights != job.config["start"]["weights"]:
        raise DrltradeError(f"The run '{job.start}' changed since the experiment was planned.")
    return policy


def _market(job: Job) -> Market:
    """Loads the market of a job, and makes sure that it is the one planned with."""
    from drltrade.data import load
    from drltrade.envs import EnvSettings

    market = load(EnvSettings.model_validate(job.config["env"]).data, job.roots)
    if market.fingerprint != job.data:
        raise DrltradeError(f"The data of '{market.name}' changed while the experiment ran.")
    return market


def job_game(job: Job, market: Market, scaler: Scaler | None = None) -> Game:
    """Builds the game that a job learns in: the market and the rules, on its train split.

    The scaler is fitted on that split, unless it is given: a job that begins with the weights of
    another keeps the scale that they know. Where a test lies before anything that is learnt from,
    the game's market is cut to what lies between the tests, so that no look-back sees one.
    """
    fold = _fold(job)
    if min(start for start, _ in fold.intervals("test")) < fold.stretches[-1][1]:
        market = market.cut(fold.stretches)
    return _game(job, market, "train", scaler)


def role_game(job: Job, game: Game, market: Market, role: str) -> Game:
    """Builds the game of another role of a job, with the scaler of the one that it learns in.

    Args:
        job: the job.
        game: what `job_game` returned.
        market: the whole market.
        role: "valid" or "test".
    """
    if role == "test" and game.market is not market:
        return _game(job, market, role, game.scaler)
    return game.during(_fold(job).intervals(role))


def _game(job: Job, market: Market, role: str, scaler: Scaler | None) -> Game:
    from drltrade.agents.table import find_agent
    from drltrade.envs import EnvSettings, build_game

    return build_game(
        EnvSettings.model_validate(job.config["env"]),
        market=market,
        roots=job.roots,
        usable=find_agent(job.config["agent"]["name"], job.roots).usable_schemes(market.assets),
        during=_fold(job).intervals(role),
        scaler=scaler,
    )


def _fold(job: Job) -> Fold:
    return Fold.of(job.fold, job.config["splits"])


def validation_score(record: Record) -> float:
    """Returns the Sharpe ratio, by which checkpoints are chosen.

    One that is undefined counts 0; a ruined account comes after every other, whatever its ratio.
    """
    from drltrade.backtest.metrics import METRICS

    if record.path.terminated:
        return RUINED
    sharpe = METRICS["sharpe"].compute(record)
    return 0.0 if math.isnan(sharpe) else float(sharpe)


def _scores(record: Record) -> dict[str, float]:
    """The validation score, and what else of that record is worth a line in TensorBoard."""
    from drltrade.backtest.metrics import METRICS

    told = {name: METRICS[name].compute(record) for name in ("turnover", "exposure")}
    return {"score": validation_score(record), **told}


def _check_unchanged(job: Job) -> None:
    now = plugin_hashes(job.config, job.roots)
    changed = [ref for ref, digest in job.plugins.items() if now.get(ref) != digest]
    if changed:
        raise DrltradeError(f"{', '.join(changed)} changed while the experiment ran. Run it again.")


def _progress(job: Job, now: Progress) -> Event:
    return Event(
        job.id, "progress", now.steps, now.total, now.seconds, score=now.score, best=now.best
    )


def _write_result(job: Job, game: Game, market: Market, result: TrainResult, folder: Path) -> None:
    """Judges the chosen policy, and writes the record of its test interval and what it rests on."""
    from drltrade.backtest.collapse import collapse_of
    from drltrade.backtest.files import payload, write_record
    from drltrade.backtest.metrics import compute_metrics
    from drltrade.experiments.backtests import run_policy

    games = [game, *(role_game(job, game, market, role) for role in ("valid", "test"))]
    learnt, chosen, test = (
        run_policy(result.policy, played, f"{job.agent} seed {job.seed}") for played in games
    )
    test = replace(test, warnings=test.warnings + _begun_on(chosen))
    write_json(folder / "job.json", describe(job))
    write_record(test, folder)
    if job.diagnostics:
        from drltrade.backtest.diagnostics import diagnose

        write_json(folder / DIAGNOSTICS, diagnose(result.policy, games[-1], test))
    content = {
        **payload(test),
        "agent": job.agent,
        "seed": job.seed,
        "fold": job.fold,
        "validation_score": result.best_score,
        "validation": [[steps, score] for steps, score in result.history],
        "train_metrics": compute_metrics(learnt),
        "valid_metrics": compute_metrics(chosen),
        "collapse": {"valid": collapse_of(chosen), "train": collapse_of(learnt)},
        "steps": result.steps,
        "seconds": result.seconds,
    }
    write_json(folder / RESULT, content)


def _begun_on(chosen: Record) -> tuple[str, ...]:
    """What to say where the starting run had seen the bars that chose the checkpoint."""
    return tuple(
        f"{warning} The checkpoint was chosen on these."
        for warning in chosen.warnings
        if warning.startswith("OVERLAP") and "starting run" in warning
    )


def describe(job: Job) -> dict[str, Any]:
    """Returns what `job.json` holds: all that decided the result, and where it was made."""
    return {
        "id": job.id,
        "agent": job.agent,
        "seed": job.seed,
        "fold": job.fold,
        "folds": job.folds,
        "config": job.config,
        "data": job.data,
        "plugins": job.plugins,
        "roots": [str(root) for root in job.roots],
        "versions": _versions(),
        "git": _git_revision(),
        "device": job.device,
        "threads": _threads(),
    }


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    names = ("drltrade", "numpy", "torch", "stable-baselines3", "gymnasium", "numba", "TA-Lib")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def _threads() -> int:
    import torch

    return torch.get_num_threads()


def _git_revision() -> str | None:
    """Returns the revision of the folder that the command ran in, marked when it was changed."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None

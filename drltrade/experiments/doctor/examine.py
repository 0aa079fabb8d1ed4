"""One job of the doctor: trains an agent on a market, judges it on fresh bars, writes it down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from drltrade.experiments.folders import write_json
from drltrade.experiments.jobs import Event, Job

if TYPE_CHECKING:
    from drltrade.agents import Progress

__all__ = ["FRESH", "TRAIN_BARS", "examine", "result_file"]

TRAIN_BARS = 200_000
"""Bars of the market that is trained on: so many that what its one path happens to hold decides
nothing."""
FRESH = 1_000_000
"""What the seed of the fresh market lies above that of the one trained on."""


def result_file(job: Job) -> Path:
    """Where a job's result is, once there is one."""
    return job.home / f"{job.id.rpartition('-')[2]}.json"


def examine(job: Job, report: Callable[[Event], None]) -> None:
    """Trains and judges one agent on one market with one seed.

    Raises:
        DrltradeError: the agent cannot be trained.
    """
    from drltrade.agents import TrainTask, parse_agent, train
    from drltrade.experiments.doctor.judging import STRETCH, judge
    from drltrade.experiments.doctor.markets import POINTS, best_policy, build_case, case_of
    from drltrade.experiments.training import one_thread

    case, config = case_of(job.config["market"]), job.config
    agent = parse_agent(config["agent"], job.roots)

    def tell(now: Progress) -> None:
        report(Event(job.id, "progress", now.steps, now.total, now.seconds))

    with one_thread():
        game, _ = build_case(
            case, agent, bars=TRAIN_BARS, seed=job.seed, window=config["window"], roots=job.roots
        )
        result = train(TrainTask(game, agent, job.seed, config["steps"]), progress=tell)
        bars = case.accounts * STRETCH + config["window"] + 1
        fresh, law = build_case(
            case, agent, bars=bars, seed=job.seed + FRESH, window=config["window"],
            roots=job.roots, scaler=game.scaler,
        )  # fmt: skip
        best = best_policy(case, law, game.scheme.shorts)
        states = law.states(fresh.market, POINTS)
        judged = judge(result.policy, fresh, best, states, case.accounts)
    content = {"steps": result.steps, "seconds": result.seconds, **asdict(judged)}
    write_json(result_file(job), content)

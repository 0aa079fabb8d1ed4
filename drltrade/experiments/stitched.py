"""Stitches the tests of several folds: one account that each fold's policy hands to the next."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from drltrade.experiments.backtests import card_warnings, load_job, trained_on
from drltrade.experiments.folders import RESULT, building, write_json
from drltrade.experiments.plan import Plan
from drltrade.experiments.results import STITCHED
from drltrade.experiments.splits import paths_of

if TYPE_CHECKING:
    from drltrade.agents.policy import Policy
    from drltrade.agents.relay import Relay
    from drltrade.backtest.record import Record
    from drltrade.envs import Game

__all__ = ["Actor", "acting", "seen_by", "stitch", "trained_on_all"]


@dataclass(frozen=True, eq=False)
class Actor:
    """Who acts on all that an experiment tests: a policy or, of several folds, a relay.

    Attributes:
        agent: the agent's label.
        seed: the seed of all its policies.
        path: which way through the folds; always 0 where each bar is tested once.
        policy: who acts.
    """

    agent: str
    seed: int
    path: int
    policy: Policy | Relay


def acting(plan: Plan) -> Iterator[Actor]:
    """Yields who acts for each agent, seed and path of an experiment whose jobs are done."""
    from drltrade.agents.relay import Leg, Relay

    paths = paths_of(plan.folds)
    for agent, seed in product(plan.agents, plan.settings.seeds):
        policies = {
            job.fold: load_job(job.folder)
            for job in plan.jobs
            if (job.agent, job.seed) == (agent, seed)
        }
        for path, steps in enumerate(paths):
            if len(plan.folds) == 1:
                yield Actor(agent, seed, path, policies[0])
                continue
            legs = [
                Leg(policies[at], span.start, span.end, f"{agent} fold {at} seed {seed}")
                for at, span in steps
            ]
            yield Actor(agent, seed, path, Relay(legs, f"{agent} seed {seed}"))


def stitch(plan: Plan) -> None:
    """Writes the record of each agent, seed and path over all folds, where there are several."""
    from drltrade.backtest.files import payload, write_record

    home = plan.home / STITCHED
    shutil.rmtree(home, ignore_errors=True)
    if len(plan.folds) == 1:
        return
    several = len(paths_of(plan.folds)) > 1
    for actor in acting(plan):
        record = _record(actor, actor.policy.game(plan.market).during(plan.tests))
        path = f"-path{actor.path}" if several else ""
        with building(home / f"{actor.agent}-seed{actor.seed}{path}") as folder:
            write_record(record, folder)
            told: dict[str, Any] = {"agent": actor.agent, "seed": actor.seed, "path": actor.path}
            write_json(folder / RESULT, {**payload(record), **told})


def _record(actor: Actor, game: Game) -> Record:
    from drltrade.backtest import run_backtest

    record = run_backtest(actor.policy, game, name=f"{actor.agent} seed {actor.seed}")
    card = actor.policy.card
    extra = {"agent": card.agent, "seed": card.seed, "reward": card.reward, "path": actor.path}
    return replace(
        record,
        assumptions={**record.assumptions, **extra, **trained_on_all([actor.policy])},
        warnings=record.warnings + seen_by(actor.policy, record, game),
    )


def trained_on_all(actors: Sequence[Policy | Relay]) -> dict[str, Any]:
    """States what actors learnt from; a relay's policies each from bars of their own."""
    from drltrade.agents.relay import Relay

    relays = [actor for actor in actors if isinstance(actor, Relay)]
    if not relays:
        return trained_on([actor.card for actor in actors])
    return {"train": "each policy on the bars of its own fold"}


def seen_by(actor: Policy | Relay, record: Record, game: Game) -> tuple[str, ...]:
    """Warns of bars that a policy acted on after it was trained or chosen on them."""
    from drltrade.agents.relay import Relay

    if not isinstance(actor, Relay):
        return card_warnings(actor.card, record.stamps, game)
    warnings: list[str] = []
    for leg in actor.legs:
        first, last = leg.bounds
        own = record.stamps[(record.stamps >= first) & (record.stamps <= last)]
        warnings += card_warnings(leg.policy.card, own, game)
    return tuple(dict.fromkeys(warnings))

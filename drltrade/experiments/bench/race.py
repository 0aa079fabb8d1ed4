"""Measures how long agents train until they earn 95 % of what the best policy earns."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from drltrade.experiments.bench.figures import Case, Effort, Figure, Group

if TYPE_CHECKING:
    from drltrade.agents import AgentSettings, Policy
    from drltrade.envs import Game
    from drltrade.sim.optimal import Optimum

__all__ = [
    "GOAL",
    "STRETCHES",
    "Finish",
    "Track",
    "finish_figures",
    "make_track",
    "race",
    "race_cases",
]

GOAL = 0.95
"""Share of the optimum that ends a race."""
LOOKS_IN_A_ROW = 3
"""Times that it must be reached in a row, one after each update or so: early policies are now and
then good by luck, for one update. The time is that of the first."""
_RACERS = ("ppo", "a2c", "direct", "cfq")
STRETCHES = 256
"""Stretches of fresh bars on which a policy is judged."""
_LOOKS = 60
"""Times that a training is judged; what that takes is not counted."""


@dataclass(frozen=True, eq=False)
class Track:
    """The OU price at a cost: what is trained on, and fresh bars with the best policy's moves.

    Attributes:
        game: what is trained on.
        fresh: bars that nobody saw, scaled as those of `game`.
        best: the best policy of the law.
        states: [T] the law's state in each fresh bar.
    """

    game: Game
    fresh: Game
    best: Optimum
    states: NDArray[np.int64]


@dataclass(frozen=True)
class Finish:
    """How a race ended.

    Attributes:
        seconds: of training, without judging, until the goal was reached or all was over.
        share: of the optimum, then.
        reached: whether the goal was reached, and not by luck.
    """

    seconds: float
    share: float
    reached: bool


def race_cases() -> list[Case]:
    """One for each agent that races."""
    from drltrade.agents import AGENTS

    return [_case(name) for name in _RACERS if name in AGENTS]


def _case(agent: str) -> Case:
    def measure(effort: Effort) -> list[Figure]:
        from drltrade.agents import parse_agent
        from drltrade.experiments.doctor.budgets import budget_of

        settings = parse_agent({"name": agent})
        steps = budget_of(settings).steps if effort.compiles else effort.train_steps
        looks = _LOOKS if effort.compiles else 1
        race(settings, 1, 0, 1)  # whatever is compiled or cached at first use
        finishes = [race(settings, steps, seed, looks) for seed in range(effort.trainings)]
        seeds = f"median of {len(finishes)} seeds" if len(finishes) > 1 else "one seed"
        what = f"training {agent} on an OU price, {seeds}"
        return finish_figures("training", f"ou_{agent}", what, finishes)

    return Case(f"training {agent} to {GOAL:.0%} of the OU optimum", 25.0, measure)


def make_track(agent: AgentSettings) -> Track:
    """Draws both markets, those of `drltrade doctor`, for the action scheme natural to an agent."""
    from drltrade.agents import agent_of

    usable = agent_of(agent).usable_schemes(1)
    return _track(usable)


@lru_cache(maxsize=2)
def _track(usable: tuple[str, ...]) -> Track:
    from drltrade.agents import AGENTS, parse_agent
    from drltrade.experiments.doctor.examine import FRESH, TRAIN_BARS
    from drltrade.experiments.doctor.judging import STRETCH
    from drltrade.experiments.doctor.markets import POINTS, best_policy, build_case, case_of

    like = next(name for name, each in AGENTS.items() if each.usable_schemes(1) == usable)
    case, settings = case_of("ou"), parse_agent({"name": like})
    game, _ = build_case(case, settings, bars=TRAIN_BARS, seed=0)
    bars = STRETCHES * STRETCH + 2
    fresh, law = build_case(case, settings, bars=bars, seed=FRESH, scaler=game.scaler)
    best = best_policy(case, law, game.scheme.shorts)
    return Track(game, fresh, best, law.states(fresh.market, POINTS))


class _ReachedError(Exception):
    """Ends a training at the goal."""


def race(agent: AgentSettings, steps: int, seed: int, looks: int) -> Finish:
    """Trains until the goal is reached, or the steps are spent.

    Args:
        agent: who trains.
        steps: what the training is planned for.
        seed: of the training.
        looks: how many times, evenly spread, the policy is judged on fresh bars.
    """
    from drltrade.agents import TrainTask, train
    from drltrade.experiments.doctor.judging import judge

    track = make_track(agent)
    looked: list[tuple[float, float]] = []
    judged = 0.0
    began = time.perf_counter()

    def score(policy: Policy) -> float:
        nonlocal judged
        now = time.perf_counter()
        share = judge(policy, track.fresh, track.best, track.states, STRETCHES).share
        looked.append((now - began - judged, share))
        judged += time.perf_counter() - now
        if confirmed([share for _, share in looked], GOAL):
            raise _ReachedError
        return share

    try:
        train(TrainTask(track.game, agent, seed, steps, evaluations=looks), score=score)
    except _ReachedError:
        return Finish(*looked[-LOOKS_IN_A_ROW], reached=True)
    return Finish(*looked[-1], reached=False)


def confirmed(shares: Sequence[float], goal: float) -> bool:
    """Whether the last looks all reached the goal."""
    last = shares[-LOOKS_IN_A_ROW:]
    return len(last) == LOOKS_IN_A_ROW and min(last) >= goal


def finish_figures(
    group: Group, key: str, what: str, finishes: Sequence[Finish], note: str = ""
) -> list[Figure]:
    """Tells the median time where most races reached the goal, else how long they went on.

    Args:
        group: where the figures stand.
        key: begins their names.
        what: who ran what, in words.
        finishes: one for each seed.
        note: what must be known of them.
    """
    share = median(finish.share for finish in finishes)
    needed = median(finish.seconds if finish.reached else np.inf for finish in finishes)
    if np.isfinite(needed):
        time_told = Figure(group, f"{key}_seconds", needed, "s", f"{what}: time to {GOAL:.0%}")
    else:
        least = median(finish.seconds for finish in finishes)
        words = f"{what}: {GOAL:.0%} NOT reached after"
        time_told = Figure(group, f"{key}_at_least_seconds", least, "s", words)
    share_told = Figure(
        group, f"{key}_share", share, "of optimum", f"{what}: share then", note=note
    )
    return [time_told, share_told]

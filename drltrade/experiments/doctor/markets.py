"""The markets that the doctor trains on: four with skill to be found, three with none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drltrade.data.synthetic import KNOWN
from drltrade.errors import unknown

if TYPE_CHECKING:
    from drltrade.agents import AgentSettings
    from drltrade.data.synthetic import Law, Synthetic
    from drltrade.envs import Game
    from drltrade.features import Scaler
    from drltrade.sim.optimal import Optimum

__all__ = ["CASES", "NULLS", "QUICK", "SKILLS", "Case", "best_policy", "build_case", "case_of"]

POINTS = 801
"""Grid of a continuous signal: the optimum's mean reward is within 1e-4 of that on a finer one."""


@dataclass(frozen=True)
class Case:
    """One market of the doctor; see KNOWN in `drltrade.data.synthetic` for its law.

    Attributes:
        law: which of KNOWN.
        cost: of one unit traded, half as commission and half as slippage.
        skill: whether an agent that sees the signal and its position can earn.
        about: what it asks of an agent, in a few words.
        lag: bars that the cue lies back; an agent whose window is no longer cannot earn.
        accounts: stretches of fresh bars that a policy is judged on: so many that its share of the
            optimum comes out the same within half a per cent on others.
    """

    law: str
    cost: float
    skill: bool
    about: str
    lag: int = 0
    accounts: int = 256

    def make(self, bars: int, seed: int) -> Synthetic:
        """Draws a market of the law."""
        if self.lag:
            return KNOWN[self.law](bars, seed, lag=self.lag)
        return KNOWN[self.law](bars, seed)


CASES: dict[str, Case] = {
    "ar1_cost": Case("ar1", 1e-3, True, "an AR(1) signal at a cost: trade past a threshold"),
    "ou": Case("ou", 2e-4, True, "a price that reverts to its mean: buy low, sell high",
               accounts=1024),
    "two_state": Case("two_state", 1.5e-3, True, "a side that flips: follow it, though a flip"
                      " costs more than the next bar brings", accounts=64),
    "chain": Case("chain", 2e-3, True, "three states: in the middle one keep what is held",
                  accounts=64),
    "stale": Case("stale", 1e-4, False, "the signal is the last return of an i.i.d. series"),
    "noise": Case("noise", 5e-4, False, "a martingale and a signal that says nothing of it"),
    "memory": Case("memory", 1e-3, False, "the cue lies four bars back: nothing for those who do"
                   " not remember", lag=4),
}  # fmt: skip
"""Every market by name. Costs are such that who looks one bar ahead only earns .88 of the optimum
on ar1_cost, .85 on ou and nothing on two_state and chain; on stale and noise so low that who knew
the next bar would earn."""

SKILLS = tuple(name for name, case in CASES.items() if case.skill)
NULLS = tuple(name for name, case in CASES.items() if not case.skill)
QUICK = ("ar1_cost", "two_state", "noise")
"""What `--quick` looks at."""


def case_of(name: str) -> Case:
    """Returns a market by name.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in CASES:
        raise unknown("market", name, CASES)
    return CASES[name]


def build_case(
    case: Case,
    agent: AgentSettings,
    *,
    bars: int,
    seed: int,
    window: int = 1,
    roots: Sequence[Path] = (),
    scaler: Scaler | None = None,
) -> tuple[Game, Law]:
    """Draws a market and builds the game on it: the agent sees the signal and its position.

    Args:
        case: which law and cost.
        agent: who plays, in the action scheme that is natural to it.
        bars: length of the market.
        seed: what it is drawn from.
        window: rows of the signal that an observation holds.
        roots: where plug-in files are looked up.
        scaler: one that is fitted already; None fits it on this market.
    """
    from drltrade.agents import agent_of
    from drltrade.envs import EnvSettings, build_game
    from drltrade.sim import Commission, Costs, Slippage

    made = case.make(bars, seed)
    settings = EnvSettings(
        features=[{"column": name, "lag": 0} for name in made.signals],
        window=window,
        costs=Costs(Commission(case.cost / 2), Slippage(case.cost / 2)),
    )
    usable = agent_of(agent).usable_schemes(1)
    game = build_game(settings, market=made.market, roots=roots, usable=usable, scaler=scaler)
    return game, made.law


def best_policy(case: Case, law: Law, shorts: bool) -> Optimum:
    """Returns the best policy of a market's law, long and short or long only."""
    from drltrade.sim.optimal import dp_optimal

    levels = (-1.0, 0.0, 1.0) if shorts else (0.0, 1.0)
    return dp_optimal(law, levels, case.cost, points=POINTS)

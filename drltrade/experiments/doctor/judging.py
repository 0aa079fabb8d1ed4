"""Judges a policy on fresh bars of a law: its share of the optimum, its profit, what it pays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from drltrade.envs import Game
    from drltrade.sim import Engine, Rules, Step
    from drltrade.sim.optimal import Optimum

__all__ = ["STRETCH", "Judged", "judge"]

Floats = NDArray[np.float64]

STRETCH = 1000
"""Bars that each account plays, one stretch after the other, each from no position."""


@dataclass(frozen=True)
class Judged:
    """What a policy did on fresh bars.

    Attributes:
        mean_reward: mean of equity / equity_before - 1.
        share: of what the best policy earned on the same bars; the two differ by their decisions
            alone, so that the share is known much better than either mean.
        p_value: chance of such a mean, or a higher one, where nothing can be earned: a one-sided t
            test on the means of the stretches. They are a thousand bars long, so that positions
            that persist within them do no harm.
        cost_share: costs paid, of those of changing sides in every bar.
        remembers: the policy carries a state of its own from bar to bar.
    """

    mean_reward: float
    share: float
    p_value: float
    cost_share: float
    remembers: bool


def judge(
    policy: Any, game: Game, best: Optimum, states: NDArray[np.int64], accounts: int
) -> Judged:
    """Rolls a policy and the best one through the same stretches of a game.

    Args:
        policy: what acts, by `predict`.
        game: fresh bars, a stretch for each account from the first decision on, with the policy's
            own scaler.
        best: the best policy of the market's law.
        states: [T] the state of the law in each bar.
        accounts: how many stretches, B.
    """
    first = int(game.first_decision) + STRETCH * np.arange(accounts)
    learner = _Learner(policy, game)
    rewards, paid = _roll(game, game.rules, first, learner.decide)
    earned = _best_reward(game, best, states, first) if best.mean_reward > 0 else float("nan")
    costs = game.rules.costs
    one_side = costs.commission.rate + costs.slippage.rate
    return Judged(
        mean_reward=float(rewards.mean()),
        share=float(rewards.mean()) / earned,
        p_value=_profit_by_luck(rewards.mean(axis=0)),
        cost_share=float(paid.mean() / (2 * one_side)) if one_side else 0.0,
        remembers=learner.state is not None,
    )


class _Learner:
    """Asks a policy bar by bar and keeps its state for it."""

    def __init__(self, policy: Any, game: Game) -> None:
        self.policy, self.game, self.state = policy, game, None

    def decide(self, row: int, engine: Engine) -> Floats:
        """[B, 1] the weights it asks for."""
        fresh = np.full(engine.accounts, row == 0)
        action, self.state = self.policy.predict(
            engine.observations, self.state, fresh, deterministic=True
        )
        return self.game.scheme.targets(action)


def _roll(
    game: Game, rules: Rules, first: NDArray[np.int64], decide: Callable[[int, Engine], Floats]
) -> tuple[Floats, Floats]:
    """Plays all stretches at once: [bars, B] rewards, and costs in parts of equity."""
    from drltrade.sim import Engine

    accounts = len(first)
    engine = game.make_engine(accounts)
    if rules is not game.rules:
        engine = Engine(game.prices, rules, accounts, start_equity=game.settings.equity)
    engine.reset(np.arange(accounts), first, first + STRETCH)
    rewards, paid = np.empty((2, STRETCH, accounts))
    for row in range(STRETCH):
        step: Step = engine.step(decide(row, engine))
        rewards[row] = step.simple_return
        paid[row] = step.costs / step.equity_before
    return rewards, paid


def _best_reward(
    game: Game, best: Optimum, states: NDArray[np.int64], first: NDArray[np.int64]
) -> float:
    """Returns the mean reward of the best policy on the same stretches.

    Its law knows no drift of weights. An account does: where the agent may go back to its weight
    in every bar, so may the best policy, and the better of both ways counts.
    """
    positions = np.stack([best.follow(states[at : at + STRETCH]) for at in first], axis=1)
    before = np.vstack([np.zeros_like(positions[:1]), positions[:-1]])
    ways = [np.where(positions == before, np.nan, positions)]  # NaN is no order
    if not game.rules.on_change:
        ways.append(positions)
    means = []
    for orders in ways:
        rewards, _ = _roll(game, game.strategy_rules, first, _sender(orders))
        means.append(float(rewards.mean()))
    return max(means)


def _sender(orders: Floats) -> Callable[[int, Engine], Floats]:
    return lambda row, engine: orders[row, :, None]


def _profit_by_luck(means: Floats) -> float:
    """One-sided p-value of a mean above 0; 1 where nothing was ever earned or lost."""
    from scipy.stats import ttest_1samp

    if np.ptp(means) == 0.0:
        return 0.0 if means[0] > 0 else 1.0
    return float(ttest_1samp(means, 0.0, alternative="greater").pvalue)

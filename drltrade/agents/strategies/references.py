"""Policies that know more than a trader can: every price to come, or the law that prices follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from drltrade.agents.strategies.base import Floats
from drltrade.config import Settings
from drltrade.errors import UsageError
from drltrade.features.pieces import piece, spans
from drltrade.sim import Hindsight, hindsight, run_path
from drltrade.sim.optimal import Optimum, dp_optimal

if TYPE_CHECKING:
    from drltrade.data.market import Market
    from drltrade.data.synthetic import Law
    from drltrade.envs import Game

__all__ = [
    "DpOptimalPolicy",
    "HindsightPolicy",
    "NoPath",
    "Reference",
    "foresee",
    "is_reference",
    "portfolios",
]

_ROUNDING = 1e-8  # of log growth, and as much again for each hundred bars


class NoPath(UsageError):
    """No account is known that earns the most: there is a bound alone."""


class Reference(Protocol):
    """Plans a whole interval from prices that lie in it: nothing that anybody could trade."""

    @property
    def name(self) -> str:
        """What reports call it."""

    @property
    def knows(self) -> str:
        """What sets it apart from a strategy, for labels."""

    def plan(self, game: Game, span: int) -> Floats:
        """Returns [T, N] orders under the game's own rules for one of its spans."""


class HindsightPolicy(Settings):
    """Knows every price to come: what nobody could have beaten, a yardstick that is not causal.

    It plays the game as an agent would: with the portfolios that the action scheme has, any weights
    where that is continuous, under the same rules. See `drltrade.sim.hindsight`.
    """

    name: ClassVar[str] = "hindsight"
    knows: ClassVar[str] = "not causal"

    def plan(self, game: Game, span: int) -> Floats:
        """Returns [T, N] targets that earn the most in one span of a game.

        Raises:
            NoPath: only a bound is known.
        """
        found = foresee(game, span)
        if not found.exact:
            raise NoPath(
                "hindsight has no path to show here, only a limit: no account's log growth exceeds"
                f" {found.growth:.4g} ({found.why.rstrip('.')}). On one asset with"
                " env.actions=levels, or long only (env.actions=portfolio), the path is known."
            )
        return found.targets


class DpOptimalPolicy:
    """Knows the law of a synthetic market, not its future: the best policy under linear costs.

    A strategy like any other, for a market that was drawn from the law: each bar's columns say the
    state, the table of `sim.dp_optimal` which level to take there from the level that is held. An
    unchanged level is no order.

    Args:
        law: how the market's signal moves and what it promises, as in `data.synthetic`.
        levels: weights that may be taken.
        cost: of one unit traded, a side, in units of return.
        discount: of the next bar's reward; 1 maximises the mean.
        points: states of a continuous signal.

    Example:
        >>> from drltrade.data import synthetic
        >>> made = synthetic.two_state(bars=200, seed=1)
        >>> policy = DpOptimalPolicy(made.law, cost=1e-4)
        >>> policy.targets(made.market, 0).shape
        (200, 1)
    """

    name: ClassVar[str] = "dp_optimal"
    knows: ClassVar[str] = "knows the law"

    def __init__(
        self,
        law: Law,
        levels: Sequence[float] = (-1.0, 0.0, 1.0),
        cost: float = 0.0,
        *,
        discount: float = 1.0,
        points: int = 2001,
    ) -> None:
        self._law, self._points = law, points
        self.optimum: Optimum = dp_optimal(law, levels, cost, discount=discount, points=points)

    @classmethod
    def of(cls, law: Law, game: Game) -> DpOptimalPolicy:
        """Makes the policy for a game's own levels and costs in proportion.

        Raises:
            UsageError: the game has no levels of one asset.
        """
        if game.scheme.name != "levels" or game.market.assets > 1:
            raise UsageError(
                f"dp_optimal needs the action scheme levels on one asset; this game has"
                f" {game.scheme.name} on {game.market.assets}."
            )
        table = portfolios(game)
        return cls(law, [] if table is None else table[:, 0].tolist(), game.rules.costs.rate)

    def targets(self, market: Market, first: int) -> Floats:
        """Returns [T, 1] weights from bar `first` on, NaN where the level stays.

        Raises:
            UsageError: the market lacks the columns of the law.
        """
        targets = np.full((market.bars, market.assets), np.nan)
        for start, stop in spans(market.segment):
            begin = max(start, first)
            if begin < stop:
                states = self._states(piece(market, start, stop))[begin - start :]
                taken = self.optimum.follow(states)
                due = np.append(True, taken[1:] != taken[:-1])
                targets[begin:stop, 0] = np.where(due, taken, np.nan)
        return targets

    def _states(self, market: Market) -> NDArray[np.int64]:
        try:
            return self._law.states(market, self._points)
        except KeyError as error:
            raise UsageError(
                f"{market.name} has no column {error}: it was not drawn from"
                f" {type(self._law).__name__}. Use the market that came with the law."
            ) from error


def is_reference(actor: object) -> bool:
    """Whether an actor plans whole intervals, and has no other way to act."""
    causal = any(hasattr(actor, form) for form in ("targets", "target", "predict"))
    return hasattr(actor, "plan") and not causal


def portfolios(game: Game) -> Floats | None:
    """Returns [M, N] what the action scheme can ask for; [K, 1] of one asset's levels.

    On several assets `levels` gives [K, N]: each level for all assets, of which every combination
    may be asked for. None where the scheme is continuous.
    """
    scheme = game.scheme
    if scheme.name == "choices":
        return scheme.targets(np.arange(scheme.space.n))
    if scheme.name != "levels":
        return None
    each = np.arange(len(scheme.levels))[:, None]
    return scheme.targets(each if scheme.assets == 1 else np.repeat(each, scheme.assets, axis=1))


def foresee(game: Game, span: int, *, free: bool = False, search: bool = True) -> Hindsight:
    """Finds the most that an account could have earned in one span of a game.

    Args:
        game: prices, rules, what may be asked for, and the starting equity.
        span: which of its spans.
        free: whether any weights may be ordered at any time, as strategies do; else what the
            action scheme has.
        search: whether to search the scheme's portfolios where that is needed; else any weights
            bound them.

    Returns:
        The answer; `exact` only where an account of this game's size earns it.
    """
    first, last = game.spans[span].tolist()
    rules = game.strategy_rules if free else game.rules
    table = None if free else portfolios(game)
    asked = table
    if table is not None and game.scheme.name == "levels":
        asked = table[:, 0]
    found = hindsight(game.prices, rules, asked if search else None, first, last)
    if not found.exact:
        return found
    equity = game.settings.equity / len(game.spans)
    path = run_path(game.prices, rules, found.targets, first, last, equity)
    made = float(np.log(path.equity[-1] / path.equity[0]))
    slack = _ROUNDING * (1 + (last - first) / 100)
    if made >= found.growth - slack and (free or _can_ask(game, found.targets[first:last], table)):
        return found
    how = found.why.partition(": ")[2]
    return replace(found, exact=False, attained=made, why=f"bound: {how}")


def _can_ask(game: Game, used: Floats, table: Floats | None) -> bool:
    """Whether every target is one that the action scheme has."""
    scheme = game.scheme
    if scheme.name == "portfolio":
        return True
    if table is None:
        low, high = min(scheme.levels) * scheme.leverage, max(scheme.levels) * scheme.leverage
        return bool(((used >= low - 1e-9) & (used <= high + 1e-9)).all())
    if scheme.name == "levels":
        return bool((np.abs(used[:, :, None] - table[:, 0]).min(axis=2) < 1e-9).all())
    off = np.abs(used[:, None, :] - table).max(axis=2).min(axis=1)
    return bool((off < 1e-9).all())

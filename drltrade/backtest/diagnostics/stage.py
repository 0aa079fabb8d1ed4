"""Takes a record apart into its accounts and plays them again, with the same or other orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.agents.ensemble import Ensemble
from drltrade.agents.strategies.references import is_reference
from drltrade.backtest.pool import Clock
from drltrade.backtest.record import Record
from drltrade.envs import Game
from drltrade.errors import UsageError
from drltrade.sim import Engine, Path, Rules, run_path

__all__ = ["Stage", "ratios", "sharpes"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stage:
    """The S accounts of a record, one a span of its game, each on its own bars.

    Attributes:
        game: what was played.
        record: what came of it, the accounts pooled.
        rules: what orders were sent under.
        clock: the accounts' stamps put on the record's.
        orders: for each account [L - 1, N] the targets decided after each of its bars but the last;
            NaN is no order.
        begins: [S] rows of `orders` before the first decision that the actor was asked for.
    """

    game: Game
    record: Record
    rules: Rules
    clock: Clock
    orders: tuple[Floats, ...]
    begins: NDArray[np.int64]

    @classmethod
    def of(cls, actor: Any, game: Game, record: Record) -> Stage:
        """Takes a record of an actor apart.

        Raises:
            UsageError: the record is not of this game.
        """
        spans, assets = game.spans, game.market.assets
        clock = Clock.of([game.market.stamps[first : last + 1] for first, last in spans])
        targets = record.path.targets
        if targets.shape != (len(clock.stamps), len(spans) * assets):
            raise _foreign(record, game)
        orders = tuple(
            np.ascontiguousarray(targets[own, span * assets : (span + 1) * assets][1:])
            for span, own in enumerate(clock.own)
        )
        by_windows = hasattr(actor, "predict") and not isinstance(actor, Ensemble)
        begins = np.zeros(len(spans), np.int64)
        if by_windows:
            begins = np.minimum(game.decisions, spans[:, 1]) - spans[:, 0]
        stage = cls(game, record, _rules(actor, game), clock, orders, begins)
        replayed = stage.pooled(stage.padded([path.equity for path in stage.paths])[:, None])[:, 0]
        if not np.allclose(replayed, record.equity, rtol=1e-9, atol=0.0):
            raise _foreign(record, game)
        return stage

    @property
    def stake(self) -> float:
        """What each account starts with."""
        return self.game.settings.equity / len(self.game.spans)

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """The ledger of each account."""
        game, paths = self.game, []
        for (first, last), own in zip(game.spans.tolist(), self.orders, strict=True):
            targets = np.full((game.market.bars, game.market.assets), np.nan)
            targets[first:last] = own
            paths.append(run_path(game.prices, self.rules, targets, first, last, self.stake))
        return tuple(paths)

    @property
    def rows(self) -> int:
        """Decisions of the longest account."""
        return max(len(own) for own in self.orders)

    def padded(self, series: list[Floats]) -> Floats:
        """[rows + 1, S] one series an account, shorter ones carried on with their last value."""
        return np.stack([np.pad(own, (0, self.rows + 1 - len(own)), "edge") for own in series], 1)

    def pooled(self, equity: Floats) -> Floats:
        """Adds accounts [rows + 1, C, S] up on the record's clock: [T, C]."""
        parts = [equity[rows, :, span] for span, rows in enumerate(self.clock.rows)]
        return np.asarray(np.sum(parts, axis=0))

    def crowd(self, copies: int) -> Engine:
        """An engine with copies of every account, the S of one copy side by side, at the start."""
        engine = Engine(
            self.game.prices,
            self.rules,
            copies * len(self.orders),
            start_equity=self.stake,
        )
        self.reset(engine)
        return engine

    def reset(self, engine: Engine) -> None:
        """Puts the accounts of an engine, S for each copy, at the starts of their spans."""
        spans = np.tile(self.game.spans, (engine.accounts // len(self.orders), 1))
        engine.reset(np.arange(engine.accounts), spans[:, 0], spans[:, 1])

    def play(self, targets: Floats) -> Floats:
        """Plays copies of the accounts at once, each along orders of its own.

        Args:
            targets: [rows, C, S, N]; NaN is no order, also beyond the end of a shorter account.

        Returns:
            [T, C] the pooled equity of each copy on the record's clock.
        """
        rows, copies, spans, assets = targets.shape
        engine = self.crowd(copies)
        flat = targets.reshape(rows, copies * spans, assets)
        equity = np.empty((rows + 1, copies * spans))
        equity[0] = self.stake
        for row in range(rows):
            equity[row + 1] = engine.step(flat[row]).equity
        return self.pooled(equity.reshape(rows + 1, copies, spans))

    def follow(self, look: Callable[[int, Engine], None]) -> None:
        """Steps all accounts along the record, and shows each row's observations before its order.

        Args:
            look: takes the row of the decision and the engine, whose `observations` are [S, D].
        """
        engine = self.game.make_engine(len(self.orders), equity=self.stake)
        self.reset(engine)
        width = (0, 0)
        padded = [
            np.pad(own, ((0, self.rows - len(own)), width), constant_values=np.nan)
            for own in self.orders
        ]
        targets = np.stack(padded, axis=1)
        for row in range(self.rows):
            look(row, engine)
            engine.step(targets[row])


def sharpes(equity: Floats, record: Record) -> Floats:
    """[C] annual Sharpe ratios of equity [T, C] on a record's clock, as `metrics` defines it.

    NaN where returns are constant.
    """
    excess = equity[1:] / equity[:-1] - 1.0 - record.cash_returns[:, None]
    return ratios(excess, record.periods_per_year)


def ratios(excess: Floats, periods: float) -> Floats:
    """[C] annual Sharpe ratios of excess returns [T, C]; NaN where they are constant."""
    if len(excess) < 2:
        return np.full(excess.shape[1], np.nan)
    deviation = excess.std(axis=0, ddof=1)
    moves = deviation > np.maximum(1e-12, 1e-9 * np.abs(excess).max(axis=0))
    safe = np.where(moves, deviation, 1.0)
    return np.where(moves, excess.mean(axis=0) / safe * np.sqrt(periods), np.nan)


def _rules(actor: Any, game: Game) -> Rules:
    if isinstance(actor, Ensemble):
        return actor.rules(game)
    if is_reference(actor) or not (hasattr(actor, "targets") or hasattr(actor, "target")):
        return game.rules
    return game.strategy_rules


def _foreign(record: Record, game: Game) -> UsageError:
    return UsageError(
        f"The record '{record.name}' is not of this policy in this game on {game.market.name}: its"
        " orders do not lead to its equity. Back-test the policy in the game and diagnose that"
        " record."
    )

"""What every action would have brought in every bar, by the ledger: the table that `cfq` fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from drltrade.envs.game import Game
from drltrade.errors import UsageError
from drltrade.sim import Step

__all__ = ["Outcomes", "check_memoryless", "tabulate"]

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

AGES = (1, 4, 16)
"""Bars that a position has been held when an action is tried: weights drift, and a policy meets
both fresh and old ones."""
MOST_HELD = 12
"""Positions tried in a bar; where there are more, each bar has its own draw of them."""
MOST_BYTES = 2**31
"""Memory that a table may take."""
_ACCOUNTS = 100_000  # stepped at once, for one asset

ALLOWED = "log_return, profit, mean_variance, turnover, excess_over_benchmark"

_MONEY = (
    "equity_before", "equity", "cash", "commission", "slippage", "impact", "interest", "borrow",
    "funding", "dividends", "haircut", "gap_pnl", "bar_pnl", "shortfall", "shares", "traded",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The table: in M bars, holding each of P positions, taking each of K actions.

    Attributes:
        bars: [M] the bar t after which is decided.
        before: [M, P, A] what an observation tells of the account then.
        known: [M, P] whether the account lived to see that bar.
        reward: [M, P, K] what the step to bar t + 1 brought.
        alive: [M, P, K] whether the account lived on after it.
        growth: [M, P, K] what all later rewards are worth for that step: for rewards in money the
            equity over what it was, else 1.
        after: [M, P, K, A] the account that is observed in bar t + 1.
    """

    bars: NDArray[np.int64]
    before: Singles
    known: NDArray[np.bool_]
    reward: Singles
    alive: NDArray[np.bool_]
    growth: Singles
    after: Singles


def tabulate(game: Game, rng: np.random.Generator) -> Outcomes:
    """Plays every action from every position in every bar of a game's interval.

    Each account starts in cash, takes its position some bars earlier, holds it, and then takes the
    action: so costs, halts, margin calls and what else the ledger knows are all in the outcome.

    Args:
        game: the market and the rules; its reward is the one that is tabulated.
        rng: draws for how long positions are held, and which where there are many.

    Raises:
        UsageError: the reward is not one that `check_memoryless` lets pass, or the table is too
            large.
    """
    in_money = check_memoryless(game)
    actions = _actions(game)
    positions = _positions(actions)
    starts, bars, lasts = _bars(game, rng)
    table = _empty(game, bars, min(len(positions), MOST_HELD), len(actions))
    held = np.tile(np.arange(len(positions)), (len(bars), 1))
    if len(positions) > MOST_HELD:
        held = rng.permuted(held, axis=1)[:, :MOST_HELD]
    for rows in _parts(bars - starts, held.shape[1] * len(actions) * game.market.assets):
        _play(
            game, table, rows, starts[rows], lasts[rows], positions[held[rows]], actions, in_money
        )
    return table


def _actions(game: Game) -> Floats:
    """[K, N] the weights that each action asks for."""
    return game.scheme.targets(np.arange(game.action_space.n))


def _positions(actions: Floats) -> Floats:
    """[P, N] the weights that may be held: those of each action, and those of a fresh account."""
    if (actions == 0).all(axis=1).any():
        return actions
    return np.concatenate([actions, np.full((1, actions.shape[1]), np.nan)])


def _bars(
    game: Game, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Where each account starts, where it decides, and where its stretch ends."""
    parts = [
        np.stack([np.full(last - first - 1, first), np.arange(first + 1, last)])
        for first, last in game.stretches
    ]
    ends = [np.full(last - first - 1, last) for first, last in game.stretches]
    (first, bars), lasts = np.concatenate(parts, axis=1), np.concatenate(ends)
    if not len(bars):
        raise UsageError("cfq needs an interval of at least 3 bars after the window.")
    ages = rng.choice(AGES, size=len(bars))
    return np.maximum(bars - ages, first), bars, lasts


def _empty(game: Game, bars: NDArray[np.int64], held: int, actions: int) -> Outcomes:
    columns = game.layout.size - game.layout.window_size
    size = len(bars) * held * (actions * (columns * 4 + 9) + columns * 4 + 1)
    if size > MOST_BYTES:
        raise UsageError(
            f"cfq's table of {len(bars):,} bars x {held} positions x {actions} actions would take"
            f" {size / 2**30:.1f} GiB; it may take {MOST_BYTES / 2**30:.0f}. Use fewer assets or"
            " bars, or another agent, such as qrdqn."
        )
    shape = (len(bars), held, actions)
    return Outcomes(
        bars=bars,
        before=np.zeros((*shape[:2], columns), np.float32),
        known=np.zeros(shape[:2], np.bool_),
        reward=np.zeros(shape, np.float32),
        alive=np.zeros(shape, np.bool_),
        growth=np.ones(shape, np.float32),
        after=np.zeros((*shape, columns), np.float32),
    )


def _parts(ages: NDArray[np.int64], each: int) -> Iterator[NDArray[np.int64]]:
    """Yields rows that wait for the same number of bars, not too many at once."""
    for age in np.unique(ages):
        rows = np.flatnonzero(ages == age)
        yield from np.array_split(rows, -(-len(rows) * each // _ACCOUNTS))


def _play(
    game: Game,
    table: Outcomes,
    rows: NDArray[np.int64],
    starts: NDArray[np.int64],
    lasts: NDArray[np.int64],
    positions: Floats,
    actions: Floats,
    in_money: bool,
) -> None:
    """Fills some rows of the table; `positions` is [M, P, N]."""
    shape = (*positions.shape[:2], len(actions))
    each, size = shape[1] * shape[2], int(np.prod(shape))
    engine = game.make_engine(size, indexed=True)
    engine.reset(np.arange(size), np.repeat(starts, each), np.repeat(lasts, each))
    take = np.repeat(positions.reshape(-1, game.market.assets), shape[2], axis=0)
    for _ in range(int(table.bars[rows[0]] - starts[0])):
        engine.step(take)
    step = engine.current
    table.before[rows] = engine.observations[:, 1:].reshape(*shape, -1)[:, :, 0]
    table.known[rows] = ~step.terminated.reshape(shape)[:, :, 0]
    reward = game.make_reward()
    reward.reset(np.arange(size))
    step = engine.step(np.tile(actions, (shape[0] * shape[1], 1)))
    earned = reward(step)
    if in_money:
        earned = earned * step.start / step.equity_before
        table.growth[rows] = (step.equity / step.equity_before).reshape(shape)
    table.reward[rows] = earned.reshape(shape)
    table.alive[rows] = ~step.terminated.reshape(shape)
    table.after[rows] = engine.observations[:, 1:].reshape(*shape, -1)


def check_memoryless(game: Game) -> bool:
    """Lets a reward pass that one step alone decides; returns whether it is in money.

    A table has no past. So each term is asked twice about the same steps: after other steps, and
    with accounts that have grown and fallen differently before. It must answer alike, or, as
    `profit` does, in proportion to what the account has grown to: then it is in money, and what
    comes later counts by the growth of each step.

    Raises:
        UsageError: a term remembers, depends on the account's past, or does not go with another.
    """
    rng = np.random.default_rng(0)
    first, others = _sample(game, rng)
    growth, reward = rng.uniform(0.3, 3.0, len(first.equity)), game.make_reward()
    rows = np.arange(len(growth))
    reward.reset(rows)
    reward(first)
    plain = dict(reward.terms)
    reward.reset(rows)
    for step in others:
        reward(step)
    reward(first)
    for name, values in reward.terms.items():
        if not np.array_equal(values, plain[name]):
            raise _refused(name, "remembers the steps before")
    reward.reset(rows)
    reward(_with_past(first, growth, rng.uniform(0.0, 0.8, len(growth))))
    kinds: dict[str, bool] = {}
    for name, values in reward.terms.items():
        alike, scaled = (_near(values, plain[name] * by) for by in (1.0, growth))
        if not alike and not scaled:
            raise _refused(name, "depends on what the account went through before")
        if alike != scaled:  # a term that is zero throughout goes with any
            kinds[name] = scaled
    if len(set(kinds.values())) > 1:
        name = next(name for name, scaled in kinds.items() if scaled)
        raise _refused(name, "is in parts of the starting equity, unlike the others of the sum")
    return any(kinds.values())


def _near(left: Floats, right: Floats) -> bool:
    return bool(np.allclose(left, right, rtol=1e-6, atol=1e-9 * (1e-9 + np.abs(right).max())))


def _refused(name: str, reason: str) -> UsageError:
    return UsageError(
        f"cfq learns from what one step alone decides, but reward '{name}' {reason}. It can use"
        f" {ALLOWED}, and functions of yours that look at the returns, costs, weights or exposure"
        " of the step. For other rewards take another agent, such as ppo."
    )


def _sample(game: Game, rng: np.random.Generator) -> tuple[Step, list[Step]]:
    """A step of 64 accounts that act at random, and three others of the same accounts."""
    accounts = 64
    first, last = game.stretches[np.argmax(np.diff(game.stretches, axis=1))]
    starts = rng.integers(first, max(last - 4, first) + 1, accounts)
    engine = game.make_engine(accounts, indexed=True)
    engine.reset(np.arange(accounts), starts, np.full(accounts, last))
    actions = _actions(game)
    steps = [
        _copy(engine.step(actions[rng.integers(len(actions), size=accounts)])) for _ in range(4)
    ]
    return steps[-1], steps[:-1]


def _copy(step: Step) -> Step:
    return replace(step, **{field.name: getattr(step, field.name).copy() for field in fields(step)})


def _with_past(step: Step, growth: Floats, depth: Floats) -> Step:
    """The same bar and book in accounts that have grown, and lie `depth` below their peaks."""
    money = {
        name: (getattr(step, name).T * growth).T  # [B] or [B, N]
        for name in _MONEY
    }
    peak = money["equity_before"] / (1.0 - depth)
    below = 1.0 - money["equity"] / np.maximum(peak, money["equity"])
    return replace(step, **money, drawdown=below, drawdown_change=below - depth)

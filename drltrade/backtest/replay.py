"""Plays a game on another Market: its env step by step, or an actor's backtest."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.leaks import Subject
from drltrade.backtest.runner import run_backtest
from drltrade.data import Market
from drltrade.envs import Game, TradingEnv, build_game
from drltrade.errors import UsageError

__all__ = ["ORDERS", "actor_subject", "env_subject"]

ORDERS = "orders"
"""The array of the weights alone that an actor asked for after each bar."""

_EQUITY = ("equity", "cash", "drawdown")
_SLOW = 1_000
"""Bars that are played, at most, where each is a step in Python."""


def env_subject(game: Game, seed: int) -> tuple[Game, Subject]:
    """Prepares the Gymnasium env of a game to be stepped with random actions.

    Returns:
        The stretch that is played, at most the first thousand bars after which an agent can act in
        the longest segment, and what plays it: observations, rewards and equity.
    """
    first, last = game.stretches[np.argmax(np.diff(game.stretches, axis=1))].tolist()
    settings = game.settings.model_copy(update={"episode": None})
    alone = replace(game.within(first, min(last, first + _SLOW)), settings=settings)
    space = copy.deepcopy(game.action_space)
    space.seed(seed)
    actions = [space.sample() for _ in range(alone.first, alone.last)]

    def play(market: Market, end: int) -> dict[str, NDArray[Any]]:
        return _step(_on(alone, market), end, actions)

    return alone, Subject(play, alone.first)


def actor_subject(game: Game, make_actor: Callable[[], Any], name: str) -> tuple[Game, Subject]:
    """Prepares a strategy or a policy to be backtested.

    Args:
        game: the env and its interval.
        make_actor: makes the actor afresh, so that no state of one future enters another.
        name: what to call it.

    Returns:
        The stretch that is played, of what decides bar by bar at most a thousand bars, and what
        plays it: actions, fills, equity, and the orders among the
        actions.
    """
    inside = game
    if len(game.spans) > 1:
        inside = game.within(*game.spans[np.argmax(np.diff(game.spans, axis=1))].tolist())
    actor = make_actor()
    if not hasattr(actor, "targets"):
        begin = inside.first_decision if hasattr(actor, "predict") else inside.first
        inside = inside.within(inside.first, min(inside.last, begin + _SLOW))

    def play(market: Market, end: int) -> dict[str, NDArray[Any]]:
        return _backtest(make_actor(), _on(inside, market), end, name)

    return inside, Subject(play, inside.first)


def _on(game: Game, market: Market) -> Game:
    return game if market is game.market else rebuilt(game, market)


def rebuilt(game: Game, market: Market) -> Game:
    """Builds the same game on another Market, with the same frozen scaler, through the one door."""
    other = build_game(
        game.settings,
        market=market,
        roots=game.roots,
        usable=(game.scheme.name,),
        scaler=game.scaler,
        reward=game.reward,
    )
    spans = np.minimum(game.spans, market.bars - 1)
    spans = spans[spans[:, 0] < spans[:, 1]]
    if not len(spans):
        raise UsageError("Of the interval less than two bars are left.")
    return replace(other, spans=spans)


def _step(game: Game, last: int, actions: list[Any]) -> dict[str, NDArray[Any]]:
    env = TradingEnv(game)
    observation, info = env.reset(seed=0)
    observations, rewards, equity = [observation], [np.nan], [info["equity"]]
    over = truncated = False
    for action in actions[: max(0, last - game.first)]:
        observation, reward, over, truncated, info = env.step(action)
        observations.append(observation)
        rewards.append(float(reward))
        equity.append(info["equity"])
        if over or truncated:
            break
    if truncated:
        rewards.pop()  # at the end of the data an episode ends, which a reward may know
    return {
        "observations": np.array(observations),
        "rewards": np.array(rewards)[:, None],
        "equity": np.array(equity)[:, None],
    }


def _backtest(actor: Any, game: Game, last: int, name: str) -> dict[str, NDArray[Any]]:
    # One bar more, where there is one: its row holds the order that was decided after the cut.
    last = min(last, game.last)
    record = run_backtest(actor, game.within(game.first, min(last + 1, game.last)), name=name)
    rows = last - game.first + 1
    arrays = {item.name: getattr(record.path, item.name) for item in fields(record.path)}
    tables = {
        key: np.asarray(array, np.float64).reshape(len(array), -1)
        for key, array in arrays.items()
        if isinstance(array, np.ndarray)
    }
    targets = tables.pop("targets")
    decided = [targets[1:]]
    if record.actions is not None:
        decided.append(record.actions.reshape(len(targets) - 1, -1))
    equity = [tables.pop(key) for key in _EQUITY]
    return {
        "actions": np.concatenate(decided, axis=1),
        "fills": np.concatenate(list(tables.values()), axis=1)[:rows],
        "equity": np.concatenate(equity, axis=1)[:rows],
        ORDERS: targets[1:],
    }

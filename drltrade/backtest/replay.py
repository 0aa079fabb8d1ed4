"""Plays an env and an actor in changed futures, and compares every bar up to the cut."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.findings import Finding, Watch
from drltrade.backtest.foresight import filled_forward, foresight
from drltrade.backtest.leaks import differs
from drltrade.backtest.record import Record
from drltrade.backtest.runner import run_backtest
from drltrade.backtest.worlds import CHANGES, changed, elsewhere
from drltrade.data import Market
from drltrade.data.dates import show
from drltrade.envs import Game, TradingEnv, build_game
from drltrade.errors import DrltradeError, UsageError

__all__ = ["audit_actor", "audit_env", "rebuilt"]

Rows = Mapping[str, NDArray[Any]]
Play = Callable[[Game, int], Rows]
"""(game, last bar to play) -> what happened, arrays of one row a bar; 'first' is a bar."""

_CUTS = 3
_EQUITY = ("equity", "cash", "drawdown")
_SLOW = 1_000
"""Bars that are played, at most, where each is a step in Python."""


@dataclass
class _Tally:
    """What came of one check over all futures."""

    steady: bool = True
    worlds: int = 0
    bars: int = 0
    moved: list[tuple[int, int, str, int]] = field(default_factory=list)
    """(bar, cut, change, column) of whatever moved."""


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


def audit_env(game: Game, world: Watch, actions: Mapping[int, Any] | None = None) -> list[Finding]:
    """Steps the Gymnasium env through changed futures: observations, rewards, equity.

    Args:
        game: the env and its interval; at most the first thousand bars of it are stepped.
        world: the data, and the seed that garbage and random actions are drawn from.
        actions: what to do after a bar; random actions where None.
    """
    alone = _one_stretch(game)
    alone = alone.within(alone.first, min(alone.last, alone.first_decision + _SLOW))
    chosen = _random_actions(alone, world.seed) if actions is None else actions
    base, tallies = _compare(
        alone, world, lambda other, last: _step(other, last, chosen), alone.first_decision
    )
    columns = game.layout.columns
    found = [
        _answer(check, tally, world, "The env", columns if check == "observations" else ())
        for check, tally in tallies.items()
    ]
    rewards = np.full((game.market.bars, game.market.assets), np.nan)
    start = alone.first_decision
    rewards[start + 1 : start + len(base["rewards"])] = base["rewards"][1:, None]

    def blind() -> bool:
        other = _elsewhere(alone, world, lambda there: _step(there, alone.last, chosen))
        return other is not None and not _unlike(other["rewards"], base["rewards"]).any()

    return found + foresight("The reward", rewards, world, blind)


def audit_actor(
    game: Game, make_actor: Callable[[], Any], name: str, world: Watch
) -> list[Finding]:
    """Backtests a strategy or a policy in changed futures: orders, fills, equity.

    Args:
        game: the env and its interval; of an actor that decides bar by bar at most the first
            thousand bars.
        make_actor: makes the actor afresh, so that no state of one future enters another.
        name: what to call it.
        world: the data and the seed.
    """
    inside = _one_segment(game)
    if not hasattr(make_actor(), "targets"):
        begin = inside.first_decision if hasattr(make_actor(), "predict") else inside.first
        inside = inside.within(inside.first, min(inside.last, begin + _SLOW))
    base, tallies = _compare(
        inside, world, lambda other, last: _backtest(make_actor(), other, last, name), inside.first
    )
    found = [_answer(check, tally, world, f"'{name}'") for check, tally in tallies.items()]
    if any(item.bad for item in found) or hasattr(make_actor(), "targets"):
        return found  # of targets for all bars at once it has been asked before

    def blind() -> bool:
        if hasattr(make_actor(), "predict"):
            return False
        last = inside.last
        other = _elsewhere(inside, world, lambda there: _backtest(make_actor(), there, last, name))
        return other is not None and not _unlike(other["actions"], base["actions"]).any()

    held = np.full((game.market.bars, game.market.assets), np.nan)
    held[inside.first : inside.last] = base["held"][1:]
    return found + foresight(f"The actor '{name}'", held, world, blind)


def _elsewhere(game: Game, world: Watch, play: Callable[[Game], Rows]) -> Rows | None:
    """Plays on altogether different data; None where that cannot be done."""
    try:
        return play(rebuilt(game, elsewhere(game.market, world.seed)))
    except DrltradeError:
        return None


def _one_segment(game: Game) -> Game:
    """Cuts the interval to the longest playable stretch, so that a backtest can run."""
    return game if len(game.spans) == 1 else _one_stretch(game)


def _one_stretch(game: Game) -> Game:
    stretches = game.stretches
    first, last = stretches[np.argmax(stretches[:, 1] - stretches[:, 0])]
    settings = game.settings.model_copy(update={"episode": None})
    return replace(game.within(int(first), int(last)), settings=settings)


def _random_actions(game: Game, seed: int) -> dict[int, Any]:
    space = copy.deepcopy(game.action_space)
    space.seed(seed)
    return {bar: space.sample() for bar in range(game.first, game.last)}


def _step(game: Game, last: int, actions: Mapping[int, Any]) -> dict[str, NDArray[Any]]:
    env = TradingEnv(game)
    observation, info = env.reset(seed=0)
    observations, rewards, equity = [observation], [np.nan], [info["equity"]]
    over = False
    while info["bar"] < last and not over:
        action = actions[info["bar"]]
        observation, reward, terminated, truncated, info = env.step(action)
        observations.append(observation)
        rewards.append(reward)
        equity.append(info["equity"])
        over = terminated or truncated
    return {
        "observations": np.array(observations),
        "rewards": np.array(rewards),
        "equity": np.array(equity),
    }


def _backtest(actor: Any, game: Game, last: int, name: str) -> dict[str, NDArray[Any]]:
    # One bar more, where there is one: its row holds the order that was decided after the cut.
    stop = min(last + 1, game.last)
    record: Record = run_backtest(actor, game.within(game.first, stop), name=name)
    path = record.path
    rows = last - game.first + 1
    arrays = {
        item.name: getattr(path, item.name)
        for item in fields(path)
        if isinstance(getattr(path, item.name), np.ndarray)
    }
    targets = arrays.pop("targets")
    decided = np.asarray(targets, np.float64)[1:]
    if record.actions is not None:
        decided = np.concatenate([decided, record.actions.reshape(len(decided), -1)], axis=1)
    equity = [np.asarray(arrays.pop(key), np.float64)[:, None] for key in _EQUITY if key in arrays]
    fills = [np.asarray(a, np.float64).reshape(len(targets), -1) for a in arrays.values()]
    return {
        "actions": decided,
        "fills": np.concatenate(fills, axis=1)[:rows],
        "equity": np.concatenate(equity, axis=1)[:rows],
        "held": filled_forward(np.asarray(targets, np.float64))[:rows],
    }


def _compare(game: Game, world: Watch, play: Play, start: int) -> tuple[Rows, dict[str, _Tally]]:
    """Plays the base and every future; says for each check how much was compared and moved."""
    base = play(game, game.last)
    again = play(game, game.last)
    tallies = {
        key: _Tally(steady=not _unlike(base[key], again[key]).any())
        for key in base
        if key != "held"
    }
    span = game.last - start
    cuts = sorted({start + span * (i + 1) // (_CUTS + 1) for i in range(_CUTS)} - {start})
    for cut in cuts:
        for how in CHANGES:
            try:
                other = rebuilt(game, changed(game.market, cut, how, world.seed))
                rows = play(other, cut)
            except DrltradeError:
                continue  # too few bars are left for it, or the garbage is no number
            for check, tally in tallies.items():
                # At the end of the data an episode ends, which a reward may know.
                short = how == "truncated" and check == "rewards"
                _note(tally, base[check], rows[check], cut - start + 1 - short, start, cut, how)
    return base, tallies


def _note(
    tally: _Tally,
    base: NDArray[Any],
    rows: NDArray[Any],
    count: int,
    start: int,
    cut: int,
    how: str,
) -> None:
    count = min(count, len(base), max(len(rows), 1))
    unlike = _unlike(base[:count], rows[:count])
    tally.worlds += 1
    tally.bars += count
    if unlike.any():
        row = int(np.flatnonzero(unlike.any(axis=1))[0])
        tally.moved.append((start + row, cut, how, int(np.flatnonzero(unlike[row])[0])))


def _unlike(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    if one.shape != other.shape:
        return np.ones((1, 1), np.bool_)
    unlike = differs(one, other)
    return unlike.reshape(len(unlike), -1)


def _answer(
    check: str, tally: _Tally, world: Watch, who: str, columns: tuple[str, ...] = ()
) -> Finding:
    if not tally.steady:
        message = f"{who} gives other {check} when the same bars are played again."
        fix = "Draw from a generator with a seed of its own, and keep no state outside the object."
        return Finding(check, "failed", f"{message} Nothing can be shown of them.", fix)
    if not tally.worlds:
        message = f"{who} could be played in no changed future."
        return Finding(check, "failed", message, "Use more bars: --start, --end.")
    if not tally.moved:
        played = f"{tally.bars:,} bars in {tally.worlds} changed futures"
        return Finding(
            check, "ok", f"{who}: nothing moved, {played}.", details={"bars": tally.bars}
        )
    bar, cut, how, column = min(tally.moved)
    which = f" {columns[column]}" if columns else ""
    return Finding(
        check,
        "LEAK",
        f"{who} reads the future: {check}{which} at {world.at(bar)} move when the bars after"
        f" {world.at(cut)} change ({how}), {cut + 1 - bar} or more bars ahead.",
        "Find what reads prices elsewhere than in the market, the view or the Step it is given.",
        {"bar": bar, "stamp": show(world.market.stamps[bar]), "ahead": cut + 1 - bar},
    )

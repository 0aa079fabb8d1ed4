"""Rolls an actor through each segment of a game, deterministically, one account a segment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from drltrade.agents.ensemble import Ensemble
from drltrade.agents.relay import Relay
from drltrade.agents.strategies.base import Account
from drltrade.agents.strategies.references import Reference, is_reference
from drltrade.data import Market
from drltrade.data.segments import part
from drltrade.envs import Game
from drltrade.errors import UsageError
from drltrade.features import Features
from drltrade.sim import Engine, Path, Recorder, run_path

__all__ = ["Actor", "Rolled", "roll_accounts"]

Floats = NDArray[np.float64]
Rolled = tuple[Path, Floats | None]
"""The ledger of one account, and a policy's raw actions [T - 1, ...]; None for a strategy."""


class Actor(Protocol):
    """What can be backtested by observations: SB3's `predict` signature."""

    def predict(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,
    ) -> tuple[Any, Any]:
        """Maps [B, columns] observations to [B, ...] actions and the next state."""


def roll_accounts(actor: Any, game: Game, name: str) -> tuple[list[Rolled], dict[str, Any]]:
    """Rolls a policy, several of them, a strategy or a reference through every span of a game.

    Each account starts with an equal share of the equity.

    Returns:
        One account a span, and what there is to state of the actor: what its decisions are.

    Raises:
        UsageError: the actor has no method to ask, or answers in a wrong shape.
    """
    equity = game.settings.equity / len(game.spans)
    spans = range(len(game.spans))
    stated: dict[str, Any] = {"actions": "target weights"}
    if isinstance(actor, Ensemble):
        rolled, told = _joined(actor, game, equity)
        return rolled, stated | {"ensemble": told}
    if is_reference(actor):
        return [(_planned(actor, game, span, equity), None) for span in spans], stated
    if hasattr(actor, "targets"):
        return [(_named(actor, game, span, equity, name), None) for span in spans], stated
    if hasattr(actor, "target"):
        return [(_asked(actor, game, span, equity, name), None) for span in spans], stated
    if isinstance(actor, Relay):
        told = {"actions": game.scheme.name, "relay": actor.to_dict()}
        return _acted(actor, game, equity), told
    if hasattr(actor, "predict"):
        return _acted(actor, game, equity), {"actions": game.scheme.name}
    raise UsageError(
        f"'{name}' cannot be backtested: it has none of the methods targets, target, predict."
    )


def _joined(ensemble: Ensemble, game: Game, equity: float) -> tuple[list[Rolled], dict[str, Any]]:
    """Lets each member act on a paper account, and trades what all of them come to."""
    papers = [_acted(member, own, equity) for member, own in ensemble.games(game)]
    rules, told, rolled = ensemble.rules(game), dict[str, str](), list[Rolled]()
    for span, (first, last) in enumerate(game.spans.tolist()):
        targets, followed = ensemble.join(game, span, [paths[span][0] for paths in papers])
        rolled.append((run_path(game.prices, rules, targets, first, last, equity), None))
        told |= followed
    return rolled, ensemble.to_dict() | ({"rotations": told} if told else {})


def _own_market(game: Game, span: int) -> tuple[Market, int]:
    """Returns the market of a span's segment, and the bar at which that begins."""
    segment = game.market.segment
    number = segment[game.spans[span, 0]]
    return part(game.market.adjusted, int(number)), int(np.searchsorted(segment, number))


def _planned(reference: Reference, game: Game, span: int, equity: float) -> Path:
    """Follows what a reference plans with the whole span in sight, by the rules of the game."""
    first, last = game.spans[span].tolist()
    return run_path(game.prices, game.rules, reference.plan(game, span), first, last, equity)


def _named(strategy: Any, game: Game, span: int, equity: float, name: str) -> Path:
    """Follows the targets that a strategy names for all bars of a segment at once."""
    market, start = _own_market(game, span)
    first, last = game.spans[span].tolist()
    own = np.asarray(strategy.targets(market, first - start), dtype=np.float64)
    if own.shape != (market.bars, market.assets):
        raise UsageError(
            f"Strategy '{name}' returned targets of shape {own.shape}; it must return"
            f" [T, N] = {(market.bars, market.assets)}."
        )
    if market.bars == game.market.bars:
        targets = own
    else:
        targets = np.full((game.market.bars, market.assets), np.nan)
        targets[start : start + market.bars] = own
    return run_path(game.prices, game.strategy_rules, targets, first, last, equity)


def _asked(strategy: Any, game: Game, span: int, equity: float, name: str) -> Path:
    """Asks a strategy after every bar of a segment."""
    market, start = _own_market(game, span)
    first = int(game.spans[span, 0]) - start
    engine = Engine(game.prices, game.strategy_rules, start_equity=equity)

    def decide(row: int) -> Floats:
        step, bar = engine.current, first + row
        account = Account(bar, float(step.equity[0]), float(step.cash[0]), step.weights[0].copy())
        target = np.asarray(strategy.target(market.until(bar), account), dtype=np.float64)
        if target.shape != (market.assets,) or np.isinf(target).any():
            raise UsageError(
                f"Strategy '{name}' returned a target of shape {target.shape}; it must return one"
                f" finite weight (or NaN) for each of {market.assets} asset(s)."
            )
        return target[None]

    return _roll(engine, game.spans[[span]], decide)[0]


def _acted(actor: Actor | Relay, game: Game, equity: float) -> list[Rolled]:
    """Lets a policy, or several in turn, act on all spans that are alike together."""
    game.stretches  # noqa: B018 - refuses an interval in which nobody can act
    sights = actor.features(game) if isinstance(actor, Relay) else [game.features]
    alike: dict[tuple[int, ...], list[int]] = {}
    for span, (first, last) in enumerate(game.spans.tolist()):
        begin = min(int(game.decisions[span]), last) - first
        starts = actor.takeovers(game, span) if isinstance(actor, Relay) else [first]
        shape = (last - first, *(max(start - first, begin) for start in starts))
        alike.setdefault(shape, []).append(span)
    found: dict[int, Rolled] = {}
    for (_, *begins), spans in alike.items():
        turns = _turns(actor, sights, begins)
        found |= zip(spans, _acted_together(turns, game, spans, equity), strict=True)
    return [found[span] for span in range(len(game.spans))]


Turn = tuple[Actor, Features]
"""Who acts, and the features that it sees."""


def _turns(
    actor: Actor | Relay, sights: Sequence[Features], begins: Sequence[int]
) -> dict[int, Turn]:
    """Who acts from which row on; one that goes on with its own account takes over nothing."""
    if not isinstance(actor, Relay):
        return {begins[0]: (actor, sights[0])}
    turns: dict[int, Turn] = {}
    for leg, sight, begin in zip(actor.legs, sights, begins, strict=True):
        turns[begin] = (leg.policy, sight)
    rows = sorted(turns)
    return {
        row: turns[row]
        for at, row in enumerate(rows)
        if at == 0 or turns[row][0] is not turns[rows[at - 1]][0]
    }


def _acted_together(
    turns: dict[int, Turn], game: Game, spans: list[int], equity: float
) -> list[Rolled]:
    begin = min(turns)
    policy, sight = turns[begin]
    count, assets = len(spans), game.market.assets
    engine = replace(game, features=sight).make_engine(count, equity=equity)
    nothing = np.full((count, assets), np.nan)
    width = 1 if game.scheme.name == "choices" else assets
    rows = int(np.diff(game.spans[spans[0]])[0])
    actions = np.full((rows, count, width), np.nan)
    state: Any = None

    def decide(row: int) -> Floats:
        nonlocal policy, state
        over = engine.current.terminated
        if row < begin or over.all():
            return nothing
        fresh = np.full(count, row in turns)
        if row in turns:
            (policy, seen), state = turns[row], None
            if row > begin:
                engine.hand_over(seen.values)
        action, state = policy.predict(engine.observations, state, fresh, deterministic=True)
        actions[row] = np.asarray(action).reshape(count, -1)
        actions[row, over] = np.nan
        return np.where(over[:, None], np.nan, game.scheme.targets(action))

    paths = _roll(engine, game.spans[spans], decide)
    return [(path, actions[:, account]) for account, path in enumerate(paths)]


def _roll(engine: Engine, spans: NDArray[np.int64], decide: Callable[[int], Floats]) -> list[Path]:
    """Steps the accounts of spans of one length, recording every bar."""
    accounts = np.arange(len(spans))
    engine.reset(accounts, spans[:, 0], spans[:, 1])
    rows = int(spans[0, 1] - spans[0, 0])
    recorders = [Recorder(engine, rows + 1, account) for account in range(len(spans))]
    for recorder in recorders:
        recorder.record()
    for row in range(rows):
        engine.step(decide(row))
        for recorder in recorders:
            recorder.record()
    return [recorder.path() for recorder in recorders]

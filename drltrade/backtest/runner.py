"""Rolls a policy or a strategy through a game once, deterministically, recording every bar."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from drltrade.agents.strategies.base import Account
from drltrade.backtest.record import Record
from drltrade.envs import Game
from drltrade.errors import UsageError
from drltrade.sim import STATUS, Engine, Path, Recorder, run_path

__all__ = ["Actor", "assumptions_of", "run_backtest"]

Floats = NDArray[np.float64]


class Actor(Protocol):
    """What can be backtested by observations: SB3's `predict` signature."""

    def predict(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,
    ) -> tuple[Any, Any]:
        """Maps [1, columns] observations to [1, ...] actions and the next state."""


def run_backtest(actor: Any, game: Game, *, name: str = "policy") -> Record:
    """Rolls an actor through every bar of the game's interval.

    A policy (`predict`) acts through the game's action scheme from the first bar whose window is
    warm; until then it holds cash and those bars count. A strategy (`targets` for all bars at once
    or `target` bar by bar) names weights and bypasses the scheme.

    Args:
        actor: a policy or a strategy.
        game: the market, the rules and the interval.
        name: what to call it in reports.

    Raises:
        UsageError: the interval spans several segments, or the actor has none of the methods.
    """
    segment = game.market.segment
    if segment[game.first] != segment[game.last]:
        raise UsageError(
            "A backtest runs inside one segment; choose --start and --end within one of them."
        )
    if game.last - game.first < 1:
        raise UsageError("A backtest needs at least two bars; widen --start and --end.")
    actions, scheme = None, "target weights"
    if hasattr(actor, "targets"):
        targets, equity = _all_targets(actor, game, name), game.settings.equity
        path = run_path(game.prices, game.strategy_rules, targets, game.first, game.last, equity)
    elif hasattr(actor, "target"):
        path = _roll_strategy(actor, game, name)
    elif hasattr(actor, "predict"):
        scheme = game.scheme.name
        path, actions = _roll_policy(actor, game)
    else:
        raise UsageError(
            f"'{name}' cannot be backtested: it has none of the methods targets, target, predict."
        )
    interval = slice(game.first, game.last + 1)
    return Record(
        name=name,
        symbols=game.market.symbols,
        stamps=game.market.stamps[interval],
        path=path,
        close=game.market.close[interval],
        periods_per_year=game.market.periods_per_year,
        assumptions=assumptions_of(game) | {"actions": scheme},
        warnings=_warnings(game, path, learnt=actions is not None),
        actions=actions,
    )


def assumptions_of(game: Game) -> dict[str, Any]:
    """States what the figures of a game rest on, as plain values for reports and JSON."""
    market, settings = game.market, game.settings
    stamps = np.datetime_as_string(market.stamps[[game.first, game.last]], unit="s")
    return {
        "data": market.name,
        "data_fingerprint": market.fingerprint,
        "data_notes": list(market.notes),
        "symbols": list(market.symbols),
        "start": str(stamps[0]),
        "end": str(stamps[1]),
        "periods_per_year": market.periods_per_year,
        "fill": settings.fill,
        "commission_rate": settings.costs.commission.rate,
        "slippage_rate": settings.costs.slippage.rate,
        "leverage": settings.leverage,
        "shorts": game.rules.shorts,
        "start_equity": settings.equity,
        "window": settings.window,
    }


def _warnings(game: Game, path: Path, *, learnt: bool) -> tuple[str, ...]:
    found = []
    if learnt and game.fitted and game.fitted[0] <= game.last and game.first <= game.fitted[1]:
        found.append(
            "LOOK-AHEAD: the scaler was fitted on bars that are tested here. Fit it before them:"
            " make_env(..., fit=(from, to))."
        )
    if game.rules.fill == "same_close":
        found.append(
            "LOOK-AHEAD: fills at the very close that the decision was taken on (same_close)."
        )
    if game.rules.costs.rate == 0:
        found.append("Zero costs: nothing was charged for trading.")
    refused = int((path.status == STATUS["short_refused"]).sum())
    if refused:
        found.append(
            f"{refused:,} orders to sell short were refused: the action scheme is long only."
            " Choose another, such as env.actions=continuous."
        )
    peak = float(path.exposure.max())
    if peak > 2 * game.rules.leverage:
        found.append(
            f"Gross exposure drifted to {peak:.1f} times equity; no margin call is simulated."
        )
    return tuple(found)


def _all_targets(strategy: Any, game: Game, name: str) -> Floats:
    market = game.market
    targets = np.asarray(strategy.targets(market, game.first), dtype=np.float64)
    if targets.shape != (market.bars, market.assets):
        raise UsageError(
            f"Strategy '{name}' returned targets of shape {targets.shape}; it must return"
            f" [T, N] = {(market.bars, market.assets)}."
        )
    return targets


def _roll_strategy(strategy: Any, game: Game, name: str) -> Path:
    market = game.market
    engine = Engine(game.prices, game.strategy_rules, start_equity=game.settings.equity)

    def decide(bar: int) -> Floats:
        step = engine.current
        account = Account(bar, float(step.equity[0]), float(step.cash[0]), step.weights[0].copy())
        target = np.asarray(strategy.target(market.until(bar), account), dtype=np.float64)
        if target.shape != (market.assets,) or np.isinf(target).any():
            raise UsageError(
                f"Strategy '{name}' returned a target of shape {target.shape}; it must return one"
                f" finite weight (or NaN) for each of {market.assets} asset(s)."
            )
        return target[None]

    return _roll(engine, game, decide)


def _roll_policy(policy: Actor, game: Game) -> tuple[Path, NDArray[Any]]:
    engine = game.make_engine(1)
    begin = game.first_decision
    nothing = np.full((1, game.market.assets), np.nan)
    width = 1 if game.scheme.name == "choices" else game.market.assets
    actions = np.full((game.last - game.first, width), np.nan)
    state: Any = None

    def decide(bar: int) -> Floats:
        nonlocal state
        if bar < begin or engine.current.terminated[0]:
            return nothing
        fresh = np.array([bar == begin])
        action, state = policy.predict(engine.observations, state, fresh, deterministic=True)
        actions[bar - game.first] = np.asarray(action).reshape(-1)
        return game.scheme.targets(action)

    return _roll(engine, game, decide), actions


def _roll(engine: Engine, game: Game, decide: Any) -> Path:
    index = np.zeros(1, dtype=np.int64)
    engine.reset(index, index + game.first, index + game.last)
    recorder = Recorder(engine, game.last - game.first + 1)
    recorder.record()
    for bar in range(game.first, game.last):
        engine.step(decide(bar))
        recorder.record()
    return recorder.path()

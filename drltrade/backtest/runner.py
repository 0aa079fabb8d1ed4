"""Turns what an actor did in a game into one record, with what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.agents.strategies.references import is_reference
from drltrade.backtest.accounts import Actor, roll_accounts
from drltrade.backtest.hindsight import yardstick_of
from drltrade.backtest.pool import Clock, idle_returns, pool
from drltrade.backtest.record import Record
from drltrade.data.clock import bar_seconds
from drltrade.data.segments import span_names
from drltrade.envs import Game
from drltrade.errors import UsageError
from drltrade.sim import STATUS, Path, Rules

__all__ = ["Actor", "assumptions_of", "run_backtest"]

Floats = NDArray[np.float64]


def run_backtest(actor: Any, game: Game, *, name: str = "policy") -> Record:
    """Rolls an actor once, deterministically, through every bar of the game's interval.

    A policy (`predict`) acts through the game's action scheme from the first bar whose window is
    warm; until then it holds cash and those bars count. A strategy (`targets` for all bars at once
    or `target` bar by bar) names weights and bypasses the scheme; so does an ensemble of policies.

    Where the game is played in S segments, each is an account of its own with one S-th of the
    starting equity, and the record is that of all together. A strategy is asked about each
    segment's own market. Where segments do not share a clock, an account stands still at the
    stamps that its market lacks.

    Args:
        actor: a policy, an ensemble, a strategy or a reference.
        game: the market, the rules and the interval.
        name: what to call it in reports.

    Raises:
        UsageError: the interval has a single bar, or the actor has none of the methods.
    """
    if (np.diff(game.spans, axis=1) < 1).any():
        raise UsageError("A backtest needs at least two bars; widen --start and --end.")
    rolled, stated = roll_accounts(actor, game, name)
    market, paths = game.market, [path for path, _ in rolled]
    clock = Clock.of([market.stamps[first : last + 1] for first, last in game.spans])
    marks = game.prices.quotes[:, :, 3]  # while halted, the last close before: what the ledger saw
    closes = clock.known([marks[first : last + 1] for first, last in game.spans])
    acted = [actions for _, actions in rolled if actions is not None]
    planned, knows = is_reference(actor), getattr(actor, "knows", None)
    stated |= {"reference": knows} if isinstance(knows, str) else {}
    warnings = _warnings(game, paths, clock, learnt=bool(acted))
    return Record(
        name=name,
        symbols=span_names(market, game.spans),
        stamps=clock.stamps,
        path=paths[0] if len(paths) == 1 else pool(paths, clock),
        close=np.concatenate(closes, axis=1),
        periods_per_year=_periods(game, clock),
        cash_rate=game.rules.carry.cash,
        idle=idle_returns(paths, clock, game.rules.carry.cash),
        assumptions=assumptions_of(game) | stated,
        warnings=((_NOT_CAUSAL.format(name),) if planned else ()) + warnings,
        actions=_together(acted, clock) if acted else None,
        split=_splits(game, clock),
        hindsight=yardstick_of(
            game, paths, free=_free(game, stated, bool(acted)) and not planned, patient=planned
        ),
    )


_NOT_CAUSAL = "NOT CAUSAL: {} knows every price to come; it is a yardstick, no one can trade it."


def _free(game: Game, stated: Mapping[str, Any], acted: bool) -> bool:
    """Whether more can be asked for than one policy may.

    A level that is repeated at a hand-over is an order, which it is from nobody else.
    """
    return not acted or (game.rules.on_change and len(stated.get("relay", {}).get("legs", ())) > 1)


def _splits(game: Game, clock: Clock) -> Floats | None:
    """New shares for one old in each row, [T, N]; None where nothing was split."""
    split = game.prices.split
    if split is None or (split == 1.0).all():
        return None
    rows = clock.flows([split[first : last + 1] for first, last in game.spans])
    return np.asarray(np.nan_to_num(np.concatenate(rows, axis=1), nan=1.0))


def _together(actions: Sequence[Floats], clock: Clock) -> Floats:
    """Puts the actions of all accounts side by side, [T - 1, ...] on their common clock."""
    rows = [np.vstack([own, np.full_like(own[:1], np.nan)]) for own in actions]
    return np.concatenate(clock.flows(rows), axis=1)[:-1]


def _periods(game: Game, clock: Clock) -> float:
    """Bars a year of the record: the market's, more where joining clocks made a denser one."""
    market = game.market
    if clock.shared:
        return market.periods_per_year
    joined = bar_seconds(clock.stamps, np.zeros(len(clock.stamps), np.int64))
    return market.periods_per_year * bar_seconds(market.stamps, market.segment) / joined


def assumptions_of(game: Game) -> dict[str, Any]:
    """States what the figures of a game rest on, as plain values for reports and JSON."""
    market, settings = game.market, game.settings
    stamps = np.datetime_as_string(game.interval, unit="s")
    return {
        "data": market.name,
        "data_fingerprint": market.fingerprint,
        "data_notes": list(market.notes),
        "symbols": list(span_names(market, game.spans)),
        "start": str(stamps[0]),
        "end": str(stamps[1]),
        "periods_per_year": market.periods_per_year,
        "fill": settings.fill,
        "commission_rate": settings.costs.commission.rate,
        "slippage_rate": settings.costs.slippage.rate,
        "leverage": settings.leverage,
        "shorts": game.rules.shorts,
        "rules": _further_rules(game.rules),
        "start_equity": settings.equity,
        "window": settings.window,
    }


def _further_rules(rules: Rules) -> dict[str, Any]:
    """Every other rule of the ledger, so that a report can say which differ from the defaults."""
    content = asdict(rules)
    del content["costs"]["commission"]["rate"], content["costs"]["slippage"]
    return {name: value for name, value in content.items() if name not in _SAID}


_SAID = ("fill", "leverage", "shorts")


def _warnings(game: Game, paths: Sequence[Path], clock: Clock, *, learnt: bool) -> tuple[str, ...]:
    found = []
    if learnt and _fitted_here(game):
        found.append(
            "LOOK-AHEAD: the scaler was fitted on bars that are tested here. Fit it before them:"
            " make_env(..., fit=(from, to))."
        )
    if game.rules.fill == "same_close":
        found.append(
            "LOOK-AHEAD: fills at the very close that the decision was taken on (same_close)."
        )
    if game.rules.costs.free:
        found.append("Zero costs: nothing was charged for trading.")
    refused = sum(int((path.status == STATUS["short_refused"]).sum()) for path in paths)
    if refused:
        found.append(
            f"{refused:,} orders to sell short were refused: the action scheme is long only."
            " Choose another, such as env.actions=continuous."
        )
    found += _of_status(paths)
    over = [path.terminated for path in paths]
    if len(paths) == 1 and paths[0].terminated and not paths[0].liquidated:
        found.append("The account was ruined: its equity fell to nothing and stayed there.")
    if len(over) > 1 and any(over):
        names = span_names(game.market, game.spans)
        gone = names if len(names) == len(over) else [f"segment {i + 1}" for i in range(len(over))]
        listed = ", ".join(name for name, ended in zip(gone, over, strict=True) if ended)
        found.append(f"{sum(over)} of {len(over)} accounts were closed out: {listed}.")
    if not clock.shared:
        found.append(
            "The segments do not share a clock: each account stands still at the stamps that its"
            " own market lacks."
        )
    return tuple(found)


def _of_status(paths: Sequence[Path]) -> Iterator[str]:
    """Tells of orders that the market did not take, and of accounts that the broker closed."""
    for name, what in _UNFILLED.items():
        if any((path.status == STATUS[name]).any() for path in paths):
            yield what
    codes = {int(code) for path in paths for code in np.unique(path.status)}
    held_up = [name for name, code in STATUS.items() if code > STATUS["filled"] and code in codes]
    if held_up and not any((path.traded != 0.0).any() for path in paths):
        yield f"Orders were sent, but nothing was ever traded ({', '.join(held_up)})."
    if len(paths) == 1 and paths[0].liquidated:
        yield "The account was liquidated: its equity fell below the maintenance margin."
    lost = sum(float(path.haircut.sum()) / float(path.equity[0]) for path in paths) / len(paths)
    if lost > 0.0:
        yield f"Delistings took {lost:.1%} of the starting equity."


_UNFILLED = {
    "halted": "Some orders met an asset that was not traded in that bar (halted, or no volume).",
    "capped": "Some orders were cut to the participation cap; the rest was sent again.",
}


def _fitted_here(game: Game) -> bool:
    """Whether the scaler has seen a time that is played, be it in another segment."""
    if game.fitted is None:
        return False
    stamps = game.market.stamps
    seen, played = stamps[game.fitted], stamps[game.spans]
    after = seen[:, None, 0] <= played[None, :, 1]
    before = played[None, :, 0] <= seen[:, None, 1]
    return bool((after & before).any())

"""Reports what makes honest arithmetic poor evidence: scaler, survivors, fills, free trades."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.findings import Finding
from drltrade.backtest.worlds import changed
from drltrade.data import Market
from drltrade.data.dates import show
from drltrade.envs import Game
from drltrade.errors import DrltradeError
from drltrade.features import Scaler, compute_features, parse_features

__all__ = ["hints_of", "scaler_finding"]

_STILL = 20
"""Bars without a move of the price after which a symbol counts as gone."""
_LONG = 0.25
"""Share of the interval beyond which a warm-up is worth a warning."""


def hints_of(game: Game) -> list[Finding]:
    """Reports warm-up, survivorship, fills, costs and columns without a lag."""
    return [_warm_up(game), *_survivors(game.market), _fill(game), _costs(game), *_lags(game)]


def scaler_finding(game: Game, train: tuple[int, int], seed: int) -> Finding:
    """Checks which rows a game's scaler knows: those of the train split and no other.

    Args:
        game: with the scaler in question.
        train: first and last bar of the train split.
        seed: what garbage is drawn from.
    """
    market, scaler = game.market, game.scaler
    first, last = train
    span = f"{show(market.stamps[first])} to {show(market.stamps[last])}"
    details = {"kind": scaler.kind, "first": first, "last": last}
    if scaler.center is None:
        how = "nothing is fitted" if scaler.window is None else (
            f"every row is scaled by its own last {scaler.window} rows; nothing is fitted"
        )  # fmt: skip
        return Finding("scaler", "ok", f"scaler: {scaler.kind}; {how}.", details=details)
    rows = np.zeros(market.bars, np.bool_)
    rows[first : last + 1] = True
    if not _same(scaler, _fitted(game, market, rows)):
        whole = _same(scaler, _fitted(game, market, np.ones(market.bars, np.bool_)))
        known = "has been fitted on all bars" if whole else "is not what the train split gives"
        return Finding(
            "scaler",
            "LEAK" if whole else "warning",
            f"The {scaler.kind} scaler {known}; the train split is {span}.",
            "Fit it on the train split only and train again."
            if whole
            else "See whether the data or a plug-in have changed since the training.",
            details,
        )
    moved = _moves(game, last, rows, seed)
    if moved:
        message = f"The {scaler.kind} scaler of {span} moves when later bars change ({moved})."
        return Finding("scaler", "LEAK", message, "Mend the leaking feature.", details)
    count = int((rows & game.features.ready).sum())
    return Finding(
        "scaler",
        "ok",
        f"The {scaler.kind} scaler is fitted on {count:,} rows, all in the train split ({span}).",
        details={**details, "rows": count},
    )


def _moves(game: Game, last: int, rows: NDArray[np.bool_], seed: int) -> str:
    for how in ("x10", "garbage"):
        try:
            world = changed(game.market, last, how, seed)
            if not _same(game.scaler, _fitted(game, world, rows)):
                return how
        except DrltradeError:
            continue  # no numbers on such data; the other change remains
    return ""


def _fitted(game: Game, market: Market, rows: NDArray[np.bool_]) -> Scaler:
    chosen = game.settings.features
    specs = None if chosen is None else parse_features(chosen)
    return Scaler.fit(game.scaler.kind, compute_features(market, specs, game.roots), rows)


def _same(one: Scaler, other: Scaler) -> bool:
    return one.to_dict() == other.to_dict()


def _warm_up(game: Game) -> Finding:
    warmup, window = game.features.warmup, game.layout.window
    bars = game.last - game.first + 1
    start = game.first_decision
    told = (
        f"{warmup} bars of warm-up and a window of {window}: the first decision falls after"
        f" {show(game.market.stamps[start])}, {start - game.first} bars into {bars:,}."
    )
    details = {"warmup": warmup, "window": window, "first_decision": start}
    if start - game.first > _LONG * bars:
        fix = "Give earlier bars as look-back, or take faster features or a shorter window."
        return Finding("warm-up", "warning", f"{told} Until then it holds cash.", fix, details)
    return Finding("warm-up", "ok", told, details=details)


def _survivors(market: Market) -> list[Finding]:
    if market.assets < 2:
        message = f"One symbol, {market.symbols[0]}: whether it was chosen for its past is yours."
        return [Finding("survivorship", "ok", message)]
    tail = market.close[-_STILL:]
    traded = market.volume[-_STILL:]
    gone = (np.ptp(tail, axis=0) == 0) | ((traded == 0).all(axis=0))
    names = [name for name, dead in zip(market.symbols, gone, strict=True) if dead]
    details = {"symbols": market.assets, "gone": names}
    if names:
        told = f"{len(names)} of {market.assets} symbols are gone by the end: {', '.join(names)}."
        return [Finding("survivorship", "ok", told, details=details)]
    return [
        Finding(
            "survivorship",
            "warning",
            f"All {market.assets} symbols trade to the last bar ({show(market.end)}): if they were"
            " chosen because they still do, results are too good.",
            "Choose symbols by what was known at the start, the delisted ones included.",
            details,
        )
    ]


def _fill(game: Game) -> Finding:
    fill = game.rules.fill
    if fill == "same_close":
        return Finding(
            "fill",
            "warning",
            "LOOK-AHEAD: fills at the very close that the decision was taken on (same_close).",
            "Use fill: next_open, or next_close where there are closes only.",
        )
    return Finding("fill", "ok", f"A decision after bar t is filled on bar t+1 ({fill}).")


def _costs(game: Game) -> Finding:
    rate = game.rules.costs.rate
    if rate == 0:
        fix = "Set costs: {commission: {rate: 0.0005}, slippage: {rate: 0.0005}}, the default."
        return Finding("costs", "warning", "Zero costs: nothing is charged for trading.", fix)
    return Finding("costs", "ok", f"{rate * 1e4:g} basis points a side.", details={"rate": rate})


def _lags(game: Game) -> list[Finding]:
    chosen = game.settings.features
    specs = () if chosen is None else parse_features(chosen)
    names = [s.name for s in specs if s.kind == "column" and dict(s.params)["lag"] == 0]
    if not names:
        return []
    return [
        Finding(
            "lags",
            "warning",
            f"Known at their own stamp (lag: 0): {', '.join(names)}.",
            "Unless they were published by the close of the bar they stand on, write lag: 1.",
        )
    ]

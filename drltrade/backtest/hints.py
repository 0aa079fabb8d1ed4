"""Reports what makes honest arithmetic poor evidence: scaler, survivors, fills, free trades."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.findings import Finding
from drltrade.backtest.worlds import altered
from drltrade.data import Market
from drltrade.data.dates import show
from drltrade.data.segments import rows_of, span_names
from drltrade.envs import Game
from drltrade.errors import DrltradeError
from drltrade.features import Scaler, compute_features, parse_features
from drltrade.features.pieces import spans

__all__ = ["hints_of", "scaler_finding"]

Spans = NDArray[np.int64] | tuple[int, int]

_STILL = 20
"""Bars without a move of the price after which a symbol counts as gone."""
_LONG = 0.25
"""Share of the interval beyond which a warm-up is worth a warning."""


def hints_of(game: Game) -> list[Finding]:
    """Reports warm-up, survivorship, fills, costs and columns without a lag."""
    return [_warm_up(game), *_survivors(game.market), _fill(game), _costs(game), *_lags(game)]


def scaler_finding(game: Game, train: Spans, seed: int) -> Finding:
    """Checks which rows a game's scaler knows: those of the train split and no other.

    Args:
        game: with the scaler in question.
        train: [S, 2] first and last bar of the train split in each segment, or one such pair.
        seed: what garbage is drawn from.
    """
    market, scaler = game.market, game.scaler
    held = np.atleast_2d(np.asarray(train, np.int64))
    stamps = market.stamps[held]
    span = f"{show(stamps.min())} to {show(stamps.max())}"
    details = {"kind": scaler.kind, "first": int(held[0, 0]), "last": int(held[-1, 1])}
    if scaler.center is None:
        how = "nothing is fitted" if scaler.window is None else (
            f"every row is scaled by its own last {scaler.window} rows; nothing is fitted"
        )  # fmt: skip
        return Finding("scaler", "ok", f"scaler: {scaler.kind}; {how}.", details=details)
    rows = rows_of(held, market.bars)
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
    moved = _moves(game, market.stamps > stamps.max(), rows, seed)
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


def _moves(game: Game, later: NDArray[np.bool_], rows: NDArray[np.bool_], seed: int) -> str:
    for how in ("x10", "garbage"):
        try:
            world = altered(game.market, later, how, [seed])
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
    idle = game.stretches[:, 0] - _starts(game)
    longest = int(np.argmax(idle))
    start, last = game.stretches[longest].tolist()
    wait = int(idle[longest])
    bars = last - start + wait + 1
    told = (
        f"{warmup} bars of warm-up and a window of {window}: the first decision falls after"
        f" {show(game.market.stamps[start])}, {wait} bars into {bars:,}."
    )
    details = {"warmup": warmup, "window": window, "first_decision": start}
    if wait > _LONG * bars:
        fix = "Give earlier bars as look-back, or take faster features or a shorter window."
        return Finding("warm-up", "warning", f"{told} Until then it holds cash.", fix, details)
    return Finding("warm-up", "ok", told, details=details)


def _starts(game: Game) -> NDArray[np.int64]:
    """First bar of each span in which somebody can act."""
    first: NDArray[np.int64] = game.spans[game.decisions < game.spans[:, 1], 0]
    return first


def _survivors(market: Market) -> list[Finding]:
    everyone, gone = _ends(market)
    count = len(everyone)
    if count < 2:
        message = f"One symbol, {everyone[0]}: whether it was chosen for its past is yours."
        return [Finding("survivorship", "ok", message)]
    names = [name for name, dead in zip(everyone, gone, strict=True) if dead]
    details = {"symbols": count, "gone": names}
    if names:
        told = f"{len(names)} of {count} symbols are gone by the end: {', '.join(names)}."
        return [Finding("survivorship", "ok", told, details=details)]
    return [
        Finding(
            "survivorship",
            "warning",
            f"All {count} symbols trade to the last bar ({show(market.end)}): if they were"
            " chosen because they still do, results are too good.",
            "Choose symbols by what was known at the start, the delisted ones included.",
            details,
        )
    ]


def _ends(market: Market) -> tuple[tuple[str, ...], list[bool]]:
    """Names every asset of every segment, and says which stopped trading before the end."""
    pieces = spans(market.segment)
    gone: list[bool] = []
    for start, stop in pieces:
        tail = slice(max(start, stop - _STILL), stop)
        still = np.ptp(market.close[tail], axis=0) == 0
        idle = (market.volume[tail] == 0).all(axis=0)
        gone += (still | idle | (market.stamps[stop - 1] < market.stamps.max())).tolist()
    return span_names(market, [(start, stop - 1) for start, stop in pieces]), gone


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

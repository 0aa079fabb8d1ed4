"""Reports what makes honest arithmetic poor evidence: scaler, survivors, fills, free trades."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.findings import Finding
from drltrade.data import Market
from drltrade.data.dates import show
from drltrade.data.segments import rows_of, span_names
from drltrade.envs import Game
from drltrade.features import Scaler, compute_features, parse_features
from drltrade.features.pieces import spans

__all__ = ["hints_of", "scaler_finding"]

_STILL = 20
"""Bars without a move of the price after which a symbol counts as gone."""
_LONG = 0.25
"""Share of the interval beyond which a warm-up is worth a warning."""
_LARGE = 0.01
"""Share of a bar's volume from which an order's impact is as large as the default costs: by the
square-root law some 7 basis points of a price that moves 1 % a bar."""


def hints_of(game: Game) -> list[Finding]:
    """Reports warm-up, survivorship, fills, costs and columns without a lag."""
    return [
        _warm_up(game),
        _survivors(game.market),
        _fill(game),
        _halts(game),
        _size(game),
        _margin(game),
        _prices(game.market),
        _costs(game),
        *_lags(game),
    ]


def scaler_finding(game: Game, train: NDArray[np.int64]) -> Finding:
    """Checks which rows a game's scaler knows: those of the train split and no other.

    Args:
        game: with the scaler in question.
        train: [S, 2] first and last bar of the train split in each segment.
    """
    market, scaler = game.market, game.scaler
    stamps = market.stamps[train]
    span = f"{show(stamps.min())} to {show(stamps.max())}"
    details = {"kind": scaler.kind, "first": int(train[0, 0]), "last": int(train[-1, 1])}
    if scaler.center is None:
        how = "nothing is fitted" if scaler.window is None else (
            f"every row is scaled by its own last {scaler.window} rows; nothing is fitted"
        )  # fmt: skip
        return Finding("scaler", "ok", f"scaler: {scaler.kind}; {how}.", details=details)
    chosen = game.settings.features
    specs = None if chosen is None else parse_features(chosen)
    raw = compute_features(market.adjusted, specs, game.roots)
    rows = rows_of(train, market.bars)

    def knows(rows: NDArray[np.bool_]) -> bool:
        return Scaler.fit(scaler.kind, raw, rows).to_dict() == scaler.to_dict()

    if knows(rows):
        count = int((rows & game.features.ready).sum())
        told = f"is fitted on {count:,} rows, all in the train split ({span})"
        details["rows"] = count
        return Finding("scaler", "ok", f"The {scaler.kind} scaler {told}.", details=details)
    if knows(np.ones(market.bars, np.bool_)):
        message = (
            f"The {scaler.kind} scaler has been fitted on all bars; the train split is {span}."
        )
        fix = "Fit it on the train split only and train again."
        return Finding("scaler", "LEAK", message, fix, details)
    message = f"The {scaler.kind} scaler is not what the train split gives, which is {span}."
    fix = "See whether the data or a plug-in have changed since the training."
    return Finding("scaler", "warning", message, fix, details)


def _warm_up(game: Game) -> Finding:
    warmup, window = game.features.warmup, game.layout.window
    waits = game.stretches[:, 0] - game.spans[game.decisions < game.spans[:, 1], 0]
    longest = int(np.argmax(waits))
    (start, last), wait = game.stretches[longest].tolist(), int(waits[longest])
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


def _survivors(market: Market) -> Finding:
    names, gone, marked = _ends(market)
    count, dead = len(names), [name for name, left in zip(names, gone, strict=True) if left]
    details = {"symbols": count, "gone": dead, "delisted": int(marked.sum())}
    if dead:
        told = f"{len(dead)} of {count} symbols are gone by the end: {', '.join(dead)}."
        silent = int((gone & ~marked).sum())
        if not silent:
            return Finding("survivorship", "ok", told, details=details)
        told += f" {silent} not marked as delisted: the ledger carries them at their last price."
        fix = "Mark them in a column 'delisted', or keep their files apart and set data.align: all."
        return Finding("survivorship", "warning", told, fix, details)
    if count == 1:
        told = f"One symbol, {names[0]}: whether it was chosen for its past is yours."
        return Finding("survivorship", "ok", told, details=details)
    told = (
        f"All {count} symbols trade to the last bar ({show(market.end)}) and none is delisted: if"
        " they were chosen because they still do, results are too good."
    )
    fix = "Choose symbols by what was known at the start, the delisted ones included."
    return Finding("survivorship", "warning", told, fix, details)


def _ends(market: Market) -> tuple[tuple[str, ...], NDArray[np.bool_], NDArray[np.bool_]]:
    """Names every asset of every segment; says which stopped trading, and which are delisted.

    A segment that ends before the others do needs no mark: its account ends with it.
    """
    pieces = spans(market.segment)
    column = market.columns.get("delisted", np.zeros_like(market.close))
    gone, marked = [], []
    for start, stop in pieces:
        tail = slice(max(start, stop - _STILL), stop)
        still = (np.ptp(market.close[tail], axis=0) == 0) | (market.volume[tail] == 0).all(axis=0)
        ended = np.full(market.assets, market.stamps[stop - 1] < market.stamps.max())
        delisted = (column[start:stop] > 0).any(axis=0)
        gone.append(still | ended | delisted)
        marked.append(delisted | ended)
    names = span_names(market, [(start, stop - 1) for start, stop in pieces])
    return names, np.concatenate(gone), np.concatenate(marked)


def _fill(game: Game) -> Finding:
    fill = game.rules.fill
    if fill == "same_close":
        told = "LOOK-AHEAD: fills at the very close that the decision was taken on (same_close)."
        fix = "Use fill: next_open, or next_close where there are closes only."
        return Finding("fill", "warning", told, fix)
    return Finding("fill", "ok", f"A decision after bar t is filled on bar t+1 ({fill}).")


def _halts(game: Game) -> Finding:
    market, rows = game.market, rows_of(game.spans, game.market.bars)
    left = market.columns.get("delisted", np.zeros_like(market.close)) > 0
    halts = (game.prices.halts & ~left)[rows]
    count = int(halts.sum())
    if not count:
        return Finding("halts", "ok", "Every bar can be traded: none is halted or without volume.")
    told = (
        f"{count:,} of {halts.size:,} bars cannot be traded (halted or without volume):"
        " orders wait, and positions are marked at the last close before."
    )
    fix = "See that they are meant: a missing volume that was written as 0 halts its bar."
    return Finding("halts", "warning", told, fix, {"bars": count})


def _size(game: Game) -> Finding:
    """Compares an order of the whole equity with what is usually traded in a bar."""
    rules, market = game.rules, game.market
    impact, cap = rules.costs.impact.coefficient, rules.participation.rate
    if impact > 0 or cap is not None:
        most = "no cap on" if cap is None else f"at most {cap:.0%} of"
        told = f"Orders pay impact (Y = {impact:g}) and take {most} a bar's usual volume."
        return Finding("size", "ok", told)
    off = "neither impact nor a participation cap is set"
    if not market.has_volume:
        told = f"Orders fill whatever their size: {off}, and the data have no volume."
        fix = "Use data with volumes, or keep the equity small beside what is traded."
        return Finding("size", "warning", told, fix)
    money = np.where(market.volume > 0, market.volume * market.close, np.nan)
    known = np.isfinite(money).any(axis=0)
    usual = np.nanmedian(money[:, known], axis=0).min() if known.any() else np.inf
    order = game.settings.equity * rules.leverage / market.assets
    share = float(order / usual)
    told = f"An order of the whole equity is {share:.4%} of a bar's median volume, and {off}"
    if share <= _LARGE:
        return Finding("size", "ok", f"{told}.", details={"share": share})
    fix = (
        "Set participation: {rate: 0.1} or costs: {impact: {coefficient: 1}}, or lower the equity;"
        " volume in ticks or lots and not in shares cannot tell."
    )
    return Finding("size", "warning", f"{told}: it fills all the same.", fix, {"share": share})


def _margin(game: Game) -> Finding:
    rules, share = game.rules, game.rules.margin.maintenance
    if rules.leverage <= 1 and not rules.shorts:
        return Finding("margin", "ok", "Long only and without credit: there is no margin to call.")
    if share == 0:
        told = "Shorts or credit without a maintenance margin: losses are called only at ruin."
        return Finding("margin", "warning", told, "Set margin: {maintenance: 0.25}, the default.")
    seen = "open, extremes and close" if game.market.has_ohlc else "close: the data have no others"
    told = f"Closed out where equity is below {share:.0%} of the positions, at a bar's {seen}."
    return Finding("margin", "ok", told)


def _prices(market: Market) -> Finding:
    if not market.raw:
        told = (
            "Prices count as adjusted: splits and dividends are in them. Their returns are right;"
            " their levels know of splits and dividends to come."
        )
        return Finding("prices", "ok", told)
    lacking = [name for name in ("split", "dividend") if name not in market.columns]
    if lacking:
        told = f"Prices are as traded, without a column {' or '.join(lacking)}: a split looks like"
        fix = "Add the columns, or use adjusted prices."
        return Finding("prices", "warning", f"{told} a crash, a dividend is lost.", fix)
    splits = int((market.columns["split"] != 1).sum())
    dividends = int((market.columns["dividend"] > 0).sum())
    told = f"Prices are as traded; in the ledger, splits: {splits:,}, dividends: {dividends:,}."
    return Finding("prices", "ok", told, details={"splits": splits, "dividends": dividends})


def _costs(game: Game) -> Finding:
    rules = game.rules
    if rules.costs.free:
        fix = "Set costs: {commission: {rate: 0.0005}, slippage: {rate: 0.0005}}, the default."
        return Finding("costs", "warning", "Zero costs: nothing is charged for trading.", fix)
    told = f"{rules.costs.rate * 1e4:g} basis points a side."
    if (rules.shorts and not rules.carry.borrow) or (rules.leverage > 1 and not rules.carry.debit):
        told += " Borrowed shares or money cost nothing (carry)."
    return Finding("costs", "ok", told, details={"rate": rules.costs.rate})


def _lags(game: Game) -> list[Finding]:
    chosen = game.settings.features
    specs = () if chosen is None else parse_features(chosen)
    names = [s.name for s in specs if s.kind == "column" and dict(s.params)["lag"] == 0]
    if not names:
        return []
    told = f"Known at their own stamp (lag: 0): {', '.join(names)}."
    fix = "Unless they were published by the close of the bar they stand on, write lag: 1."
    return [Finding("lags", "warning", told, fix)]

"""Where the return came from: being in the market, being there at the right time, costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.diagnostics.stage import Stage

__all__ = ["attribute"]

Floats = NDArray[np.float64]


def attribute(stage: Stage) -> dict[str, float]:
    """Parts the total return of a record into pieces that sum to it.

    A bar has two stretches: from the last close to the fill, with the old positions, and from the
    fill to the close, with the new ones. In each, asset i returns m and the account holds e of it,
    a fraction of the equity at the last close. With e' the mean of e over all bars of the record,

        beta    sum of e' m: what the mean position alone would have earned
        timing  sum of (e - e') m, which is bars x covariance of e and m: what moving away from it
                added
        costs   commission, slippage and impact, negative
        other   what is left: interest, borrow fees, funding, dividends, delistings, and the parts
                of bars in which the broker closed a position
        net     total return: the last equity over the first, less 1

    These are sums of fractions of a changing equity. Each bar's pieces are linked, by
    k(t) / K with k(t) = log(1 + r(t)) / r(t) and K = log(1 + R) / R for the bar's return r(t) and
    the total R, so that they sum to R and not to the sum of r(t) (Carino 1999, "Combining
    attribution effects over time", Journal of Performance Measurement 3(4)).
    """
    path, record = stage.record.path, stage.record
    before = path.equity[:-1]
    returns, total = record.returns, float(path.equity[-1] / path.equity[0] - 1.0)
    link = _link(returns) / _link(np.array(total))
    last, fill, close = _prices(stage)
    grown = (path.equity[1:] / before)[:, None]
    stretches = (
        (path.weights[:-1], fill / last - 1.0),
        (path.weights[1:] * grown * fill / close, close / fill - 1.0),
    )
    beta, timing = 0.0, 0.0
    for held, moved in stretches:
        held, moved = np.nan_to_num(held), np.nan_to_num(moved)
        mean = held.mean(axis=0)
        beta += float((link * (mean * moved).sum(axis=1)).sum())
        timing += float((link * ((held - mean) * moved).sum(axis=1)).sum())
    costs = -float((link * path.costs[1:] / before).sum())
    other = total - beta - timing - costs
    return {"beta": beta, "timing": timing, "costs": costs, "other": other, "net": total}


def _link(returns: Floats) -> Floats:
    """log(1 + r) / r, and 1 at nothing."""
    small = np.abs(returns) < 1e-12
    safe = np.where(small, 1.0, returns)
    return np.where(small, 1.0, np.log1p(safe) / safe)


def _prices(stage: Stage) -> tuple[Floats, Floats, Floats]:
    """Last close, price of fills and close, [T - 1, S * N], in shares of the last close.

    An account whose market has no bar there stands still.
    """
    record, clock, game = stage.record, stage.clock, stage.game
    split = np.ones_like(record.close) if record.split is None else record.split
    last, close = record.close[:-1], record.close[1:] * split[1:]
    if game.rules.fill == "same_close":
        return last, last, close
    if game.rules.fill == "next_close":
        return last, close, close
    quotes = [game.prices.quotes[first : end + 1, :, 0] for first, end in game.spans]
    opens = np.concatenate(clock.known(quotes), axis=1)[1:] * split[1:]
    own = np.repeat(np.stack(clock.own, axis=1)[1:], game.market.assets, axis=1)
    return last, np.where(own, opens, last), close

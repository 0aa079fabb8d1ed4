"""Lays a market out as what accounts trade at, under an environment's rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drltrade.data import DataSettings, Market, load
from drltrade.errors import UsageError, unknown
from drltrade.plugins import find_file
from drltrade.sim import Prices, Rules

__all__ = ["benchmark_returns", "market_prices"]

_DAY = np.timedelta64(1, "D") / np.timedelta64(1, "ns")


def market_prices(market: Market, rules: Rules, benchmark: NDArray[np.float64] | None) -> Prices:
    """Builds the prices of a market, and refuses rules that they cannot serve.

    Halts, delistings, splits, dividends and funding come from the columns of those names.

    Args:
        market: the bars.
        rules: what they must serve.
        benchmark: [T] simple returns; None is the mean of the assets.

    Raises:
        UsageError: the rules need opens, volumes, or prices as traded that the market lacks.
    """
    if rules.counts_shares and not market.raw:
        raise UsageError(
            f"{rules.counts_shares} depends on the number of shares, but {market.name} has adjusted"
            " prices, on which that number is not the one that was traded. Use prices as traded"
            " (data: {prices: raw}, with split and dividend columns), or leave the rule at 0."
        )
    columns = market.columns
    tradable, delisted = columns.get("tradable"), columns.get("delisted")
    stamps = market.stamps.astype("datetime64[ns]").astype(np.int64)
    days = np.diff(stamps, prepend=stamps[0]) / _DAY
    days[np.diff(market.segment, prepend=market.segment[0]) != 0] = 0.0
    prices = Prices(
        market.open,
        market.close,
        market.high,
        market.low,
        volume=market.volume,
        days=days,
        halted=None if tradable is None else tradable == 0,
        delisted=None if delisted is None else delisted > 0,
        split=columns.get("split") if market.raw else None,
        dividend=columns.get("dividend") if market.raw else None,
        funding=columns.get("funding"),
        benchmark=benchmark,
        segment=market.segment,
    )
    prices.check(rules)
    fee, least = rules.costs.commission.per_share, float(prices.table.min())
    if fee > 0.2 * least:
        raise UsageError(
            f"costs.commission.per_share {fee:g} is more than a fifth of the lowest price of"
            f" {market.name}, {least:g}. Lower it, or leave such assets out."
        )
    return prices


def benchmark_returns(
    benchmark: str | None, market: Market, roots: Sequence[Path]
) -> NDArray[np.float64] | None:
    """Returns the benchmark's simple return of every bar, [T]; None where it is the assets' mean.

    Args:
        benchmark: a symbol or a column of the market, or a file of one series of prices, of which
            each bar takes the last close up to its own stamp.
        market: the bars.
        roots: where files are looked up after the current folder.

    Raises:
        UsageError: there is no such series, or it does not reach back to the market's first bar.
    """
    if benchmark is None:
        return None
    if benchmark in market.symbols:
        level = market.adjusted.close[:, market.symbols.index(benchmark)]
    elif benchmark in market.columns:
        level = market.columns[benchmark][:, 0]
    elif find_file(benchmark, roots) is not None:
        level = _level_of(load(DataSettings(source=benchmark), roots), market)
    else:
        names = [*market.symbols, *market.columns]
        raise unknown("benchmark", benchmark, names, "Or name a file of prices.")
    if not (np.isfinite(level).all() and (level > 0).all()):
        raise UsageError(
            f"The benchmark '{benchmark}' is not a positive number in every bar of {market.name}."
        )
    returns = np.zeros(market.bars)
    returns[1:] = level[1:] / level[:-1] - 1.0
    returns[1:][np.diff(market.segment) != 0] = 0.0
    return returns


def _level_of(series: Market, market: Market) -> NDArray[np.float64]:
    if series.assets != 1:
        raise UsageError(
            f"The benchmark {series.name} holds {series.assets} symbols; name a file of one."
        )
    known, spacing = series.stamps, _spacing(series)
    if spacing > _spacing(market):
        known = known + spacing  # a day's close is not known in the hours of that day
    rows = np.searchsorted(known, market.stamps, side="right") - 1
    if rows.min() < 0 or market.stamps.max() > known[-1] + 10 * spacing:
        span = [str(stamp.astype("datetime64[D]")) for stamp in (series.start, series.end)]
        mine = [str(stamp.astype("datetime64[D]")) for stamp in (market.start, market.end)]
        raise UsageError(
            f"The benchmark {series.name} runs from {span[0]} to {span[1]} and does not cover"
            f" {market.name}, {mine[0]} to {mine[1]}. Use a longer series, or fewer bars."
        )
    return np.asarray(series.close[rows, 0])


def _spacing(market: Market) -> np.timedelta64:
    """The usual time between two bars."""
    return np.timedelta64(np.median(np.diff(market.stamps).astype(np.int64)).astype(np.int64), "ns")

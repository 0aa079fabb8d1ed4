"""What a record is judged by: one table of figures, each with its formula, unit and sign."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.record import Record
from drltrade.backtest.trades import Trade, trade_list

__all__ = ["METRICS", "Metric", "compute_metrics", "drawdowns"]

Floats = NDArray[np.float64]
Unit = Literal["fraction", "ratio", "per year", "count", "bars"]

TAIL = 0.05
NAN = math.nan


@dataclass(frozen=True)
class Metric:
    """One figure of a record.

    Attributes:
        name: key in `metrics.json`.
        label: name in tables.
        formula: how it is computed, in words.
        unit: "fraction" (0.1 is 10 %), "ratio", "per year", "count" or "bars".
        sign: 1 when higher is better, -1 when lower is better, 0 when neither.
        compute: the figure of one record; NaN where it is undefined, never infinite.
    """

    name: str
    label: str
    formula: str
    unit: Unit
    sign: Literal[-1, 0, 1]
    compute: Callable[[Record], float]


def compute_metrics(record: Record) -> dict[str, float]:
    """Computes every metric of the table, in its order; NaN where a figure is undefined."""
    return {name: float(metric.compute(record)) for name, metric in METRICS.items()}


def drawdowns(equity: Floats) -> Floats:
    """Depth below the highest equity so far, [T], at most 0; the first row is the start."""
    depths: Floats = equity / np.maximum.accumulate(equity) - 1.0
    return depths


def _ratio(above: float, below: float) -> float:
    """Divides, or says NaN where the divisor is nothing or only rounding."""
    undefined = not math.isfinite(below) or abs(below) <= 1e-12 * max(1.0, abs(above))
    return NAN if undefined else above / below


def _excess(record: Record) -> Floats:
    excess: Floats = record.returns - record.cash_returns
    return excess


def _total_return(record: Record) -> float:
    return float(record.equity[-1] / record.equity[0] - 1.0)


def _cagr(record: Record) -> float:
    if not len(record.returns):
        return NAN
    growth = float(record.equity[-1] / record.equity[0])
    years = len(record.returns) / record.periods_per_year
    logarithm = math.log(growth) / years
    return math.expm1(logarithm) if logarithm < 700.0 else NAN


def _deviation(returns: Floats) -> float:
    return float(np.std(returns, ddof=1)) if len(returns) > 1 else NAN


def _volatility(record: Record) -> float:
    return _deviation(record.returns) * math.sqrt(record.periods_per_year)


def _sharpe(record: Record) -> float:
    excess = _excess(record)
    deviation = _deviation(excess)
    if not deviation > max(1e-12, 1e-9 * float(np.abs(excess).max(initial=0.0))):
        return NAN  # constant returns: what is left is rounding
    return float(excess.mean()) / deviation * math.sqrt(record.periods_per_year)


def _sortino(record: Record) -> float:
    excess = _excess(record)
    if not len(excess):
        return NAN
    downside = math.sqrt(float(np.mean(np.minimum(excess, 0.0) ** 2)))
    return _ratio(float(excess.mean()), downside) * math.sqrt(record.periods_per_year)


def _max_drawdown(record: Record) -> float:
    return float(drawdowns(record.equity).min())


def _drawdown_bars(record: Record) -> float:
    below = drawdowns(record.equity) < 0.0
    ends = np.flatnonzero(np.append(~below, True))
    return float(np.diff(ends, prepend=-1).max() - 1)


def _calmar(record: Record) -> float:
    return _ratio(_cagr(record), abs(_max_drawdown(record)))


def _var(record: Record) -> float:
    return float(np.quantile(record.returns, TAIL)) if len(record.returns) else NAN


def _cvar(record: Record) -> float:
    worst = np.sort(record.returns)[: int((len(record.returns) - 1) * TAIL) + 1]
    return float(worst.mean()) if len(worst) else NAN


def _best_bar(record: Record) -> float:
    return float(record.returns.max()) if len(record.returns) else NAN


def _worst_bar(record: Record) -> float:
    return float(record.returns.min()) if len(record.returns) else NAN


def _turnover(record: Record) -> float:
    bars = len(record.returns)
    return float(record.path.turnover.sum()) / bars * record.periods_per_year if bars else NAN


def _gross(record: Record) -> Floats:
    gross: Floats = np.abs(record.path.weights[1:]).sum(axis=1)
    return gross


def _exposure(record: Record) -> float:
    return float(_gross(record).mean()) if len(record.returns) else NAN


def _time_in_market(record: Record) -> float:
    return float((_gross(record) > 1e-9).mean()) if len(record.returns) else NAN


def _costs(record: Record) -> float:
    return float(record.path.costs.sum() / record.equity[0])


def _closed(record: Record) -> list[Trade]:
    return [trade for trade in trade_list(record) if not trade.open]


def _trades(record: Record) -> float:
    return float(len(trade_list(record)))


def _win_rate(record: Record) -> float:
    closed = _closed(record)
    return sum(trade.pnl > 0.0 for trade in closed) / len(closed) if closed else NAN


def _profit_factor(record: Record) -> float:
    pnl = [trade.pnl for trade in _closed(record)]
    won, lost = sum(p for p in pnl if p > 0.0), -sum(p for p in pnl if p < 0.0)
    return won / lost if lost > 1e-12 * max(won, float(record.equity[0]) * 1e-3) else NAN


def _average_trade(record: Record) -> float:
    closed = _closed(record)
    return sum(trade.return_ for trade in closed) / len(closed) if closed else NAN


def _average_bars(record: Record) -> float:
    closed = _closed(record)
    return sum(trade.bars for trade in closed) / len(closed) if closed else NAN


def _hindsight_share(record: Record) -> float:
    return NAN if record.hindsight is None else record.hindsight.share


_TABLE = (
    Metric(
        "total_return", "Total return",
        "last equity over the equity before entry, less 1",
        "fraction", 1, _total_return,
    ),
    Metric(
        "cagr", "Growth a year",
        "(last equity / first equity) ^ (periods a year / bars) - 1",
        "fraction", 1, _cagr,
    ),
    Metric(
        "hindsight_share", "Share of hindsight",
        "log growth over the most, exact or a bound, that perfect foresight could have made of the"
        " same bars by the same rules",
        "fraction", 1, _hindsight_share,
    ),
    Metric(
        "volatility", "Volatility",
        "standard deviation (n - 1) of simple per-bar returns, times root of periods a year",
        "fraction", -1, _volatility,
    ),
    Metric(
        "sharpe", "Sharpe",
        "mean over standard deviation (n - 1) of per-bar returns in excess of the cash rate,"
        " times root of periods a year",
        "ratio", 1, _sharpe,
    ),
    Metric(
        "sortino", "Sortino",
        "mean excess return over the root of the mean squared negative excess return of all bars,"
        " times root of periods a year",
        "ratio", 1, _sortino,
    ),
    Metric(
        "max_drawdown", "Max drawdown",
        "deepest fall below the highest equity so far, the equity before entry included; at most 0",
        "fraction", 1, _max_drawdown,
    ),
    Metric(
        "drawdown_bars", "Longest drawdown",
        "most bars in a row below the highest equity so far",
        "bars", -1, _drawdown_bars,
    ),
    Metric(
        "calmar", "Calmar",
        "growth a year over the size of the max drawdown",
        "ratio", 1, _calmar,
    ),
    Metric(
        "var_5", "VaR 5 %",
        "the return that 5 % of the bars fall short of (historical, interpolated); a loss is"
        " negative",
        "fraction", 1, _var,
    ),
    Metric(
        "cvar_5", "CVaR 5 %",
        "mean return of the worst 5 % of the bars (historical)",
        "fraction", 1, _cvar,
    ),
    Metric("best_bar", "Best bar", "highest per-bar return", "fraction", 1, _best_bar),
    Metric("worst_bar", "Worst bar", "lowest per-bar return", "fraction", 1, _worst_bar),
    Metric(
        "turnover", "Turnover",
        "bought plus sold over the equity before each bar, summed, a year",
        "per year", -1, _turnover,
    ),
    Metric(
        "exposure", "Exposure",
        "mean over the bars of gross position over equity at the close",
        "fraction", 0, _exposure,
    ),
    Metric(
        "time_in_market", "Time in market",
        "share of the bars that close with a position",
        "fraction", 0, _time_in_market,
    ),
    Metric(
        "costs", "Costs paid",
        "commission, slippage and impact over the equity before entry",
        "fraction", -1, _costs,
    ),
    Metric(
        "trades", "Trades",
        "round trips from flat to flat, one that is still open at the end included",
        "count", 0, _trades,
    ),
    Metric(
        "win_rate", "Win rate",
        "share of closed trades that made money net of the costs of both legs",
        "fraction", 1, _win_rate,
    ),
    Metric(
        "profit_factor", "Profit factor",
        "money made by winning over money lost by losing closed trades, net of both legs' costs",
        "ratio", 1, _profit_factor,
    ),
    Metric(
        "average_trade", "Average trade",
        "mean return of closed trades on what was paid to enter, net of both legs' costs",
        "fraction", 1, _average_trade,
    ),
    Metric(
        "average_bars_held", "Bars held",
        "mean bars from entry to exit of closed trades",
        "bars", 0, _average_bars,
    ),
)  # fmt: skip

METRICS: dict[str, Metric] = {metric.name: metric for metric in _TABLE}
"""Every metric by its key, in the order of tables."""

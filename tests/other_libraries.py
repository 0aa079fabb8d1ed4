"""Figures of the same returns by empyrical, quantstats and ffn, as JSON.

A program of its own: importing them changes pandas, matplotlib and the warning filters.

    python other_libraries.py FILE.npz

The file holds returns [S, T], the cash return of a bar, and trials [T, N]. A library that is not
installed is left out of the answer.
"""

import json
import sys
import warnings

import numpy as np
import pandas as pd

PER_YEAR = 252


def by_empyrical(returns, cash, trials):
    import empyrical

    return {
        "sharpe": empyrical.sharpe_ratio(returns, risk_free=cash),
        "volatility": empyrical.annual_volatility(returns),
        "cagr": empyrical.cagr(returns),
        "total_return": empyrical.cum_returns_final(returns),
        "max_drawdown": empyrical.max_drawdown(returns),
        "calmar": empyrical.calmar_ratio(returns),
        "var_5": empyrical.value_at_risk(returns),
        "cvar_5": empyrical.conditional_value_at_risk(returns),
    }


def by_quantstats(returns, cash, trials):
    from quantstats import stats

    return {
        "sharpe": stats.sharpe(returns - cash, periods=PER_YEAR),
        "sortino": stats.sortino(returns - cash, periods=PER_YEAR),
        "volatility": stats.volatility(returns, periods=PER_YEAR),
        "cagr": stats.cagr(returns, periods=PER_YEAR),
        "total_return": stats.comp(returns),
        "max_drawdown": stats.max_drawdown(returns),
        "calmar": stats.calmar(returns, periods=PER_YEAR),
        "cvar_5": stats.conditional_value_at_risk(returns, method="historical"),
        "skew": stats.skew(returns - cash),
        "excess_kurtosis": stats.kurtosis(returns - cash),
        "probabilistic_sharpe": stats.probabilistic_sharpe_ratio(returns - cash, periods=PER_YEAR),
    }


def by_ffn(returns, cash, trials):
    import ffn

    start = pd.Series([1.0], index=returns.index[:1] - pd.Timedelta(days=1))
    prices = pd.concat([start, (1.0 + returns).cumprod()])
    excess, sharpes = returns - cash, trials.mean() / trials.std()
    return {
        "sharpe": ffn.calc_sharpe(excess, nperiods=PER_YEAR),
        "sortino": ffn.calc_sortino_ratio(excess, nperiods=PER_YEAR),
        "max_drawdown": ffn.calc_max_drawdown(prices),
        "calendar_cagr": ffn.calc_cagr(prices),
        "calendar_calmar": ffn.calc_calmar_ratio(prices),
        "years": ffn.year_frac(prices.index[0], prices.index[-1]),
        "skew": excess.skew(),
        "excess_kurtosis": excess.kurt(),
        "deflated_sharpe": ffn.calc_deflated_sharpe_ratio(
            excess, sharpes, nperiods=PER_YEAR, annualized_trials=False
        ),
        "expected_maximum": ffn.calc_expected_max_sharpe(len(sharpes), 1.0),
        "overfitting": ffn.calc_prob_backtest_overfitting(trials, n_blocks=8),
    }


LIBRARIES = {"empyrical": by_empyrical, "quantstats": by_quantstats, "ffn": by_ffn}


def main(path):
    warnings.simplefilter("ignore")
    data = np.load(path)
    trials = pd.DataFrame(data["trials"])
    days = pd.date_range("2020-01-02", periods=data["returns"].shape[1])
    answer = {}
    for name, figures in LIBRARIES.items():
        try:
            answer[name] = [
                {key: float(value) for key, value in figures(row, data["cash"], trials).items()}
                for row in (pd.Series(values, index=days) for values in data["returns"])
            ]
        except ModuleNotFoundError as missing:
            if missing.name != name:
                raise
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])

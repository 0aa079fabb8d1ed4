"""Published and independently computed figures come out of the backtester to the printed digit."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat
from scipy.optimize import minimize

import drltrade
from drltrade.agents.strategies import make_strategy
from drltrade.backtest import run_backtest
from drltrade.backtest.metrics import compute_metrics
from drltrade.data import Market, load_market
from drltrade.envs import EnvSettings, build_game
from drltrade.sim import Commission, Costs, Slippage

OLPS = Path(drltrade.__file__).parents[2] / "shared" / "data" / "olps"


def judge(strategy, market, side=0.0):
    """Backtests over the whole range, close to close, with a proportional cost a side."""
    costs = Costs(Commission(side), Slippage(0.0))
    settings = EnvSettings(
        fill="same_close", costs=costs, features=[{"log_return": 1}], window=1, equity=1.0
    )
    record = run_backtest(strategy, build_game(settings, market=market))
    return record, compute_metrics(record)


@pytest.mark.parametrize(
    ("symbol", "total", "cagr", "volatility", "sharpe", "drawdown"),
    [
        ("AAPL", 12.408616, 0.221540, 0.459643, 0.678402, -0.818018),
        ("IBM", 1.379213, 0.069100, 0.279848, 0.378510, -0.583139),
        ("MSFT", -0.183333, -0.015491, 0.330319, 0.117599, -0.674645),
    ],
)
def test_buy_and_hold_of_the_embedded_stocks(symbol, total, cagr, volatility, sharpe, drawdown):
    record, metrics = judge(make_strategy("buy_and_hold"), load_market(symbols=[symbol]))
    assert len(record.equity) == 3270
    assert metrics["total_return"] == pytest.approx(total, abs=5e-7)
    assert metrics["cagr"] == pytest.approx(cagr, abs=5e-7)
    assert metrics["volatility"] == pytest.approx(volatility, abs=5e-7)
    assert metrics["sharpe"] == pytest.approx(sharpe, abs=5e-7)
    assert metrics["max_drawdown"] == pytest.approx(drawdown, abs=5e-7)


@pytest.mark.parametrize(
    ("side", "total", "cagr", "volatility", "sharpe", "drawdown"),
    [
        (0.0, 5.398394, 0.243400, 0.237430, 1.036449, -0.518345),
        (0.0005, 5.336429, 0.241981, 0.237422, 1.031661, -0.519021),
    ],
)
def test_four_stocks_in_constant_equal_weights(side, total, cagr, volatility, sharpe, drawdown):
    market = load_market(symbols=["AAPL", "GOOG", "IBM", "MSFT"]).between(None, "2013-03-01")
    record, metrics = judge(make_strategy("equal_weight"), market, side)
    assert len(record.equity) == 2148
    assert metrics["total_return"] == pytest.approx(total, abs=5e-7)
    assert metrics["cagr"] == pytest.approx(cagr, abs=5e-7)
    assert metrics["volatility"] == pytest.approx(volatility, abs=5e-7)
    assert metrics["sharpe"] == pytest.approx(sharpe, abs=5e-7)
    assert metrics["max_drawdown"] == pytest.approx(drawdown, abs=5e-7)


class Fixed:
    """Constant weights, re-balanced at every bar."""

    def __init__(self, weights):
        self.weights = np.asarray(weights, dtype=float)

    def targets(self, market, first):
        return np.tile(self.weights, (market.bars, 1))


def olps(name):
    relatives = loadmat(OLPS / f"{name}.mat")["data"]
    close = np.vstack([np.ones(relatives.shape[1]), np.cumprod(relatives, axis=0)])
    return Market.build(close, name=name), relatives


needs_olps = pytest.mark.skipif(
    not OLPS.is_dir(), reason="the online-portfolio sets lie beside the project, not in it"
)


@needs_olps
@pytest.mark.parametrize(
    ("name", "held", "rebalanced", "best", "best_rebalanced"),
    [
        ("msci", 0.906352, 0.926836, 1.50402, 1.50569),
        ("djia", 0.764361, 0.812726, 1.18836, 1.23993),
    ],
)
def test_online_portfolio_wealth_without_costs(name, held, rebalanced, best, best_rebalanced):
    market, relatives = olps(name)
    count = market.assets
    wealth = {
        key: judge(strategy, market)[0].equity[-1]
        for key, strategy in {
            "held": make_strategy("buy_and_hold"),
            "rebalanced": make_strategy("equal_weight"),
            "best": Fixed(np.eye(count)[int(relatives.prod(axis=0).argmax())]),
            "best_rebalanced": Fixed(_best_constant_weights(relatives)),
        }.items()
    }
    assert wealth["held"] == pytest.approx(held, abs=5e-7)
    assert wealth["rebalanced"] == pytest.approx(rebalanced, abs=5e-7)
    assert wealth["best"] == pytest.approx(best, abs=5e-6)
    assert wealth["best_rebalanced"] == pytest.approx(best_rebalanced, abs=5e-6)


def _best_constant_weights(relatives):
    count = relatives.shape[1]
    found = minimize(
        lambda w: -np.log(relatives @ w).sum(),
        np.full(count, 1 / count),
        jac=lambda w: -(relatives / (relatives @ w)[:, None]).sum(axis=0),
        bounds=[(0, 1)] * count,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    weights = np.maximum(found.x, 0.0)
    return weights / weights.sum()


@needs_olps
@pytest.mark.parametrize(
    ("name", "cost", "wealth"),
    [
        ("msci", 0.001, 0.9224), ("msci", 0.005, 0.9048), ("msci", 0.01, 0.8833),
        ("djia", 0.001, 0.8094), ("djia", 0.005, 0.7963), ("djia", 0.01, 0.7803),
    ],
)  # fmt: skip
def test_online_portfolio_wealth_with_half_of_the_cost_a_side(name, cost, wealth):
    record, _ = judge(make_strategy("equal_weight"), olps(name)[0], cost / 2)
    assert record.equity[-1] == pytest.approx(wealth, abs=1e-4)


@needs_olps
def test_the_published_statistics_of_the_rebalanced_msci():
    record, metrics = judge(make_strategy("equal_weight"), olps("msci")[0])
    assert record.returns.mean() == pytest.approx(5.3001e-5, abs=5e-10)
    assert record.returns.std(ddof=1) == pytest.approx(0.0158, abs=5e-5)
    assert metrics["cagr"] == pytest.approx(-0.0182, abs=5e-5)
    assert metrics["max_drawdown"] == pytest.approx(-0.6436, abs=5e-5)

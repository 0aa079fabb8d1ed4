"""Figures that others flattered: leaks between splits, records with holes, metrics that forgive."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from small_worlds import changed_after, random_market, small_game

from drltrade.agents import AGENTS, TrainTask, make_strategy, train
from drltrade.backtest import compute_metrics, run_backtest, trade_list
from drltrade.config import override, parse
from drltrade.data import Market, load_market
from drltrade.envs import EnvSettings, TradingEnv, build_game
from drltrade.errors import DrltradeError, UsageError
from drltrade.experiments.plan import plan_experiment
from drltrade.experiments.settings import SplitSettings
from drltrade.experiments.splits import resolve_folds
from drltrade.experiments.training import run_job
from drltrade.features import compute_features
from drltrade.sim import Commission, Costs, Slippage

FREE = Costs(Commission(0.0), Slippage(0.0))


def column(*prices):
    close = np.array(prices, dtype=float)
    return Market.build(close, open=close, high=close, low=close, volume=np.ones_like(close))


def judge(weights, prices, **settings):
    """The record and the metrics of target weights, one a bar, on prices known by their closes."""
    plain = {"features": ["range"], "scaler": "none", "window": 1, "fill": "same_close"}
    game = small_game(market=column(*prices), **(plain | {"costs": FREE} | settings))
    record = run_backtest(Along(weights), game, name="along")
    return record, compute_metrics(record)


class Along:
    def __init__(self, weights):
        self.weights = np.array(weights, dtype=float)[:, None]

    def targets(self, market, first):
        return self.weights


class Watching:
    """A policy that writes down how it was asked."""

    def __init__(self, action=2):
        self.action, self.asked = action, []

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        self.asked.append((observation.copy(), bool(episode_start[0]), deterministic))
        return np.array([self.action]), state


# Splits


def test_the_scaler_is_fitted_on_the_train_split_and_on_nothing_else():
    market, cut = random_market(120), 80
    day = str(market.stamps[cut])[:10]
    for kind in ("standard", "robust"):
        settings = EnvSettings(scaler=kind)
        here = build_game(settings, market=market, end=day).scaler
        there = build_game(settings, market=changed_after(market, cut), end=day).scaler
        assert np.array_equal(here.center, there.center)
        assert np.array_equal(here.scale, there.scale)


def test_the_test_split_is_scaled_with_what_the_train_split_knew():
    market = random_market(120)
    game = build_game(EnvSettings(window=4), market=market, end=str(market.stamps[80])[:10])
    later = game.between(str(market.stamps[90])[:10], None)
    assert later.scaler is game.scaler
    assert np.array_equal(later.features.values, game.features.values, equal_nan=True)


def test_a_rolling_scaler_uses_the_bars_behind_it_only():
    market, cut = random_market(700), 600
    one, other = (
        build_game(EnvSettings(scaler="rolling", window=4), market=m).features.values[: cut + 1]
        for m in (market, changed_after(market, cut))
    )
    assert np.isfinite(one[-1]).all()
    assert np.array_equal(one, other, equal_nan=True)


def test_validation_and_test_share_no_bar():
    market = random_market(100)
    (fold,) = resolve_folds(SplitSettings(), market)
    (train,), (valid,), (tested,) = fold.train, fold.valid, fold.test
    assert train.end < valid.start <= valid.end < tested.start
    assert train.bars + valid.bars + tested.bars == 100
    days = [str(stamp)[:10] for stamp in market.stamps]
    train_, test = [days[0], days[50]], [days[60], days[99]]
    with pytest.raises(UsageError, match="cannot judge"):
        resolve_folds(SplitSettings(train=train_, valid=test, test=test), market)
    touching = SplitSettings(train=train_, valid=[days[50], days[59]], test=test)
    with pytest.raises(UsageError, match="cannot judge"):
        resolve_folds(touching, market)


def test_nothing_is_tuned_on_the_test_split(tmp_path):
    chosen = []
    for factor in (1.0, -1.0):  # the test split as it was, and turned upside down
        moves = np.random.default_rng(0).normal(0, 0.02, 200)
        moves[160:] *= factor
        close = 100 * np.exp(np.cumsum(moves))
        file = tmp_path / f"prices{factor:g}.csv"
        dates = pd.bdate_range("2010-01-04", periods=200)
        pd.DataFrame({"date": dates, "close": close}).to_csv(file, index=False)
        plan = plan_experiment(
            {
                "env": {"data": str(file), "fill": "next_close", "window": 2, "episode": 40,
                        "features": [{"log_return": 1}]},
                "agent": {"name": "reinforce", "accounts": 8, "n_steps": 8, "layers": [4],
                          "learning_rate": 0.5},
                "budget": {"steps": 512, "evaluations": 8},
            },
            out=tmp_path / f"runs{factor:g}",
        )  # fmt: skip
        (job,) = plan.jobs
        run_job(job, lambda event: None)
        metrics = json.loads((job.folder / "metrics.json").read_text())
        weights = (job.folder / "policy.safetensors").read_bytes()
        chosen.append((weights, metrics["validation"], metrics["metrics"]["total_return"]))
    assert chosen[0][:2] == chosen[1][:2]
    assert chosen[0][2] != chosen[1][2]
    assert len({score for _, score in chosen[0][1]}) > 1


# Data


def test_a_value_that_does_not_exist_yet_is_missing_and_never_filled_from_later_bars():
    features = compute_features(random_market(60), [{"log_return": 5}, {"volatility": 10}])
    assert features.warmup == 10
    assert np.isnan(features.values[:5, 0, 0]).all()
    assert np.isnan(features.values[:10, 0, 1]).all()
    assert np.isfinite(features.values[features.ready]).all()


def test_an_asset_that_starts_later_is_not_filled_backwards():
    frame = pd.DataFrame(
        {"date": pd.bdate_range("2010-01-04", periods=6),
         "OLD": [10.0, 11, 12, 13, 14, 15], "NEW": [np.nan, np.nan, 7, 8, 9, 10]}
    )  # fmt: skip
    market = load_market(frame)
    assert market.bars == 4
    assert market.close.tolist() == [[12, 7], [13, 8], [14, 9], [15, 10]]
    assert any("left out" in note for note in market.notes)


# Backtests


def test_a_backtest_records_every_bar_of_the_range_it_was_asked_for():
    market = random_market(80)
    game = small_game(market=market).between(str(market.stamps[40])[:10], None)
    for actor in (make_strategy("buy_and_hold"), Watching()):
        record = run_backtest(actor, game)
        assert record.path.bars.tolist() == list(range(40, 80))
        assert len(record.equity) == len(record.stamps) == 40
        assert record.equity[0] == 100_000


def test_a_policy_is_asked_once_a_bar_without_dice_and_told_where_its_episode_starts():
    game = small_game(60)
    policy = Watching()
    record = run_backtest(policy, game)
    observations, starts, deterministic = zip(*policy.asked, strict=True)
    assert len(policy.asked) == game.last - game.first_decision
    assert starts == (True, *[False] * (len(starts) - 1))
    assert set(deterministic) == {True}
    assert np.isfinite(np.concatenate(observations)).all()
    assert (record.path.traded[: game.first_decision + 1] == 0).all()


def test_a_backtest_earns_what_training_earned():
    game = small_game(60, episode=None)
    env = TradingEnv(game)
    env.reset(seed=0)
    equity = [env.step(2)[4]["equity"] for _ in range(game.last - game.first_decision)]
    record = run_backtest(Watching(), game)
    assert record.equity[game.first_decision + 1 :].tolist() == equity


def test_a_strategy_sees_no_bar_after_the_one_it_decides_on():
    seen = []

    class Peeking:
        name = "peeking"

        def target(self, view, account):
            seen.append((account.bar, view.bars))
            return np.array([0.5])

    run_backtest(Peeking(), small_game(60))
    assert seen == [(bar, bar + 1) for bar in range(59)]


def test_a_strategy_pays_the_fees_and_the_fill_of_its_environment():
    game = small_game(60)
    record = run_backtest(make_strategy("buy_and_hold"), game)
    bought = 100_000 / 1.001
    assert record.path.fill_price[1, 0] == game.market.open[1, 0]
    assert record.path.commission[1] == pytest.approx(0.0005 * bought)
    assert record.path.slippage[1] == pytest.approx(0.0005 * bought)


def test_a_backtest_without_costs_says_so():
    record, _ = judge([1, 1, 1], [10, 11, 12])
    assert any("Zero costs" in warning for warning in record.warnings)


# Metrics


def test_the_max_drawdown_counts_a_loss_in_the_first_bar():
    metrics = judge([1, 1, 1, 1], [10, 8, 9, 9.5])[1]
    assert metrics["max_drawdown"] == pytest.approx(-0.2)


def test_a_drawdown_is_measured_from_peaks_of_the_past_alone():
    metrics = judge([1, 1, 1, 1], [10, 9, 12, 20])[1]
    assert metrics["max_drawdown"] == pytest.approx(-0.1)


def test_the_total_return_counts_the_first_bar_and_its_costs():
    costs = Costs(Commission(0.01), Slippage(0.0))
    metrics = judge([1, 1, 1], [10, 20, 20], equity=1010.0, costs=costs)[1]
    assert metrics["total_return"] == pytest.approx(2000 / 1010 - 1)
    assert metrics["costs"] == pytest.approx(10 / 1010)


def test_a_year_of_stock_days_has_252_bars_and_not_365():
    market = random_market(300)
    assert market.periods_per_year == 252
    prices = [10, 11, 10, 12]
    record, metrics = judge([1, 1, 1, 1], prices)
    returns = np.diff(prices) / prices[:-1]
    assert record.periods_per_year == 252
    assert metrics["volatility"] == pytest.approx(returns.std(ddof=1) * np.sqrt(252))
    assert metrics["sharpe"] == pytest.approx(returns.mean() / returns.std(ddof=1) * np.sqrt(252))


def test_a_sortino_ratio_divides_by_the_downside_of_all_bars():
    prices = [10, 11, 10, 12]
    returns = np.diff(prices) / prices[:-1]
    downside = np.sqrt(np.mean(np.minimum(returns, 0) ** 2))
    metrics = judge([1, 1, 1, 1], prices)[1]
    assert metrics["sortino"] == pytest.approx(returns.mean() / downside * np.sqrt(252))


def test_a_trade_that_only_pays_its_costs_is_no_win():
    costs = Costs(Commission(0.01), Slippage(0.0))
    record, metrics = judge([1, 0, 0], [10, 10.1, 10.1], costs=costs)
    (trade,) = trade_list(record)
    assert trade.pnl == pytest.approx(record.equity[-1] - record.equity[0])
    assert trade.pnl < 0
    assert metrics["win_rate"] == 0.0


def test_the_trade_that_a_broker_ended_is_told_with_its_loss():
    rules = {"leverage": 2.0, "actions": "continuous"}
    record, metrics = judge([2, 2, 2, 2], [10, 10, 5.5, 9], fill="next_close", **rules)
    (trade,) = trade_list(record)
    assert record.path.liquidated
    assert (trade.open, trade.exit_row) == (False, 2)
    assert trade.pnl == pytest.approx(record.equity[-1] - record.equity[0])
    assert metrics["win_rate"] == 0.0


def test_a_liquidation_is_told_in_a_warning():
    record, _ = judge([2, 2, 2, 2], [10, 10, 5.5, 9], fill="next_close", leverage=2.0)
    assert any("liquidated" in warning for warning in record.warnings)


def test_what_is_undefined_is_nan_and_never_infinite_or_nought():
    metrics = judge([0, 0, 0], [10, 11, 12])[1]
    for name in ("sharpe", "sortino", "win_rate", "profit_factor"):
        assert np.isnan(metrics[name]), name


# The package


def test_importing_the_package_changes_no_warning_filter_and_no_global_generator(tmp_path):
    code = """
import random, warnings
import gymnasium, numba, numpy as np, pandas, talib
def state():
    _, key, *position = np.random.get_state()  # a draw moves the position, not the key
    return list(warnings.filters), random.getstate(), key.tobytes(), position
before = state()
import drltrade, drltrade.backtest, drltrade.envs, drltrade.experiments.plan, drltrade.features
drltrade.make_env("sample").reset(seed=1)
assert state() == before
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_no_two_seeds_share_their_initial_weights():
    game = small_game(120, features=[{"log_return": 1}], window=2, scaler="none")
    for name in ("reinforce", "ppo"):
        tiny = {"accounts": 8, "n_steps": 16, "layers": (4,), "learning_rate": 1e-12}
        settings = AGENTS[name].settings(**tiny)
        first, again, other = (
            [p.detach().numpy() for p in train(TrainTask(game, settings, seed, 1))
             .policy.network.parameters()]
            for seed in (0, 0, 1)
        )  # fmt: skip
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True)), name
        weights = [(a, b) for a, b in zip(first, other, strict=True) if a.ndim == 2]
        assert weights
        assert not any(np.allclose(a, b, atol=1e-3) for a, b in weights), name


def test_a_config_string_is_never_evaluated(tmp_path):
    target = tmp_path / "touched"
    code = f"__import__('pathlib').Path({str(target)!r}).touch() or 1.0"
    assert override({}, f"equity={code}") == {"equity": code}
    for wanted in ({"equity": code}, {"reward": code}, {"features": [code]}):
        with pytest.raises(DrltradeError):
            build_game(parse(EnvSettings, wanted, "env"), market=random_market(60))
    with pytest.raises(DrltradeError):
        load_market(code)
    with pytest.raises(DrltradeError):
        override({}, f"equity=!!python/object/apply:os.mkdir [{str(target)!r}]")
    assert not target.exists()

"""Measures how many account-steps a second this machine does, side by side in one run."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from drltrade.backtest import run_backtest
from drltrade.data import Market
from drltrade.envs import EnvSettings, Game, TradingEnv, VectorTradingEnv, build_game
from drltrade.sim import Engine, Prices, Rules

__all__ = ["run_bench"]

BARS = 20_000
FEATURES = 8
REPEATS = 3
Figures = dict[str, float]


def run_bench(progress: Callable[[str], None] | None = None) -> dict[str, Any]:
    """Times the engine, its faces, the backtest and PPO's training; best of three runs each.

    Args:
        progress: told the name of each measurement before it starts.

    Returns:
        Rates in steps a second (account-steps for the engine and the vector face) and ratios.
    """
    say = progress or (lambda name: None)
    engine: Figures = {}
    for assets, window, accounts in (
        (1, 1, 1024), (1, 16, 64), (1, 16, 1024), (1, 16, 4096), (1, 32, 1024), (1, 64, 1024),
        (30, 1, 1024), (30, 16, 1024),
    ):  # fmt: skip
        name = f"{assets}_assets_window_{window}x{FEATURES}_{accounts}_accounts"
        say(f"engine {name}")
        engine[name] = _engine(assets, window, accounts)
    say("faces")
    game = _game()
    empty, single = _single(_Empty()), _single(TradingEnv(game))
    vector = _vector(game, 1024)
    say("backtest")
    backtest = _backtest()
    say("training ppo")
    train = _train(game)
    return {
        "machine": {"processor": platform.processor() or platform.machine(), "threads": 1},
        "engine": engine,
        "gym_env": {"steps_per_second": single, "empty_env_steps_per_second": empty},
        "vector_env": {"accounts_1024_steps_per_second": vector},
        "backtest": backtest,
        "train": train,
        "ratios": {
            "engine_over_gym_env": engine["1_assets_window_16x8_1024_accounts"] / single,
            "vector_env_over_gym_env": vector / single,
            "gym_env_over_empty_env": single / empty,
        },
    }


class _Empty(gym.Env[Any, Any]):  # type: ignore[misc]  # gymnasium is untyped here
    """Does nothing: the limit of the Gymnasium interface itself."""

    observation_space = gym.spaces.Box(-1, 1, (FEATURES,), np.float32)
    action_space = gym.spaces.Discrete(3)

    def __init__(self) -> None:
        self._observation = np.zeros(FEATURES, dtype=np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Returns the same zeros."""
        return self._observation, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Returns the same zeros."""
        return self._observation, 0.0, False, False, {}


def _rate(work: Callable[[], int]) -> float:
    """Runs some work several times; returns the best number of steps a second."""
    best = 0.0
    for _ in range(REPEATS):
        start = time.perf_counter()
        steps = work()
        best = max(best, steps / (time.perf_counter() - start))
    return best


def _walk(assets: int, bars: int = BARS) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.005, (bars, assets)), axis=0))
    return close * np.exp(rng.normal(0, 0.001, (bars, assets))), close


def _engine(assets: int, window: int, accounts: int) -> float:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(BARS, assets, FEATURES)).astype(np.float32)
    engine = Engine(
        Prices(*_walk(assets)), Rules(), accounts, features=features, window=window, buffers=2
    )
    rows = np.arange(accounts)
    first = rng.integers(window, BARS // 2, accounts)
    engine.reset(rows, first, first + BARS // 2 - 1)
    targets = rng.integers(-1, 2, (64, accounts, assets)) / assets
    steps = max(20, 400_000 // (accounts * assets))

    def work() -> int:
        for k in range(steps):
            engine.step(targets[k % 64])
        return steps * accounts

    work()
    return _rate(work)


def _game() -> Game:
    open_, close = _walk(1)
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    volume = np.random.default_rng(2).lognormal(10, 0.5, close.shape)
    market = Market.build(close, open=open_, high=high, low=low, volume=volume, name="bench")
    return build_game(EnvSettings(), market=market)


def _single(env: gym.Env[Any, Any]) -> float:
    def work() -> int:
        env.reset(seed=0)
        for k in range(20_000):
            _, _, terminated, truncated, _ = env.step(k % 3)
            if terminated or truncated:
                env.reset()
        return 20_000

    return _rate(work)


def _vector(game: Game, accounts: int) -> float:
    env = VectorTradingEnv(game, accounts)
    actions = np.random.default_rng(3).integers(0, 3, (64, accounts))

    def work() -> int:
        env.reset(seed=0)
        for k in range(400):
            env.step(actions[k % 64])
        return 400 * accounts

    return _rate(work)


class _Cross:
    """Long above the mean of the last 50 closes, else flat: a rule for the clock to run."""

    def targets(self, market: Market, first: int) -> np.ndarray:
        """Weights [T, N] from a running mean."""
        total = np.cumsum(market.close, axis=0)
        mean = (total[50:] - total[:-50]) / 50
        weights = np.zeros_like(market.close)
        weights[50:] = market.close[50:] > mean
        return weights


def _backtest() -> Figures:
    bars = 1_000_000
    open_, close = _walk(1, bars)
    stamps = np.datetime64("2000-01-01T00:00", "ns") + np.arange(bars) * np.timedelta64(60, "s")
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    market = Market.build(close, open=open_, high=high, low=low, stamps=stamps, name="bench")
    settings = EnvSettings(features=[{"log_return": 1}], window=1)
    game = build_game(settings, market=market)
    run_backtest(_Cross(), game)
    rate = _rate(lambda: len(run_backtest(_Cross(), game).equity))
    return {"bars": float(bars), "bars_per_second": rate, "seconds": bars / rate}


def _train(game: Game) -> Figures:
    from drltrade.agents import TrainTask, parse_agent, train
    from drltrade.experiments.training import one_thread

    task = TrainTask(game=game, agent=parse_agent("ppo"), seed=0, steps=400_000, evaluations=1)
    start = time.perf_counter()
    with one_thread():
        result = train(task)
    seconds = time.perf_counter() - start
    return {"ppo_steps_per_second": result.steps / seconds, "steps": float(result.steps)}

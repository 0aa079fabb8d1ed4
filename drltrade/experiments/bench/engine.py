"""Measures the engine alone: account-steps a second, threads, and a long backtest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from drltrade.data import Market
from drltrade.errors import DrltradeError
from drltrade.experiments.bench.figures import Case, Effort, Figure, best_rate, engine_key
from drltrade.experiments.bench.market import (
    FEATURES,
    bench_market,
    bench_prices,
    feature_matrix,
)
from drltrade.sim import Carry, Costs, Engine, Impact, Margin, Rules

__all__ = ["ACCOUNTS", "ASSETS", "EPISODE", "RULES", "WINDOWS", "engine_cases", "rounds"]

ASSETS = (1, 30)
WINDOWS = (1, 16, 32, 64)
ACCOUNTS = (1, 64, 1024, 4096)
EPISODE = 256
"""Bars until every account starts anew elsewhere: ruined accounts would be cheap to step."""

RULES = Rules(carry=Carry(cash=0.02, debit=0.06, borrow=0.01), margin=Margin(maintenance=0.25))
"""The default commission and slippage, and everything that is charged for holding."""
IMPACT = replace(RULES, costs=Costs(impact=Impact(coefficient=1.0)))


def engine_cases() -> list[Case]:
    """Every size, then impact, orders in every bar, two threads and the long backtest."""
    cases = [
        _case(assets, window, accounts, RULES, "", "")
        for assets in ASSETS
        for accounts in ACCOUNTS
        for window in WINDOWS
    ]
    for window in (1, 16):
        cases.append(_case(1, window, 1024, IMPACT, "impact_", " with square-root impact"))
    often = replace(RULES, on_change=False)
    cases.append(_case(1, 16, 1024, often, "every_bar_", " with an order in every bar"))
    cases.append(Case("one thread and two", 4.0, _threads))
    cases.append(Case("a backtest of a rule over a long market", 12.0, _backtest))
    return cases


def _case(assets: int, window: int, accounts: int, rules: Rules, prefix: str, also: str) -> Case:
    size = f"{_count(assets, 'asset')}, window {window} x {FEATURES}"
    name = f"engine, {size}, {_count(accounts, 'account')}{also}"

    def measure(effort: Effort) -> list[Figure]:
        engine, work = rounds(assets, window, accounts, rules, effort.bars)
        rate, cpu = best_rate(work, effort)
        if window == 1:
            work(EPISODE)  # a whole one, whatever was left of the last
        _nobody_is_ruined(engine)
        key = prefix + engine_key(assets, window, accounts)
        return [Figure("engine", key, rate, "account-steps/s", name, cpu)]

    return Case(name, 2.0 if assets == 1 else 2.5, measure)


def rounds(
    assets: int, window: int, accounts: int, rules: Rules, bars: int, seed: int = 2
) -> tuple[Engine, Callable[[int], int]]:
    """Makes an engine on the bench's market, and the loop that steps it.

    Every account starts at a bar of its own, drawn from the whole market, and asks at each bar for
    a random one of short, flat and long; after an episode all start anew at other bars.

    Returns:
        The engine, and a function that steps it a number of times and returns the account-steps.
    """
    engine = Engine(
        bench_prices(bars, assets),
        rules,
        accounts,
        start_equity=100_000.0,
        features=feature_matrix(bars, assets),
        window=window,
    )
    rng = np.random.default_rng(seed)
    rows = np.arange(accounts)
    starts = rng.integers(window + 20, bars - EPISODE, (16, accounts))
    kinds = max(8, min(64, 2**18 // (accounts * assets)))  # few enough to stay in the cache
    targets = rng.integers(-1, 2, (kinds, accounts, assets)) / assets
    played = 0

    def work(steps: int) -> int:
        nonlocal played
        left = steps
        while left:
            first = starts[played % len(starts)]
            engine.reset(rows, first, first + EPISODE)
            played += 1
            for k in range(min(left, EPISODE)):
                engine.step(targets[k % kinds])
            left -= min(left, EPISODE)
        return steps * accounts

    return engine, work


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number > 1)}"


def _nobody_is_ruined(engine: Engine) -> None:
    if engine.current.terminated.any():
        raise DrltradeError(
            "Accounts of the bench were closed out, and such accounts cost no time: the figure"
            " would be too good. Please report this with the version of drltrade."
        )


def _threads(effort: Effort) -> list[Figure]:
    loops = [rounds(1, 16, 1024, RULES, effort.bars, seed)[1] for seed in (2, 3)]
    rate, _ = best_rate(loops[0], replace(effort, repeats=1))
    steps = max(1, round(effort.seconds * rate / 1024))
    loops[1](1)
    one = two = 0.0
    for _ in range(effort.repeats):
        one = max(one, _together(loops[:1], steps))
        two = max(two, _together(loops, steps))
    what = "engine, 1 asset, window 16 x 8, 1,024 accounts"
    unit = "account-steps/s"
    return [
        Figure("engine", "one_thread_steps_per_second", one, unit, f"{what}, in one thread"),
        Figure(
            "engine", "two_threads_steps_per_second", two, unit,
            f"{what} each, two engines in two threads",
        ),
    ]  # fmt: skip


def _together(loops: list[Callable[[int], int]], steps: int) -> float:
    """Runs loops side by side; returns their steps a second together."""
    threads = [threading.Thread(target=loop, args=(steps,)) for loop in loops]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(loops) * steps * 1024 / (time.perf_counter() - start)


class _Cross:
    """Long above the mean of the last 50 closes, else flat: a rule for the clock to run."""

    def targets(self, market: Market, first: int) -> NDArray[np.float64]:
        """Weights [T, N] from a running mean."""
        total = np.cumsum(market.close, axis=0)
        mean = (total[50:] - total[:-50]) / 50
        weights = np.zeros_like(market.close)
        weights[50:] = market.close[50:] > mean
        return weights


def _backtest(effort: Effort) -> list[Figure]:
    from drltrade.backtest import run_backtest
    from drltrade.envs import EnvSettings, build_game

    settings = EnvSettings(
        features=[{"log_return": 1}], window=1, carry=RULES.carry, margin=RULES.margin
    )
    game = build_game(settings, market=bench_market(effort.long_bars))

    def work(times: int) -> int:
        return sum(len(run_backtest(_Cross(), game).equity) for _ in range(times))

    rate, cpu = best_rate(work, effort)
    bench_market.cache_clear()
    what = f"backtest of a rule over {effort.long_bars:,} bars, one asset, after loading"
    return [
        Figure("engine", "backtest_seconds", effort.long_bars / rate, "s", what, cpu),
        Figure(
            "engine", "backtest_bars", float(effort.long_bars), "bars", "length of that backtest"
        ),
    ]

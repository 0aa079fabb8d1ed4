"""Steps one environment in a plain loop: the same file runs under drltrade and under its peers.

It is started by path in a virtual environment that may hold no drltrade, so it imports nothing of
it at the top. Usage: `python loop.py NAME STEPS REPEATS`.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from typing import Any

import numpy as np

__all__ = ["MAKERS", "measure"]

BARS, WINDOW = 10_000, 10


def _bars() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.005, BARS)))
    opens = close * np.exp(rng.normal(0, 0.001, BARS))
    high, low = np.maximum(opens, close) * 1.001, np.minimum(opens, close) * 0.999
    return {"open": opens, "high": high, "low": low, "close": close}


def _gym_anytrading() -> Any:
    pandas, envs = import_module("pandas"), import_module("gym_anytrading.envs")
    frame = pandas.DataFrame({name.capitalize(): value for name, value in _bars().items()})
    return envs.StocksEnv(frame, window_size=WINDOW, frame_bound=(WINDOW, BARS))


def _gym_trading_env() -> Any:
    pandas = import_module("pandas")
    made = import_module("gym_trading_env.environments")
    frame = pandas.DataFrame(_bars(), index=pandas.date_range("2000", periods=BARS, freq="h"))
    frame["feature_return"] = frame["close"].pct_change().fillna(0.0)
    frame["feature_range"] = frame["high"] / frame["low"]
    return made.TradingEnv(
        frame, positions=[0, 1], windows=WINDOW, trading_fees=0.001, borrow_interest_rate=1e-6,
        verbose=0,
    )  # fmt: skip


def _drltrade() -> Any:
    envs, data = import_module("drltrade.envs"), import_module("drltrade.data")
    bars = {name: value[:, None] for name, value in _bars().items()}
    settings = envs.read_env(
        {
            "features": [{"log_return": 1}, {"log_return": 5}],
            "window": WINDOW,
            "actions": {"levels": [0, 1]},
            "carry": {"cash": 0.02, "debit": 0.06, "borrow": 0.01},
            "episode": None,
        }
    )[0]
    market = data.Market.build(bars.pop("close"), **bars, name="bench")
    return envs.TradingEnv(envs.build_game(settings, market=market))


MAKERS = {
    "drltrade": _drltrade,
    "gym_anytrading": _gym_anytrading,
    "gym_trading_env": _gym_trading_env,
}
"""Two actions, two features, a window of ten, ten thousand bars; 10 bp a side where settable."""


def measure(env: Any, steps: int, repeats: int) -> tuple[float, float]:
    """Plays random actions and resets when an episode is done.

    Returns:
        Steps a second of the best repeat, and its CPU seconds per second on the wall.
    """
    actions = np.random.default_rng(7).integers(0, 2, 4096).tolist()
    best = (0.0, 0.0)
    for _ in range(repeats):
        env.reset(seed=0)
        wall, cpu = time.perf_counter(), time.process_time()
        for k in range(steps):
            _, _, terminated, truncated, _ = env.step(actions[k % 4096])
            if terminated or truncated:
                env.reset()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        best = max(best, (steps / wall, cpu / wall))
    return best


if __name__ == "__main__":
    made = MAKERS[sys.argv[1]]()
    measure(made, 200, 1)  # whatever is compiled or cached at first use
    print(json.dumps(measure(made, int(sys.argv[2]), int(sys.argv[3]))))

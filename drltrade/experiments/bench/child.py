"""Measures what only a fresh process can show: the first call, and what memory things take."""

from __future__ import annotations

import json
import os
import sys
import time
from itertools import pairwise
from typing import Any

__all__ = ["first_call", "memory", "replay"]


def first_call() -> dict[str, float]:
    """Resets and steps an engine, then runs a backtest's path: the first calls of this process.

    Returns:
        Seconds that the engine's calls took on the wall and of CPU, then the same for the path;
        imports are not counted.
    """
    from drltrade.experiments.bench.engine import RULES, rounds
    from drltrade.experiments.bench.market import bench_prices
    from drltrade.sim import run_path

    prices = bench_prices(2_000, 1)
    _, work = rounds(1, 16, 64, RULES, 2_000)
    times = [(time.perf_counter(), time.process_time())]
    work(2)
    times.append((time.perf_counter(), time.process_time()))
    run_path(prices, RULES, prices.close * 0.0, 20, 100)
    times.append((time.perf_counter(), time.process_time()))
    (wall, cpu), (path_wall, path_cpu) = (
        (after[0] - before[0], after[1] - before[1]) for before, after in pairwise(times)
    )
    return {"wall": wall, "cpu": cpu, "path_wall": path_wall, "path_cpu": path_cpu}


def memory(bars: int) -> dict[str, float]:
    """Puts 4,096 accounts on one long matrix of 20 features and steps them.

    Returns:
        Bytes of the matrix, of what the engine allocated and of what the process grew by, the
        peak of the process, bytes an account, and whether the engine's array is the matrix itself.
        Systems that do not tell of a process leave its two out.
    """
    import tracemalloc

    import numpy as np

    from drltrade.experiments.bench.engine import RULES
    from drltrade.experiments.bench.market import bench_prices, feature_matrix
    from drltrade.sim import Engine

    prices, matrix = bench_prices(bars, 1), feature_matrix(bars, 1, 20)
    small = Engine(prices, RULES, 1, features=matrix)  # prices are laid out and code is loaded
    rows = np.arange(4096)
    first = np.linspace(20, bars - 300, 4096).astype(np.int64)
    small.reset(rows[:1], first[:1], first[:1] + 256)
    small.step(np.zeros((1, 1)))
    before = _resident()
    tracemalloc.start()
    engine = Engine(prices, RULES, 4096, features=matrix)
    engine.reset(rows, first, first + 256)
    for _ in range(20):
        engine.step(np.ones((4096, 1)))
    allocated, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    arrays = [value for value in vars(engine).values() if isinstance(value, np.ndarray)]
    told = {
        "matrix": float(matrix.nbytes),
        "allocated": float(allocated),
        "each": allocated / 4096,
        "shared": float(any(np.shares_memory(array, matrix) for array in arrays)),
    }
    after, peak = _resident(), _peak()
    if before is not None and after is not None:
        told["grown"] = after - before
    return told if peak is None else told | {"peak": peak}


def replay(transitions: int) -> dict[str, float]:
    """Fills DQN's replay of windows 64 x 20 with random play, as its training does.

    Returns:
        Bytes of the replay, of the features that its windows are gathered from, of the same replay
        with whole windows in it (by arithmetic), what the process grew by, and how many
        transitions there are.
    """
    import numpy as np

    from drltrade.envs import EnvSettings, build_game
    from drltrade.experiments.bench.market import bench_market

    features = [{"log_return": back} for back in range(1, 21)]
    settings = EnvSettings(features=features, window=64)
    game = build_game(settings, market=bench_market(100_000))
    _filled(game, 2_000)  # code is loaded
    before = _resident()
    buffer = _filled(game, transitions)
    after = _resident()
    arrays = {k: v for k, v in vars(buffer).items() if isinstance(v, np.ndarray)}
    held = float(sum(array.nbytes for array in arrays.values()))
    indexed = arrays["observations"].nbytes + arrays["next_observations"].nbytes
    count = buffer.buffer_size * buffer.n_envs
    told = {
        "replay": held,
        "series": float(game.features.values.nbytes),
        "windows": held - indexed + 2.0 * 4 * count * game.layout.size,
        "transitions": float(count),
    }
    return told if before is None or after is None else told | {"grown": after - before}


def _filled(game: Any, transitions: int) -> Any:
    """Trains DQN with a replay so large that it is full before the first update."""
    from drltrade.agents import parse_agent
    from drltrade.agents.logs import open_log
    from drltrade.agents.sb3.algorithms import make_algorithm
    from drltrade.agents.task import Session

    agent = parse_agent({"name": "dqn", "buffer_size": transitions})
    nobody: Any = None  # watches: nothing is learnt
    session = Session(agent, game, 1000, 0, transitions, "cpu", 1.0, nobody, open_log(None))
    algorithm: Any = make_algorithm(session)
    algorithm.learning_starts = 2 * transitions
    algorithm.set_logger(session.log)
    algorithm.learn(transitions, log_interval=None)
    if not algorithm.replay_buffer.full:
        raise SystemExit(f"{transitions} transitions did not fill the replay")
    return algorithm.replay_buffer


def _resident() -> float | None:
    """Bytes of this process that are in memory now."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return float(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    except OSError:
        return None


def _peak() -> float | None:
    """The most of this process that ever was in memory, in bytes."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak if sys.platform == "darwin" else peak * 1024)


if __name__ == "__main__":
    name, *amount = sys.argv[1:]
    asked: Any = {"first_call": first_call, "memory": memory, "replay": replay}[name]
    print(json.dumps(asked(*map(int, amount))))

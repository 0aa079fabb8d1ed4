"""Trains Stable-Baselines3's PPO on another package's environment.

It is started by path in a virtual environment that holds no drltrade, so it imports nothing of it.
Usage: `python learner.py JOB.json`; the job names its arrays, raw files (`peer_training.py`).
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["MAKERS", "play", "train_for"]

Arrays = Mapping[str, Any]
Maker = Callable[[Arrays, int, float, bool], Any]
"""(bars, window, cost of one unit traded, whether every episode begins alike) -> an env."""


def _gym_anytrading(bars: Arrays, window: int, cost: float, alike: bool) -> Any:
    """Its way to other features is to replace `_process_data`; fees are in no reward."""
    pandas, envs = import_module("pandas"), import_module("gym_anytrading.envs")
    prices, features = bars["close"].astype(np.float32), bars["features"]

    class Env(envs.StocksEnv):  # type: ignore[name-defined,misc]
        def _process_data(self) -> tuple[Any, Any]:
            return prices, features

    frame = pandas.DataFrame({"Close": bars["close"]})
    return Env(df=frame, window_size=window, frame_bound=(window, len(frame)))


def _gym_trading_env(bars: Arrays, window: int, cost: float, alike: bool) -> Any:
    pandas, made = import_module("pandas"), import_module("gym_trading_env.environments")
    warnings.resetwarnings()  # importing it makes errors of all warnings, those of others too
    index = pandas.date_range("2000", periods=len(bars["close"]), freq="h")
    columns = {name: bars[name] for name in ("open", "high", "low", "close")}
    columns |= {f"feature_{k}": column for k, column in enumerate(bars["features"].T)}
    return made.TradingEnv(
        pandas.DataFrame(columns, index=index), positions=[-1, 0, 1], trading_fees=cost,
        windows=window if window > 1 else None, initial_position=0 if alike else "random",
        verbose=0,
    )  # fmt: skip


MAKERS: dict[str, Maker] = {
    "gym_anytrading": _gym_anytrading,
    "gym_trading_env": _gym_trading_env,
}


def _model(job: Mapping[str, Any], bars: Arrays) -> Any:
    """PPO with SB3's defaults on one env, or with other settings on several, each on a part."""
    sb3, vec = import_module("stable_baselines3"), import_module("stable_baselines3.common.vec_env")
    torch = import_module("torch")
    torch.set_num_threads(1)
    make, window, cost = MAKERS[job["env"]], job["window"], job["cost"]
    common = {"seed": job["seed"], "device": "cpu"}
    if not job["settings"]:
        return sb3.PPO("MlpPolicy", make(bars, window, cost, False), **common)
    settings = dict(job["settings"])
    count = settings.pop("envs")
    cuts = np.linspace(0, len(bars["close"]), count + 1).astype(int)
    parts = [
        {name: array[start:end] for name, array in bars.items()} for start, end in pairwise(cuts)
    ]
    env = vec.DummyVecEnv([lambda part=part: make(part, window, cost, False) for part in parts])
    env = vec.VecNormalize(env, norm_obs=False, gamma=settings["gamma"])
    settings["policy_kwargs"] = {"net_arch": settings.pop("layers")}
    return sb3.PPO("MlpPolicy", env, **settings, **common)


def train_for(model: Any, seconds: float, after: Callable[[float], bool]) -> dict[str, float]:
    """Learns rollout by rollout until the time is over or `after` has seen enough.

    Args:
        model: the algorithm.
        seconds: how long, `after` not counted.
        after: is told the seconds after each update.

    Returns:
        Seconds, steps a second, and CPU seconds per second.
    """
    rollout = model.n_steps * model.n_envs
    spent = cpu = 0.0
    steps = 0
    while True:
        wall, work = time.perf_counter(), time.process_time()
        model.learn(rollout, reset_num_timesteps=False)
        spent += time.perf_counter() - wall
        cpu += time.process_time() - work
        steps += rollout
        if after(spent) or spent >= seconds:
            return {"seconds": spent, "rate": steps / spent, "cpu": cpu / spent}


def play(job: Mapping[str, Any], fresh: Arrays, decide: Callable[[Any, int], Any]) -> float:
    """Plays stretches of fresh bars [S, L] in the package's own envs, all at once.

    Args:
        job: the env, and whether its rewards are log returns: those count as simple ones, whose
            means are the law's.
        fresh: bars, each array [S, ...], and the `best` action of each decision.
        decide: (observations, row) -> an action for each stretch.

    Returns:
        The sum of rewards.
    """
    names = [name for name in fresh if name != "best"]
    make = MAKERS[job["env"]]
    envs = [
        make({name: fresh[name][at] for name in names}, job["window"], job["cost"], True)
        for at in range(len(fresh["best"]))
    ]
    seen = np.stack([env.reset(seed=0)[0] for env in envs])
    total = 0.0
    for row in range(fresh["best"].shape[1]):
        answers = [env.step(int(a)) for env, a in zip(envs, decide(seen, row), strict=True)]
        seen = np.stack([answer[0] for answer in answers])
        rewards = np.array([answer[1] for answer in answers])
        total += float((np.expm1(rewards) if job["log_rewards"] else rewards).sum())
    return total


def _carry_out(job: Mapping[str, Any]) -> dict[str, float]:
    arrays = {
        name: np.fromfile(file, dtype).reshape(shape)
        for name, (file, dtype, shape) in job["arrays"].items()
    }
    fresh = {name[6:]: array for name, array in arrays.items() if name.startswith("fresh_")}
    bars = {name: array for name, array in arrays.items() if not name.startswith("fresh_")}
    model = _model(job, bars)
    if not fresh:
        model.learn(model.n_steps * model.n_envs)  # whatever is compiled or cached at first use
        return train_for(model, job["seconds"], lambda spent: False)
    best = play(job, fresh, lambda seen, row: fresh["best"][:, row])
    looked: list[tuple[float, float]] = []

    def judge(spent: float) -> None:
        earned = play(job, fresh, lambda seen, row: model.predict(seen, deterministic=True)[0])
        looked.append((spent, earned / best))

    def reached() -> bool:
        last = looked[-job["looks"] :]
        return len(last) == job["looks"] and all(share >= job["goal"] for _, share in last)

    def after(spent: float) -> bool:
        if job["goal"] is None:
            return False
        judge(spent)
        return reached()

    told = train_for(model, job["seconds"], after)
    if job["goal"] is None:
        judge(told["seconds"])
        return told | {"share": looked[-1][1]}
    seconds, share = looked[-job["looks"]] if reached() else looked[-1]
    return told | {"seconds": seconds, "share": share, "reached": reached()}


if __name__ == "__main__":
    print(json.dumps(_carry_out(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))

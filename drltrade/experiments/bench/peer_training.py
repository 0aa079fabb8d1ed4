"""Compares training with Stable-Baselines3's PPO on the environments of other packages."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.experiments.bench import learner
from drltrade.experiments.bench.figures import Case, Effort, Figure
from drltrade.experiments.bench.peers import PEERS, Peer, ask_peer
from drltrade.experiments.bench.process import PATIENCE
from drltrade.experiments.bench.race import (
    GOAL,
    LOOKS_IN_A_ROW,
    STRETCHES,
    Finish,
    Track,
    finish_figures,
    make_track,
)
from drltrade.experiments.bench.training import sample_game, sample_task, speed

__all__ = ["peer_training_cases"]

Arrays = dict[str, NDArray[Any]]
WAYS = ("default", "tuned")
TURN = 8.0
"""Seconds that each trains in its turn."""
STRETCH = 256
"""Bars of a stretch on which a peer's policy is judged: fewer than for ours, its envs are slow."""

_UNFAIR = (
    "gym-anytrading's reward cannot express the task: it knows no cost and no gain of a short"
    " position, is paid when a long one is sold, decisions are filled a bar late, and positions are"
    " not observed. So this is the share of what the best rule for that reward collects on the same"
    " bars, which is to be long while the price is below its mean. That is easily found: a network"
    " that was never trained is right when its sign is. No time is put beside ours."
)
_ONE_SEED = "One seed; ours is the median of three."


def peer_training_cases(pythons: Mapping[str, Path]) -> list[Case]:
    """Steps a second, all in turn with ours; then the time to the OU optimum.

    Args:
        pythons: the Python of each peer by its key, there when the cases are measured.
    """
    anytrading, trading_env = PEERS
    own, goal = f"own reward on {anytrading.title}", f"{GOAL:.0%} of the OU optimum"
    return [
        Case("peers: training PPO, in turn with ours", 200.0, lambda e: _compare(pythons, e)),
        Case(f"peers: PPO on {own}", 150.0, lambda e: _own_reward(pythons, anytrading, e)),
        Case(
            f"peers: PPO on {trading_env.title} to {goal}", 600.0,
            lambda e: _race(pythons, trading_env, e),
        ),
    ]  # fmt: skip


def _compare(pythons: Mapping[str, Path], effort: Effort) -> list[Figure]:
    task = sample_task("ppo", "mlp", effort)
    settings: dict[str, Any] = {way: _settings(way, effort) for way in WAYS}
    found: dict[str, list[tuple[float, float]]] = {}
    seconds = TURN if effort.compiles else 0.0
    with tempfile.TemporaryDirectory(prefix="drltrade-bench-") as home:
        arrays = _save(_sample(), Path(home))
        speed(task, 0.0)
        for seed in range(effort.trainings):
            pace = speed(task, effort.train_seconds)
            found.setdefault("drltrade", []).append((pace.rate, pace.cpu))
            for peer in PEERS:
                for way in WAYS:
                    job = _job(peer, arrays, settings[way], seed, seconds, window=16, cost=1e-3)
                    told = _ask(pythons[peer.key], job, Path(home))
                    found.setdefault(f"{peer.key}_{way}", []).append((told["rate"], told["cpu"]))
    same = "AAPL of the sample, window 16 x 8, one thread"
    titles = {"drltrade": f"training ppo with mlp, {same}"}
    for peer in PEERS:
        for way in WAYS:
            titles[f"{peer.key}_{way}"] = f"{_title(peer, way)}, {same}"
    return [
        Figure("peers", f"train_{key}_steps_per_second", median(rate for rate, _ in paces),
               "steps/s", titles[key], median(cpu for _, cpu in paces))
        for key, paces in found.items()
    ]  # fmt: skip


def _race(pythons: Mapping[str, Path], peer: Peer, effort: Effort) -> list[Figure]:
    """On gym-trading-env, whose ledger agrees with ours on this market."""
    figures = []
    for way in WAYS:
        told = _learn(pythons, peer, way, effort, effort.race_seconds, GOAL)
        what = f"{_title(peer, way)}, on an OU price"
        end = Finish(told["seconds"], told["share"], bool(told["reached"]))
        figures += finish_figures("peers", f"ou_{peer.key}_{way}", what, [end], _ONE_SEED)
        figures.append(_pace(peer, way, told))
    return figures


def _own_reward(pythons: Mapping[str, Path], peer: Peer, effort: Effort) -> list[Figure]:
    """On gym-anytrading, which has another task: its share after a fixed time."""
    figures = []
    for way in WAYS:
        told = _learn(pythons, peer, way, effort, effort.race_seconds / 5, None)
        what = f"{_title(peer, way)}, on an OU price: share of its own reward's optimum after"
        what += f" {told['seconds']:.0f} s"
        key = f"own_{peer.key}_{way}_share"
        figures.append(Figure("peers", key, told["share"], "of optimum", what, note=_UNFAIR))
        figures.append(_pace(peer, way, told))
    return figures


def _learn(
    pythons: Mapping[str, Path], peer: Peer, way: str, effort: Effort, seconds: float,
    goal: float | None,
) -> dict[str, float]:  # fmt: skip
    from drltrade.agents import parse_agent

    track = make_track(parse_agent({"name": "ppo"}))
    with tempfile.TemporaryDirectory(prefix="drltrade-bench-") as home:
        arrays = _save(_track_arrays(track, goal is not None), Path(home))
        job = _job(peer, arrays, _settings(way, effort), 0, seconds, window=1, cost=2e-4)
        job |= {"log_rewards": peer.key == "gym_trading_env", "goal": goal, "looks": LOOKS_IN_A_ROW}
        return _ask(pythons[peer.key], job, Path(home))


def _pace(peer: Peer, way: str, told: Mapping[str, float]) -> Figure:
    key, what = f"ou_{peer.key}_{way}_steps_per_second", f"{_title(peer, way)}, on an OU price"
    return Figure("peers", key, told["rate"], "steps/s", what, told["cpu"])


def _settings(way: str, effort: Effort) -> dict[str, Any]:
    """SB3's own, or those of our PPO: rollouts and minibatches of the same size, from eight envs.

    Rewards are normalised then, as ours are. The learning rate stays: the race has no end at which
    it could have fallen to nothing.
    """
    if way == "default":
        return {} if effort.compiles else {"envs": 1, "n_steps": 64, "gamma": 0.99, "layers": [64]}
    from drltrade.agents import parse_agent

    ours: Any = parse_agent({"name": "ppo"})
    rollout = ours.accounts * ours.n_steps if effort.compiles else 512
    return {
        "envs": 8,
        "n_steps": rollout // 8,
        "batch_size": rollout // ours.minibatches,
        "n_epochs": ours.n_epochs,
        "learning_rate": ours.learning_rate,
        "gamma": ours.gamma,
        "gae_lambda": ours.gae_lambda,
        "clip_range": ours.clip_range,
        "ent_coef": ours.ent_coef,
        "vf_coef": ours.vf_coef,
        "layers": list(ours.layers),
    }


def _title(peer: Peer, way: str) -> str:
    how = {
        "default": "SB3's PPO with its defaults, one env",
        "tuned": "SB3's PPO tuned as ours is, eight envs",
    }
    return f"{how[way]}, on {peer.title}"


def _job(
    peer: Peer, arrays: dict[str, Any], settings: dict[str, Any], seed: int, seconds: float, *,
    window: int, cost: float,
) -> dict[str, Any]:  # fmt: skip
    return {
        "env": peer.key, "arrays": arrays, "settings": settings, "seed": seed,
        "seconds": seconds, "window": window, "cost": cost,
    }  # fmt: skip


def _ask(python: Path, job: dict[str, Any], home: Path) -> dict[str, float]:
    file = home / "job.json"
    file.write_text(json.dumps(job), encoding="utf-8")
    patience = PATIENCE + 4 * float(job["seconds"])  # judging takes its time too
    told: dict[str, float] = ask_peer(
        python, learner.__file__, [str(file)], f"training on {job['env']}", patience=patience
    )
    return told


def _save(arrays: Arrays, home: Path) -> dict[str, Any]:
    """Writes each array as it is; returns by name its file, type and shape."""
    told = {}
    for name, array in arrays.items():
        file = home / f"{name}.bin"
        np.ascontiguousarray(array).tofile(file)
        told[name] = (str(file), array.dtype.str, array.shape)
    return told


def _bars(game: Any) -> Arrays:
    """Prices [T] and features [T, F]."""
    names = ("open", "high", "low", "close")
    bars = {name: getattr(game.market, name)[:, 0] for name in names}
    return bars | {"features": game.features.values[:, 0]}


def _sample() -> Arrays:
    """The bars on which all features are there."""
    bars = _bars(sample_game())
    known = np.isfinite(bars["features"]).all(axis=1)
    return {name: array[np.argmax(known) :] for name, array in bars.items()}


def _track_arrays(track: Track, fair: bool) -> Arrays:
    """The bars to train on; stretches of fresh ones, with the best action of each decision.

    gym-trading-env decides on a stretch's first bar, gym-anytrading not before the second. There,
    without costs and sold a bar late, it is best to be long while the price is below its mean.
    """
    starts = int(track.fresh.first_decision) + STRETCH * np.arange(STRETCHES)
    rows = starts[:, None] + np.arange(STRETCH + 2)
    cut = {f"fresh_{name}": array[rows] for name, array in _bars(track.fresh).items()}
    if fair:
        moves = [track.best.follow(track.states[at : at + STRETCH]) for at in starts]
        best = np.stack(moves).astype(np.int64) + 1  # of positions -1, 0, 1
    else:
        signal = track.fresh.market.columns["signal"][:, 0]
        best = (signal[rows[:, 1:-1]] < 0).astype(np.int64)
    return _bars(track.game) | cut | {"fresh_best": best}

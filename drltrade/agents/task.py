"""What a training is given, what it tells while it runs, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from drltrade.agents.settings import AgentSettings
from drltrade.errors import UsageError, unknown

if TYPE_CHECKING:
    from drltrade.agents.policy import Policy
    from drltrade.agents.watch import Watch
    from drltrade.envs import Game

__all__ = ["DEVICES", "AgentCode", "Progress", "Session", "TrainResult", "TrainTask", "pick_device"]

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True, eq=False)
class TrainTask:
    """One agent to be trained on one game.

    Attributes:
        game: the market and the rules, cut to the train interval.
        agent: the agent's settings; their name picks the algorithm.
        seed: the one number that all randomness of this training comes from, 0 or more.
        steps: account-steps to train for; rounded up to a whole rollout.
        device: "cpu", "cuda", or "auto", which is the CPU: the networks are small, and only there
            is the same seed the same policy bit for bit.
        log_dir: folder for TensorBoard scalars, or nothing for none.
        evaluations: how many times, evenly spread, the policy is scored.
        threads: torch threads. One is the fastest for networks this small (a second one that has to
            wait for its core makes training five times slower), and gives the same weights on any
            number of cores.
    """

    game: Game
    agent: AgentSettings
    seed: int
    steps: int
    device: str = "auto"
    log_dir: Path | None = None
    evaluations: int = 10
    threads: int = 1

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UsageError(f"steps is {self.steps}; a training needs at least 1.")
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}; it must be 0 or more.")
        if self.evaluations < 1:
            raise UsageError(f"evaluations is {self.evaluations}; it must be at least 1.")
        if self.threads < 1:
            raise UsageError(f"threads is {self.threads}; it must be at least 1.")
        if self.device not in DEVICES:
            raise unknown("device", self.device, DEVICES)


@dataclass(frozen=True)
class Progress:
    """How far a training has come.

    Attributes:
        steps: account-steps done.
        total: account-steps that will be done.
        seconds: wall-clock seconds since the first step.
        score: the latest score, None before the first.
        best: the best score so far, None before the first.
    """

    steps: int
    total: int
    seconds: float
    score: float | None = None
    best: float | None = None

    @property
    def steps_per_second(self) -> float:
        """Mean speed so far; 0 before the clock has moved."""
        return self.steps / self.seconds if self.seconds > 0 else 0.0

    @property
    def eta(self) -> float | None:
        """Seconds that are left at that speed; None while it is unknown."""
        speed = self.steps_per_second
        return (self.total - self.steps) / speed if speed > 0 else None


@dataclass(frozen=True, eq=False)
class TrainResult:
    """What a training gives back.

    Attributes:
        policy: the best checkpoint by score; without scores, the last.
        best_score: the score of that policy, None without scores.
        history: (steps, score) of each evaluation, in order.
        steps: account-steps done.
        seconds: wall-clock seconds of learning, evaluations included.
    """

    policy: Policy
    best_score: float | None
    history: tuple[tuple[int, float], ...]
    steps: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Session:
    """What an agent's own code is handed for one training.

    Attributes:
        settings: the agent's settings.
        env: the accounts, as a Stable-Baselines3 VecEnv; rewards are already scaled.
        seed: a seed for the algorithm, below 2**32; the global generators may be used freely.
        steps: account-steps to train for.
        device: "cpu" or "cuda".
        watch: to be called between updates with the steps done and the network.
        log: a Stable-Baselines3 Logger for scalars; writes nothing when there is no log folder.
    """

    settings: Any
    env: Any
    seed: int
    steps: int
    device: str
    watch: Watch
    log: Any


class AgentCode(Protocol):
    """What the module of an agent has: how to build its network and how to train one.

    A network is a torch module with `predict(obs, state, episode_start, deterministic)`, in
    Stable-Baselines3's signature.
    """

    build_network: Callable[[Any, Any, Any], Any]
    """(settings, observation_space, action_space) -> an untrained network on the CPU."""
    learn: Callable[[Session], tuple[Any, int]]
    """Trains a fresh network; returns it with the account-steps done."""


def pick_device(device: str) -> str:
    """Turns the device that was asked for into one that torch knows.

    Raises:
        UsageError: CUDA was asked for and there is none.
    """
    if device != "cuda":
        return "cpu"
    import torch

    if not torch.cuda.is_available():
        raise UsageError("device is 'cuda', but torch finds no CUDA device here. Use 'cpu'.")
    return "cuda"

"""What a training is given, what it tells while it runs, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from drltrade.agents.settings import AgentSettings
from drltrade.errors import UsageError, unknown

if TYPE_CHECKING:
    from drltrade.agents.networks import Feed
    from drltrade.agents.policy import Policy
    from drltrade.agents.watch import Watch
    from drltrade.envs import Game
    from drltrade.envs.layout import Layout
    from drltrade.envs.sb3 import SB3TradingEnv

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
        checkpoint: file in which the training is saved now and then; where it is there already,
            the training goes on from it. Nothing for none.
        checkpoint_seconds: how much time may pass between two savings, and so be lost.
        indexed: whether observations travel as (bar, account) in training. What is learnt is the
            same; copying windows only takes longer.
        start: a trained policy whose weights the training begins with; its layout, actions and
            network must be those of the task.
        freeze: keep the encoder's weights as they are.
    """

    game: Game
    agent: AgentSettings
    seed: int
    steps: int
    device: str = "auto"
    log_dir: Path | None = None
    evaluations: int = 10
    threads: int = 1
    checkpoint: Path | None = None
    checkpoint_seconds: float = 30.0
    indexed: bool = True
    start: Policy | None = None
    freeze: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UsageError(f"steps is {self.steps}; a training needs at least 1.")
        if self.seed < 0:
            raise UsageError(f"seed is {self.seed}; it must be 0 or more.")
        if self.evaluations < 1:
            raise UsageError(f"evaluations is {self.evaluations}; it must be at least 1.")
        if self.threads < 1:
            raise UsageError(f"threads is {self.threads}; it must be at least 1.")
        if not self.checkpoint_seconds >= 0:
            raise UsageError(
                f"checkpoint_seconds is {self.checkpoint_seconds}; it must be 0 or more."
            )
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
        game: the market and the rules on the train interval.
        accounts: how many accounts to step at once.
        seed: a seed for the algorithm, below 2**32; the global generators may be used freely.
        steps: account-steps to train for.
        device: "cpu" or "cuda".
        reward_scale: what rewards are multiplied by.
        watch: to be called between updates with the steps done, the network, and a function that
            returns all it takes to go on from there.
        log: a Stable-Baselines3 Logger for scalars; writes nothing when there is no log folder.
        saved: what that function returned before the training was interrupted; None at a fresh
            start. An agent that restores all of it ends with the weights of a training that was not
            interrupted.
        indexed: whether observations hold the bar's number in place of the window.
        prepare: what `begin` does to a network, told whether it is fresh or goes on.
    """

    settings: Any
    game: Game
    accounts: int
    seed: int
    steps: int
    device: str
    reward_scale: float
    watch: Watch
    log: Any
    saved: Any = None
    indexed: bool = True
    prepare: Callable[[Any, bool], None] = lambda network, fresh: None

    @property
    def layout(self) -> Layout:
        """The columns of a whole observation."""
        return self.game.layout

    @cached_property
    def env(self) -> SB3TradingEnv:
        """The accounts, as a Stable-Baselines3 VecEnv; rewards are already scaled."""
        from drltrade.envs.sb3 import SB3TradingEnv

        return SB3TradingEnv(
            self.game,
            self.accounts,
            seed=self.seed,
            reward_scale=self.reward_scale,
            indexed=self.indexed,
        )

    @cached_property
    def feed(self) -> Feed:
        """The features of every bar, for `Sight`."""
        from drltrade.agents.networks import Feed

        return Feed(self.game.features.values, self.device)

    def begin(self, network: Any) -> None:
        """Readies a fresh network for training: shows it the features, gives it what it is due.

        To be called once, when the network is on its device and before its first step.
        """
        from drltrade.agents.networks import sights

        self.watch.network = network
        if self.indexed:
            for sight in sights(network):
                sight.feed(self.feed)
        self.prepare(network, self.saved is None)


class AgentCode(Protocol):
    """What the module of an agent has: how to build its network and how to train one.

    A network is a torch module with `predict(obs, state, episode_start, deterministic)`, in
    Stable-Baselines3's signature.
    """

    build_network: Callable[[Any, Any, Any], Any]
    """(settings, layout, action_space) -> an untrained network on the CPU that takes whole
    observations of the layout."""
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

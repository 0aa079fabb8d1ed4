"""Watches a training: tells how far it is, scores checkpoints, keeps the best weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from drltrade.agents.checkpoint import Checkpoint
from drltrade.agents.logs import log_state, restore_log
from drltrade.agents.policy import Policy
from drltrade.agents.seeding import global_generators_kept
from drltrade.agents.task import Progress

__all__ = ["Score", "Watch"]

Score = Callable[[Policy], float | Mapping[str, float]]
"""How good a policy is; or a mapping with that as "score", and further scalars of `valid/`."""

_SECONDS_BETWEEN_REPORTS = 0.2
_LOGS_PER_TRAINING = 100


class Watch:
    """Is called by an agent between updates, and decides alone what is due.

    Nothing that it does changes the training: scores are computed with the global generators
    restored afterwards, and the clock only decides when progress is told.

    Args:
        total: account-steps that the training will do.
        evaluations: how many times, evenly spread, the policy is scored.
        acting: a policy whose network is given the weights that are to be scored.
        score: the higher the better; a NaN is never the best.
        progress: is told how far the training is, at most five times a second.
        log: a Stable-Baselines3 Logger.
        checkpoint: where the training is saved now and then, or nothing.

    Attributes:
        history: (steps, score) of each evaluation.
        best_score: the best score so far, with `best_steps` and a copy of `best_weights`.
        network: the network as it was last seen; it is live.
        terms: tells the last bar's value of each term of the reward, unweighted, [B] each.
    """

    def __init__(
        self,
        total: int,
        evaluations: int,
        acting: Policy,
        score: Score | None,
        progress: Callable[[Progress], None] | None,
        log: Any,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.history: list[tuple[int, float]] = []
        self.best_score: float | None = None
        self.best_weights: dict[str, torch.Tensor] | None = None
        self.best_steps = 0
        self.network: Any = None
        self._total, self._evaluations = total, evaluations
        self._acting, self._score, self._progress, self._log = acting, score, progress, log
        self._checkpoint = checkpoint
        self.terms: Callable[[], Mapping[str, Any]] = dict
        self._started = time.perf_counter()
        self._reported, self._told = 0.0, 0
        self._scored_at = self._logged_at = 0

    @property
    def seconds(self) -> float:
        """Wall-clock seconds since the training began."""
        return time.perf_counter() - self._started

    def after_update(
        self, steps: int, network: Any, state: Callable[[], Any] | None = None
    ) -> None:
        """Scores, logs, reports and saves what is due after `steps` account-steps.

        It is cheap when nothing is.

        Args:
            steps: account-steps done so far.
            network: the network being trained, between two updates.
            state: returns all that it takes to go on from here; see `Session.saved`.
        """
        self.network = network
        done = min(steps / self._total, 1.0)
        if self._score is not None and int(done * self._evaluations) > self._scored_at:
            self._scored_at = int(done * self._evaluations)
            self._evaluate(steps, network, self._score)
        if int(done * _LOGS_PER_TRAINING) > self._logged_at:
            self._logged_at = int(done * _LOGS_PER_TRAINING)
            self._write_scalars(steps)
        due = self.seconds - self._reported >= _SECONDS_BETWEEN_REPORTS
        if self._progress is not None and (due or (done >= 1 and steps > self._told)):
            self._reported, self._told = self.seconds, steps
            latest = self.history[-1][1] if self.history else None
            self._progress(Progress(steps, self._total, self.seconds, latest, self.best_score))
        if self._checkpoint is None:
            return
        if state is None:
            self._checkpoint.decline()
        else:  # last, so that what is saved holds all that this moment was due
            self._checkpoint.offer(lambda: {"agent": state(), "watch": self._state(steps)})

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on where the training was saved.

        Args:
            state: what stands under "watch" in the checkpoint's tree.
        """
        self.history = [(steps, score) for steps, score in state["history"]]
        self.best_score, self.best_steps = state["best_score"], state["best_steps"]
        self.best_weights = state["best_weights"]
        self._scored_at, self._logged_at = state["scored_at"], state["logged_at"]
        self._started = time.perf_counter() - state["seconds"]
        self._reported, self._told = -math.inf, state["steps"]
        restore_log(self._log, state["log"])

    def _state(self, steps: int) -> dict[str, Any]:
        return {
            "steps": steps,
            "history": [list(each) for each in self.history],
            "best_score": self.best_score,
            "best_steps": self.best_steps,
            "best_weights": self.best_weights,
            "scored_at": self._scored_at,
            "logged_at": self._logged_at,
            "seconds": self.seconds,
            "log": log_state(self._log),
        }

    def _evaluate(self, steps: int, network: Any, scorer: Score) -> None:
        with global_generators_kept():
            self._acting.network.load_state_dict(network.state_dict())
            found = scorer(self._acting)
        told = dict(found) if isinstance(found, Mapping) else {"score": found}
        score = float(told.pop("score"))
        self.history.append((steps, score))
        if not math.isnan(score) and (self.best_score is None or score > self.best_score):
            self.best_score, self.best_steps = score, steps
            self.best_weights = {
                name: weight.detach().clone() for name, weight in network.state_dict().items()
            }
        self._log.record("valid/score", score)
        for name, value in told.items():
            self._log.record(f"valid/{name}", float(value))
        if self.best_score is not None:
            self._log.record("valid/best", self.best_score)

    def _write_scalars(self, steps: int) -> None:
        for name, values in self.terms().items():
            self._log.record(f"reward/{name}", float(values.mean()))
        self._log.record("time/steps_per_second", steps / max(self.seconds, 1e-9))
        self._log.dump(step=steps)

"""Shows a policy observations that were changed, and measures how far its targets move."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.diagnostics.stage import Stage
from drltrade.envs import Game
from drltrade.sim import Engine

__all__ = ["Moved", "Probe", "make_probe"]

Floats = NDArray[np.float64]
Seen = NDArray[np.float32]
Change = Callable[[Seen], Seen]
"""Makes other observations [M, D] of the recorded ones."""

ROWS, REMEMBERED = 500, 250
"""Observations that a policy is asked about: a sample of the record. One with a memory is led
through the first decisions of one account instead, bar by bar."""


@dataclass(frozen=True)
class Moved:
    """How far targets move when observations change.

    Attributes:
        score: mean over observations of the summed absolute change of the N targets, fractions of
            equity.
        flips: share of observations after which the policy asks for something else, by more than
            1 % of equity.
    """

    score: float
    flips: float


@dataclass(frozen=True, eq=False)
class Probe:
    """A policy with observations of its own record.

    Attributes:
        policy: what acts.
        game: gives the layout and the action scheme.
        seen: [M, D] what it saw, in the order of time.
        remembers: whether it keeps a memory from bar to bar.
    """

    policy: Any
    game: Game
    seen: Seen
    remembers: bool

    def moved(self, changes: Sequence[Change]) -> list[Moved]:
        """Measures what each change of the observations does to the targets."""
        base, *others = self._targets([lambda seen: seen, *changes])
        return [_between(base, other) for other in others]

    def _targets(self, changes: Sequence[Change]) -> Iterator[Floats]:
        """Yields the targets [M, N] of each change."""
        if self.remembers:
            return self._along(np.stack([change(self.seen) for change in changes], axis=1))
        fresh = np.ones(len(self.seen), np.bool_)
        return (self._act(change(self.seen), None, fresh)[0] for change in changes)

    def _along(self, seen: Seen) -> Iterator[Floats]:
        """Leads the policy through [M, K, D] observations, each of the K with its own memory."""
        state, targets = None, []
        for row in range(len(seen)):
            fresh = np.full(seen.shape[1], row == 0)
            found, state = self._act(np.ascontiguousarray(seen[row]), state, fresh)
            targets.append(found)
        return iter(np.stack(targets, axis=1))

    def _act(self, seen: Seen, state: Any, fresh: NDArray[np.bool_]) -> tuple[Floats, Any]:
        action, state = self.policy.predict(seen, state, fresh, deterministic=True)
        return self.game.scheme.targets(action), state


def make_probe(policy: Any, stage: Stage) -> Probe | None:
    """Gathers what a policy saw in its record; None where it never acted.

    A policy without a memory is asked about at most ROWS observations, evenly spread over all its
    decisions.
    """
    live = [(span, row) for span in range(len(stage.orders)) for row in _live(stage, span)]
    if not live:
        return None
    remembers = _remembers(policy, stage.game.layout.size)
    if remembers:
        longest = max(range(len(stage.orders)), key=lambda span: len(_live(stage, span)))
        wanted = [(longest, row) for row in _live(stage, longest)[:REMEMBERED]]
    else:
        picked = np.linspace(0, len(live) - 1, min(ROWS, len(live))).astype(int)
        wanted = [live[place] for place in picked.tolist()]
    found: dict[tuple[int, int], Seen] = {}
    spans_at: dict[int, list[int]] = {}
    for span, row in wanted:
        spans_at.setdefault(row, []).append(span)

    def look(row: int, engine: Engine) -> None:
        for span in spans_at.get(row, ()):
            found[span, row] = engine.observations[span].copy()

    stage.follow(look)
    return Probe(policy, stage.game, np.stack([found[each] for each in wanted]), remembers)


def _live(stage: Stage, span: int) -> list[int]:
    """Rows after which the policy was asked: its window was warm and its account alive."""
    begin = int(stage.begins[span])
    asked = ~np.isnan(stage.orders[span][begin:]).all(axis=1)
    return [begin + int(row) for row in np.flatnonzero(asked)]


def _remembers(policy: Any, columns: int) -> bool:
    """Whether a policy hands out a memory; without one it hands through what it is given: none."""
    blank = np.zeros((1, columns), np.float32)
    _, state = policy.predict(blank, None, np.ones(1, np.bool_), deterministic=True)
    return state is not None


def _between(base: Floats, other: Floats) -> Moved:
    apart = np.abs(other - base).sum(axis=1)
    return Moved(float(apart.mean()), float((apart > 0.01).mean()))

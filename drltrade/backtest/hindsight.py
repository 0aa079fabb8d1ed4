"""How near an account came to perfect foresight: its log growth over the most there was."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from drltrade.agents.strategies.references import foresee, portfolios
from drltrade.sim import Path

if TYPE_CHECKING:
    from drltrade.envs import Game

__all__ = ["Best", "Yardstick", "read_yardstick", "yardstick_of"]

PATIENCE = 2.0
"""Seconds that an answer may take, about; what takes longer becomes a bound, or is left out."""

# Measured on one core: what a step of each search takes, in seconds.
_HOLD, _ARC, _ASSET, _BAR, _CALL = 1.2e-8, 3.3e-7, 5e-8, 1.2e-6, 1.5e-3
_NOTHING = 1e-9  # of log growth: a share of less says nothing


@dataclass(frozen=True)
class Best:
    """The most log growth there was.

    Attributes:
        growth: log of the largest final equity over the start, summed over the segments that are
            played, each an account of its own; NaN where it was not looked for.
        exact: whether it is attained; else it is a bound, which no policy exceeds either.
        why: one sentence that begins with "exact", "bound" or "not looked for".
    """

    growth: float
    exact: bool
    why: str


@dataclass(frozen=True, eq=False)
class Yardstick:
    """An account's log growth beside the most there was, which is looked for when it is asked for.

    Attributes:
        earned: log growth, summed over the segments that are played.
        find: looks for the best.
    """

    earned: float
    find: Callable[[], Best] = field(repr=False)

    @cached_property
    def best(self) -> Best:
        """The most that any account could have earned on the same bars by the same rules."""
        return self.find()

    @property
    def share(self) -> float:
        """Earned over the best, negative for a loss; NaN where there was nothing to earn."""
        return self.earned / self.best.growth if self.best.growth > _NOTHING else math.nan

    @property
    def plain(self) -> dict[str, Any]:
        """What `--json` and record files hold of it."""
        best = self.best
        told = {"growth": best.growth, "exact": best.exact, "share": self.share, "why": best.why}
        return {name: _number(value) for name, value in told.items()}


def _number(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def read_yardstick(content: Mapping[str, Any] | None) -> Yardstick | None:
    """Rebuilds a yardstick from `plain` and `earned`; None of a record that has none."""
    if content is None:
        return None
    growth = math.nan if content["growth"] is None else float(content["growth"])
    best = Best(growth, bool(content["exact"]), str(content["why"]))
    return Yardstick(float(content["earned"]), lambda: best)


def yardstick_of(game: Game, paths: Sequence[Path], *, free: bool, patient: bool) -> Yardstick:
    """Measures the accounts of a game, one for each of its spans.

    Args:
        game: prices, rules and interval.
        paths: their ledgers.
        free: whether they order any weights at any time, as strategies do; else the best may ask
            for what the action scheme has, under its rules.
        patient: whether to search however long it takes.
    """
    earned = sum(math.log(path.equity[-1] / path.equity[0]) for path in paths)
    return Yardstick(earned, partial(_best, game, free, math.inf if patient else PATIENCE))


_KNOWN: dict[tuple[Any, ...], Best] = {}
_MOST_KNOWN = 256


def _best(game: Game, free: bool, patience: float) -> Best:
    """Asks once for each question; twenty seeds of a job ask the same one."""
    scheme = None if free else (game.scheme.name, game.scheme.levels)
    rules = game.strategy_rules if free else game.rules
    key = (
        game.market.fingerprint, rules, scheme, game.spans.tobytes(), game.settings.equity, patience
    )  # fmt: skip
    if key not in _KNOWN:
        while len(_KNOWN) >= _MOST_KNOWN:
            del _KNOWN[next(iter(_KNOWN))]
        _KNOWN[key] = _look(game, free, patience)
    return _KNOWN[key]


def _look(game: Game, free: bool, patience: float) -> Best:
    lengths, assets = np.diff(game.spans, axis=1)[:, 0].astype(float), game.market.assets
    bound = float(lengths.sum()) * assets * _BAR + len(lengths) * _CALL
    if bound > patience:
        return Best(
            math.nan,
            False,
            f"not looked for: {lengths.sum():,.0f} bars of {assets:,} assets would take about"
            f" {bound:.0f} seconds.",
        )
    searched = bound + (0.0 if free else _search_seconds(game, lengths))
    growth, exact, unsure = 0.0, "", ""
    for span in range(len(lengths)):
        answer = foresee(game, span, free=free, search=searched <= patience)
        growth += answer.growth
        exact = exact or (answer.why if answer.exact else "")
        unsure = unsure or ("" if answer.exact else answer.why)
    why = unsure or exact
    if len(lengths) > 1:
        why = f"{why.rstrip('.')}; summed over {len(lengths)} segments."
    if unsure and searched > patience:
        why += f" To search all that may be asked for would take about {searched:.0f} seconds."
    return Best(growth, not unsure, why)


def _search_seconds(game: Game, lengths: Any) -> float:
    """About how long dynamic programming over the scheme's portfolios takes."""
    table = portfolios(game)
    if table is None:
        return 0.0
    assets = game.market.assets
    if game.rules.on_change:
        count = len(table)
        return float((lengths**2).sum() / 2 * count**2 * _HOLD) if assets == 1 else 0.0
    count = len(table) ** (assets if game.scheme.name == "levels" else 1)
    if count > 4096:
        return 0.0  # `hindsight` takes any weights instead
    return float(lengths.sum() * count**2 * (_ARC + _ASSET * assets))

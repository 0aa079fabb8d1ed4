"""The one door to a policy's diagnostics: everything of one record as plain JSON."""

from __future__ import annotations

from typing import Any

from drltrade.backtest.diagnostics.attribution import attribute
from drltrade.backtest.diagnostics.costs import cost_curve
from drltrade.backtest.diagnostics.regimes import regimes
from drltrade.backtest.diagnostics.stage import Stage
from drltrade.backtest.files import plain
from drltrade.backtest.record import Record
from drltrade.envs import Game

__all__ = ["diagnose"]


def diagnose(policy: Any, game: Game, record: Record) -> dict[str, Any]:
    """Looks behind the record of a policy.

    Everything is drawn from generators of its own with fixed seeds: the same policy has the same
    diagnostics, and no global generator is touched.

    Args:
        policy: what was backtested.
        game: what it was backtested in.
        record: what `run_backtest(policy, game)` returned.

    Returns:
        Plain JSON values, undefined figures None: `costs` (see `cost_curve`), `regimes`,
        `attribution`.

    Raises:
        UsageError: the record is not of this policy in this game.
    """
    stage = Stage.of(policy, game, record)
    found = {
        "costs": cost_curve(policy, stage),
        "regimes": regimes(stage),
        "attribution": attribute(stage),
    }
    return {name: plain(value) for name, value in found.items()}

"""The one door to a policy's diagnostics: everything of one record as plain JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from drltrade.agents.ensemble import Ensemble
from drltrade.backtest.diagnostics.attribution import attribute
from drltrade.backtest.diagnostics.costs import cost_curve
from drltrade.backtest.diagnostics.importance import importance
from drltrade.backtest.diagnostics.nulls import random_null, shifted_null
from drltrade.backtest.diagnostics.probe import make_probe
from drltrade.backtest.diagnostics.regimes import regimes
from drltrade.backtest.diagnostics.sensitivity import sensitivity
from drltrade.backtest.diagnostics.stage import Stage
from drltrade.backtest.files import plain
from drltrade.backtest.record import Record
from drltrade.backtest.trades import trade_list
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
        `attribution` (see `attribute`), `nulls` of the kinds `random` and `shuffled` (see `Null`),
        `trades` with the medians of their `mfe` and `mae` (see `Trade`), `importance` and
        `sensitivity`, both None for what acts without observations or never acted.

    Raises:
        UsageError: the record is not of this policy in this game.
    """
    stage = Stage.of(policy, game, record)
    trades = trade_list(record)
    probe = None
    if hasattr(policy, "predict") and not isinstance(policy, Ensemble):
        probe = make_probe(policy, stage)
    found = {
        "costs": cost_curve(policy, stage),
        "regimes": regimes(stage),
        "attribution": attribute(stage),
        "nulls": {
            "random": asdict(random_null(stage, _generator(0))),
            "shuffled": asdict(shifted_null(stage, _generator(1))),
        },
        "trades": {
            name: float(np.median([getattr(trade, name) for trade in trades])) if trades else None
            for name in ("mfe", "mae")
        },
        "importance": None if probe is None else importance(probe, _generator(2)),
        "sensitivity": None if probe is None else sensitivity(probe, _generator(3)),
    }
    return {name: plain(value) for name, value in found.items()}


def _generator(part: int) -> np.random.Generator:
    """A part's own generator, so that no part moves the draws of another."""
    return np.random.default_rng([_SEED, part])


_SEED = 5

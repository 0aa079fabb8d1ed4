"""The only place where money is counted."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from drltrade.sim.costs import Carry, Commission, Costs, Delisting, Impact, Slippage
from drltrade.sim.engine import EXTRAS, Engine
from drltrade.sim.hindsight import Hindsight, hindsight
from drltrade.sim.limits import Limits, Margin, Participation
from drltrade.sim.path import Path, Recorder, run_path
from drltrade.sim.prices import Prices
from drltrade.sim.rules import FILLS, STATUS, Fill, Rules
from drltrade.sim.step import PLACES, Row, Step

if TYPE_CHECKING:
    from drltrade.sim.optimal import Optimum, dp_optimal, policy_reward

__all__ = [
    "EXTRAS",
    "FILLS",
    "PLACES",
    "STATUS",
    "Carry",
    "Commission",
    "Costs",
    "Delisting",
    "Engine",
    "Fill",
    "Hindsight",
    "Impact",
    "Limits",
    "Margin",
    "Optimum",
    "Participation",
    "Path",
    "Prices",
    "Recorder",
    "Row",
    "Rules",
    "Slippage",
    "Step",
    "dp_optimal",
    "hindsight",
    "policy_reward",
    "run_path",
]

# `hindsight` is the name of its file too, so it must be here before anybody imports that.
_LAZY = {"Optimum", "dp_optimal", "policy_reward"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module("drltrade.sim.optimal"), name)
    raise AttributeError(f"module 'drltrade.sim' has no attribute '{name}'")

"""The only place where money is counted."""

from drltrade.sim.engine import EXTRAS, Engine, Step
from drltrade.sim.path import Path, Recorder, run_path
from drltrade.sim.prices import Prices
from drltrade.sim.rules import FILLS, STATUS, Commission, Costs, Fill, Rules, Slippage

__all__ = [
    "EXTRAS",
    "FILLS",
    "STATUS",
    "Commission",
    "Costs",
    "Engine",
    "Fill",
    "Path",
    "Prices",
    "Recorder",
    "Rules",
    "Slippage",
    "Step",
    "run_path",
]

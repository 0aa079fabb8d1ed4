"""The only place where money is counted."""

from drltrade.sim.costs import Carry, Commission, Costs, Delisting, Impact, Slippage
from drltrade.sim.engine import EXTRAS, Engine
from drltrade.sim.limits import Limits, Margin, Participation
from drltrade.sim.path import Path, Recorder, run_path
from drltrade.sim.prices import Prices
from drltrade.sim.rules import FILLS, STATUS, Fill, Rules
from drltrade.sim.step import PLACES, Row, Step

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
    "Impact",
    "Limits",
    "Margin",
    "Participation",
    "Path",
    "Prices",
    "Recorder",
    "Row",
    "Rules",
    "Slippage",
    "Step",
    "run_path",
]

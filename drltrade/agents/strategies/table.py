"""The table of strategies, that of references, and the one door that makes one by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from drltrade.agents.strategies.allocation import MinVariance, RiskParity
from drltrade.agents.strategies.base import BarStrategy, Rule, Strategy
from drltrade.agents.strategies.passive import BuyAndHold, Cash, EqualWeight, Random, SellAndHold
from drltrade.agents.strategies.plugin import load_strategy
from drltrade.agents.strategies.references import HindsightPolicy, Reference
from drltrade.agents.strategies.signals import MeanReversion, Momentum, SmaCross, VolatilityTarget
from drltrade.config import Settings, parse
from drltrade.errors import unknown
from drltrade.plugins import is_plugin

__all__ = ["BY_NAME", "REFERENCES", "STRATEGIES", "make_strategy"]

STRATEGIES: dict[str, type[Rule]] = {
    "cash": Cash,
    "buy_and_hold": BuyAndHold,
    "sell_and_hold": SellAndHold,
    "random": Random,
    "equal_weight": EqualWeight,
    "sma_cross": SmaCross,
    "momentum": Momentum,
    "mean_reversion": MeanReversion,
    "volatility_target": VolatilityTarget,
    "min_variance": MinVariance,
    "risk_parity": RiskParity,
}

REFERENCES: dict[str, type[HindsightPolicy]] = {"hindsight": HindsightPolicy}
"""What can be named like a strategy but knows more than a trader can."""

BY_NAME: Mapping[str, type[Settings]] = {**STRATEGIES, **REFERENCES}
"""All that `make_strategy` makes without a file."""


def make_strategy(
    name: str, roots: Iterable[Path] = (), **params: Any
) -> Strategy | BarStrategy | Reference:
    """Makes a strategy or a reference from its name, or a strategy from `path.py:Name`.

    Args:
        name: one of STRATEGIES or REFERENCES, or a plug-in: a class with `targets(market, first)`
            or `target(view, account)`, or such a function.
        roots: where a plug-in file is looked up after the current folder.
        params: the strategy's parameters; what is left out keeps its default.

    Raises:
        UsageError: an unknown name or parameter, a value out of range, a plug-in that is none.
    """
    if is_plugin(name):
        return load_strategy(name, params, roots)
    if name in REFERENCES:
        return parse(REFERENCES[name], params, f"reference {name}")
    if name not in STRATEGIES:
        raise unknown("strategy", name, BY_NAME, "A strategy of your own is path.py:Name.")
    return parse(STRATEGIES[name], params, f"strategy {name}")

"""Policies written by rule: target weights for every bar, from what is known at its close.

A strategy file holds a few frozen settings models with one method. To add one: subclass `Rule`,
give it a name, and put it in the table in `table.py`.
"""

from drltrade.agents.strategies.base import Account, BarStrategy, Rule, Strategy
from drltrade.agents.strategies.table import STRATEGIES, make_strategy

__all__ = ["STRATEGIES", "Account", "BarStrategy", "Rule", "Strategy", "make_strategy"]

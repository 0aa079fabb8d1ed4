"""Policies written by rule: target weights for every bar, from what is known at its close.

A strategy file holds a few frozen settings models with one method. To add one: subclass `Rule`,
give it a name, and put it in the table in `table.py`. What knows more than a trader can is a
reference and lives in `references.py`.
"""

from drltrade.agents.strategies.base import Account, BarStrategy, Rule, Strategy
from drltrade.agents.strategies.references import DpOptimalPolicy, HindsightPolicy, Reference
from drltrade.agents.strategies.table import BY_NAME, REFERENCES, STRATEGIES, make_strategy

__all__ = [
    "BY_NAME",
    "REFERENCES",
    "STRATEGIES",
    "Account",
    "BarStrategy",
    "DpOptimalPolicy",
    "HindsightPolicy",
    "Reference",
    "Rule",
    "Strategy",
    "make_strategy",
]

"""Files and feeds in, one validated Market out."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from drltrade.data.market import Market
from drltrade.data.segments import stack
from drltrade.data.settings import DataSettings, load

if TYPE_CHECKING:
    from drltrade.data import synthetic
    from drltrade.data.check import CheckReport, check_file
    from drltrade.data.sources import load_market

__all__ = [
    "CheckReport",
    "DataSettings",
    "Market",
    "check_file",
    "load",
    "load_market",
    "stack",
    "synthetic",
]

# pandas takes a third of a second to import: only those who read files pay for it.
_LAZY = {
    "CheckReport": "check",
    "check_file": "check",
    "load_market": "sources",
}


def __getattr__(name: str) -> Any:
    if name == "synthetic":
        return importlib.import_module("drltrade.data.synthetic")
    if name in _LAZY:
        return getattr(importlib.import_module(f"drltrade.data.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'drltrade.data' has no attribute '{name}'")

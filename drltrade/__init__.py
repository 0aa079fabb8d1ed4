"""Deep-reinforcement-learning trading research on one honest simulator."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drltrade.agents.policy import Policy, load_policy
    from drltrade.backtest.record import Record
    from drltrade.data.market import Market
    from drltrade.data.sources import load_market
    from drltrade.envs.make import make_env, make_vec_env
    from drltrade.envs.single import TradingEnv
    from drltrade.experiments.api import Trained, backtest, train
    from drltrade.experiments.experiment import ExperimentResult, run_experiment
    from drltrade.sim.step import Step

__version__ = "0.1.0"

__all__ = [
    "ExperimentResult",
    "Market",
    "Policy",
    "Record",
    "Step",
    "TradingEnv",
    "Trained",
    "backtest",
    "load_market",
    "load_policy",
    "make_env",
    "make_vec_env",
    "run_experiment",
    "train",
]

_HOMES = {
    "ExperimentResult": "experiments.experiment",
    "Market": "data.market",
    "Policy": "agents.policy",
    "Record": "backtest.record",
    "Step": "sim.step",
    "TradingEnv": "envs.single",
    "Trained": "experiments.api",
    "load_market": "data.sources",
    "load_policy": "agents.policy",
    "make_env": "envs.make",
    "make_vec_env": "envs.make",
    "run_experiment": "experiments.experiment",
    "train": "experiments.api",
}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used: torch and pandas take seconds."""
    if name == "backtest":
        return importlib.import_module("drltrade.backtest")
    if name not in _HOMES:
        raise AttributeError(f"module 'drltrade' has no attribute '{name}'")
    return getattr(importlib.import_module(f"drltrade.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


class _CallableRoom(ModuleType):
    """The room `drltrade.backtest`, which is also the function of that name."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Rolls a strategy or a policy through historical bars; see `experiments.api.backtest`."""
        from drltrade.experiments.api import backtest

        return backtest(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return importlib.import_module, (self.__name__,)


class _Package(ModuleType):
    """This package: Python binds each room to it, and the backtest room becomes callable then."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "backtest" and type(value) is ModuleType:
            value.__class__ = _CallableRoom
        super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return importlib.import_module, (self.__name__,)


sys.modules[__name__].__class__ = _Package

"""Jobs, run folders, training with validation."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drltrade.experiments.api import Trained
    from drltrade.experiments.doctor import run_doctor
    from drltrade.experiments.experiment import ExperimentResult, run_experiment
    from drltrade.experiments.settings import ExperimentSettings

__all__ = ["ExperimentResult", "ExperimentSettings", "Trained", "run_doctor", "run_experiment"]

_HOMES = {
    "ExperimentResult": "experiment",
    "ExperimentSettings": "settings",
    "Trained": "api",
    "run_doctor": "doctor",
    "run_experiment": "experiment",
}


def __getattr__(name: str) -> Any:
    """Imports a name when it is first used: workers and the command line need only parts."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"drltrade.experiments.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'drltrade.experiments' has no attribute '{name}'")

"""Says on which machine figures were measured."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

__all__ = ["describe_machine"]

_PACKAGES = ("numpy", "numba", "gymnasium", "stable-baselines3", "torch")


def describe_machine() -> dict[str, str]:
    """Processor, cores, load, system and the versions that decide about speed."""
    told = {
        "processor": _processor(),
        "cores": str(os.cpu_count() or 1),
        "load before": f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    return told | {name: version(name) for name in ("drltrade", *_PACKAGES)}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()

"""Importing drltrade is quick and changes nothing for whoever imports it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HEAVY = {"torch", "pandas", "numba", "scipy", "stable_baselines3", "gymnasium", "plotly", "talib"}


def modules_after(code: str, folder: Path) -> set[str]:
    """Runs code in a fresh interpreter outside the checkout; returns the packages it loaded."""
    script = f"{code}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True
    )
    names = json.loads(answer.stderr.splitlines()[-1])
    return {name.partition(".")[0] for name in names}


def test_importing_the_package_loads_nothing_heavy(tmp_path: Path) -> None:
    loaded = modules_after("import drltrade", tmp_path)
    assert "drltrade" in loaded
    assert not HEAVY & loaded


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\nsys.argv = ['drltrade', '--help']\nfrom drltrade.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
    )
    assert not HEAVY & modules_after(code, tmp_path)


def test_importing_every_module_leaves_filters_generators_and_threads_alone(tmp_path: Path) -> None:
    code = """
import importlib, pkgutil, random, warnings
import numpy as np
# The libraries underneath come first: what they do to the process is not ours to answer for.
import gymnasium, numba, pandas, plotly, stable_baselines3, talib, torch
filters, state, own = list(warnings.filters), np.random.get_state()[1].copy(), random.getstate()
drawn, threads = torch.get_rng_state().clone(), torch.get_num_threads()
import drltrade
count = 0
for module in pkgutil.walk_packages(drltrade.__path__, "drltrade."):
    if not module.name.endswith("__main__") and ".workspace" not in module.name:
        importlib.import_module(module.name)
        count += 1
assert count > 20, count
assert list(warnings.filters) == filters
assert (np.random.get_state()[1] == state).all()
assert random.getstate() == own
assert torch.equal(torch.get_rng_state(), drawn)
assert torch.get_num_threads() == threads
"""
    modules_after(code, tmp_path)

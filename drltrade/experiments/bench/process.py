"""Starts fresh processes to measure memory and the first call, compiled anew and from the cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from drltrade.errors import DrltradeError
from drltrade.experiments.bench.figures import Case, Effort, Figure

__all__ = ["PATIENCE", "ask", "ask_child", "process_cases"]

PATIENCE = 600
"""Seconds after which a child is ended."""


def process_cases(effort: Effort) -> list[Case]:
    """Memory and, unless only rehearsing, the first call with an empty cache and a full one."""
    cases = [Case("memory, and that features are not copied", 6.0, _memory)]
    if effort.compiles:
        cases.append(Case("the first call, compiled and from the cache", 40.0, _start))
    return cases


def ask(
    command: list[str | Path], what: str, environment: dict[str, str] | None = None,
    patience: float = PATIENCE,
) -> str:  # fmt: skip
    """Runs a child to its end and returns the last line it printed.

    Raises:
        DrltradeError: it failed, with the last line of its complaint.
    """
    try:
        answer = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired:
        raise DrltradeError(f"{what} took more than {patience:.0f} s and was ended.") from None
    if answer.returncode:
        complaint = (answer.stderr or answer.stdout).strip().splitlines() or ["no message"]
        raise DrltradeError(f"{what} failed: {complaint[-1]}")
    return answer.stdout.strip().splitlines()[-1]


def ask_child(arguments: list[str], what: str, cache: str | None = None) -> dict[str, float]:
    """Runs a function of `child.py` in a fresh process; `cache` gives it one of its own."""
    environment = dict(os.environ)
    # The child imports the drltrade of this process, wherever that lies.
    root = str(Path(__file__).resolve().parents[3])
    environment["PYTHONPATH"] = os.pathsep.join(
        part for part in (root, environment.get("PYTHONPATH")) if part
    )
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = cache
    command: list[str | Path] = [sys.executable, "-m", "drltrade.experiments.bench.child"]
    found: dict[str, float] = json.loads(ask([*command, *arguments], what, environment))
    return found


def _memory(effort: Effort) -> list[Figure]:
    found = ask_child(["memory", str(effort.long_bars)], "measuring memory")
    if not found["shared"] or found["allocated"] >= found["matrix"]:
        raise DrltradeError(
            f"The engine copied a feature matrix of {found['matrix']:,.0f} bytes: it allocated"
            f" {found['allocated']:,.0f}."
        )
    on = f"4,096 accounts on a shared {effort.long_bars:,} x 20 feature matrix"
    found["copied"] = found["matrix"] * (1.0 - found["shared"])
    told = {
        "matrix_bytes": ("matrix", "that feature matrix itself"),
        "matrix_copied_bytes": ("copied", "copied of that matrix"),
        "memory_allocated_bytes": ("allocated", f"allocated for {on}, window 1"),
        "memory_resident_growth_bytes": ("grown", f"growth of the process by {on}, 20 steps"),
        "memory_peak_bytes": ("peak", f"peak of a whole process with {on}"),
        "memory_bytes_per_account": ("each", "an account with an observation of 21 numbers"),
    }
    return [
        Figure("engine", key, found[name], "bytes", what)
        for key, (name, what) in told.items()
        if name in found
    ]


def _start(effort: Effort) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="drltrade-bench-") as cache:
        cold = ask_child(["first_call"], "compiling", cache)
        runs = [ask_child(["first_call"], "starting", cache) for _ in range(3)]
    cached = min(runs, key=lambda run: run["wall"])
    first = "first reset and step of an engine in a process, after imports"
    then = "first backtest of that process"
    told = (
        ("cold_start_seconds", cold, "", f"{first}, compiled anew"),
        (
            "cold_path_seconds",
            cold,
            "path_",
            f"{then}, compiled anew",
        ),
        ("cached_start_seconds", cached, "", f"{first}, from the cache on disk"),
        (
            "cached_path_seconds",
            cached,
            "path_",
            f"{then}, from the cache on disk",
        ),
    )
    return [
        Figure("engine", key, run[f"{of}wall"], "s", what, run[f"{of}cpu"] / run[f"{of}wall"])
        for key, run, of, what in told
    ]

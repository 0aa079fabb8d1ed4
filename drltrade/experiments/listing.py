"""Lists everything that a user can name, with a line on each."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

from drltrade.errors import DrltradeError, unknown
from drltrade.plugins import workspace_roots

__all__ = ["KINDS", "list_names"]

Rows = list[tuple[str, str]]


def list_names(kinds: Sequence[str] = ()) -> dict[str, Rows]:
    """Returns (name, what it is) of every thing of some kinds.

    Args:
        kinds: keys of KINDS; none means all but `settings`, which is long.

    Raises:
        UsageError: there is no such kind.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise unknown("kind", kind, KINDS)
    wanted = [*(kinds or [kind for kind in KINDS if kind != "settings"])]
    if "strategies" in wanted and "references" not in wanted:
        wanted.insert(wanted.index("strategies") + 1, "references")
    return {kind: KINDS[kind]() for kind in wanted}


def _first_sentence(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def _files(room: str, ending: str = ".yaml") -> Iterator[Path]:
    """Yields the files of a room of the workspaces, nearest first, each name once."""
    seen = set()
    for root in (Path.cwd(), *workspace_roots()):
        for file in sorted((root / room).glob(f"*{ending}")):
            if file.name not in seen:
                seen.add(file.name)
                yield file


def _comment(file: Path) -> str:
    """Returns the comment that a settings file opens with."""
    line = file.read_text(encoding="utf-8").partition("\n")[0]
    return line.lstrip("# ").strip() if line.startswith("#") else ""


def _envs() -> Rows:
    return [("sample", "the embedded AAPL daily bars with every default")] + [
        (file.stem, _comment(file)) for file in _files("envs")
    ]


def _agents() -> Rows:
    from drltrade.agents.table import AGENTS

    rows = [(name, agent.title) for name, agent in AGENTS.items()]
    return rows + [
        (file.stem, _comment(file) or str(file))
        for file in _files("agents")
        if file.stem not in AGENTS
    ]


def _strategies() -> Rows:
    from drltrade.agents.strategies import STRATEGIES

    return [(name, _first_sentence(kind)) for name, kind in STRATEGIES.items()]


def _references() -> Rows:
    """What is named like a strategy, or used like one from Python, and is none."""
    from drltrade.agents.strategies import REFERENCES, DpOptimalPolicy

    made = {**REFERENCES, DpOptimalPolicy.name: DpOptimalPolicy}
    return [
        (name, _first_sentence(kind) + ("" if name in REFERENCES else f" From {kind.__name__}."))
        for name, kind in made.items()
    ]


def _features() -> Rows:
    from drltrade.features import FEATURES, technical_names

    technical = sorted(technical_names())
    rows = [(name, feature.summary) for name, feature in FEATURES.items()]
    return [*rows, (f"{len(technical)} of TA-Lib", ", ".join(technical))]


def _rewards() -> Rows:
    from drltrade.envs import REWARDS

    return [(name, _first_sentence(reward)) for name, reward in REWARDS.items()]


def _datasets() -> Rows:
    from drltrade.data import load_market

    sample = load_market("sample", symbols=None)
    rows = [("sample", f"embedded daily bars; {sample.symbols[0]} unless --symbols says otherwise")]
    endings = (".csv", ".csv.gz", ".parquet")
    files = [file for ending in endings for file in _files("data", ending)]
    return rows + [(f"data/{file.name}", f"{file.stat().st_size / 1e6:.2f} MB") for file in files]


def _metrics() -> Rows:
    from drltrade.backtest.metrics import METRICS

    return [(name, f"{metric.formula} [{metric.unit}]") for name, metric in METRICS.items()]


def _experiments() -> Rows:
    return [(file.stem, _comment(file)) for file in _files("experiments")]


def _settings() -> Rows:
    """Every key that `--set` takes, with its default and its line of documentation."""
    from drltrade.agents.table import AGENTS
    from drltrade.envs import EnvSettings
    from drltrade.experiments.settings import ExperimentSettings

    rows = list(_fields("", ExperimentSettings)) + list(_fields("env.", EnvSettings))
    for name, agent in AGENTS.items():
        rows += [(key, f"{name}: {text}") for key, text in _fields("agent.", agent.settings)]
    return rows


def _fields(prefix: str, model: Any) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        parts = [type(default), *get_args(field.annotation)]
        inner = next((part for part in parts if hasattr(part, "model_fields")), None)
        if inner is not None:
            yield from _fields(f"{prefix}{name}.", inner)
        elif hasattr(default, "__dataclass_fields__"):
            yield from _parts(f"{prefix}{name}.", default)
        else:
            about = " ".join((field.description or "").split())
            yield f"{prefix}{name}", f"{about} Default: {default}."


def _parts(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    for name in (field.name for field in fields(value)):
        inner = getattr(value, name)
        if hasattr(inner, "__dataclass_fields__"):
            yield from _parts(f"{prefix}{name}.", inner)
        else:
            yield f"{prefix}{name}", f"{_attribute(value, name)} Default: {inner}."


def _attribute(value: Any, name: str) -> str:
    """What the docstring of a model says of one attribute."""
    _, _, listed = (inspect.getdoc(value) or "").partition("Attributes:")
    found = re.search(rf"^    {name}: (.+(?:\n {{8,}}.+)*)", listed, re.MULTILINE)
    words = " ".join(found[1].split()) if found else _first_sentence(value)
    return words[0].upper() + words[1:]


def _runs() -> Rows:
    from drltrade.experiments.results import known_runs

    return [(folder.name, _story(folder)) for folder in known_runs()]


def _story(folder: Path) -> str:
    from drltrade.experiments.folders import is_done, read_json
    from drltrade.experiments.results import EXPERIMENT, experiment_jobs

    if is_done(folder):
        return "a saved backtest"
    jobs = experiment_jobs(folder)
    try:
        note = read_json(folder / EXPERIMENT)
    except DrltradeError:
        return f"{len(jobs)} finished jobs"
    return f"{len(jobs)} of {len(note.get('jobs', []))} jobs done"


KINDS: dict[str, Callable[[], Rows]] = {
    "envs": _envs,
    "agents": _agents,
    "strategies": _strategies,
    "references": _references,
    "features": _features,
    "rewards": _rewards,
    "datasets": _datasets,
    "metrics": _metrics,
    "experiments": _experiments,
    "runs": _runs,
    "settings": _settings,
}
"""Every kind of name by what `drltrade list` calls it."""

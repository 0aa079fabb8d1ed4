"""Tells what a user means by the target of an audit: env, feature, reward, strategy or run."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from drltrade.config import read_yaml
from drltrade.errors import UsageError, nearest, unknown
from drltrade.experiments.ensembles import is_ensemble
from drltrade.experiments.results import known_runs
from drltrade.plugins import find_file, is_plugin, load_plugin, workspace_roots

__all__ = ["KINDS", "kind_of"]

KINDS = ("env", "feature", "reward", "strategy", "experiment", "run")
"""What can be audited."""

_EXPERIMENT = {"env", "agent", "agents", "splits", "seeds", "budget", "baselines"}


def kind_of(target: str, given: str | None = None, out: Path = Path("runs")) -> str:
    """Says what a target is.

    Args:
        target: what the user named.
        given: what the user says it is; None finds out.
        out: the folder that holds all runs.

    Raises:
        UsageError: there is no such thing, or it could be several.
    """
    _refuse_reference(target)
    if given is not None:
        if given not in KINDS:
            raise unknown("kind", given, KINDS)
        return given
    if is_ensemble(target):
        return "run"
    if is_plugin(target):
        return _kind_of_plugin(target)
    if target.endswith((".yaml", ".yml")):
        return _kind_of_file(target)
    if Path(target).is_file():
        raise UsageError(_of_file(target))
    if Path(target).exists() or (out / target).exists():
        return "run"
    named = _names()
    for kind, names in named.items():
        if target in names:
            return kind
    known = [name for names in named.values() for name in names]
    known += [folder.name for folder in known_runs(out)]
    raise UsageError(
        f"There is no env, strategy, reward, feature or run '{target}'.{nearest(target, known)}"
        " Name one of `drltrade list`, a YAML file, a run folder, or path.py:Name."
    )


def _refuse_reference(target: str) -> None:
    from drltrade.agents.strategies import REFERENCES

    if target in REFERENCES:
        raise UsageError(
            f"'{target}' knows the future by intent: it is a reference, and there is nothing to"
            " audit. Name a strategy, an env or a run."
        )


def _of_file(target: str) -> str:
    if target.endswith(".py"):
        return f"'{target}' names no function or class. Write it as {target}:Name."
    return (
        f"'{target}' is a file that cannot be audited. If it holds prices, audit an env on them:"
        f" drltrade audit sample --data {target}."
    )


def _names() -> dict[str, list[str]]:
    from drltrade.agents.strategies import STRATEGIES
    from drltrade.envs import REWARDS
    from drltrade.features import FEATURES, technical_names

    roots = (Path(), *workspace_roots())
    envs = sorted({file.stem for root in roots for file in (root / "envs").glob("*.yaml")})
    files = sorted({file.stem for root in roots for file in (root / "experiments").glob("*.yaml")})
    return {
        "strategy": list(STRATEGIES),
        "env": ["sample", *envs],
        "experiment": files,
        "reward": list(REWARDS),
        "feature": [*FEATURES, *technical_names()],
    }


def _kind_of_file(target: str) -> str:
    path = find_file(target, workspace_roots())
    if path is None:
        raise UsageError(f"'{target}' does not exist. Name a file of an env or an experiment.")
    return "experiment" if _EXPERIMENT & set(read_yaml(path)) else "env"


def _kind_of_plugin(ref: str) -> str:
    found = load_plugin(ref, workspace_roots()).target
    if inspect.isclass(found):
        if hasattr(found, "targets") or hasattr(found, "target"):
            return "strategy"
        if "__call__" in _members(found):
            return "reward"
        raise UsageError(
            f"The class '{ref}' is neither a strategy (targets or target) nor a reward"
            " (__call__(step)). See `drltrade audit --help`."
        )
    return _kind_of_function(ref, found)


def _members(found: type) -> set[str]:
    return {name for base in found.__mro__[:-1] for name in vars(base)}


def _kind_of_function(ref: str, function: Callable[..., Any]) -> str:
    parameters = list(inspect.signature(function).parameters.values())
    first = parameters[0].name if parameters else ""
    if first == "view" or _wants(parameters, "first"):
        return "strategy"
    if first in ("step", "_step", "s"):
        return "reward"
    if first in ("market", "data", "bars", "prices", "m"):
        return "feature"
    raise UsageError(
        f"Whether the function '{ref}' is a feature, a reward or a strategy cannot be told from its"
        " arguments. Say it: --kind feature, --kind reward or --kind strategy."
    )


def _wants(parameters: Sequence[inspect.Parameter], name: str) -> bool:
    return len(parameters) > 1 and parameters[1].name == name

"""What an experiment file may say: environment, agents, splits, seeds and budget."""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from drltrade.config import Settings
from drltrade.data.dates import read_stamp
from drltrade.errors import UsageError

__all__ = ["Budget", "Combinatorial", "ExperimentSettings", "SplitSettings", "WalkForward"]

Interval = tuple[str | None, str | None]
"""First and last date or stamp of a split, both inclusive; null is an open end."""


def _interval(value: Any) -> Any:
    """Accepts `[from, to]` with YAML dates, or a share of the bars between 0 and 1."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if 0 < value < 1:
            return float(value)
        raise ValueError(f"a share of the bars lies between 0 and 1, not {value}")
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"write [from, to] with two dates, or one share such as 0.6, not {value}")
    return tuple(_stamp(end) for end in value)


def _stamp(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    try:
        read_stamp(str(value))
    except UsageError as error:
        raise ValueError(str(error)) from error
    return str(value)


def _named(kind: str) -> Any:
    def check(value: Any) -> Any:
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, dict) and value:
            return {str(key): item for key, item in value.items()}
        raise ValueError(f"write the {kind} as a name, a file or a mapping, not {value!r}")

    return BeforeValidator(check)


def _folder_name(value: Any) -> Any:
    if value is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", str(value)):
        raise ValueError(f"'{value}' is no folder name; use letters, digits, '.', '_' and '-'")
    return None if value is None else str(value)


def _several(value: Any) -> Any:
    value = [value] if isinstance(value, str | dict) else value
    if not value:
        raise ValueError("name at least one agent")
    return value


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _seeds(value: Any) -> Any:
    if isinstance(value, bool) or value is None or value in ([], ()):
        raise ValueError(f"write how many seeds, or a list of them, not {value}")
    if isinstance(value, int):
        if value < 1:
            raise ValueError(f"at least one seed is needed, not {value}")
        return list(range(value))
    return value


def _size(value: Any) -> Any:
    """Accepts a number of bars, or a span of the calendar such as `6 months`."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 2:
        return value
    found = re.fullmatch(r"\s*([1-9][0-9]{0,4})\s*(year|month|week|day)s?\s*", str(value))
    if isinstance(value, str) and found:
        return f"{found[1]} {found[2]}s"
    raise ValueError(
        f"write a number of bars, at least 2, or a span such as 4 years, 6 months, 2 weeks or"
        f" 30 days, not {value}"
    )


Split = Annotated[Any, BeforeValidator(_interval)]
Size = Annotated[Any, BeforeValidator(_size)]
Bars = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]


class WalkForward(Settings):
    """Folds one after the other in time: train, validate, test, then all moved on by one test."""

    train: Size = 1000
    """What each fold learns from: bars, or a span of the calendar such as `4 years`."""
    valid: Size = 250
    """What chooses its checkpoint, after that."""
    test: Size = 250
    """What it is judged on, after that, and how far the next fold moves on."""
    expanding: bool = False
    """Whether every fold learns from the first bar on, rather than from its last `train`."""
    purge: Bars = 0
    """Bars dropped before each validation and before each test."""
    embargo: Bars = 0
    """Always 0 here: in a walk-forward fold nothing is learnt after its test."""

    @model_validator(mode="after")
    def _one_kind(self) -> WalkForward:
        if len({isinstance(size, int) for size in (self.train, self.valid, self.test)}) > 1:
            raise ValueError("give train, valid and test all as bars or all as spans of time")
        if self.embargo:
            raise ValueError(
                "embargo drops bars between a test and what is learnt from after it; in a"
                " walk-forward fold nothing is: leave it out, or use purge or combinatorial"
            )
        return self


class Combinatorial(Settings):
    """Folds that test every choice of some groups of bars and learn from the others."""

    groups: int = Field(default=6, ge=3, le=50)
    """Into how many groups the bars are parted, in order of time."""
    test_groups: int = Field(default=2, ge=2)
    """How many of them each fold tests."""
    valid: float = Field(default=0.2, gt=0, lt=1)
    """The share at the end of each stretch between tests that chooses the checkpoint."""
    purge: Bars = 0
    """Bars dropped on both sides of each test, and before each validation."""
    embargo: Bars = 0
    """Bars dropped after each test on top of those."""

    @model_validator(mode="after")
    def _some_left(self) -> Combinatorial:
        if self.test_groups >= self.groups:
            raise ValueError(
                f"test_groups is {self.test_groups} of {self.groups} groups; some must be left to"
                " learn from"
            )
        return self


class SplitSettings(Settings):
    """Which bars train, validate and test: three intervals, or folds of them."""

    train: Split = 0.6
    """What the agent learns from and the scaler is fitted on."""
    valid: Split = 0.2
    """What chooses the checkpoint."""
    test: Split = 0.2
    """What is read once, after training."""
    walk_forward: WalkForward | None = None
    """Folds that move on in time, instead of three intervals."""
    combinatorial: Combinatorial | None = None
    """Folds that test every choice of some groups of bars, instead."""

    @model_validator(mode="after")
    def _one_way(self) -> SplitSettings:
        fixed = [
            name
            for name in ("train", "valid", "test")
            if getattr(self, name) != SplitSettings.model_fields[name].default
        ]
        given = [name for name in ("walk_forward", "combinatorial") if getattr(self, name)]
        if len(given) + bool(fixed) > 1:
            raise ValueError(f"give one of {', '.join([*fixed, *given])}, not all of them")
        return self

    @model_validator(mode="after")
    def _one_kind(self) -> SplitSettings:
        shares = [self.train, self.valid, self.test]
        kinds = {isinstance(item, float) for item in shares}
        if len(kinds) > 1:
            raise ValueError("give train, valid and test all as dates or all as shares")
        if kinds == {True} and sum(shares) > 1 + 1e-9:
            raise ValueError(f"the shares of train, valid and test sum to {sum(shares):g}, above 1")
        return self


class Budget(Settings):
    """How long each job trains."""

    steps: int = Field(default=100_000, gt=0)
    """Environment steps of one job, summed over its accounts."""
    evaluations: int = Field(default=10, ge=1, le=1000)
    """Checkpoints scored on the validation interval, evenly spread; the best one is kept."""
    checkpoint_seconds: float = Field(default=30.0, ge=0)
    """A job is saved this often, and a killed one loses no more; it changes no result."""


class ExperimentSettings(Settings):
    """One experiment: env x agents x splits x seeds."""

    name: Annotated[str | None, BeforeValidator(_folder_name)] = None
    """Its folder below `runs/`; without one, the file's own name."""
    env: Annotated[Any, _named("env")] = "sample"
    """`sample`, the name or path of a file in `envs/`, or its content."""
    agents: Annotated[tuple[Annotated[Any, _named("agent")], ...], BeforeValidator(_several)] = (
        "ppo",
    )
    """Names, files or contents of `agents/`; `agent:` with a single one is the same."""
    splits: SplitSettings = SplitSettings()
    """The train, validation and test intervals, or folds of them."""
    seeds: Annotated[tuple[Seed, ...], BeforeValidator(_seeds)] = (0,)
    """How many seeds (0, 1, ...), or a list of them."""
    budget: Budget = Budget()
    """How long each job trains."""
    baselines: tuple[str, ...] = ("buy_and_hold", "cash", "random")
    """Strategies judged on the same bars under the same costs: names or `path.py:Name`."""
    ensembles: Annotated[tuple[Literal["mean", "rotate"], ...], BeforeValidator(_listed)] = ()
    """Trained policies judged together: `mean` averages each agent's seeds, `rotate` follows
    whichever policy did best of late."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the networks are trained."""
    start_from: str | None = None
    """A run whose weights and scaler every job begins with, instead of fresh ones."""
    diagnostics: bool = True
    """Whether each job says, once it is done, what its result rests on; it changes no result."""
    freeze: Literal["encoder"] | None = None
    """`encoder` keeps the encoder's weights as they were, so that only what decides learns."""

    @model_validator(mode="before")
    @classmethod
    def _one_agent(cls, content: Any) -> Any:
        if isinstance(content, dict) and "agent" in content:
            if "agents" in content:
                raise ValueError("give either 'agent' or 'agents', not both")
            content = {**content, "agents": content["agent"]}
            del content["agent"]
        return content

    @model_validator(mode="after")
    def _frozen_from_somewhere(self) -> ExperimentSettings:
        if self.freeze and self.start_from is None:
            raise ValueError(
                "freeze needs start_from (--from RUN): random weights are not worth keeping"
            )
        return self

    @model_validator(mode="after")
    def _enough_to_join(self) -> ExperimentSettings:
        if "mean" in self.ensembles and len(self.seeds) < 2:
            raise ValueError("ensembles: mean averages the seeds of an agent; give at least two")
        if "rotate" in self.ensembles and len(self.seeds) * len(self.agents) < 2:
            raise ValueError("ensembles: rotate needs two policies; give more seeds or agents")
        return self

    @model_validator(mode="after")
    def _no_repeats(self) -> ExperimentSettings:
        for what in ("seeds", "baselines", "ensembles"):
            values = getattr(self, what)
            if len(set(values)) < len(values):
                raise ValueError(f"'{what}' names the same one twice: {list(values)}")
        return self

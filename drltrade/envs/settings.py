"""The settings of an environment: what its YAML file may say, and every default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from drltrade.config import Settings, parse, read_yaml
from drltrade.data import DataSettings
from drltrade.envs.actions import SCHEMES
from drltrade.errors import UsageError, nearest
from drltrade.plugins import find_file, workspace_roots
from drltrade.sim import (
    EXTRAS,
    Carry,
    Costs,
    Delisting,
    Fill,
    Limits,
    Margin,
    Participation,
    Rules,
)

__all__ = ["ActionSettings", "EnvSettings", "read_env"]


class ActionSettings(Settings):
    """How an agent's action becomes target weights."""

    scheme: str = "auto"
    """levels, choices, continuous, portfolio; auto takes the agent's natural one."""
    levels: tuple[float, ...] = (-1.0, 0.0, 1.0)
    """Weights an agent chooses among; the least and the greatest bound continuous actions too."""

    @field_validator("scheme")
    @classmethod
    def _known(cls, value: str) -> str:
        allowed = ("auto", *SCHEMES)
        if value not in allowed:
            raise ValueError(
                f"unknown scheme '{value}'.{nearest(value, allowed)} Allowed: {', '.join(allowed)}"
            )
        return value

    @field_validator("levels")
    @classmethod
    def _ordered(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if len(value) < 2 or list(value) != sorted(set(value)) or max(map(abs, value)) > 1:
            raise ValueError(
                f"levels are {list(value)}; write at least two different weights from -1 to 1 in"
                " rising order, such as [-1, 0, 1] or [0, 1]"
            )
        return value


class EnvSettings(Settings):
    """One environment: market, features, observation, actions, costs, fill and reward."""

    data: DataSettings = Field(default_factory=DataSettings)
    """Which prices; `sample` or a file, or a mapping with source, symbols, start, end."""
    features: list[Any] | None = None
    """Columns of the window, such as [{log_return: 1}, {rsi: 14}]; null takes the default eight."""
    window: int = Field(default=16, ge=1, le=10_000)
    """Bars an observation looks back over."""
    scaler: Literal["standard", "robust", "rolling", "none"] = "standard"
    """How features are scaled; an experiment fits it on the train split, `make_env` on `fit`."""
    account: tuple[str, ...] = ()
    """What an observation tells of the account beside its weights."""
    actions: ActionSettings = Field(default_factory=ActionSettings)
    """The action scheme, by name or with its levels."""
    fill: Fill = "next_open"
    """The price at which a decision is filled."""
    costs: Costs = Field(default_factory=Costs)
    """Commission and slippage, in fractions of the traded amount; impact, minimum fees."""
    carry: Carry = Field(default_factory=Carry)
    """Interest on cash and debt, the fee for borrowed shares: rates a year."""
    leverage: float = Field(default=1.0, gt=0, le=20)
    """Limit on gross exposure after a fill."""
    margin: Margin = Field(default_factory=Margin)
    """Equity below this share of the gross position is liquidated."""
    participation: Participation = Field(default_factory=Participation)
    """The most of a bar's usual volume that an order takes."""
    limits: Limits = Field(default_factory=Limits)
    """The largest weight of an asset, and its largest change in a bar."""
    delisting: Delisting = Field(default_factory=Delisting)
    """What is lost of a position whose asset leaves the data."""
    lot: float = 0.0
    """Shares are whole multiples of it; 0 is fractional. Needs prices: raw."""
    band: float = 0.0
    """A target this near to the held weight is no order; 0 is none."""
    rebalance: Literal["on_change", "every_bar"] | None = None
    """Null: on_change for discrete schemes, every_bar for continuous ones."""
    reward: str | dict[str, float] = "log_return"
    """A name, path.py:name, or a weighted sum such as {log_return: 1, turnover: -0.01}."""
    benchmark: str | None = None
    """What excess_over_benchmark compares with: a symbol, a column or a file; null is the mean."""
    episode: int | None = Field(default=252, ge=1)
    """Bars of a training episode, started at random; null plays the whole interval."""
    equity: float = Field(default=100_000.0, gt=0, le=1e15)
    """Cash at the start, in the prices' currency."""

    def rules(self, *, shorts: bool, on_change: bool) -> Rules:
        """Returns the rules of the ledger, with what the action scheme decides."""
        shared = {name: getattr(self, name) for name in _RULES}
        return Rules(**shared, shorts=shorts, on_change=on_change)

    @field_validator("actions", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"scheme": value} if isinstance(value, str) else value

    @field_validator("reward")
    @classmethod
    def _not_empty(cls, value: str | dict[str, float]) -> str | dict[str, float]:
        if not value:
            raise ValueError("the reward is empty; name one, such as log_return")
        return value

    @field_validator("account")
    @classmethod
    def _known_columns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in EXTRAS:
                raise ValueError(
                    f"unknown account column '{name}'.{nearest(name, EXTRAS)}"
                    f" Allowed: {', '.join(EXTRAS)}"
                )
        if len(set(value)) < len(value):
            raise ValueError(f"an account column is named twice in {list(value)}")
        return value


_RULES = (
    "fill", "costs", "carry", "margin", "participation", "limits", "delisting", "lot", "band",
    "leverage",
)  # fmt: skip


def read_env(
    env: str | Path | Mapping[str, Any] | EnvSettings = "sample",
) -> tuple[EnvSettings, tuple[Path, ...]]:
    """Finds and reads the settings of an environment.

    Args:
        env: `sample` for the defaults, the name of a file in `envs/`, a path to a YAML file, a
            mapping as in such a file, or settings.

    Returns:
        The settings, and the roots below which its data and plug-ins are looked up.

    Raises:
        UsageError: there is no such environment, or its settings are wrong.
    """
    if isinstance(env, EnvSettings):
        return env, workspace_roots()
    if isinstance(env, Mapping):
        return parse(EnvSettings, env, "env"), workspace_roots()
    if str(env) == "sample":
        return EnvSettings(), workspace_roots()
    name = str(env)
    file = name if name.endswith((".yaml", ".yml")) else f"envs/{name}.yaml"
    found = find_file(file, workspace_roots())
    if found is None:
        known = _known_envs()
        raise UsageError(
            f"There is no environment '{name}' (looked for {file}).{nearest(name, known)}"
            f" Known: {', '.join(known)}."
        )
    return parse(EnvSettings, read_yaml(found), found.name), workspace_roots(found)


def _known_envs() -> list[str]:
    folders = [Path.cwd() / "envs", *(root / "envs" for root in workspace_roots())]
    found = {file.stem for folder in folders for file in folder.glob("*.yaml")}
    return ["sample", *sorted(found)]

"""Reads the list of features that a user writes into checked, hashable specs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drltrade.errors import UsageError, nearest, unknown
from drltrade.features import technical
from drltrade.features.table import FEATURES
from drltrade.plugins import is_plugin

__all__ = ["FeatureSpec", "parse_features"]

_FORMS = (
    "Write a name (gap), a name with its parameters ({rsi: 14}, {macd: {fastperiod: 12}}),"
    " {column: vix, lag: 1} or path.py:function."
)


@dataclass(frozen=True)
class FeatureSpec:
    """One feature as asked for, with every parameter filled in.

    Attributes:
        kind: "table" (ours), "talib", "column" (a further column of the data) or "plugin".
        name: the name in its table, the column, or `path.py:function`.
        params: parameter names and values, in their own order.
        output: the one output wanted, by its short name; None for all.
    """

    kind: str
    name: str
    params: tuple[tuple[str, Any], ...] = ()
    output: str | None = None

    @property
    def label(self) -> str:
        """The name with its parameters, such as `macd_12_26_9`."""
        if self.kind == "column":
            return f"{self.name}_lag_{dict(self.params)['lag']}"
        base = self.name.rpartition(":")[2] if self.kind == "plugin" else self.name
        return "_".join([base, *(_shown(value) for _, value in self.params)])

    @property
    def raw(self) -> Any:
        """The form a user would write, plain enough for JSON and YAML; parses back to this."""
        if self.kind == "column":
            return {"column": self.name, **dict(self.params)}
        name = f"{self.name}.{self.output}" if self.output else self.name
        return {name: dict(self.params)} if self.params else name


def parse_features(raw: Any) -> tuple[FeatureSpec, ...]:
    """Checks a list of features as written in YAML or Python.

    Args:
        raw: a list of names (`gap`, `macd.signal`), one-key mappings (`{log_return: 5}`,
            `{macd: {fastperiod: 12}}`), `{column: vix, lag: 1}` (lag in bars, default 1: known one
            bar after it is stamped), `path.py:function`, `{"path.py:function": {k: v}}`; a
            FeatureSpec passes through.

    Raises:
        UsageError: not a list, empty, an unknown name or parameter, or a feature named twice.
    """
    if isinstance(raw, str | Mapping | FeatureSpec) or not isinstance(raw, Sequence):
        raise UsageError(
            f"features is {raw!r}, but must be a list such as [log_return, {{rsi: 14}}]."
        )
    if not raw:
        raise UsageError("The list of features is empty. Leave it out for the default features.")
    specs = tuple(item if isinstance(item, FeatureSpec) else _parse(item) for item in raw)
    for place, spec in enumerate(specs):
        if spec in specs[:place]:
            raise UsageError(f"The feature '{spec.label}' is listed twice. Keep one.")
    return specs


def _parse(item: Any) -> FeatureSpec:
    if isinstance(item, str):
        return _named(item.strip(), None)
    if not isinstance(item, Mapping):
        raise UsageError(f"The feature {item!r} cannot be read. {_FORMS}")
    if "column" in item:
        return _column(item)
    if len(item) != 1:
        keys = ", ".join(str(key) for key in item)
        raise UsageError(f"A feature has one name, not {len(item)} ({keys}). {_FORMS}")
    name, given = next(iter(item.items()))
    return _named(str(name).strip(), given)


def _column(item: Mapping[str, Any]) -> FeatureSpec:
    for key in item:
        if key not in ("column", "lag"):
            raise unknown("key of a column feature", key, ("column", "lag"))
    lag = _number("the column", "lag", item.get("lag", 1), 1, 0)
    return FeatureSpec("column", str(item["column"]), (("lag", lag),))


def _named(name: str, given: Any) -> FeatureSpec:
    if is_plugin(name):
        if given is not None and not isinstance(given, Mapping):
            raise UsageError(
                f"The parameters of '{name}' are {given!r}; write them as {{key: value}}."
            )
        return FeatureSpec("plugin", name, tuple((str(k), v) for k, v in (given or {}).items()))
    if name.partition(":")[0].endswith(".py"):
        raise UsageError(f"'{name}' names no function. Write it as path.py:function.")
    base, dot, output = name.lower().partition(".")
    wanted = output if dot else None
    if base in FEATURES:
        feature = FEATURES[base]
        params = _arguments(base, given, feature.params, feature.least)
        return FeatureSpec("table", base, params, _output(base, wanted, feature.outputs))
    if technical.is_technical(base):
        params = _arguments(base, given, technical.defaults(base))
        technical.warmup(base, dict(params))
        return FeatureSpec("talib", base, params, _technical_output(base, wanted))
    raise UsageError(
        f"Unknown feature '{name}'.{nearest(base, (*FEATURES, *technical.technical_names()))}"
        f" Allowed: {', '.join(FEATURES)}; any TA-Lib function by its name, such as rsi or macd;"
        " a column of the data as {column: NAME}; path.py:function."
    )


def _output(name: str, wanted: str | None, outputs: Iterable[str]) -> str | None:
    names = tuple(outputs)
    if wanted is None or wanted in names:
        return wanted
    if len(names) < 2:
        raise UsageError(f"'{name}' has a single output; write it without '.{wanted}'.")
    raise unknown(f"output of '{name}'", wanted, names)


def _technical_output(name: str, wanted: str | None) -> str | None:
    short = technical.outputs(name)
    full = {long: key for key, long in short.items()}
    wanted = full.get(wanted, wanted) if wanted else wanted  # macd.macdsignal is macd.signal
    return _output(name, wanted, short if len(short) > 1 else ())


def _arguments(
    name: str, given: Any, defaults: Mapping[str, Any], least: int | None = None
) -> tuple[tuple[str, Any], ...]:
    """Completes what was given, a scalar, a list in order or a mapping, with the defaults."""
    if given is None:
        given = {}
    elif not isinstance(given, Mapping):
        values = list(given) if isinstance(given, list | tuple) else [given]
        if len(values) > len(defaults):
            allowed = ", ".join(defaults) or "none"
            raise UsageError(f"'{name}' is given {given!r}, but its parameters are: {allowed}.")
        given = dict(zip(defaults, values, strict=False))
    for key in given:
        if key not in defaults:
            if not defaults:
                raise UsageError(f"'{name}' has no parameters, but '{key}' is given.")
            raise unknown(f"parameter of '{name}'", key, defaults)
    filled = {**defaults, **given}
    return tuple(
        (key, _number(f"'{name}'", key, filled[key], usual, least))
        for key, usual in defaults.items()
    )


def _number(what: str, key: str, value: Any, usual: Any, least: int | None) -> int | float:
    """Reads a parameter as the kind of number that its default is."""
    whole = isinstance(usual, int)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        kind = "a whole number" if whole else "a number"
        raise UsageError(f"{key} of {what} is {value!r}, but must be {kind} such as {usual:g}.")
    if whole and value != int(value):
        raise UsageError(f"{key} of {what} is {value:g}, but must be a whole number.")
    if least is not None and value < least:
        raise UsageError(f"{key} of {what} is {value:g}, but must be {least} or more.")
    return int(value) if whole else float(value)


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)

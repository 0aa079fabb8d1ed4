"""Turns strict YAML into frozen pydantic models and mistakes in it into sentences."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from drltrade.errors import UsageError, nearest

__all__ = ["Settings", "dump_yaml", "merge", "override", "parse", "read_yaml"]


class Settings(BaseModel):
    """Base of every settings model: frozen, no unknown keys, each default stated once."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuses `window: true`, which Python would read as 1."""
        if isinstance(value, bool) and info.field_name:
            kinds = _members(cls.model_fields[info.field_name].annotation)
            if bool not in kinds and (int in kinds or float in kinds):
                raise ValueError(f"must be a number but is {str(value).lower()}")
        return value


Model = TypeVar("Model", bound=BaseModel)


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, refusing a key that is written twice.

    Plain words are read as YAML 1.2 reads them: `ON`, `0700` and `12:30` are text, `1e-4` is a
    number. Dates stay the text that was written, and `<<` is no inheritance.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key_node, yaml.ScalarNode) and key in seen:
                line = key_node.start_mark.line + 1
                raise UsageError(f"line {line}: the key '{key}' is written twice. Keep one.")
            if isinstance(key_node, yaml.ScalarNode):
                seen.add(key)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """The safe dumper, quoting text that any reader of YAML might take for something else."""


_StrictLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(0|[1-9][0-9_]*)", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?[0-9]+[eE][-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+."),
):
    for _side in (_StrictLoader, _Dumper):
        _side.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first)
        )


def _load(text: str) -> Any:
    """Reads one YAML document; whatever is wrong with it is a UsageError or a YAMLError."""
    loader = _StrictLoader(text)
    try:
        return loader.get_single_data()
    except RecursionError as error:
        raise yaml.YAMLError from error
    finally:
        loader.dispose()


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads one YAML file that holds a mapping; an empty file is an empty mapping.

    Raises:
        UsageError: the file is missing, is not YAML, repeats a key or is not a mapping.
    """
    try:
        content = _load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"Cannot read '{path}': {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"'{path}' is not a UTF-8 text file.") from error
    except UsageError as error:
        raise UsageError(f"'{path}', {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise UsageError(f"'{path}'{where} is not YAML: {problem}.") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        kind = {"str": "text", "list": "a list"}.get(type(content).__name__, "a single value")
        raise UsageError(f"'{path}' holds {kind}; it must be a mapping of 'key: value' lines.")
    return content


def dump_yaml(content: Mapping[str, Any]) -> str:
    """Writes a mapping as YAML in the order given."""
    text: str = yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


def merge(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a copy with nested values replaced; a weighted sum (`reward`) is replaced whole."""
    merged = dict(content)
    for key, value in changes.items():
        old = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(old, Mapping) and key != "reward"
        merged[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return merged


def override(
    content: Mapping[str, Any], assignment: str, model: type[BaseModel] | None = None
) -> dict[str, Any]:
    """Returns a copy with one dotted key replaced, as in `env.costs.commission.rate=0.001`.

    The value is read as YAML, so numbers, lists and `null` mean what they mean in a file.

    Args:
        content: the mapping, as read from YAML; it is left as it is.
        assignment: `key=value`.
        model: the settings class that the mapping is for. With it, a key may run through a short
            form: after `data: sample`, `data.symbols=[MSFT]` keeps the source.

    Raises:
        UsageError: there is no `=`, a part of the key is empty, or the key runs through a value.
    """
    key, equals, text = assignment.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        example = "env.costs.commission.rate=0.001"
        raise UsageError(f"'{assignment}' is not a setting. Write key=value, as in {example}.")
    try:
        value = _load(text)
    except (yaml.YAMLError, UsageError) as error:
        raise UsageError(f"The value of '{key}' cannot be read: '{text}'.") from error
    result = dict(content)
    inner, kind = result, model
    for part in parts[:-1]:
        kind = _child(kind, part)
        child = inner.get(part)
        if child is not None and not isinstance(child, Mapping):
            child = _long_form(kind, child)
            if child is None:
                raise UsageError(
                    f"'{key}' cannot be set: '{part}' is the single value '{inner[part]}'."
                )
        inner[part] = dict(child or {})
        inner = inner[part]
    inner[parts[-1]] = value
    return result


def _long_form(kind: Any, value: Any) -> dict[str, Any] | None:
    """Asks the model itself which mapping a short form such as `data: sample` stands for."""
    for member in _members(kind):
        if isinstance(member, type) and issubclass(member, BaseModel):
            try:
                return member.model_validate(value).model_dump(mode="json", exclude_unset=True)
            except ValidationError:
                continue
    return None


def parse(model: type[Model], content: Mapping[str, Any], where: str) -> Model:
    """Validates a mapping against a settings model.

    Args:
        model: the settings class.
        content: the mapping, as read from YAML.
        where: what to call it in an error: a file name, a flag.

    Raises:
        UsageError: one sentence a problem, with the dotted key, the value and what is allowed.
    """
    try:
        return model.model_validate(dict(content))
    except ValidationError as error:
        problems = _problems(model, error)
        raise UsageError(f"{where}: {' '.join(problems[:5])}") from error


def _problems(model: type[BaseModel], error: ValidationError) -> list[str]:
    """Words each problem once; of the forms that a value may take, the one that came furthest."""
    found: dict[tuple[str, ...], list[Any]] = {}
    for item in error.errors():
        found.setdefault(_keys(model, item["loc"])[0], []).append(item)
    deepest = [
        path
        for path in found
        if not any(other[: len(path)] == path and len(other) > len(path) for other in found)
    ]
    return [_sentence(model, path, found[path]) for path in deepest]


def _sentence(model: type[BaseModel], path: tuple[str, ...], items: list[Any]) -> str:
    key, item = ".".join(path), items[0]
    if item["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        inner = _members(_keys(model, item["loc"][:-1])[1])
        allowed = [name for member in inner for name in _fields(member)]
        return f"Unknown key '{key}'.{nearest(path[-1], allowed)} Allowed: {', '.join(allowed)}."
    if item["type"] == "missing":
        return f"'{key}' is missing."
    if item["type"] == "invalid_key":
        return f"The key '{key}' must be text."
    message = str(item["msg"]).removeprefix("Value error, ").rstrip(".")
    if item["type"] in ("value_error", "assertion_error"):
        joint = " " if message.startswith("must ") else ": "
        return f"'{key}'{joint}{message}." if key else f"{message}."
    wanted = " or ".join(dict.fromkeys(_wanted(str(other["msg"])) for other in items))
    shown = "a mapping" if isinstance(item["input"], Mapping) else repr(item["input"])
    return f"'{key}' must be {wanted} but is {shown}."


def _wanted(message: str) -> str:
    """Turns pydantic's 'Input should be a valid integer, unable to ...' into 'an integer'."""
    wanted = message.removeprefix("Input should be ").split(", unable")[0].split(", got")[0]
    wanted = re.sub(r"a (valid )?dictionary( or (an )?(instance|object).*)?$", "a mapping", wanted)
    wanted = wanted.replace("a valid integer", "a whole number").replace("a valid string", "text")
    return wanted.replace("a valid ", "a ").rstrip(".")


def _keys(kind: Any, location: Iterable[Any]) -> tuple[tuple[str, ...], Any]:
    """Follows an error's location through the types: the user's own keys, the type at the end.

    Where a value may take several forms, pydantic puts the form's name into the location.
    """
    keys = []
    for part in location:
        members = _members(kind)
        if len(members) > 1:
            named = (member for member in members if getattr(member, "__name__", "?") in str(part))
            kind = next(named, None)
        else:
            keys.append(str(part))
            kind = _child(kind, part)
    return tuple(keys), kind


def _members(kind: Any) -> tuple[Any, ...]:
    """Lists the types of a union, without None; any other type stands alone."""
    if typing.get_origin(kind) is typing.Annotated:
        return _members(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        inner = (_members(member) for member in typing.get_args(kind) if member is not type(None))
        return tuple(member for members in inner for member in members)
    return (kind,)


def _child(kind: Any, part: Any) -> Any:
    """Returns the type below one key or index, None where the types do not say."""
    for member in _members(kind):
        fields = _fields(member)
        if part in fields:
            return fields[part]
        if typing.get_origin(member) in (list, tuple, dict, Mapping):
            inner = [arg for arg in typing.get_args(member) if arg is not Ellipsis]
            return inner[-1] if inner else None
    return None


def _fields(kind: Any) -> dict[str, Any]:
    """Names the fields of a settings model or a dataclass, each with its type."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    return {}

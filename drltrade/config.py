"""Turns strict YAML into frozen pydantic models and mistakes in it into sentences."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from drltrade.errors import UsageError, nearest

__all__ = ["Settings", "dump_yaml", "override", "parse", "read_yaml"]


class Settings(BaseModel):
    """Base of every settings model: frozen, no unknown keys, each default stated once."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


Model = TypeVar("Model", bound=BaseModel)


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, refusing a key that is written twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)  # type: ignore[no-untyped-call]
            if isinstance(key, Hashable) and key in seen:
                line = key_node.start_mark.line + 1
                raise UsageError(f"line {line}: the key '{key}' is written twice. Keep one.")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads one YAML file that holds a mapping; an empty file is an empty mapping.

    Raises:
        UsageError: the file is missing, is not YAML, repeats a key or is not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"Cannot read '{path}': {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"'{path}' is not a UTF-8 text file.") from error
    try:
        loader = _StrictLoader(text)
        try:
            content = loader.get_single_data()
        finally:
            loader.dispose()  # type: ignore[no-untyped-call]
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
        kind = type(content).__name__
        raise UsageError(f"'{path}' holds a {kind}; it must be a mapping of 'key: value' lines.")
    return content


def dump_yaml(content: Mapping[str, Any]) -> str:
    """Writes a mapping as YAML in the order given."""
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)


def override(content: Mapping[str, Any], assignment: str) -> dict[str, Any]:
    """Returns a copy with one dotted key replaced, as in `env.costs.commission.rate=0.001`.

    The value is read as YAML, so numbers, lists and `null` mean what they mean in a file.

    Raises:
        UsageError: there is no `=`, a part of the key is empty, or the key runs through a value.
    """
    key, equals, text = assignment.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        raise UsageError(
            f"'{assignment}' is not a setting. Write key=value, as in env.costs.commission.rate=0.001."
        )
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"The value of '{key}' cannot be read: '{text}'.") from error
    result = dict(content)
    inner = result
    for part in parts[:-1]:
        child = inner.get(part)
        if child is None:
            child = {}
        elif not isinstance(child, Mapping):
            # A short form such as `data: sample`: the models say themselves what it stands for.
            raise UsageError(f"'{key}' cannot be set: '{part}' is the single value '{child}'.")
        inner[part] = dict(child)
        inner = inner[part]
    inner[parts[-1]] = value
    return result


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
        problems = [_problem(model, item) for item in error.errors()]
        unique = list(dict.fromkeys(problems))
        raise UsageError(f"{where}: {' '.join(unique[:5])}") from error


def _problem(model: type[BaseModel], item: Any) -> str:
    path = [str(part) for part in item["loc"]]
    key = ".".join(path)
    if item["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        allowed = _fields_at(model, path[:-1])
        return f"Unknown key '{key}'.{nearest(path[-1], allowed)} Allowed: {', '.join(allowed)}."
    if item["type"] == "missing":
        return f"'{key}' is missing."
    message = str(item["msg"]).removeprefix("Value error, ").rstrip(".")
    if item["type"] == "value_error":
        return f"'{key}': {message}." if key else f"{message}."
    value = item["input"]
    shown = f" but is {value!r}" if not isinstance(value, Mapping) else ""
    return f"'{key}'{shown}: {message}."


def _fields_at(model: Any, path: Iterable[str]) -> list[str]:
    """Names the settings allowed at a dotted path, for the 'did you mean' of an unknown key."""
    current: Any = model
    for part in path:
        fields = _fields(current)
        if part not in fields:
            continue
        current = fields[part]
    return list(_fields(current))


def _fields(kind: Any) -> dict[str, Any]:
    for candidate in (kind, *getattr(kind, "__args__", ())):
        if hasattr(candidate, "model_fields"):
            return {name: field.annotation for name, field in candidate.model_fields.items()}
        if hasattr(candidate, "__dataclass_fields__"):
            return {name: field.type for name, field in candidate.__dataclass_fields__.items()}
    return {}

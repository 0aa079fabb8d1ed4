"""What a reward remembers, as plain arrays that a checkpoint can hold."""

from __future__ import annotations

import copy
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from drltrade.errors import UsageError

__all__ = ["remembered", "remind"]

_ATOMS = (type(None), bool, int, float, str)


def remembered(name: str, function: Any) -> Any:
    """Returns a copy of what one term of a reward remembers.

    A class with `state()` and `restore(state)` says so itself. Otherwise its attributes are its
    memory: numpy arrays, numbers, strings, and lists, tuples and dicts of these. Functions
    remember nothing.

    Args:
        name: the term, for the error.
        function: the callable.

    Raises:
        UsageError: an attribute is something else.
    """
    owner = _owner(function)
    if owner is None:
        return None
    if _has_own_words(owner):
        memory = copy.deepcopy(owner.state())
        if not _is_plain(memory):
            raise UsageError(
                f"What state() of reward '{name}' returns cannot be kept. It may hold numpy arrays,"
                " numbers, strings, and lists, tuples and dicts of these."
            )
        return memory
    held = {key: value for key, value in _attributes(owner).items() if not _is_code(value)}
    strange = [key for key, value in held.items() if not _is_plain(value)]
    strange += [key for kind in type(owner).__mro__ for key in vars(kind).get("__slots__", ())]
    if strange:
        raise UsageError(
            f"Reward '{name}' remembers '{strange[0]}', which cannot be kept: attributes may be"
            " numpy arrays, numbers, strings, and lists, tuples and dicts of these. Or give it"
            " state() and restore(state)."
        )
    return copy.deepcopy(held)


def remind(function: Any, memory: Any) -> None:
    """Gives one term back what `remembered` found in one made alike."""
    owner = _owner(function)
    if owner is None:
        return
    memory, held = copy.deepcopy(memory), _attributes(owner)
    if _has_own_words(owner):
        owner.restore(memory)
        return
    for key in [key for key, value in held.items() if not _is_code(value)]:
        del held[key]
    held.update(memory)


def _owner(function: Any) -> Any:
    """The object whose attributes a callable may remember in; None for a plain function."""
    if isinstance(function, MethodType):
        return _owner(function.__self__)
    return None if _is_code(function) else function


def _attributes(owner: Any) -> dict[str, Any]:
    return getattr(owner, "__dict__", {})


def _is_code(value: Any) -> bool:
    """Says whether something can be called or asked, but not changed by being so."""
    return isinstance(value, FunctionType | BuiltinFunctionType | ModuleType | np.ufunc | type)


def _has_own_words(owner: Any) -> bool:
    return callable(getattr(owner, "state", None)) and callable(getattr(owner, "restore", None))


def _is_plain(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return type(value) is np.ndarray and not value.dtype.hasobject
    if type(value) in (list, tuple):
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(type(key) in (str, int) for key in value) and all(map(_is_plain, value.values()))
    return type(value) in _ATOMS or isinstance(value, np.generic)

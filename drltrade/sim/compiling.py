"""Compiles functions of the kernel so that neither their seams nor a stale cache can be felt."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit, types
from numba.extending import intrinsic

__all__ = ["at", "entry", "inlined", "seldom"]

_FILES = ("compiling.py", "rows.py", "rules.py", "orders.py", "holding.py", "kernel.py")
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}


def _digest() -> str:
    sources = [(Path(__file__).parent / name).read_bytes() for name in _FILES]
    return hashlib.sha256(b"".join(sources)).hexdigest()[:16]


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles one thought of the kernel into whoever calls it: calls would cost more than it."""
    compiled: Callable[..., Any] = njit(inline="always", **_OPTIONS)(function)
    return compiled


def seldom(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles what happens seldom once and apart: it would only make the loop longer."""
    function.__qualname__ += f"-{_DIGEST}"
    compiled: Callable[..., Any] = njit(**_OPTIONS)(function)
    return compiled


def entry(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles a function that Python calls, cached under a name that changes with the kernel.

    numba's cache notices a change of the file that holds the function, but not of those that it
    calls into; so the name of the cached code carries a digest of all of them.
    """
    function.__qualname__ += f"-{_DIGEST}"
    compiled: Callable[..., Any] = njit(**_OPTIONS)(function)
    return compiled


@intrinsic
def at(typing_context: Any, address: types.Type) -> Any:
    """A number as the pointer that it is, for `numba.carray`.

    Arrays made so carry no reference count; Python holds the arrays for the length of a call. The
    inner loops would otherwise count references at every seam between two functions, and spend most
    of their time on it; and one world of addresses is handed over faster than twelve arrays.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.voidptr(address), generate


_DIGEST = _digest()

"""Runs the money kernel as plain Python: to plant mistakes in it, to count its lines."""

import ctypes

import numba
import numpy as np
import pytest


def leave_uncompiled(patch: pytest.MonkeyPatch) -> None:
    """Makes plain Python of what numba compiles: functions as they are, and numbers as pointers.

    It must come before the kernel is imported.
    """
    patch.setattr(numba, "njit", _as_it_is)
    patch.setattr(numba, "carray", _array_at)
    patch.setattr(numba.extending, "intrinsic", lambda function: lambda address: address)


def _as_it_is(function=None, **options):
    return function if function is not None else lambda inner: inner


class _Row(np.record):
    """A row whose fields are attributes, also the one that numpy has a method of that name for."""

    fill = property(lambda self: self["fill"])


def _array_at(address, shape, dtype):
    """The array that lies at an address; the engine that knows the address keeps it alive."""
    dtype = np.dtype(dtype)
    if dtype.names:
        dtype = np.dtype((_Row, dtype))
    size = int(np.prod(shape)) * dtype.itemsize
    if size == 0:
        return np.zeros(shape, dtype)
    memory = (ctypes.c_char * size).from_address(int(address))
    return np.frombuffer(memory, dtype).reshape(shape)

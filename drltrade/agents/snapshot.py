"""Keeps a tree of plain values, arrays and tensors in one safetensors file, bit for bit."""

from __future__ import annotations

import contextlib
import json
import math
import os
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from drltrade.errors import DrltradeError, UsageError

__all__ = ["Damaged", "load_tree", "save_tree"]

FORMAT = "drltrade tree 1"

Bytes = NDArray[np.uint8]


class Damaged(DrltradeError):
    """A snapshot that is not what was written."""


def save_tree(path: Path, tree: Any) -> None:
    """Writes a tree beside its place, flushes it to the disk, and renames it.

    Whoever reads finds the tree before or this one, whenever the process or the machine is stopped.
    Only one process may write to a path at a time.

    Args:
        path: the file.
        tree: dicts, lists, tuples, None, bool, int, float and str; numpy arrays and numbers of any
            type that holds no Python objects; dense torch tensors, which come back on the CPU and
            without gradients. Keys of dicts are str or int. Subclasses of dict come back as dict.

    Raises:
        UsageError: the tree holds something else.
        DrltradeError: the disk refuses.
    """
    blobs: dict[str, Bytes] = {}
    text = json.dumps(_encode(tree, "", blobs), separators=(",", ":"), allow_nan=False)
    metadata = {"format": FORMAT, "tree": text, "sum": _sum(text, blobs)}
    beside = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.write(_header(metadata, blobs))
            for blob in blobs.values():
                file.write(blob.data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        _flush_names(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise DrltradeError(f"Cannot write '{path}': {error.strerror}.") from error


def load_tree(path: Path) -> Any:
    """Reads what `save_tree` wrote; arrays are fresh and writable.

    Raises:
        Damaged: the file is truncated, changed, or no snapshot.
        DrltradeError: it cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            blobs = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        reason = error.strerror or str(error)
        raise DrltradeError(f"Cannot read '{path}': {reason}.") from error
    except (SafetensorError, UnicodeDecodeError) as error:
        raise Damaged(f"'{path}' is damaged: {error}.") from error
    if metadata.get("format") != FORMAT:
        raise Damaged(f"'{path}' is no snapshot of this drltrade.")
    text = metadata.get("tree", "")
    whole = set(blobs) == {str(at) for at in range(len(blobs))}
    if not whole or metadata.get("sum") != _sum(text, blobs):
        raise Damaged(f"'{path}' is damaged: its checksum is not the one that it states.")
    return _decode(json.loads(text), blobs)


def _header(metadata: Mapping[str, str], blobs: Mapping[str, Bytes]) -> bytes:
    """What a safetensors file begins with: where everything lies.

    The library's own writer copies every array once more, and has no way to flush.
    """
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name, blob in blobs.items():
        begin, end = end, end + blob.size
        header[name] = {"dtype": "U8", "shape": [blob.size], "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def _flush_names(folder: Path) -> None:
    """Brings a renamed file's name to the disk, where a folder can be opened."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sum(text: str, blobs: Mapping[str, Bytes]) -> str:
    """The checksum of all that a file holds."""
    total = zlib.crc32(text.encode())
    for at in range(len(blobs)):
        total = zlib.crc32(blobs[str(at)].data, total)
    return f"{total:08x}"


# A tree becomes JSON in which lists stand for themselves and every other container, array and
# unusual number is an object with one key that says what it is.


def _encode(value: Any, place: str, blobs: dict[str, Bytes]) -> Any:
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": struct.pack(">d", value).hex()}
    if kind in (list, tuple):
        items = [_encode(item, f"{place}/{at}", blobs) for at, item in enumerate(value)]
        return items if kind is list else {"tuple": items}
    if isinstance(value, dict):
        return {"dict": [_pair(key, item, place, blobs) for key, item in value.items()]}
    if isinstance(value, torch.Tensor):
        return {"tensor": _encode_tensor(value, place, blobs)}
    if kind is np.ndarray:
        return {"array": _encode_array(value, place, blobs)}
    if isinstance(value, np.generic):
        return {"number": _encode_array(np.asarray(value), place, blobs)}
    raise _strange(kind.__qualname__, place)


def _pair(key: Any, item: Any, place: str, blobs: dict[str, Bytes]) -> list[Any]:
    if type(key) not in (str, int):
        raise _strange(f"key of type {type(key).__qualname__}", place)
    return [key, _encode(item, f"{place}/{key}", blobs)]


def _strange(what: str, place: str) -> UsageError:
    return UsageError(
        f"A snapshot cannot hold the {what} at '{place or '/'}'. It takes dicts, lists, tuples,"
        " plain values, numpy arrays and torch tensors."
    )


def _encode_array(array: NDArray[Any], place: str, blobs: dict[str, Bytes]) -> list[Any]:
    if array.dtype.hasobject:
        raise _strange("array of Python objects", place)
    descr = np.lib.format.dtype_to_descr(array.dtype)
    flat = np.ascontiguousarray(array).reshape(-1)
    blob = flat.view(np.uint8) if array.dtype.itemsize else np.empty(0, np.uint8)
    return [_keep(blob, blobs), descr, list(array.shape)]


def _encode_tensor(tensor: torch.Tensor, place: str, blobs: dict[str, Bytes]) -> list[Any]:
    if tensor.layout is not torch.strided or tensor.is_quantized:
        raise _strange(f"{tensor.layout} tensor", place)
    plain = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
    blob = plain.view(torch.uint8).numpy() if plain.numel() else np.empty(0, np.uint8)
    return [_keep(blob, blobs), str(tensor.dtype).removeprefix("torch."), list(tensor.shape)]


def _keep(blob: Bytes, blobs: dict[str, Bytes]) -> str:
    name = str(len(blobs))
    blobs[name] = blob
    return name


def _decode(node: Any, blobs: Mapping[str, Bytes]) -> Any:
    if isinstance(node, list):
        return [_decode(item, blobs) for item in node]
    if not isinstance(node, dict):
        return node
    ((kind, content),) = node.items()
    return _DECODERS[kind](content, blobs)


def _decode_array(content: list[Any], blobs: Mapping[str, Bytes]) -> NDArray[Any]:
    name, descr, shape = content
    dtype = np.lib.format.descr_to_dtype(_tuples(descr))
    if not dtype.itemsize:
        return np.zeros(shape, dtype)
    return _own(blobs[name]).view(dtype).reshape(shape)


def _decode_tensor(content: list[Any], blobs: Mapping[str, Bytes]) -> torch.Tensor:
    name, kind, shape = content
    dtype: torch.dtype = getattr(torch, kind)
    if not blobs[name].size:
        return torch.empty(shape, dtype=dtype)
    return torch.from_numpy(_own(blobs[name])).view(dtype).reshape(shape)


def _own(blob: Bytes) -> Bytes:
    """The bytes where any type may lie and be written."""
    usable = blob.flags.writeable and blob.ctypes.data % 16 == 0
    return blob if usable else blob.copy()


def _tuples(descr: Any) -> Any:
    """The description of a type as numpy writes it: JSON made lists of its tuples."""
    if isinstance(descr, str):
        return descr
    return [
        (tuple(name) if isinstance(name, list) else name, _tuples(kind), *map(tuple, shape))
        for name, kind, *shape in descr
    ]


_DECODERS: dict[str, Callable[[Any, Mapping[str, Bytes]], Any]] = {
    "float": lambda content, _: struct.unpack(">d", bytes.fromhex(content))[0],
    "tuple": lambda content, blobs: tuple(_decode(item, blobs) for item in content),
    "dict": lambda content, blobs: {key: _decode(item, blobs) for key, item in content},
    "tensor": _decode_tensor,
    "array": _decode_array,
    "number": lambda content, blobs: _decode_array(content, blobs)[()],
}

"""Loads what a user names as `path.py:Name`; nothing is ever found by scanning."""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from drltrade.errors import UsageError, nearest

__all__ = [
    "Plugin",
    "builtin_workspace",
    "find_file",
    "is_plugin",
    "load_plugin",
    "plugins_named",
    "workspace_roots",
]

_ROOMS = ("data", "envs", "agents", "experiments")


@dataclass(frozen=True)
class Plugin:
    """One object loaded from a user's file.

    Attributes:
        ref: the name as the user wrote it, `path.py:Name`.
        path: the file it came from.
        sha256: the hash of that file's content, so that a run can say what it ran.
        target: the function or class itself.
    """

    ref: str
    path: Path
    sha256: str
    target: Any


def is_plugin(ref: str) -> bool:
    """Says whether a name has the form `path.py:Name`."""
    path, colon, name = ref.rpartition(":")
    return bool(colon) and path.endswith(".py") and name.isidentifier()


def plugins_named(content: Any) -> list[str]:
    """Returns every `path.py:Name` found anywhere in settings, as a key or a value, sorted."""
    return sorted({text for text in _strings(content) if is_plugin(text)})


def _strings(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping):
        for key, value in content.items():
            yield from _strings(key)
            yield from _strings(value)
    elif isinstance(content, Iterable):
        for item in content:
            yield from _strings(item)


def find_file(name: str | Path, roots: Iterable[Path] = ()) -> Path | None:
    """Returns the first file that exists: from the current folder, then below each root."""
    path = Path(os.path.expanduser(name))
    candidates = [path] if path.is_absolute() else [path, *(Path(root) / path for root in roots)]
    try:
        return next((found.resolve() for found in candidates if found.is_file()), None)
    except OSError:  # a name that no file can have, such as one of a thousand letters
        return None


def builtin_workspace() -> Path:
    """Returns the shipped settings: the checkout's root, or the copy that the wheel holds."""
    package = Path(__file__).resolve().parent
    packed = package / "workspace"
    return packed if packed.is_dir() else package.parent


def workspace_roots(file: str | Path | None = None) -> tuple[Path, ...]:
    """Lists where names are looked up after the current folder, nearest first.

    A settings file `lab/envs/x.yaml` makes `lab` a root; the shipped settings come last.
    """
    roots = []
    if file is not None:
        folder = Path(file).resolve().parent
        roots.append(folder.parent if folder.name in _ROOMS else folder)
    return (*roots, builtin_workspace())


def load_plugin(ref: str, roots: Iterable[Path] = ()) -> Plugin:
    """Loads `path.py:Name` from the current folder or, failing that, from one of the roots.

    A file is executed once for each content: the same file named twice gives the same objects.

    Raises:
        UsageError: the form is wrong, the file is missing, it does not run, or it has no such name.
    """
    if not is_plugin(ref):
        raise UsageError(f"'{ref}' is not a plug-in. Write it as path.py:Name.")
    file, _, name = ref.rpartition(":")
    searched = [Path(root) for root in roots]
    path = find_file(file, searched)
    if path is None:
        places = ", ".join(dict.fromkeys(str(place) for place in (Path.cwd(), *searched)))
        raise UsageError(f"Plug-in file '{file}' does not exist. Looked in {places}.")
    source = path.read_bytes()
    digest = hashlib.sha256(source).hexdigest()
    module = _module(path, source, digest)
    target = vars(module).get(name)
    if target is None or not callable(target):
        public = [
            key
            for key, value in vars(module).items()
            if callable(value)
            and getattr(value, "__module__", None) == module.__name__
            and key[0] != "_"
        ]
        raise UsageError(
            f"'{path.name}' has no function or class '{name}'.{nearest(name, public)}"
            f" It has: {', '.join(public) or 'none'}."
        )
    return Plugin(ref, path, digest, target)


class _Source(importlib.abc.InspectLoader):
    """Runs the very bytes that were hashed; no byte code is cached beside the user's file."""

    def __init__(self, path: Path, source: bytes) -> None:
        self._path, self._source = path, source

    def get_source(self, fullname: str) -> str:
        return importlib.util.decode_source(self._source)

    def get_code(self, fullname: str) -> Any:
        return self.source_to_code(self._source, str(self._path))


def _module(path: Path, source: bytes, digest: str) -> ModuleType:
    key = f"drltrade_plugin_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}_{digest[:16]}"
    if key in sys.modules:
        return sys.modules[key]
    loader = _Source(path, source)
    module = ModuleType(key)
    module.__file__ = str(path)
    sys.modules[key] = module
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[key]
        raise UsageError(f"Plug-in '{path}' does not run: {_told(error, path)}.") from error
    return module


def _told(error: BaseException, path: Path) -> str:
    """Says what went wrong in a user's file, and on which line of it."""
    text = f"{type(error).__name__}: {error}".rstrip(": .")
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f"{text} (line {lines[-1]})" if lines else text

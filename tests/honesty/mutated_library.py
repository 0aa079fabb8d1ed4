"""Loads a second copy of the library with one line of its source changed, and runs a test on it.

Only the copy is wrong: modules are exchanged for the time of one test and put back. Rooms below the
change cannot feel it (imports point down) and are kept. A changed kernel runs as plain Python,
since compiling it would take seconds.
"""

import importlib
import importlib.machinery
import importlib.util
import inspect
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from plain_kernel import leave_uncompiled

import drltrade

LIBRARY = Path(drltrade.__file__).parent
TESTS = Path(__file__).parent
KERNEL = tuple(f"sim/{name}.py" for name in ("rows", "holding", "orders", "kernel"))
"""The files that are compiled together."""
OURS = ("drltrade", "small_worlds", "ruled_policies", "honesty.accounts")
"""What is loaded anew; the last three hold classes of the library that they were loaded with."""


@dataclass(frozen=True)
class Mutant:
    """A mistake: a text of one file, what stands there instead, and the tests that must notice."""

    name: str
    file: str
    old: str
    new: str
    caught_by: tuple[str, ...]

    @property
    def source(self) -> str:
        """The file with the mistake in it."""
        text = (LIBRARY / self.file).read_text(encoding="utf-8")
        found = text.count(self.old)
        if found != 1:
            raise LookupError(
                f"The mutant '{self.name}' stands {found} times in {self.file}; it must be found"
                f" once. The library has moved on: write the mutant anew.\n{self.old}"
            )
        return text.replace(self.old, self.new)


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles a text that differs from the file's."""

    def __init__(self, module: str, path: str, source: str) -> None:
        super().__init__(module, path)
        self._source = source

    def get_code(self, fullname):
        return self.source_to_code(self._source.encode(), self.path)


class _Finder:
    """Answers for the one module that is changed."""

    def __init__(self, file: str, source: str) -> None:
        self.module = ".".join(("drltrade", *Path(file).with_suffix("").parts))
        self._file, self._source = str(LIBRARY / file), source

    def find_spec(self, name, path=None, target=None):
        if name != self.module:
            return None
        loader = _Loader(name, self._file, self._source)
        return importlib.util.spec_from_file_location(name, self._file, loader=loader)


@cache
def _ladder() -> tuple[str, ...]:
    """The rooms of the library from the lowest up, as the import contract of the house has them."""
    house = tomllib.loads((LIBRARY.parent / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = house["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    return tuple(reversed(layers))


def _can_feel(name: str, file: str) -> bool:
    """Whether a loaded module may have something of a file of the library in it."""
    package, *rooms = name.split(".")
    if package != "drltrade" or not rooms or rooms[0] not in _ladder():
        return name in OURS or package == "drltrade"
    changed = Path(file).with_suffix("").parts[0]
    return _ladder().index(rooms[0]) >= _ladder().index(changed)


@contextmanager
def library(file: str, source: str) -> Iterator[None]:
    """Exchanges the library for a copy in which `file` reads `source`."""
    kernel = importlib.import_module("drltrade.sim.kernel")
    kept = {name: module for name, module in sys.modules.items() if _can_feel(name, file)}
    for name in kept:
        del sys.modules[name]
    if file not in KERNEL:
        sys.modules["drltrade.sim.kernel"] = kernel  # compiled already
    sys.meta_path.insert(0, _Finder(file, source))
    try:
        if file in KERNEL:
            with pytest.MonkeyPatch.context() as patch:
                leave_uncompiled(patch)
                importlib.import_module("drltrade.sim.kernel")
        yield
    finally:
        sys.meta_path.pop(0)
        for name in [name for name in sys.modules if _can_feel(name, file)]:
            del sys.modules[name]
        sys.modules.update(kept)


def files_by_test() -> dict[str, Path]:
    """The file of every honesty test, by the test's name without its `test_`."""
    found = {}
    for file in sorted(TESTS.glob("test_honesty_*.py")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("def test_"):
                found[line.removeprefix("def test_").partition("(")[0]] = file
    return found


def load_tests(file: Path) -> ModuleType:
    """Imports a test file anew, so that it uses the library of the moment."""
    spec = importlib.util.spec_from_file_location(f"copy_of_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fails(name: str, folder: Path) -> bool:
    """Runs one honesty test on the library of the moment; says whether its claim broke.

    Any other exception than a broken claim goes on: a mutant that merely crashes proves nothing.
    """
    test = getattr(load_tests(files_by_test()[name]), f"test_{name}")
    folder.mkdir(parents=True, exist_ok=True)
    arguments = {"tmp_path": folder} if "tmp_path" in inspect.signature(test).parameters else {}
    try:
        test(**arguments)
    except (AssertionError, pytest.fail.Exception):
        return True
    return False

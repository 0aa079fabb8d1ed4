"""What the library's own source never does, whatever it is asked: each rule read from the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "drltrade").rglob("*.py"))
FORBIDDEN_MODULES = {"pickle", "cloudpickle", "dill", "marshal", "shelve", "joblib"}
FORBIDDEN_CALLS = {
    "eval": "settings are data, never code",
    "exec": "settings are data, never code",
    "torch.load": "it unpickles",
    "np.load": "it may unpickle",
    "pd.read_pickle": "it unpickles",
    "yaml.load": "the strict loader in drltrade/config.py is the only door",
    "yaml.unsafe_load": "it builds objects",
    "yaml.full_load": "it builds objects",
    "warnings.simplefilter": "filters belong to the user",
    "warnings.filterwarnings": "filters belong to the user",
    "np.random.seed": "the global generator belongs to the user",
    "random.seed": "the global generator belongs to the user",
}


def dotted(node: ast.AST) -> str:
    """Spells `a.b.c` from the syntax tree."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def offences(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Assert):
            yield f"line {line}: assert (users never meet one; raise DrltradeError)"
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                if name.split(".")[0] in FORBIDDEN_MODULES:
                    yield f"line {line}: import {name} (nothing is ever unpickled)"
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in FORBIDDEN_CALLS:
                yield f"line {line}: {name} ({FORBIDDEN_CALLS[name]})"
            if name.endswith((".bfill", ".backfill")):
                yield f"line {line}: {name} (filling backwards looks ahead)"
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield f"line {line}: a bare except"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_of_the_library_keeps_the_rules(path: Path) -> None:
    assert not list(offences(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_first_line_of_a_file_says_its_one_job(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring
    first = docstring.splitlines()[0]
    assert first.endswith(".")
    assert len(first) > 15


def test_the_rules_find_what_they_forbid() -> None:
    bad = (
        "import pickle\nassert x\neval('1')\ntorch.load(p)\nnp.random.seed(3)\nframe.bfill()\n"
        "try:\n    pass\nexcept:\n    pass\nyaml.load(t)\nwarnings.simplefilter('ignore')\n"
    )
    assert len(list(offences(ast.parse(bad)))) == 9
    assert not list(offences(ast.parse("np.random.default_rng(3)\nyaml.safe_load(t)\n")))

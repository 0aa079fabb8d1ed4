"""Plug-ins: named, found from the workspace, run once for each content, refused in one sentence."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from drltrade.errors import UsageError
from drltrade.plugins import builtin_workspace, find_file, is_plugin, load_plugin, workspace_roots


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "envs").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_plug_in_is_a_python_file_and_a_name() -> None:
    assert is_plugin("envs/rewards.py:careful")
    assert is_plugin("C:/lab/rewards.py:careful")
    for ref in ("careful", "envs/rewards.py", "rewards.py:", "rewards:f", "r.py:a.b", "r.py:1", ""):
        assert not is_plugin(ref)


def test_a_plug_in_brings_the_object_its_path_and_the_hash_of_what_ran(workspace: Path) -> None:
    path = write(workspace / "envs" / "r.py", "def double(step):\n    return 2 * step\n")
    plugin = load_plugin("envs/r.py:double")
    assert plugin.target(21) == 42
    assert plugin.path == path.resolve()
    assert plugin.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_runs_once_for_each_content(workspace: Path) -> None:
    count = "from pathlib import Path\nwith Path('count').open('a') as file:\n    file.write('x')\n"
    path = write(workspace / "r.py", count + "def f():\n    return 1\ndef g():\n    return 2\n")
    first = load_plugin("r.py:f")
    assert load_plugin("r.py:f").target is first.target
    assert load_plugin(f"{path}:g").target() == 2
    assert (workspace / "count").read_text() == "x"

    write(path, count + "def f():\n    return 3\n")
    changed = load_plugin("r.py:f")
    assert changed.target() == 3
    assert changed.sha256 != first.sha256
    assert first.target() == 1
    assert (workspace / "count").read_text() == "xx"


def test_equal_files_in_two_places_are_two_modules(workspace: Path) -> None:
    for folder in ("a", "b"):
        (workspace / folder).mkdir()
        write(workspace / folder / "r.py", "class Memory:\n    pass\n")
    assert load_plugin("a/r.py:Memory").target is not load_plugin("b/r.py:Memory").target


def test_no_byte_code_is_left_beside_the_users_file(workspace: Path) -> None:
    write(workspace / "r.py", "def f():\n    pass\n")
    load_plugin("r.py:f")
    assert sorted(path.name for path in workspace.iterdir()) == ["envs", "r.py"]


def test_dataclasses_and_postponed_annotations_work_in_a_plug_in(workspace: Path) -> None:
    write(
        workspace / "r.py",
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Slow:\n    lag: int = 3\n",
    )
    assert load_plugin("r.py:Slow").target().lag == 3


def test_the_current_folder_comes_before_the_roots(
    workspace: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "envs").mkdir()
    write(other / "envs" / "r.py", "def f():\n    return 'root'\n")
    assert load_plugin("envs/r.py:f", [other]).target() == "root"
    write(workspace / "envs" / "r.py", "def f():\n    return 'here'\n")
    assert load_plugin("envs/r.py:f", [other]).target() == "here"


def test_the_folder_above_a_settings_file_is_a_root_and_the_shipped_settings_come_last(
    workspace: Path,
) -> None:
    assert workspace_roots(workspace / "envs" / "x.yaml") == (workspace, builtin_workspace())
    assert workspace_roots(workspace / "x.yaml") == (workspace, builtin_workspace())
    assert workspace_roots() == (builtin_workspace(),)
    assert (builtin_workspace() / "envs").is_dir()


@pytest.mark.parametrize(
    ("ref", "text", "sentence"),
    [
        ("r.py", "", "'r.py' is not a plug-in. Write it as path.py:Name."),
        ("none.py:f", "", "Plug-in file 'none.py' does not exist. Looked in "),
        ("r.py:careful", "def carefull(s):\n    pass\n", "Did you mean 'carefull'? It has: caref"),
        ("r.py:f", "from math import log\nX = 3\n", "has no function or class 'f'. It has: none."),
        ("r.py:X", "X = 3\n", "has no function or class 'X'"),
        (
            "r.py:f",
            "\nimport no_such_module\n",
            "No module named 'no_such_module' (line 2",
        ),
        ("r.py:f", "def f(:\n", "does not run: SyntaxError: invalid syntax (r.py, line 1)."),
        ("r.py:f", "def f():\n    pass\n1 / 0\n", "ZeroDivisionError: division by zero (line 3)."),
        ("r.py:f", "raise ValueError\n", "does not run: ValueError (line 1)."),
        ("r.py:f", "import sys\nsys.exit(3)\n", "does not run: SystemExit: 3 (line 2)."),
        ("r.py:f", "\0", "does not run: SyntaxError"),
    ],
)
def test_a_plug_in_that_cannot_be_loaded_is_refused_in_one_sentence(
    workspace: Path, ref: str, text: str, sentence: str
) -> None:
    write(workspace / "r.py", text)
    before = set(sys.modules)
    with pytest.raises(UsageError) as caught:
        load_plugin(ref)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    leftovers = {name for name in set(sys.modules) - before if name.startswith("drltrade_plugin")}
    assert not leftovers or "does not run" not in str(caught.value)


def test_names_that_no_file_can_have_are_not_found() -> None:
    for name in ("x" * 5000, "x\0y", "~nobody_of_that_name/x"):
        assert find_file(name) is None

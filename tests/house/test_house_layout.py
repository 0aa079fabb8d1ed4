"""The house keeps its shape: settings at the root, code in the rooms, imports down one ladder."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ("data", "envs", "agents", "experiments")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("folder", SETTINGS)
def test_a_settings_folder_is_no_package_and_says_what_a_file_in_it_is(folder: str) -> None:
    assert not list((ROOT / folder).rglob("__init__.py"))
    lines = (ROOT / folder / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 25
    assert f"`drltrade/{folder}/`" in "\n".join(lines[:6])


def test_the_ladder_names_every_room_once_and_the_readme_prints_it() -> None:
    ladder, *_ = PROJECT["tool"]["importlinter"]["contracts"]
    assert ladder["type"] == "layers"
    assert ladder["exhaustive"] is True
    package = ROOT / "drltrade"
    rooms = {path.parent.name for path in package.glob("*/__init__.py")}
    files = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    assert sorted(ladder["layers"]) == sorted(rooms | files)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert " > ".join(ladder["layers"]) in " ".join(readme.split())


def test_imports_point_down_only() -> None:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout
    assert "0 broken" in answer.stdout


def test_the_version_is_written_once_for_users_and_once_for_packaging() -> None:
    import drltrade

    assert drltrade.__version__ == PROJECT["project"]["version"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {drltrade.__version__}" in changes


def test_every_dependency_and_tool_is_pinned_in_the_tested_set() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {_plain(line.partition("==")[0]) for line in lines if "==" in line}
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    missing = [name for name in wanted if _plain(name) not in pins]
    assert not missing
    assert all("==" in line or line.startswith("#") for line in lines)
    assert "torch==2.13.0" in lines


def test_a_file_of_code_is_read_in_one_sitting() -> None:
    long = {
        str(path.relative_to(ROOT)): length
        for path in (ROOT / "drltrade").rglob("*.py")
        if (length := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def _plain(requirement: str) -> str:
    for mark in "<>=!~[; ":
        requirement = requirement.partition(mark)[0]
    return requirement.lower().replace("_", "-")

"""The make targets set up what they need, and say in words what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKE = shutil.which("make") or "make"


def run(command: list[str | Path], folder: Path, path: Path | None = None) -> Any:
    """Runs a command as from a shell, though these tests themselves run below make."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    if path:
        environment["PATH"] = str(path)
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def make(folder: Path, *arguments: str, path: Path | None = None) -> Any:
    return run([MAKE, "-f", ROOT / "Makefile", *arguments], folder, path)


def test_without_a_fitting_python_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    old = tmp_path / "bin"
    old.mkdir()
    (old / "python3").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (old / "python3").chmod(0o755)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    answer = make(tmp_path, "setup", path=old)
    assert answer.returncode != 0
    assert "drltrade needs Python 3.11 or newer" in answer.stderr
    assert "PYTHON=" in answer.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("target", ["setup", "demo", "test", "check", "fix", "bench"])
def test_every_target_sets_up_first_and_torch_is_pinned_and_first(
    tmp_path: Path, target: str
) -> None:
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    planned = make(tmp_path, "--dry-run", target)
    assert planned.returncode == 0, planned.stderr
    installs = [line for line in planned.stdout.splitlines() if " -m pip install " in line]
    assert all("--constraint constraints.txt" in line for line in installs)
    first = next(at for at, line in enumerate(installs) if " torch " in line)
    second = next(at for at, line in enumerate(installs) if "--editable ." in line)
    assert first < second
    tools = any("--group dev" in line for line in installs)
    assert tools == (target in ("test", "check", "fix"))


def test_what_is_set_up_is_not_set_up_again(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    names = ("pyproject.toml", "constraints.txt", ".venv/bin/python", ".venv/.setup-done")
    for age, name in enumerate(names):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000 + age, 1000 + age))
    assert "pip install" not in make(tmp_path, "--dry-run", "demo").stdout
    os.utime(tmp_path / "constraints.txt", (2000, 2000))
    assert "pip install" in make(tmp_path, "--dry-run", "demo").stdout


def test_ci_runs_make_test_and_keeps_its_verdict_and_its_last_line(tmp_path: Path) -> None:
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    for end, code in (("3 passed in 1.00s", 0), ("1 failed, 2 passed in 1.00s", 1)):
        text = f"test:\n\t@echo '==== {end} ===='\n\t@echo more; exit {code}\n"
        (tmp_path / "Makefile").write_text(text, encoding="utf-8")
        answer = run([tmp_path / ".ci" / "run"], tmp_path)
        assert bool(answer.returncode) == bool(code)
        assert answer.stdout.splitlines()[-1] == f"==== {end} ===="

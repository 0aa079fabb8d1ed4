"""The wheel works far from the checkout: installed alone, it runs, makes a workspace and trains."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ("data", "envs", "agents", "experiments")

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> str:
    """Runs a command as a user's shell would, without this process's Python path."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    answer = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, f"{command}\n{answer.stdout[-3000:]}\n{answer.stderr[-3000:]}"
    return answer.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment that holds the wheel and sees this one's packages."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    build = ("wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation")
    run(*pip, *build, "--wheel-dir", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("drltrade-*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    # A path that a .pth file adds is not searched for .pth files itself, so the packages are seen
    # and the editable drltrade beside them is not.
    paths = {"base": str(folder / "venv"), "platbase": str(folder / "venv")}
    site = Path(sysconfig.get_path("purelib", "venv", paths))
    (site / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    python = folder / "venv" / "bin" / "python"
    install = ("install", "--quiet", "--no-index", "--no-deps", wheel)
    run(*pip, "--python", python, *install, cwd=folder)
    return python.parent


def test_the_wheel_holds_its_own_code_and_the_shipped_settings(installed: Path) -> None:
    code = "import drltrade, drltrade.plugins as p; print(drltrade.__file__, p.builtin_workspace())"
    file, workspace = (
        Path(text) for text in run(installed / "python", "-c", code, cwd=installed).split()
    )
    assert file.is_relative_to(installed.parent)
    assert workspace == file.parent / "workspace"
    for folder in SETTINGS:
        shipped = {path.name for path in (workspace / folder).iterdir()} - {"__pycache__"}
        listed = {path.name for path in (ROOT / folder).iterdir()} - {"__pycache__", "cache"}
        assert shipped == listed


def test_a_new_workspace_trains_its_first_experiment(installed: Path, tmp_path: Path) -> None:
    drltrade = installed / "drltrade"
    assert "train" in run(drltrade, "--help", cwd=tmp_path)
    run(drltrade, "new", "lab", cwd=tmp_path)
    lab = tmp_path / "lab"
    assert {folder.name for folder in lab.iterdir()} >= set(SETTINGS)
    tiny = ("--set", "budget.steps=2000")
    printed = run(drltrade, "train", "experiments/first.yaml", *tiny, cwd=lab)
    assert "sharpe" in printed.lower()
    assert list((lab / "runs").rglob("policy.safetensors"))
    assert list((lab / "runs").rglob("*.html"))

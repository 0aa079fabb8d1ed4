"""The command as a process: quick to answer, light to import, clean to stop."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PYTHON = [sys.executable, "-m", "drltrade"]


def test_importing_the_package_loads_nothing_heavy_and_changes_nothing_global():
    code = (
        "import random, sys, warnings\n"
        "state, filters = random.getstate(), list(warnings.filters)\n"
        "import drltrade\n"
        "heavy = {'torch', 'pandas', 'numpy', 'gymnasium', 'stable_baselines3', 'numba', 'rich'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "assert random.getstate() == state and warnings.filters == filters\n"
        "import drltrade.cli.app\n"
        "assert not (heavy - {'rich'}) & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_are_few_and_all_there():
    import drltrade

    assert len(drltrade.__all__) <= 15
    assert dir(drltrade)[: len(drltrade.__all__)] == sorted(drltrade.__all__) or set(
        drltrade.__all__
    ) <= set(dir(drltrade))
    for name in drltrade.__all__:
        assert callable(getattr(drltrade, name)), name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        drltrade.nothing  # noqa: B018


def test_the_backtest_room_is_also_the_function():
    code = (
        "import drltrade.backtest.metrics as metrics\n"
        "import drltrade\n"
        "record = drltrade.backtest('cash', start='2013')\n"
        "assert metrics.compute_metrics(record)['total_return'] == 0\n"
        "from drltrade.backtest import run_backtest\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_version_is_the_one_of_the_package():
    import drltrade

    done = subprocess.run([*PYTHON, "--version"], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == f"drltrade {drltrade.__version__}"


def test_a_reader_that_leaves_early_is_no_error():
    command = f"{sys.executable} -m drltrade list settings | head -1"
    done = subprocess.run(command, shell=True, check=True, capture_output=True, text=True)
    assert done.stderr == ""


@pytest.mark.slow
def test_ctrl_c_ends_training_with_one_line_and_keeps_what_was_done(tmp_path):
    command = [
        *PYTHON, "train", "--agent", "ppo", "--steps", "50000000", "--seeds", "3",
        "--workers", "2", "--name", "stopped",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    workers = _until_training(process.pid, tmp_path)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.strip().splitlines()[-1].startswith("drltrade: Stopped.")
    assert "Traceback" not in err
    assert out == ""
    end = time.monotonic() + 10  # Python's own helper process leaves a moment later
    while (left := [pid for pid in workers if Path(f"/proc/{pid}").exists()]) and (
        time.monotonic() < end
    ):
        time.sleep(0.05)
    assert left == []
    assert not list((tmp_path / "runs" / "stopped").glob("[!.]*seed*"))


def _until_training(pid: int, folder: Path) -> list[int]:
    """Waits until two workers have begun to train; returns their process ids."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if len(list((folder / "runs").glob("stopped/.*partial"))) == 2:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            return [int(child) for child in children]
        time.sleep(0.1)
    raise AssertionError("the workers did not begin to train")

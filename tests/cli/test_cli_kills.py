"""kill -9, and the same command goes on."""

import os
import signal
import subprocess
import time

import pytest
from kills import checkpoints, command, compare, saved_steps, undisturbed


@pytest.mark.slow
@pytest.mark.parametrize(("agent", "steps"), [("ppo", 150_000), ("dqn", 60_000)])
def test_a_killed_command_goes_on_and_ends_as_if_it_had_not_been_killed(tmp_path, agent, steps):
    undisturbed(agent, steps, tmp_path)
    again = command(agent, steps, "killed", tmp_path)
    process = subprocess.Popen(again, stderr=subprocess.DEVNULL, start_new_session=True)
    end = time.monotonic() + 120
    while not checkpoints(tmp_path) and time.monotonic() < end:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert 0 < saved_steps(tmp_path) < steps
    done = subprocess.run(again, check=True, capture_output=True, text=True)
    assert ": resumed at " in done.stderr
    assert compare(tmp_path) == []

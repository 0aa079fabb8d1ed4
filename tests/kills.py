"""Kills trainings at random moments and holds what they come to against one that was left alone.

    python tests/kills.py --kills 30 --agents ppo a2c reinforce dqn sac

Each agent is trained once undisturbed. Then the same command is begun again and again and ended by
SIGKILL, until every kill is spent; the last one may finish. Nothing is lost if each command goes on
at most one interval before the kill, and nothing is corrupt if the weights, the metrics and the
records are those of the undisturbed training, byte for byte.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from drltrade.agents.snapshot import load_tree

SAME = ("policy.safetensors", "equity.parquet", "trades.parquet")
INTERVAL = 0.5
"""Seconds between two checkpoints."""


MOMENTS = ("starting", "before its first checkpoint", "training", "after the training")
"""What a command was at when it was killed."""


@dataclass
class Ledger:
    """What became of one agent's kills."""

    agent: str
    moments: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MOMENTS, 0))
    resumed: int = 0  # commands that went on from a checkpoint
    lost: list[float] = field(default_factory=list)  # seconds since the last checkpoint
    faults: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return sum(self.moments.values())

    def __str__(self) -> str:
        when = ", ".join(f"{count} {moment}" for moment, count in self.moments.items() if count)
        lost = f"{max(self.lost):.1f} s" if self.lost else "nothing"
        return (
            f"{self.agent}: {self.kills} kills ({when}), resumed {self.resumed} times, lost at most"
            f" {lost} of training: {'; '.join(self.faults) or 'equal byte for byte'}"
        )


def command(agent: str, steps: int, name: str, out: Path) -> list[str]:
    """The training, as a user would type it."""
    return [
        sys.executable, "-m", "drltrade", "train", "--agent", agent, "--steps", str(steps),
        "--name", name, "--out", str(out), "--workers", "1",
        "--set", f"budget.checkpoint_seconds={INTERVAL}", "--set", "baselines=[cash]",
    ]  # fmt: skip


def undisturbed(agent: str, steps: int, out: Path) -> float:
    """Trains to the end; returns how many seconds it took."""
    began = time.monotonic()
    subprocess.run(command(agent, steps, "whole", out), check=True, capture_output=True)
    return time.monotonic() - began


def killed(agent: str, steps: int, out: Path, pause: float, ledger: Ledger) -> bool:
    """Begins or goes on, and kills after a while; returns whether it was done before that."""
    before = saved_steps(out)
    process = subprocess.Popen(
        command(agent, steps, "killed", out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, said = process.communicate(timeout=pause)
    except subprocess.TimeoutExpired:
        now = time.time()
        os.killpg(process.pid, signal.SIGKILL)
        _, said = process.communicate()
        _book_kill(out, before, said, now, ledger)
        return False
    if process.returncode != 0:
        ledger.faults.append(said.strip().splitlines()[-1])
    if before and "resumed at" not in said:
        ledger.faults.append("it did not resume")
    _book_start(said, ledger)
    return True


def _book_kill(out: Path, before: int, said: str, now: float, ledger: Ledger) -> None:
    after = saved_steps(out)
    _book_start(said, ledger)
    if result(out / "killed"):
        ledger.moments["after the training"] += 1
        return
    if after < before:
        ledger.faults.append(f"the checkpoint fell from {before} to {after} steps")
    if ": training" not in said:
        ledger.moments["starting"] += 1
    elif list(out.glob("killed/.*.partial/policy.json")):
        ledger.moments["after the training"] += 1
    elif after == before:
        ledger.moments["before its first checkpoint"] += 1
    else:
        ledger.moments["training"] += 1
        ledger.lost += [now - file.stat().st_mtime for file in checkpoints(out)]


def _book_start(said: str, ledger: Ledger) -> None:
    if "starts over" in said or "could not" in said or "without checkpoints" in said:
        ledger.faults.append(said.strip().splitlines()[-1])
    ledger.resumed += "resumed at" in said


def checkpoints(out: Path) -> list[Path]:
    """The checkpoint of the killed training, if there is one."""
    return list(out.glob("killed/.*.partial/checkpoint.safetensors"))


def saved_steps(out: Path) -> int:
    """How far the checkpoint is, whole as it must be; 0 without one."""
    return sum(load_tree(file)["tree"]["watch"]["steps"] for file in checkpoints(out))


def result(home: Path) -> Path | None:
    """The folder of the job, once it is done."""
    return next(home.glob("[!.]*-seed0-*"), None)


def compare(out: Path) -> list[str]:
    """Returns in what the killed training's result differs from the undisturbed one's."""
    one, other = folders = [result(out / name) for name in ("whole", "killed")]
    if one is None or other is None:
        return ["there is no result"]
    faults = [name for name in SAME if (one / name).read_bytes() != (other / name).read_bytes()]
    told = [json.loads((folder / "metrics.json").read_text()) for folder in folders]
    for content in told:
        del content["seconds"]  # the only thing that may differ
    faults += ["metrics.json"] if told[0] != told[1] else []
    kinds = [sorted(file.name for file in folder.iterdir()) for folder in folders]
    faults += ["its files"] if kinds[0] != kinds[1] else []
    left = [file.name for file in (out / "killed").glob(".*")]
    return [f"{fault} differ" for fault in faults] + [f"{name} was left" for name in left]


def torture(agent: str, steps: int, kills: int, rng: np.random.Generator, out: Path) -> Ledger:
    """Trains one agent undisturbed, then under kills, and compares."""
    ledger = Ledger(agent)
    seconds = undisturbed(agent, steps, out)
    while ledger.kills < kills:
        pause = rng.uniform(0, seconds)
        if killed(agent, steps, out, pause, ledger):
            seconds = min(seconds, pause)  # the first one had to compile the kernel
            ledger.faults += compare(out)
            shutil.rmtree(out / "killed")  # anew, for the kills that are left
    if not killed(agent, steps, out, 100 * seconds + 600, ledger):
        ledger.faults.append("it did not end")
    ledger.faults += compare(out)
    return ledger


def main() -> int:
    """Prints one line an agent and a last one; leaves with 1 if anything was amiss."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--agents", nargs="+", default=["ppo", "a2c", "reinforce", "dqn", "sac"])
    parser.add_argument("--kills", type=int, default=30, help="in all, spread over the agents")
    parser.add_argument("--steps", type=int, default=None, help="of each training")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    shares = np.bincount(np.arange(options.kills) % len(options.agents))
    ledgers = []
    with tempfile.TemporaryDirectory() as folder:
        for agent, share in zip(options.agents, shares, strict=False):
            steps = options.steps or STEPS.get(agent, 100_000)
            ledgers.append(torture(agent, steps, int(share), rng, Path(folder) / agent))
            print(ledgers[-1], flush=True)
    faults = sum(len(ledger.faults) for ledger in ledgers)
    kills = sum(ledger.kills for ledger in ledgers)
    print(f"{kills} kills, {len(ledgers)} agents, {faults} faults")
    return 1 if faults else 0


STEPS = {"ppo": 400_000, "a2c": 600_000, "reinforce": 600_000, "dqn": 150_000, "sac": 60_000}

if __name__ == "__main__":
    sys.exit(main())

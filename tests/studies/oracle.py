"""Plants tomorrow's return on real prices: every agent must find it, and find nothing a bar late.

    python tests/studies/oracle.py [AGENT ...] --seeds 3 --json oracle.json

The feature is the return of AAPL from the fill of this bar's decision (the next open) to the fill
of the next one. An agent that learns earns most of what perfect foresight does on the train
interval, under the same costs and the same allowed positions; `hindsight` says how much that is.
With the column one bar late the same agents, budgets and seeds have nothing to find.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np

MARK = 0.8
STEPS = 400_000
"""Account-steps of an agent whose doctor's budget is smaller."""


def oracle_game(agent: str, late: bool):
    """AAPL's train interval with the planted column as the one feature."""
    from drltrade.agents import AGENTS
    from drltrade.data import Market, load
    from drltrade.envs import EnvSettings, build_game

    market = load(EnvSettings().data)
    opened = market.open[:, 0]
    column = np.zeros(market.bars)
    column[:-2] = opened[2:] / opened[1:-1] - 1
    if late:
        column = np.r_[0.0, column[:-1]]
    planted = Market.build(
        market.close, open=market.open, high=market.high, low=market.low, volume=market.volume,
        columns={"oracle": column}, stamps=market.stamps, symbols=market.symbols, name="oracle",
    )  # fmt: skip
    env = EnvSettings(features=[{"column": "oracle", "lag": 0}], window=1)
    usable = AGENTS[agent].usable_schemes(1)
    return build_game(env, market=planted, usable=usable, end="2009-12-31")


def study(case: tuple[str, bool, int]) -> dict:
    """Trains one agent with one seed and takes its log growth over the train interval."""
    import torch

    from drltrade.agents import AGENTS, TrainTask, train
    from drltrade.backtest import run_backtest
    from drltrade.experiments.doctor.budgets import budget_of

    torch.set_num_threads(1)
    agent, late, seed = case
    game = oracle_game(agent, late)
    settings = AGENTS[agent].settings()
    steps = max(STEPS, budget_of(settings).steps)
    began = time.perf_counter()
    policy = train(TrainTask(game, settings, seed=seed, steps=steps)).policy
    seconds = time.perf_counter() - began
    found = run_backtest(policy, game).hindsight
    return {
        "agent": agent, "late": late, "seed": seed, "steps": steps, "seconds": seconds,
        "growth": found.earned, "best": found.best.growth, "exact": found.best.exact,
        "share": found.share,
    }  # fmt: skip


def main() -> int:
    """Runs the study and prints a line an agent; leaves with 1 where a claim does not hold."""
    from drltrade.agents import AGENTS

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("agents", nargs="*", default=list(AGENTS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    cases = [
        (a, late, s) for a in asked.agents for late in (False, True) for s in range(asked.seeds)
    ]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(asked.workers, mp_context=context) as pool:
        results = list(pool.map(study, cases))
    failed = 0
    for agent in asked.agents:
        mine = [each for each in results if each["agent"] == agent]
        best, exact = mine[0]["best"], mine[0]["exact"]
        shares = {
            late: [each["share"] for each in mine if each["late"] is late] for late in (False, True)
        }
        seconds = median(each["seconds"] for each in mine)
        fine = median(shares[False]) >= MARK and max(shares[True]) < MARK / 2
        failed += not fine
        kind = "exact" if exact else "bound"
        print(
            f"{agent:14} oracle {_spread(shares[False])}   late {_spread(shares[True])}"
            f"   of {best:.2f} ({kind})   {seconds:.0f} s   {'holds' if fine else 'FAILS'}",
            flush=True,
        )
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=1) + "\n")
    return 1 if failed else 0


def _spread(values: list[float]) -> str:
    return f"{median(values):6.1%} [{min(values):.1%}, {max(values):.1%}]"


if __name__ == "__main__":
    sys.exit(main())

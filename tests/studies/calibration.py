"""Asks whether the verdict is calibrated: 100 markets with skill to be had, 100 with none.

    python tests/studies/calibration.py --out runs/calibration
    python tests/studies/calibration.py --strength

Each market is a file of 11,000 daily bars with a named signal. On a planted one the signal is an
AR(1) process that promises part of the next return: who trades it best, at the default costs, has
a Sharpe ratio of 1.5 (`--strength` says how that was found). On one of noise the same signal
promises nothing. An experiment, as any user would write it, trains the agents on 5,000 bars,
chooses checkpoints on 1,000 and reads 5,000 once; its evidence.json says whether there is skill.
All settings and seeds stand below and were fixed before the first market was drawn. The same
command goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

MARKETS = 100
RHO, NOISE, PROMISE = 0.95, 0.01, 1.334e-3
"""The signal's memory, the noise of a bar, and the return that a signal of 1 promises."""
KINDS = ("planted", "noise")
TRAIN, VALID, TEST = 5_000, 1_000, 5_000
EXPERIMENT = {
    "agents": ["ppo", "cfq", "direct"],
    "seeds": 3,
    "budget": {"steps": 200_000, "evaluations": 10},
    "baselines": ["cash", "buy_and_hold", "sma_cross", "momentum", "mean_reversion"],
    "diagnostics": False,
}
ENV = {"features": [{"column": "signal", "lag": 0}], "window": 1}


def draw(kind: str, number: int):
    """Draws the prices and the signal of a market; its seed is its kind and number alone."""
    from drltrade.data.synthetic import KNOWN

    seed = 1_000_000 + 10_000 * KINDS.index(kind) + number
    bars = TRAIN + VALID + TEST
    planted = KNOWN["ar1"](bars, seed, rho=RHO, noise=NOISE / PROMISE, scale=PROMISE).market
    signal = planted.columns["signal"].reshape(-1)
    if kind == "planted":
        return planted, signal
    # As slow a signal, of prices that know nothing of it: whoever follows it pays little for it.
    return KNOWN["noise"](bars, seed + 5_000, scale=NOISE).market, signal


def write(market, signal, file: Path) -> None:
    """Writes a market as a user's file would be."""
    import pandas as pd

    prices = {name: getattr(market, name)[:, 0] for name in ("open", "high", "low", "close")}
    pd.DataFrame({"date": market.stamps, **prices, "signal": signal}).to_parquet(file)


def study(kind: str, number: int, out: Path) -> dict:
    """Runs the whole pipeline on one market, unless its answer is there already."""
    home = out / f"{kind}-{number:03d}"
    answer = home / "answer.json"
    if answer.is_file():
        return json.loads(answer.read_text())
    from drltrade.experiments.experiment import run_experiment

    began = time.perf_counter()
    market, signal = draw(kind, number)
    home.mkdir(parents=True, exist_ok=True)
    stamps = [str(stamp)[:10] for stamp in market.stamps]
    write(market, signal, home / "market.parquet")
    last = TRAIN, TRAIN + VALID, TRAIN + VALID + TEST
    splits = {
        "train": [stamps[0], stamps[last[0] - 1]],
        "valid": [stamps[last[0]], stamps[last[1] - 1]],
        "test": [stamps[last[1]], stamps[last[2] - 1]],
    }
    env = {**ENV, "data": {"source": str(home / "market.parquet")}}
    content = {**EXPERIMENT, "name": "run", "env": env, "splits": splits}
    result = run_experiment(content, out=home, workers=1)
    evidence = json.loads((result.report.parent / "evidence.json").read_text())
    found = {
        "kind": kind,
        "number": number,
        "skill": evidence["skill"],
        "baseline": evidence["baseline"],
        "sharpe": {
            name: each["figures"]["sharpe"]["middle"] for name, each in evidence["agents"].items()
        },
        "seconds": time.perf_counter() - began,
    }
    for path in (result.report, home / "market.parquet"):
        path.unlink()
    shutil.rmtree(home / "run", ignore_errors=True)
    partial = answer.with_suffix(".partial")
    partial.write_text(json.dumps(found))
    partial.replace(answer)
    return found


def strength() -> None:
    """Tells the Sharpe ratio of the best policy on a planted market, by its law and on samples."""
    import numpy as np

    from drltrade.agents.strategies.references import DpOptimalPolicy
    from drltrade.data.synthetic import KNOWN
    from drltrade.sim import Costs

    costs = Costs()
    cost = costs.commission.rate + costs.slippage.rate
    seen = []
    for seed in range(20):
        made = KNOWN["ar1"](50_000, seed, rho=RHO, noise=NOISE / PROMISE, scale=PROMISE)
        best = DpOptimalPolicy(made.law, cost=cost, points=801)
        order = best.targets(made.market, 0)[:, 0]
        place = np.maximum.accumulate(np.where(np.isnan(order), 0, np.arange(len(order))))
        held = np.nan_to_num(order[place])[:-1]
        moved = made.market.close[1:, 0] / made.market.close[:-1, 0] - 1
        made_of = held * moved - cost * np.abs(np.diff(held, prepend=0.0))
        seen.append(made_of.mean() / made_of.std(ddof=1) * math.sqrt(252))
    mean = best.optimum.mean_reward
    by_law = mean / math.sqrt(NOISE**2 + PROMISE**2 - mean**2) * math.sqrt(252)
    error = np.std(seen, ddof=1) / math.sqrt(len(seen))
    sampled = f"{np.mean(seen):.3f} +- {error:.3f}"
    print(f"by its law {by_law:.3f}; on 20 samples of 50,000 bars {sampled}")


def summary(found: list[dict]) -> dict:
    """Counts the verdicts, with exact binomial intervals."""
    from scipy.stats import binomtest

    told = {}
    for kind in KINDS:
        own = [each for each in found if each["kind"] == kind]
        if own:
            hits = sum(each["skill"]["found"] for each in own)
            between = binomtest(hits, len(own)).proportion_ci(0.95, method="exact")
            told[kind] = {
                "markets": len(own), "skill": hits, "low": between.low, "high": between.high,
                "seconds": sum(each["seconds"] for each in own),
            }  # fmt: skip
    return told


def main() -> int:
    """Runs the study and prints its counts; leaves with 1 where a claim does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("runs/calibration"))
    parser.add_argument("--markets", type=int, default=MARKETS, help="of each kind")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--strength", action="store_true", help="tell how strong the signal is")
    chosen = parser.parse_args()
    if chosen.strength:
        strength()
        return 0
    cases = [(kind, number) for number in range(chosen.markets) for kind in KINDS]
    found: list[dict] = []
    began = time.monotonic()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(chosen.workers, mp_context=context) as pool:
        waiting = [pool.submit(study, *case, chosen.out) for case in cases]
        for done in as_completed(waiting):
            found.append(done.result())
            left = (time.monotonic() - began) / len(found) * (len(cases) - len(found))
            print(f"{len(found)} of {len(cases)}: {found[-1]['kind']}"
                  f" p {found[-1]['skill']['p']:.3f}; {left / 60:.0f} min left",
                  file=sys.stderr, flush=True)  # fmt: skip
    told = summary(found)
    print(json.dumps(told, indent=2))
    hits = {kind: told[kind]["skill"] / chosen.markets for kind in KINDS}
    return 0 if hits["planted"] >= 0.9 and hits["noise"] <= 0.05 else 1


if __name__ == "__main__":
    sys.exit(main())

"""Records that the simulator itself wrote, for pages and tables."""

import numpy as np
import pytest

from drltrade.backtest.record import Record
from drltrade.report import Entry
from drltrade.sim import Commission, Costs, Prices, Rules, Slippage, run_path

NAN = np.nan


@pytest.fixture(scope="session")
def make_record():
    def make(
        close,
        targets,
        *,
        name="ppo seed 0",
        fill="next_close",
        rate=0.001,
        symbols=None,
        start="2020-01-01",
        every=False,
        actions=None,
        scheme="target weights",
        warnings=(),
        **assumptions,
    ):
        close = np.asarray(close, dtype=np.float64)
        close = close.reshape(len(close), -1)
        targets = np.asarray(targets, dtype=np.float64).reshape(close.shape)
        costs = Costs(Commission(rate / 2), Slippage(rate / 2))
        rules = Rules(fill=fill, costs=costs, on_change=not every)
        path = run_path(Prices(np.full_like(close, NAN), close), rules, targets, 0, len(close) - 1)
        stated = {
            "fill": fill,
            "commission_rate": rate / 2,
            "slippage_rate": rate / 2,
            "actions": scheme,
        }
        return Record(
            name=name,
            symbols=symbols or tuple(f"S{i}" for i in range(close.shape[1])),
            stamps=np.datetime64(start, "ns") + np.arange(len(close)) * np.timedelta64(1, "D"),
            path=path,
            close=close,
            periods_per_year=252.0,
            assumptions=stated | assumptions,
            warnings=warnings,
            actions=actions,
        )

    return make


@pytest.fixture(scope="session")
def make_entry(make_record):
    """An entry whose seeds end with given total returns at no cost."""

    def make(label, *returns, kind="agent", **settings):
        records = []
        for seed, made in enumerate(returns):
            # Half of the move in the first bar, the rest in the second, always fully long.
            close = [1.0, 1.0, (1.0 + made) ** 0.5, 1.0 + made]
            name = f"{label} seed {seed}"
            options = {"name": name, "rate": 0.0, "seed": seed} | settings
            records.append(make_record(close, [1, NAN, NAN, NAN], **options))
        return Entry(label, tuple(records), kind)

    return make


@pytest.fixture(scope="session")
def entries(make_record):
    """Two agents of three seeds and two baselines on one random market of two assets."""
    rng = np.random.default_rng(11)
    close = 100 * np.exp(np.cumsum(rng.normal(0.0005, 0.02, (320, 2)), axis=0))
    symbols = ("A<b>A", "B&B")

    def record(name, targets, **more):
        return make_record(close, targets, name=name, symbols=symbols, **more)

    agents = []
    for label, scheme in (("dqn <script>alert(1)</script>", "levels"), ("sac", "portfolio")):
        records = []
        for seed in range(3):
            if scheme == "levels":
                actions = rng.integers(0, 3, (319, 2)).astype(float)
                chosen = np.vstack([(actions - 1) / 2, [[NAN, NAN]]])
            else:
                actions = rng.uniform(-1, 1, (319, 2))
                weights = (actions + 1) / 2
                weights = weights / np.maximum(1, weights.sum(axis=1, keepdims=True))
                chosen = np.vstack([weights, [[NAN, NAN]]])
            records.append(
                record(
                    f"{label} seed {seed}",
                    chosen,
                    every=scheme == "portfolio",
                    actions=actions,
                    scheme=scheme,
                    seed=seed + 7,
                )
            )
        agents.append(Entry(label, tuple(records)))
    hold = np.full(close.shape, NAN)
    hold[0] = 0.5
    return [
        *agents,
        Entry("buy_and_hold", (record("buy_and_hold", hold),), "strategy"),
        Entry("cash", (record("cash", np.full(close.shape, NAN)),), "strategy"),
    ]

"""Records that the simulator itself wrote, for pages and tables."""

import numpy as np
import pytest

from drltrade.backtest.evidence.evidence import AgentEvidence, Evidence, Skill, Spread
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


@pytest.fixture(scope="session")
def make_evidence():
    """Evidence of agents on hand-made figures: `sharpe` around 0.8, everything else by rule."""

    def agent(seeds=5, undefined=False, folds=4):
        def spread(middle):
            if undefined:
                return Spread(NAN, NAN, NAN)
            wide = 0.5 if seeds > 1 else 0.0
            return Spread(middle - wide, middle, middle + wide)

        value = NAN if undefined else 1.0
        return AgentEvidence(
            seeds=seeds,
            spread="interval" if seeds >= 5 else "range",
            figures={
                "total_return": spread(0.125),
                "cagr": spread(0.06),
                "sharpe": spread(0.8125),
                "sortino": spread(1.1),
                "volatility": spread(0.7),
                "max_drawdown": spread(-0.6),
            },
            against={
                "cash": {"sharpe": spread(0.8125), "cagr": spread(0.06)},
                "B&B hold": {"sharpe": spread(-0.1875), "cagr": spread(-0.02)},
            },
            psr=0.875 * value,
            deflated={"trials": 37, "threshold": 1.21 * value, "probability": 0.0004 * value},
            track_record={"bars": 320, "needed": 1048.2 * value},
            improvement={"B&B hold": spread(0.5)} if folds > 1 else {},
            interquartile_mean=spread(0.77) if folds > 1 else None,
            achievable=0.034 * value,
            gap={"train": 2.31 * value, "valid": 1.42 * value, "test": 0.8125 * value},
        )

    def make(labels=("dqn <script>alert(1)</script>", "sac"), *, folds=4, **settings):
        several = folds > 1
        rows = [
            {
                "number": number,
                "test": f"{2010 + number}-01-04 to {2010 + number}-12-31",
                "sharpe": {label: 0.5 * number - 0.6 for label in labels}
                | {"B&B hold": NAN if settings.get("undefined") else 1.0},
            }
            for number in range(folds)
        ]
        p = NAN if settings.get("undefined") else 0.31
        return Evidence(
            level=0.05,
            interval={"start": "2010-01-04", "end": "2013-12-31", "bars": 1007, "years": 4.0},
            trials={"test": 37, "valid": 120},
            baseline={"label": "B&B hold", "score": 0.95},
            skill=Skill(False, p, {"cash": 0.0004, "B&B hold": p}, tuple(labels), ()),
            agents={label: agent(folds=folds, **settings) for label in labels},
            folds=tuple(rows),
            overfitting={"probability": 0.42, "configurations": 12} if several else None,
            profile={"thresholds": (0.0, 1.0), **{label: (0.9, 0.4) for label in labels}}
            if several
            else None,
            warnings=("Short test: <b>37</b> policies were judged on these bars.",),
        )

    return make


@pytest.fixture(scope="session")
def make_diagnostics():
    """What `diagnose` says of a policy, with figures that are easy to find on a page."""

    def make(undefined=False):
        none = None if undefined else 1.0

        def known(value):
            return none and value

        return {
            "costs": {
                "multipliers": [0.0, 1.0, 2.0],
                "sharpe": [known(1.5), known(0.8125), known(-0.25)],
                "total_return": [known(0.31), known(0.125), known(-0.04)],
                "break_even": known(1.76),
            },
            "regimes": [
                {
                    "name": "up, <i>calm</i>",
                    "bars": 123,
                    "sharpe": known(0.61),
                    "total_return": known(0.25),
                    "exposure": known(0.42),
                },
                {
                    "name": "down, calm",
                    "bars": 45,
                    "sharpe": None,
                    "total_return": known(-0.125),
                    "exposure": known(-0.33),
                },
            ],
            "importance": {
                "columns": [
                    {"name": "volatility_5", "score": known(0.05), "flips": known(0.1)},
                    {"name": "return <b>", "score": known(0.2), "flips": known(0.3)},
                ],
                "lags": [
                    {"lag": 0, "through": 0, "score": known(0.3), "flips": known(0.1)},
                    {"lag": 1, "through": 2, "score": known(0.1), "flips": known(0.1)},
                ],
            },
            "sensitivity": [
                {"noise": 0.01, "moved": known(0.011), "flips": 0.0},
                {"noise": 0.1, "moved": known(0.13), "flips": 0.1},
            ],
            "attribution": {
                "beta": known(0.25),
                "timing": known(-0.1),
                "costs": known(-0.025),
                "other": known(0.0),
                "net": known(0.125),
            },
            "nulls": {
                "random": {
                    "p": known(0.134),
                    "draws": 200,
                    "sharpe": [known(-0.5), known(0.25), known(1.5)],
                },
                "shuffled": {"p": None, "draws": 200, "sharpe": [None, None, None]},
            },
            "trades": {"mfe": known(0.031), "mae": known(-0.017)},
        }

    return make

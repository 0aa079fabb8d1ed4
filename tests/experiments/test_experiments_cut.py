"""Learning around tests that lie before it: nothing of a tested bar reaches what is learnt."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_worlds import random_market

from drltrade.agents import TrainTask, parse_agent, train
from drltrade.backtest import run_backtest
from drltrade.data import Market, stack
from drltrade.data.segments import rows_of, spans_of
from drltrade.experiments.plan import plan_experiment
from drltrade.experiments.training import job_game, role_game, validation_score
from drltrade.features import compute_features, parse_features

FEATURES = [{"log_return": 20}, {"volatility": 10}, "rsi", {"column": "vix", "lag": 2}, {"ema": 9}]


def priced(bars=600, **rest) -> Market:
    made = random_market(bars=bars)
    vix = np.random.default_rng(1).normal(size=bars)
    fields = {key: getattr(made, key) for key in ("open", "high", "low", "volume")}
    return Market.build(made.close, columns={"vix": vix}, name="random", **fields, **rest)


MARKET = priced()


def changed(market: Market, rows: np.ndarray, how: str) -> Market:
    """The market with other prices, volumes and columns in some rows."""
    factor = np.where(rows, {"tenfold": 10.0, "blank": 1.0, "garbage": 7.3}[how], 1.0)[:, None]
    noise = np.random.default_rng(5).lognormal(0, 0.3, (market.bars, 1))
    if how == "garbage":
        factor = np.where(rows[:, None], factor * noise, 1.0)
    told = {
        key: getattr(market, key) * factor for key in ("open", "high", "low", "close", "volume")
    }
    if how == "blank":
        told["volume"] = np.where(rows[:, None], 0.0, market.volume)
    vix = np.where(rows[:, None], np.nan if how == "blank" else 1e6, market.columns["vix"])
    return replace(market, columns={"vix": vix}, **told)


def job_of(agent, tmp_path, **splits):
    """A job whose fold tests bars before, and after, what it learns from."""
    prices = tmp_path / "prices.csv"
    if not prices.exists():
        write(MARKET, prices)
    content = {
        "env": {
            "data": {"source": str(prices)}, "window": 4, "episode": 40,
            "features": FEATURES, "costs": {"impact": {"coefficient": 1}},
        },
        "agent": agent,
        "splits": {"combinatorial": {"groups": 5, **splits}},
        "budget": {"steps": 256, "evaluations": 1},
    }  # fmt: skip
    plan = plan_experiment(content, out=tmp_path)
    return next(job for job in plan.jobs if groups_tested(job) == [1, 3]), plan


def groups_tested(job):
    starts = [MARKET.locate(span["start"], span["end"])[0] for span in job.config["splits"]["test"]]
    return [start // 120 for start in starts]


def write(market: Market, path):
    names = ("open", "high", "low", "close", "volume")
    columns = [*(getattr(market, name)[:, 0] for name in names), market.columns["vix"][:, 0]]
    lines = [
        f"{str(stamp)[:10]},{','.join(repr(float(value)) for value in values)}"
        for stamp, *values in zip(market.stamps, *columns, strict=True)
    ]
    path.write_text("\n".join([f"date,{','.join(names)},vix", *lines]) + "\n")


def weights_of(job, market):
    """Trains a job on a market; its weights and its validation score."""
    game = job_game(job, market)
    valid = role_game(job, game, market, "valid")
    task = TrainTask(game, parse_agent(job.config["agent"]), seed=1, steps=256, evaluations=1)
    result = train(task, score=lambda policy: validation_score(run_backtest(policy, valid)))
    return result.policy.network.state_dict(), result.best_score, game


@pytest.mark.parametrize("how", ["tenfold", "blank", "garbage"])
@pytest.mark.parametrize(
    "agent", [{"name": "ppo", "accounts": 8, "n_steps": 16}, {"name": "cfq", "accounts": 8}],
    ids=lambda agent: agent["name"],
)  # fmt: skip
def test_whatever_stands_in_the_tested_bars_the_same_policy_is_learnt(agent, how, tmp_path):
    job, plan = job_of(agent, tmp_path, purge=1, embargo=2)
    market = plan.market
    tests = [(span["start"], span["end"]) for span in job.config["splits"]["test"]]
    other = changed(market, rows_of(spans_of(market, tests), market.bars), how)
    mine, score, game = weights_of(job, market)
    theirs, again, rival = weights_of(job, other)
    np.testing.assert_array_equal(game.features.values, rival.features.values)
    assert game.scaler.to_dict() == rival.scaler.to_dict()
    np.testing.assert_array_equal(game.prices.table, rival.prices.table)
    charged = (
        each.prices.events(each.rules) for each in (game, rival)
    )  # impact on trailing volume
    np.testing.assert_array_equal(*charged)
    assert mine.keys() == theirs.keys()
    assert all(bool((mine[name] == theirs[name]).all()) for name in mine)
    assert score == again
    specs = parse_features(FEATURES)  # on the whole market the change is seen after each test
    seen, unseen = (compute_features(each, specs).values for each in (market, other))
    assert not np.array_equal(seen[240:260], unseen[240:260], equal_nan=True)


def test_the_policy_is_judged_on_the_whole_market_with_the_scaler_that_it_learnt_with(tmp_path):
    job, plan = job_of("ppo", tmp_path)
    game = job_game(job, plan.market)
    test = role_game(job, game, plan.market, "test")
    assert test.market is plan.market
    assert test.scaler is game.scaler
    assert test.spans.tolist() == [[120, 239], [360, 479]]
    assert (test.decisions == test.spans[:, 0]).all()  # windows look back on earlier bars


def test_no_episode_crosses_a_seam_and_the_scaler_sees_train_bars_alone(tmp_path):
    job, plan = job_of("ppo", tmp_path, valid=0.25)
    game = job_game(job, plan.market)
    assert game.market.bars == 360
    assert game.market.segment.tolist() == [0] * 120 + [1] * 120 + [2] * 120
    assert game.spans.tolist() == [[0, 89], [120, 209], [240, 329]]
    assert (game.stretches[:, 0] > game.spans[:, 0]).all()  # each warms up on bars of its own
    np.testing.assert_array_equal(game.fitted, game.spans)
    later = changed(plan.market, np.isin(np.arange(600) % 240, np.arange(90, 240)), "garbage")
    assert job_game(job, later).scaler.to_dict() == game.scaler.to_dict()


def test_a_fold_that_only_tests_what_comes_later_is_not_cut(tmp_path):
    _, plan = job_of("ppo", tmp_path)
    last = next(job for job in plan.jobs if groups_tested(job) == [3, 4])
    assert job_game(last, plan.market).market is plan.market


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 99), min_size=2, max_size=8, unique=True), st.booleans())
def test_a_cut_market_holds_the_stretches_asked_for_and_nothing_else(edges, several):
    edges = sorted(edges)[: len(edges) // 2 * 2]
    pairs = list(zip(edges[::2], edges[1::2], strict=True))
    parts = [random_market(bars=100, seed=seed) for seed in range(2 if several else 1)]
    market = stack(parts)
    stamps = parts[0].stamps
    cut = market.cut([(str(stamps[a]), str(stamps[b])) for a, b in pairs])
    wanted = np.concatenate([np.arange(a, b + 1) + 100 * at for at in range(len(parts))
                             for a, b in pairs])  # fmt: skip
    np.testing.assert_array_equal(cut.close, market.close[wanted])
    np.testing.assert_array_equal(cut.stamps, market.stamps[wanted])
    joined = sum(b + 1 == a for (_, b), (a, _) in pairwise(pairs))
    assert int(cut.segment[-1]) + 1 == len(parts) * (len(pairs) - joined)
    assert cut.periods_per_year == market.periods_per_year
    assert len(set(cut.labels)) == len(cut.labels)

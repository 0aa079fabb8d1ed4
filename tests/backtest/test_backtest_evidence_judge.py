"""The judgement of an experiment: a rule fixed beforehand, and spreads that claim no more."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binom

from drltrade.agents.strategies import make_strategy
from drltrade.backtest import run_backtest
from drltrade.backtest.evidence.evidence import Contender
from drltrade.backtest.evidence.judge import LEVEL, judge
from drltrade.backtest.files import plain
from drltrade.backtest.metrics import METRICS
from drltrade.backtest.record import Record
from drltrade.data import Market
from drltrade.envs import EnvSettings, build_game
from drltrade.sim import Commission, Costs, Prices, Rules, Slippage, run_path

BARS = 1_000
ALONE = {"test": 1, "valid": 1, "variance": math.nan}
DRAWS = 300


def record(returns, name="x"):
    """An account that earned these returns: long of a price that moved so, at no cost."""
    close = np.cumprod(np.r_[1.0, 1.0, 1.0 + np.asarray(returns)])[:, None]
    rules = Rules(fill="next_close", costs=Costs(Commission(0.0), Slippage(0.0)))
    targets = np.full_like(close, np.nan)
    targets[0] = 1.0
    path = run_path(Prices(np.full_like(close, np.nan), close), rules, targets, 0, len(close) - 1)
    stamps = np.datetime64("2001-01-01", "ns") + np.arange(len(close)) * np.timedelta64(1, "D")
    return Record(name, ("S",), stamps, path, close, 252.0)


def contender(label, *streams, **more):
    return Contender(label, tuple(record(each, label) for each in streams), **more)


def noise(seed, count=1, mean=0.0, deviation=0.01):
    rng = np.random.default_rng(seed)
    return [rng.normal(mean, deviation, BARS) for _ in range(count)]


@pytest.fixture(scope="module")
def market():
    """What everybody lived through, and what an agent with an edge earned on top."""
    rng = np.random.default_rng(5)
    common = rng.normal(0.0002, 0.01, BARS)
    edge = [common * 0.3 + rng.normal(0.002, 0.006, BARS) for _ in range(3)]
    return common, edge


def test_an_edge_over_cash_and_the_baseline_is_skill_and_the_winner_is_named(market):
    common, edge = market
    agents = [contender("ppo", *edge), contender("dqn", *noise(1, 3))]
    found = judge(agents, [contender("hold", common)], {"hold": 0.1}, trials=ALONE, draws=DRAWS)
    assert found.skill.found
    assert found.skill.winners == ("ppo",)
    assert found.skill.p == max(found.skill.against.values()) < LEVEL
    assert set(found.skill.against) == {"cash", "hold"}
    assert found.skill.family == ("ppo", "dqn")


def test_beating_cash_is_not_enough_where_the_baseline_does_as_well(market):
    _, edge = market
    agents = [contender("ppo", *edge)]
    rule = contender("rule", np.mean(edge, axis=0))
    found = judge(agents, [rule], {"rule": 2.0}, trials=ALONE, draws=DRAWS)
    assert found.skill.against["cash"] < LEVEL
    assert not found.skill.found
    assert not found.skill.winners


def test_the_baseline_is_chosen_by_validation_whatever_the_test_says(market):
    common, edge = market
    rules = [
        contender("lucky", edge[0]),
        contender("chosen", common),
        contender("cash", 0 * common),
    ]
    scores = {"lucky": 0.3, "chosen": 0.5, "cash": 9.0}
    found = judge([contender("ppo", *edge)], rules, scores, trials=ALONE, draws=DRAWS)
    assert found.baseline == {"label": "chosen", "score": 0.5}


def test_a_rule_that_draws_lots_is_not_chosen_and_without_any_other_cash_is_left(market):
    _, edge = market
    rules = [contender("random", *noise(2, 20)), contender("unscored", *noise(3))]
    scores = {"random": 5.0, "unscored": math.nan}
    found = judge([contender("ppo", *edge)], rules, scores, trials=ALONE, draws=DRAWS)
    assert found.baseline["label"] == "cash"
    assert set(found.skill.against) == {"cash"}


def test_noise_is_called_skill_no_more_often_than_the_level_says():
    cried = 0
    for seed in range(60):
        agents = [contender(f"a{i}", *noise([seed, i], 2)) for i in range(3)]
        rule = contender("hold", *noise([seed, 9]))
        found = judge(agents, [rule], {"hold": 0.0}, trials=ALONE, draws=100)
        cried += found.skill.found
    assert cried <= binom.ppf(0.99, 60, LEVEL)


def test_whoever_does_just_what_the_baseline_does_has_no_skill(market):
    common, _ = market
    found = judge(
        [contender("ppo", common)], [contender("hold", common)], {"hold": 1.0}, trials=ALONE
    )
    assert found.skill.against["hold"] == 1.0
    assert not found.skill.found
    assert all(each.high == 0.0 for each in found.agents["ppo"].against["hold"].values())


def test_fewer_than_five_seeds_have_a_range_and_five_an_interval(market):
    common, edge = market
    rule = contender("hold", common)
    few = judge([contender("ppo", *edge)], [rule], {"hold": 0.0}, trials=ALONE, draws=DRAWS)
    sharpes = [METRICS["sharpe"].compute(record(each)) for each in edge]
    spread = few.agents["ppo"].figures["sharpe"]
    assert few.agents["ppo"].spread == "range"
    assert (spread.low, spread.high) == (min(sharpes), max(sharpes))
    many = judge(
        [contender("ppo", *edge, *noise(7, 2))], [rule], {"hold": 0.0}, trials=ALONE, draws=DRAWS
    )
    between = many.agents["ppo"]
    assert between.spread == "interval"
    for each in [*between.figures.values(), *between.against["hold"].values()]:
        assert each.low <= each.middle <= each.high


def test_the_more_trials_on_the_same_bars_the_less_a_sharpe_ratio_is_worth(market):
    common, _ = market
    agents, rules = [contender("ppo", *noise(3, mean=0.0005))], [contender("hold", common)]
    told = [
        judge(agents, rules, {}, trials={"test": n, "valid": n, "variance": 1e-3}, draws=DRAWS)
        for n in (1, 10, 1_000)
    ]
    probabilities = [each.agents["ppo"].deflated["probability"] for each in told]
    assert probabilities[0] == told[0].agents["ppo"].psr > probabilities[1] > probabilities[2]
    assert not told[0].warnings
    assert "1,000 policies were judged" in told[2].warnings[0]


@pytest.mark.parametrize(("bars", "fires"), [(99, True), (100, False)])
def test_a_p_value_of_few_bars_is_told_to_be_loose(bars, fires):
    found = judge([contender("ppo", noise(3)[0][: bars - 1])], [], {}, trials=ALONE, draws=DRAWS)
    assert found.interval["bars"] == bars
    assert any(f"Few bars: on {bars} of them" in text for text in found.warnings) is fires


def test_the_share_of_the_achievable_counts_from_the_baseline_to_hindsight():
    """Baseline 1.1, agent 1.21 and hindsight 1.331 times the stake: half of the way."""
    seen = SimpleNamespace(best=SimpleNamespace(growth=math.log(1.331)), earned=math.log(1.21))
    ours = replace(record([0.1, 0.1]), hindsight=seen)
    found = judge(
        [Contender("ppo", (ours,))], [contender("hold", [0.1, 0.0])], {"hold": 1.0}, trials=ALONE
    )
    assert found.agents["ppo"].achievable == pytest.approx(0.5)


def test_of_several_segments_hindsight_itself_achieves_all_there_was():
    """Each account has its own growth: that of all pooled is no part of their sum."""
    close = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, (120, 4)), axis=0))
    settings = EnvSettings(fill="next_close", rebalance="every_bar")
    game = build_game(settings, market=Market.build(close).each())
    known, rule = (
        Contender(name, (run_backtest(make_strategy(name), game, name=name),))
        for name in ("hindsight", "buy_and_hold")
    )
    found = judge([known], [rule], {"buy_and_hold": 1.0}, trials=ALONE, draws=DRAWS)
    assert found.agents["hindsight"].achievable == pytest.approx(1.0)
    assert judge([rule], [rule], {"buy_and_hold": 1.0}, trials=ALONE, draws=DRAWS).agents[
        "buy_and_hold"
    ].achievable == pytest.approx(0.0)


def walked(streams, seeds):
    """Records that say which seed they are of, as several paths through the folds do."""
    stated = [{"seed": seed, "path": at} for at, seed in enumerate(seeds)]
    records = tuple(record(each) for each in streams)
    return tuple(
        replace(each, assumptions=told) for each, told in zip(records, stated, strict=True)
    )


def test_paths_of_one_seed_are_no_seeds(market):
    _, edge = market
    scores = np.linspace(0.0, 1.0, 12).reshape(6, 2)
    alone = Contender("ppo", walked([*edge, *noise(1, 3)], [0] * 6), folds=scores)
    rule = contender("hold", *noise(3), folds=np.array([[0.5, 0.5]]))
    found = judge([alone], [rule], {"hold": 1.0}, trials=ALONE, draws=DRAWS).agents["ppo"]
    assert (found.seeds, found.paths, found.spread) == (1, 6, "range")
    twice = Contender("ppo", walked([*edge, *noise(1, 3)], [0, 0, 0, 1, 1, 1]))
    assert (twice.seeds, twice.paths, twice.enough) == (2, 3, False)
    mixed = Contender("ppo", walked(edge, [0, 1, 0]))
    assert (mixed.seeds, mixed.paths) == (3, 1)
    together = tuple(replace(each, assumptions={"ensemble": {}}) for each in alone.records)
    assert Contender("mean", together).seeds == 1


def test_fewer_than_five_seeds_have_no_interval_over_folds_either(market):
    _, edge = market
    rule = contender("hold", *noise(3), folds=np.array([[0.5, 0.5]]))
    for count, sure in ((1, False), (4, False), (5, True)):
        streams = [edge[0]] * count
        scores = np.linspace(0.0, 1.0, 2 * count + 2)[: 2 * count].reshape(count, 2)
        agent = contender("ppo", *streams, folds=scores)
        found = judge([agent], [rule], {"hold": 1.0}, trials=ALONE, draws=DRAWS).agents["ppo"]
        between = [found.improvement["hold"]]
        between += [found.interquartile_mean] if count > 1 else []
        for each in between:
            assert math.isfinite(each.middle)
            assert math.isfinite(each.low) == math.isfinite(each.high) == sure


def test_seeds_that_never_traded_count_with_a_ratio_of_nothing(market):
    """Of two seeds with an edge and three in cash the median has none."""
    _, edge = market
    for idle, seeds in ((3, 5), (2, 3)):
        streams = [*edge[: seeds - idle], *[np.zeros(BARS)] * idle]
        found = judge([contender("ppo", *streams)], [], {}, trials=ALONE, draws=DRAWS)
        assert found.agents["ppo"].figures["sharpe"].middle == 0.0
        assert found.agents["ppo"].figures["sharpe"].low == 0.0
        assert found.agents["ppo"].figures["total_return"].middle == 0.0


def test_folds_are_told_by_everyones_median_and_compared_run_by_run(market):
    common, edge = market
    agent = contender("ppo", *edge, folds=np.array([[1.0, 0.2], [2.0, 0.4], [3.0, 0.6]]))
    rule = contender("hold", common, folds=np.array([[1.5, 0.5]]))
    found = judge([agent], [rule], {"hold": 1.0}, trials=ALONE, folds=["2001", "2002"], draws=DRAWS)
    assert [row["sharpe"] for row in found.folds] == [
        {"ppo": 2.0, "hold": 1.5}, {"ppo": 0.4, "hold": 0.5}
    ]  # fmt: skip
    better = found.agents["ppo"].improvement["hold"]
    assert better.middle == pytest.approx((2 / 3 + 1 / 3) / 2)
    assert found.profile is not None
    assert found.profile["ppo"][found.profile["thresholds"].index(0.5)] == pytest.approx(4 / 6)


def test_the_same_records_give_the_same_numbers_and_all_of_them_are_json(market):
    common, edge = market
    idle = contender("idle", 0 * common)
    made = [
        judge([contender("ppo", *edge), idle], [contender("hold", common)], {}, trials=ALONE)
        for _ in range(2)
    ]
    first, second = (json.dumps(plain(each.plain), allow_nan=False) for each in made)
    assert first == second

"""Folds that leak: tests that were learnt from, seams that windows cross, accounts made anew."""

from dataclasses import replace
from itertools import combinations

import numpy as np
from ruled_policies import MARKET, always, policy_of
from small_worlds import random_market, small_game

from drltrade.agents import Leg, Relay
from drltrade.backtest import run_backtest
from drltrade.data.segments import rows_of, spans_of
from drltrade.experiments.backtests import card_warnings
from drltrade.experiments.plan import plan_experiment
from drltrade.experiments.settings import SplitSettings
from drltrade.experiments.splits import ROLES, paths_of, resolve_folds
from drltrade.experiments.training import job_game, role_game

SPLITS = (
    {"walk_forward": {"train": 90, "valid": 40, "test": 60, "purge": 3}},
    {"combinatorial": {"groups": 4, "purge": 3, "embargo": 5}},
)


def rows_by_role(market, fold):
    return {role: rows_of(spans_of(market, fold.intervals(role)), market.bars) for role in ROLES}


def test_no_bar_of_a_fold_has_two_roles_and_what_is_to_be_dropped_has_none():
    market = random_market(400)
    for splits in SPLITS:
        embargo = splits.get("combinatorial", {}).get("embargo", 0)
        for fold in resolve_folds(SplitSettings(**splits), market):
            rows = rows_by_role(market, fold)
            for one, two in combinations(ROLES, 2):
                assert not (rows[one] & rows[two]).any()
            learnt = np.flatnonzero(rows["train"] | rows["valid"])
            for first, last in spans_of(market, fold.intervals("test")):
                assert not np.isin(learnt, np.arange(first - 3, last + 4 + embargo)).any()
            for first, _ in spans_of(market, fold.intervals("valid")):
                assert not rows["train"][first - 3 : first].any()


def test_every_bar_is_tested_once_on_each_path():
    market = random_market(400)
    folds = resolve_folds(SplitSettings(**SPLITS[1]), market)
    for path in paths_of(folds):
        found = np.sum(
            [rows_of(spans_of(market, [(s.start, s.end)]), 400) for _, s in path], axis=0
        )
        assert found.tolist() == [1] * 400
        assert all(span in folds[at].test for at, span in path)


def combined():
    content = {
        "env": {
            "data": {"source": "sample", "start": "2004", "end": "2005"}, "window": 3,
            "features": [{"volatility": 10}, "rsi"],
        },
        "splits": {"combinatorial": {"groups": 4, "purge": 2}},
        "diagnostics": False,
    }  # fmt: skip
    return plan_experiment(content)


def test_what_is_tested_reaches_nothing_that_is_learnt():
    plan = combined()
    for job, fold in zip(plan.jobs, plan.folds, strict=True):
        tests = rows_by_role(plan.market, fold)["test"][:, None]
        told = {
            name: np.where(tests, 9.0, 1.0) * getattr(plan.market, name)
            for name in ("open", "high", "low", "close", "volume")
        }
        game, other = (job_game(job, m) for m in (plan.market, replace(plan.market, **told)))
        assert game.scaler.to_dict() == other.scaler.to_dict()
        for role in ("train", "valid"):
            one, two = (each.during(fold.intervals(role)) for each in (game, other))
            for (first, last), (begin, end) in zip(one.spans, two.spans, strict=True):
                mine = one.features.values[first - 2 : last + 1]
                assert np.array_equal(mine, two.features.values[begin - 2 : end + 1], True)


def test_the_scaler_of_a_fold_sees_its_train_bars_alone():
    plan = combined()
    for job, fold in zip(plan.jobs, plan.folds, strict=True):
        game = job_game(job, plan.market)
        seen = rows_of(game.fitted, game.market.bars)
        stamps = plan.market.stamps[rows_by_role(plan.market, fold)["train"]]
        assert game.market.stamps[seen].tolist() == stamps.tolist()
        assert role_game(job, game, plan.market, "test").scaler is game.scaler


def test_bars_between_those_that_were_learnt_from_are_no_overlap_and_those_are():
    plan = combined()
    fold = plan.folds[1]  # tests the first and the third group
    game = job_game(plan.jobs[1], plan.market)
    policy = policy_of(always(1), game)
    policy.chosen_on(game.during(fold.intervals("valid")), plan.market)
    rows = rows_by_role(plan.market, fold)
    tested, learnt = (plan.market.stamps[rows[role]] for role in ("test", "train"))
    whole = replace(game, market=plan.market)
    assert card_warnings(policy.card, tested, whole) == ()
    (warning,) = card_warnings(policy.card, learnt, whole)
    assert warning.startswith(f"OVERLAP: {len(learnt)} of {len(learnt)} bars")


def relay_of(*policies):
    days = [str(MARKET.stamps[bar])[:10] for bar in (100, 199, 200, 300)]
    ends = zip(policies, days[::2], days[1::2], strict=True)
    return Relay([Leg(policy, start, end, start) for policy, start, end in ends])


def test_there_is_one_account_and_a_newcomer_s_first_level_is_an_order():
    relay = relay_of(policy_of(always(0)), policy_of(always(0)))
    record = run_backtest(relay, relay.game(MARKET))
    alone = relay.legs[0].policy
    own = run_backtest(alone, alone.game(MARKET).within(100, 300))
    assert record.equity[:101].tolist() == own.equity[:101].tolist()
    assert np.flatnonzero(record.path.traded[:, 0]).tolist() == [1, 101]
    assert record.path.costs[101] > 0
    steps = record.path.gap_pnl + record.path.bar_pnl - record.path.costs + record.path.carry
    assert np.allclose(np.diff(record.equity), steps[1:])


def test_each_policy_of_a_relay_sees_through_its_own_scaler():
    seen = []

    def look(observations):
        seen.append(observations[0].copy())
        return np.ones(len(observations), dtype=int)

    games = [
        small_game(market=MARKET, usable=("levels",)).between(*days)
        for days in (("2000-02", "2000-03"), ("2000-02", "2000-03"))
    ]
    games[1] = replace(games[1], scaler=replace(games[1].scaler, center=games[1].scaler.center + 1))
    relay = relay_of(*(policy_of(look, game) for game in games))
    run_backtest(relay, relay.game(MARKET))
    for row, leg in ((99, 0), (100, 1), (150, 1)):
        features = relay.legs[leg].policy.game(MARKET).features.values
        window = features[100 + row - 3 : 101 + row].ravel()
        assert seen[row][: window.size].tolist() == window.tolist()

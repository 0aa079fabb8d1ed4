"""The share of hindsight: looked for when asked for, once, in time, and kept with the record."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from small_worlds import random_market, small_game

from drltrade.agents.strategies import make_strategy
from drltrade.backtest import compute_metrics, hindsight, run_backtest
from drltrade.backtest.files import payload, read_record, write_record
from drltrade.backtest.hindsight import Best, Yardstick
from drltrade.data import stack


@pytest.fixture
def asked(monkeypatch):
    """The questions that were really looked into, from an empty memory."""
    questions = []
    real = hindsight.foresee

    def foresee(game, span, **how):
        questions.append((span, how))
        return real(game, span, **how)

    monkeypatch.setattr(hindsight, "foresee", foresee)
    monkeypatch.setattr(hindsight, "_KNOWN", {})
    return questions


class Long:
    """Always takes the last action of a list: the highest level."""

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        return np.full(len(observation), 2), state


def roll(name="buy_and_hold", game=None, **settings):
    game = small_game(bars=120, episode=None, **settings) if game is None else game
    return run_backtest(make_strategy(name), game, name=name)


def test_the_share_is_log_growth_over_log_growth():
    record = roll()
    earned = math.log(record.equity[-1] / record.equity[0])
    assert record.hindsight.earned == pytest.approx(earned)
    assert record.hindsight.share == pytest.approx(earned / record.hindsight.best.growth)
    assert compute_metrics(record)["hindsight_share"] == record.hindsight.share
    assert roll("cash").hindsight.share == 0


def test_where_nothing_could_be_earned_there_is_no_share():
    flat = Yardstick(0.0, lambda: Best(0.0, True, "exact: cash."))
    assert math.isnan(flat.share)
    assert flat.plain == {"growth": 0.0, "exact": True, "share": None, "why": "exact: cash."}
    assert math.isnan(compute_metrics(replace(roll(), hindsight=None))["hindsight_share"])


def test_it_is_looked_for_when_it_is_asked_for_and_once_for_all(asked):
    game = small_game(bars=120, episode=None)
    records = [roll(game=game) for _ in range(3)] + [roll("cash", game=game)]
    assert asked == []
    shares = [compute_metrics(record)["hindsight_share"] for record in records]
    again = small_game(bars=120, episode=None)  # other objects of the same content
    compute_metrics(roll(game=again))
    assert len(asked) == 1
    assert len(set(shares)) == 2
    compute_metrics(roll(game=game.within(10, 90)))
    compute_metrics(roll(seed=5))
    assert len(asked) == 3


def test_a_strategy_may_order_anything_and_a_policy_what_its_scheme_has():
    game = small_game(bars=120, episode=None)
    strategy, policy = roll(game=game).hindsight.best, run_backtest(Long(), game).hindsight.best
    assert (strategy.exact, policy.exact) == (False, True)
    assert policy.why == "exact: the best path over 3 levels, held from order to order."
    assert policy.growth < strategy.growth < 1.1 * policy.growth


def test_segments_are_summed():
    parts = [random_market(bars=70, seed=seed) for seed in range(3)]
    pooled = run_backtest(Long(), small_game(market=stack(parts), episode=None))
    alone = [run_backtest(Long(), small_game(market=part, episode=None)) for part in parts]
    best = pooled.hindsight.best
    assert best.exact
    assert best.why.endswith("summed over 3 segments.")
    assert best.growth == pytest.approx(sum(each.hindsight.best.growth for each in alone))
    assert pooled.hindsight.earned < best.growth


def test_what_would_take_long_is_a_bound_with_the_reason(asked, monkeypatch):
    game = small_game(bars=120, episode=None)
    monkeypatch.setattr(hindsight, "_HOLD", 1.0)
    best = run_backtest(Long(), game).hindsight.best
    assert asked == [(0, {"free": False, "search": False})]
    assert best.why.startswith("bound: ")
    assert "all that may be asked for would take about" in best.why
    exact = run_backtest(make_strategy("hindsight"), game, name="hindsight").hindsight
    assert exact.best.exact  # who names it wants to wait
    assert exact.best.growth < best.growth


def test_what_would_take_long_even_so_is_left_out_with_the_reason(asked, monkeypatch):
    monkeypatch.setattr(hindsight, "_BAR", 1.0)
    record = roll()
    assert record.hindsight.best.why == (
        "not looked for: 119 bars of 1 assets would take about 119 seconds."
    )
    assert asked == []
    assert math.isnan(record.hindsight.share)
    content = payload(record)["hindsight"]
    assert content["growth"] is None
    assert content["share"] is None


def test_a_long_history_stays_within_the_patience():
    """Seconds are not measured here; the steps that they were measured by are."""
    game = small_game(bars=9000, episode=None)
    lengths = np.diff(game.spans)[:, 0].astype(float)
    assert hindsight._search_seconds(game, lengths) > hindsight.PATIENCE
    shorter = small_game(bars=4000, episode=None)
    lengths = np.diff(shorter.spans)[:, 0].astype(float)
    assert hindsight._search_seconds(shorter, lengths) < hindsight.PATIENCE
    settings = {"actions": {"scheme": "levels"}, "rebalance": "every_bar", "episode": None}
    wide = small_game(bars=300, assets=6, **settings)
    assert hindsight._search_seconds(wide, np.array([299.0])) > hindsight.PATIENCE


def test_it_stays_with_the_record_on_disk(tmp_path):
    record = roll()
    write_record(record, tmp_path)
    back = read_record(tmp_path).hindsight
    assert back.best == record.hindsight.best
    assert back.share == record.hindsight.share
    content = json.loads((tmp_path / "metrics.json").read_text())["hindsight"]
    assert content == {
        "growth": record.hindsight.best.growth,
        "exact": False,
        "share": record.hindsight.share,
        "why": record.hindsight.best.why,
    }


def test_a_record_of_an_earlier_version_has_none(tmp_path):
    write_record(replace(roll(), hindsight=None), tmp_path)
    assert read_record(tmp_path).hindsight is None
    assert json.loads((tmp_path / "metrics.json").read_text())["hindsight"] is None


def test_memory_is_bounded(asked, monkeypatch):
    monkeypatch.setattr(hindsight, "_MOST_KNOWN", 2)
    game = small_game(bars=120, episode=None)
    for last in (50, 60, 70, 80):
        compute_metrics(roll(game=game.within(5, last)))
    assert len(hindsight._KNOWN) == 2

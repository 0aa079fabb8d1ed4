"""What knows the future is caught by name; what does not is left in peace."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_worlds import random_market, small_game

from drltrade.agents.strategies import STRATEGIES, make_strategy
from drltrade.backtest.audit import audit_actor, audit_columns, audit_env
from drltrade.backtest.findings import Watch
from drltrade.backtest.leaks import Subject
from drltrade.backtest.worlds import CHANGES, changed, choose_cuts
from drltrade.data import stack
from drltrade.data.reserved import RESERVED

MARKET = random_market(bars=600, assets=2, seed=3)
WORLD = Watch(MARKET, choose_cuts(MARKET, 5, 0), 0)


def frame(market):
    return pd.DataFrame(market.close)


def weekly(market, forward=False):
    """The close of each fifth bar, filled over the four before it or after it."""
    closes = frame(market)
    closes[np.arange(len(closes)) % 5 != 4] = np.nan
    return closes.ffill() if forward else closes.bfill().ffill()


LEAKS = {
    "a centred moving average over 9 bars": lambda m: (
        frame(m).rolling(9, center=True, min_periods=1).mean() / m.close
    ),
    "a centred moving average over 4 bars": lambda m: (
        frame(m).rolling(4, center=True, min_periods=1).mean()
    ),
    "a whole-series z-score": lambda m: (
        (np.log(m.close) - np.log(m.close).mean(0)) / np.log(m.close).std(0)
    ),
    "a whole-series min-max scaling": lambda m: (m.close - m.close.min(0)) / np.ptp(m.close, 0),
    "a whole-series statistic": lambda m: m.close / m.close.mean(0),
    "a back-fill": lambda m: frame(m).pct_change().rolling(20).mean().bfill(),
    "back-fill": weekly,
    "a feature shifted by -1": lambda m: frame(m).pct_change().shift(-1).fillna(0),
    "shifted by -1": lambda m: frame(m).pct_change().ewm(14).mean().shift(-1).ffill(),
    "like a feature shifted by -1": lambda m: pd.DataFrame(m.high / m.low).shift(-1).ffill(),
    "reads the future from bar t+1 to": lambda m: frame(m)[::-1].ewm(3).mean()[::-1],
    "a feature shifted by -5": lambda m: (frame(m).shift(-5) / m.close - 1).fillna(0),
    "how many bars there are": lambda m: np.repeat(np.linspace(0, 1, m.bars)[:, None], 2, axis=1),
}

CLEAN = {
    "returns": lambda m: frame(m).pct_change(),
    "trailing": lambda m: frame(m).rolling(20).mean() / m.close,
    "ewm": lambda m: frame(m).ewm(10).mean(),
    "expanding": lambda m: frame(m).expanding(20).std(),
    "forward fill": lambda m: weekly(m, forward=True),
}


def columns(function, name="mine", world=WORLD):
    subject = Subject(lambda market, last: {name: np.asarray(function(market), np.float64)})
    return audit_columns([subject], world)


@pytest.mark.parametrize("looks", LEAKS)
def test_a_leaking_feature_is_caught_by_name(looks):
    findings, leaking = columns(LEAKS[looks])
    (leak,) = [finding for finding in findings if finding.level == "LEAK"]
    assert leaking == [0]
    assert looks in leak.message
    assert "'mine'" in leak.message
    assert leak.fix
    assert leak.details["looks_like"] in leak.message
    assert str(MARKET.stamps[leak.details["bar"]])[:10] == leak.details["stamp"]


def test_a_leak_says_how_far_it_saw_and_where_it_first_moved():
    findings, _ = columns(LEAKS["a centred moving average over 9 bars"])
    leak = next(finding for finding in findings if finding.level == "LEAK")
    assert leak.details["ahead"] == 4
    bar = leak.details["bar"]
    assert bar + 3 in WORLD.cuts.spread  # the last bar before the cut that is 4 away from the new
    assert f"(bar {bar:,})" in leak.message


def test_a_back_filled_column_with_gaps_is_caught():
    news = np.full((600, 2), np.nan)
    news[::37] = np.random.default_rng(0).normal(size=(17, 2))
    market = replace(MARKET, columns={"news": news})
    world = Watch(market, choose_cuts(market, 5, 0), 0)
    findings, _ = columns(lambda m: pd.DataFrame(m.columns["news"]).bfill().ffill(), world=world)
    assert any("looks like a back-fill" in finding.message for finding in findings)


@pytest.mark.parametrize("name", CLEAN)
def test_a_causal_feature_passes(name):
    findings, leaking = columns(CLEAN[name])
    assert leaking == []
    assert [finding.level for finding in findings] == ["ok"]


def test_last_digits_are_a_warning_and_not_a_leak():
    def noisy(market):
        return market.close * (1 + 1e-15 * market.close[-1])

    findings, _ = columns(noisy)
    assert findings[0].level == "warning"
    assert "last digits" in findings[0].message


def test_a_feature_without_a_seed_cannot_be_shown():
    rng = np.random.default_rng()
    findings, leaking = columns(lambda market: rng.random(market.close.shape))
    assert leaking == [0]
    assert findings[0].level == "failed"


def test_a_feature_that_reads_tomorrow_from_its_own_file_is_caught():
    secret = np.sign(np.diff(MARKET.close, axis=0, append=MARKET.close[-1:]))
    findings, leaking = columns(lambda market: secret[: market.bars])
    assert leaking == [0]
    assert any(f.level == "LEAK" and "reads tomorrow" in f.message for f in findings)


def test_every_change_leaves_the_past_alone_and_moves_the_future():
    for how in CHANGES:
        world = changed(MARKET, 300, how, 0)
        assert np.array_equal(world.close[:301], MARKET.close[:301])
        if how == "truncated":
            assert world.bars == 301
        else:
            assert (world.close != MARKET.close)[301:].all()
        assert world.periods_per_year == MARKET.periods_per_year


def test_cuts_repeat_with_the_seed_and_differ_without():
    one, two = choose_cuts(MARKET, 5, 1), choose_cuts(MARKET, 5, 1)
    assert one == two
    assert one != choose_cuts(MARKET, 5, 2)
    assert len(one.spread) == 5
    assert one.early


class Oracle:
    name = "oracle"

    def targets(self, market, first):
        return np.sign(np.diff(market.close, axis=0, append=market.close[-1:])) / 2


def orders(strategy):
    subject = Subject(lambda market, last: {strategy.name: np.asarray(strategy.targets(market, 0))})
    return audit_columns([subject], WORLD, "targets")[0]


def test_a_strategy_that_reads_tomorrow_is_caught():
    (finding,) = orders(Oracle())
    assert finding.level == "LEAK"
    assert "The strategy 'oracle' reads tomorrow" in finding.message
    assert finding.details["ahead"] == 1


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_built_in_strategy_passes(name):
    game = small_game(market=MARKET)
    params = {"look": 40, "every": 90} if "look" in STRATEGIES[name].model_fields else {}  # quick
    findings = orders(make_strategy(name, **params))
    findings += audit_actor(game, lambda: make_strategy(name, **params), name, WORLD)
    assert {finding.level for finding in findings} == {"ok"}
    assert {finding.check for finding in findings} == {"targets", "actions", "fills", "equity"}


class Trend:
    """A per-bar strategy that remembers, and looks at its account."""

    name = "trend"

    def __init__(self):
        self.high = 0.0

    def target(self, view, account):
        self.high = max(self.high, account.equity)
        rise = view.close[-1] / view.close[max(0, view.bars - 20)] - 1
        return np.where((rise > 0) & (account.equity > 0.9 * self.high), 0.5, 0.0)


def test_a_strategy_bar_by_bar_passes_when_it_looks_at_its_view_alone():
    findings = audit_actor(small_game(market=MARKET), Trend, "trend", WORLD)
    assert {finding.level for finding in findings} == {"ok"}


def test_a_strategy_bar_by_bar_that_reads_tomorrow_elsewhere_is_caught():
    class Thief:
        name = "thief"

        def target(self, view, account):
            bar = min(account.bar + 1, MARKET.bars - 1)
            return np.sign(MARKET.close[bar] - MARKET.close[account.bar]) / 2

    findings = audit_actor(small_game(market=MARKET), Thief, "thief", WORLD)
    assert any(f.level == "LEAK" and "reads tomorrow" in f.message for f in findings)


def test_a_strategy_that_draws_without_a_seed_cannot_be_shown():
    class Dice:
        name = "dice"
        rng = np.random.default_rng()

        def target(self, view, account):
            return self.rng.random(view.assets) / 2

    findings = audit_actor(small_game(market=MARKET), Dice, "dice", WORLD)
    assert {finding.level for finding in findings} == {"failed"}


@pytest.mark.parametrize("fill", ["next_open", "next_close", "same_close"])
def test_the_env_itself_passes_under_every_fill(fill):
    findings = audit_env(small_game(market=MARKET, fill=fill, account=["drawdown"]), WORLD)
    assert [finding.check for finding in findings] == ["observations", "rewards", "equity"]
    assert all(finding.level == "ok" and finding.details["bars"] > 1000 for finding in findings)


def test_the_env_passes_on_stacked_markets():
    market = stack([random_market(200, seed=1), random_market(260, seed=2)])
    game = small_game(market=market)
    findings = audit_env(game, Watch(market, choose_cuts(market, 5, 0), 0))
    assert {finding.level for finding in findings} == {"ok"}


def test_a_reward_that_changes_with_the_future_is_caught():
    game = small_game(market=MARKET)

    class Peeks:
        """Rewards with the price of the last bar there is, through the market it was given."""

        def __init__(self, market):
            self.last = float(market.close[-1, 0])

        def __call__(self, step):
            return step.log_return * self.last

    import drltrade.backtest.replay as replay

    def rebuilt(game, market):
        return replace(original(game, market), reward=Peeks(market))

    original = replay.rebuilt
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "rebuilt", rebuilt)
        findings = audit_env(replace(game, reward=Peeks(MARKET)), WORLD)
    by_check = {finding.check: finding for finding in findings}
    assert by_check["rewards"].level == "LEAK"
    assert by_check["equity"].level == "ok"


def test_observations_that_hold_tomorrow_are_caught_and_what_a_policy_does_with_them(monkeypatch):
    import drltrade.backtest.replay as replay

    def ahead(game):
        values = np.roll(game.features.values, -1, axis=0)
        return replace(game, features=replace(game.features, values=values))

    class Reader:
        """Holds what rises in the newest row of its window."""

        def predict(self, observation, state=None, episode_start=None, deterministic=True):
            assets, features = game.market.assets, len(game.layout.features)
            newest = observation[:, : game.layout.window_size].reshape(-1, assets, features)[-1]
            return np.where(newest[:, 0] > 0, 1.0, -1.0)[None].astype(np.float32), None

    game = small_game(market=MARKET, actions="portfolio")
    assert {f.level for f in audit_actor(game, Reader, "reader", WORLD)} == {"ok"}
    original = replay.rebuilt
    monkeypatch.setattr(replay, "rebuilt", lambda game, market: ahead(original(game, market)))
    found = {finding.check: finding for finding in audit_env(ahead(game), WORLD)}
    assert found["observations"].level == "LEAK"
    assert "[t]" in found["observations"].message
    assert found["observations"].details["ahead"] == 1
    assert found["equity"].level == "ok"
    acted = {finding.check: finding for finding in audit_actor(ahead(game), Reader, "r", WORLD)}
    assert acted["actions"].level == "LEAK"
    assert acted["fills"].level == "ok"  # the order after the cut is filled in the changed future


def test_a_reward_that_knows_the_next_bar_is_caught():
    rises = np.append(np.diff(np.log(MARKET.close[:, 0])), 0.0)
    game = replace(small_game(market=MARKET), reward=lambda step: rises[step.bar])
    findings = audit_env(game, WORLD)
    assert findings[-1].level == "LEAK"
    assert "The reward" in findings[-1].message


def traded():
    """Raw prices of two assets with splits, dividends and halts."""
    rng = np.random.default_rng(5)
    split, dividend, tradable = np.ones((600, 2)), np.zeros((600, 2)), np.ones((600, 2))
    split[[150, 420], 0] = (2.0, 0.5)
    dividend[60::63] = 0.4
    tradable[rng.integers(0, 600, 20), 1] = 0.0
    columns = {"split": split, "dividend": dividend, "tradable": tradable}
    return replace(MARKET, raw=True, columns=columns)


RAW = traded()


def test_an_env_of_raw_prices_with_reserved_columns_passes():
    game = small_game(market=RAW, actions="continuous")
    world = Watch(RAW, choose_cuts(RAW, 5, 0), 0)
    findings = audit_env(game, world)
    findings += audit_actor(game, lambda: make_strategy("momentum"), "momentum", world)
    assert {finding.level for finding in findings} == {"ok"}
    assert all("9 changed futures" in finding.message for finding in findings)


@pytest.mark.parametrize("name", RESERVED)
def test_a_feature_that_reads_tomorrows_reserved_column_is_caught(name):
    column = np.full((600, 2), RESERVED[name].default)
    market = replace(RAW, columns={**RAW.columns, name: RAW.columns.get(name, column)})
    world = Watch(market, choose_cuts(market, 5, 0), 0)
    findings, leaking = columns(
        lambda m: pd.DataFrame(m.adjusted.columns[name]).shift(-1).ffill(), world=world
    )
    assert leaking == [0]
    (leak,) = findings
    assert "reads tomorrow" in leak.message
    assert "shifted by -1" in leak.message
    held = columns(lambda m: m.adjusted.columns[name], world=world)[0]
    assert [finding.level for finding in held] == ["ok"]
    assert "27 changed futures" in held[0].message


def test_a_centred_average_of_adjusted_prices_is_named_across_splits():
    world = Watch(RAW, choose_cuts(RAW, 5, 0), 0)
    looks = "a centred moving average over 9 bars"
    function = LEAKS[looks]
    findings, _ = columns(lambda market: function(market.adjusted), world=world)
    assert looks in findings[0].message


@pytest.mark.parametrize("how", ["x10", "garbage"])
def test_changed_reserved_columns_stay_legal(how):
    values = {name: np.full((600, 2), RESERVED[name].default) for name in RESERVED}
    market = replace(RAW, columns={**values, **RAW.columns})
    world = changed(market, 300, how, 0)
    for name in RESERVED:
        assert np.array_equal(world.columns[name][:301], market.columns[name][:301])
        assert how == "garbage" or (world.columns[name] != market.columns[name])[301:].all()
    assert np.isfinite(world.adjusted.close).all()

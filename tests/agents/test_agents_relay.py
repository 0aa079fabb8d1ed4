"""Policies one after the other on one account: who acts when, on what it holds, at what cost."""

import numpy as np
import pytest
from ruled_policies import MARKET, always, changing, policy_of, same
from small_worlds import changed_after, random_market, small_game

from drltrade.agents import Ensemble, Leg, Relay
from drltrade.agents.policy import Policy
from drltrade.backtest import run_backtest
from drltrade.backtest.audit import audit_actor
from drltrade.backtest.findings import Watch
from drltrade.backtest.worlds import choose_cuts
from drltrade.data.segments import stack
from drltrade.envs import EnvSettings, build_game
from drltrade.errors import UsageError

FIRST, SECOND, LAST = 100, 220, 350
"""Where the two legs of most relays here begin, and where the second ends."""


def day(bar):
    return str(MARKET.stamps[bar])[:10]


def game_of(start, end, **settings):
    """A game whose scaler was fitted on some of the market's bars."""
    return build_game(
        EnvSettings(window=4, episode=50, **settings),
        market=MARKET, usable=("levels", "continuous"), start=day(start), end=day(end),
    )  # fmt: skip


def relay_of(*policies, bounds=(FIRST, SECOND, LAST)):
    ends = [*(bound - 1 for bound in bounds[1:-1]), bounds[-1]]
    return Relay(
        [
            Leg(policy, day(start), day(end), f"leg {at}")
            for at, (policy, start, end) in enumerate(zip(policies, bounds, ends, strict=False))
        ]
    )


def played(relay):
    return run_backtest(relay, relay.game(MARKET), name=relay.name)


def alone(policy, start=FIRST, last=LAST):
    return run_backtest(policy, policy.game(MARKET).within(start, last))


SCHEMES = pytest.mark.parametrize("scheme", ["levels", "continuous"])


def rule(scheme, seed):
    chosen = changing(seed)
    return chosen if scheme == "levels" else lambda seen: chosen(seen)[:, None] * 0.6 - 0.7


@SCHEMES
def test_a_relay_of_one_policy_is_that_policy_bit_for_bit(scheme):
    policy = policy_of(rule(scheme, 1), game_of(20, 90, actions=scheme))
    record, own = played(relay_of(policy, bounds=(FIRST, LAST))), alone(policy)
    same(record, own)
    np.testing.assert_array_equal(record.actions, own.actions)
    assert record.hindsight.plain == own.hindsight.plain


def test_a_policy_that_hands_over_to_itself_goes_on_as_if_nothing_had_happened():
    policy = policy_of(changing(2))
    same(played(relay_of(policy, policy)), alone(policy))


def test_where_every_bar_goes_back_to_its_target_a_hand_over_to_a_twin_changes_nothing():
    twins = [policy_of(rule("continuous", 3), game_of(20, 90, actions="continuous")) for _ in "ab"]
    same(played(relay_of(*twins)), alone(twins[0]))


def test_the_newcomers_first_level_is_an_order_although_it_is_the_one_that_stands():
    """A short position drifts; its repeated level is one trade, after the hand-over bar."""
    twins = [policy_of(always(0)), policy_of(always(0))]
    record, own = played(relay_of(*twins)), alone(twins[0])
    rows = SECOND - FIRST
    for name in ("equity", "shares", "cash"):
        np.testing.assert_array_equal(
            getattr(record.path, name)[: rows + 1], getattr(own.path, name)[: rows + 1]
        )
    assert np.flatnonzero(own.path.traded[:, 0]).tolist() == [1]
    assert np.flatnonzero(record.path.traded[:, 0]).tolist() == [1, rows + 1]
    before = record.equity[rows] + record.path.gap_pnl[rows + 1]
    after = before - record.path.costs[rows + 1]
    held = record.path.shares[rows + 1, 0] * record.path.fill_price[rows + 1, 0]
    assert held == pytest.approx(-after)
    assert record.path.costs[rows + 1] > 0


@SCHEMES
def test_each_policy_sees_the_account_that_it_was_left_through_its_own_scaler(scheme):
    """Stepped once more by hand: the window is cut from its own features, the rest is as it is."""
    settings = {"actions": scheme, "rebalance": "every_bar"}
    games = [game_of(20, 90, **settings), game_of(120, 200, **settings)]
    assert not np.array_equal(games[0].scaler.center, games[1].scaler.center)
    policies = [policy_of(rule(scheme, seed), game, seed=seed) for seed, game in enumerate(games)]
    record = played(relay_of(*policies))
    features = [policy.game(MARKET).features.values for policy in policies]
    game = policies[0].game(MARKET)
    engine = game.make_engine(1)
    engine.reset(np.array([0]), np.array([FIRST]), np.array([LAST]))
    for bar in range(FIRST, LAST):
        mine, row = int(bar >= SECOND), bar - FIRST
        past = features[mine][bar - 3 : bar + 1].reshape(1, -1)
        seen = np.concatenate([past, engine.observations[:, past.size :]], axis=1)
        action, _ = policies[mine].predict(seen)
        assert record.actions[row].tolist() == np.ravel(action).tolist()
        engine.step(game.scheme.targets(action))
        assert record.equity[row + 1] == engine.current.equity[0]
    assert len(np.unique(record.actions[SECOND - FIRST :])) > 2


def test_one_policy_decides_up_to_its_last_bar_and_the_next_from_the_bar_after():
    record = played(relay_of(policy_of(always(2)), policy_of(always(0))))
    rows = SECOND - FIRST
    assert record.actions[:rows].ravel().tolist() == [2] * rows
    assert record.actions[rows:].ravel().tolist() == [0] * (LAST - SECOND)
    assert np.flatnonzero(record.path.traded[:, 0]).tolist() == [1, rows + 1]
    assert record.path.costs[rows + 1] == pytest.approx(
        0.002 * (record.equity[rows] + record.path.gap_pnl[rows + 1]), rel=2e-3
    )


def test_a_newcomer_remembers_nothing():
    """Its state is None and an episode begins, as on the first bar."""
    calls = []

    class Remembering:
        def eval(self):
            return self

        def predict(self, seen, state=None, episode_start=None, deterministic=True):
            calls.append((state, bool(episode_start[0])))
            return np.ones(len(seen), int), 1 if state is None else state + 1

    policies = [Policy(policy_of(always(1)).card, Remembering()) for _ in "ab"]
    played(relay_of(*policies))
    fresh = [at for at, call in enumerate(calls) if call == (None, True)]
    assert fresh == [0, SECOND - FIRST]
    assert calls[SECOND - FIRST - 1] == (SECOND - FIRST - 1, False)


def test_every_segment_is_handed_over_at_the_same_time():
    market = stack([random_market(bars=400, seed=seed) for seed in (1, 2)])
    games = [small_game(market=market, usable=("levels",), episode=None) for _ in "ab"]
    policies = [policy_of(always(level), game) for level, game in zip((2, 0), games, strict=True)]
    relay = relay_of(*policies)
    record = run_backtest(relay, relay.game(market))
    rows = SECOND - FIRST
    for asset in range(2):
        assert np.flatnonzero(record.path.traded[:, asset]).tolist() == [1, rows + 1]


def test_a_relay_is_a_member_of_an_ensemble_like_any_policy():
    policies = [policy_of(changing(seed), seed=seed) for seed in range(4)]
    relays = [relay_of(*policies[:2]), relay_of(*policies[2:])]
    ensemble = Ensemble(relays, "mean", labels=["one", "two"])
    record = run_backtest(ensemble, ensemble.game(MARKET))
    wanted = np.mean([played(relay).path.targets[1:] for relay in relays], axis=0)
    np.testing.assert_allclose(record.path.targets[1:], wanted, atol=1e-15)


def test_what_comes_later_changes_nothing_before():
    relay = relay_of(*(policy_of(changing(seed), seed=seed) for seed in range(2)))
    for cut in (180, SECOND, 300):
        rows = cut - FIRST + 1
        past, future = (
            run_backtest(relay, relay.game(market).within(FIRST, LAST))
            for market in (MARKET, changed_after(MARKET, cut))
        )
        np.testing.assert_array_equal(past.equity[:rows], future.equity[:rows])
        assert (past.equity[rows:] != future.equity[rows:]).any()
    world = Watch(MARKET, choose_cuts(MARKET, 3, 0, FIRST, LAST), 0)
    findings = audit_actor(relay.game(MARKET), lambda: relay, relay.name, world)
    assert {finding.level for finding in findings} == {"ok"}


def test_a_share_of_hindsight_is_told_against_a_bound_where_a_repeated_level_may_be_an_order():
    record = played(relay_of(policy_of(changing(1)), policy_of(changing(2))))
    assert not record.hindsight.best.exact


def test_legs_share_no_bar():
    policy = policy_of(always(1))
    legs = [Leg(policy, day(100), day(200), "one"), Leg(policy, day(200), day(300), "two")]
    with pytest.raises(UsageError, match=r"two takes over at .*in order of time"):
        Relay(legs)


@pytest.mark.parametrize(
    ("policies", "bounds", "told"),
    [
        ((), (FIRST,), "there is none"),
        ((policy_of(always(1)), policy_of(always(1), window=8)), (100, 200, 300), "another obs"),
        ((policy_of(always(1)), policy_of(always(1))), (200, 100, 300), "before it begins"),
    ],
)
def test_what_cannot_hand_over_is_refused_in_words(policies, bounds, told):
    with pytest.raises(UsageError, match=told):
        relay_of(*policies, bounds=bounds)

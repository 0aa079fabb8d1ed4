"""Policies that act together: by the mean of what they want, or one after the other; causally."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from ruled_policies import MARKET, always, changing, policy_of, same
from small_worlds import changed_after, random_market, small_game

from drltrade.agents import Ensemble
from drltrade.backtest import compute_metrics, run_backtest
from drltrade.backtest.audit import audit_actor
from drltrade.backtest.findings import Watch
from drltrade.backtest.worlds import choose_cuts
from drltrade.data import Market
from drltrade.data.segments import stack
from drltrade.errors import UsageError


def by_column(column, cut=0.0):
    """Long where a column of the window is above a cut, else short."""
    return lambda seen: np.where(seen[:, column] > cut, 2, 0)


def played(ensemble, start=100, last=350):
    return run_backtest(ensemble, ensemble.game(MARKET).within(start, last), name=ensemble.name)


@pytest.mark.parametrize("scheme", ["levels", "continuous"])
def test_the_mean_of_one_policy_is_that_policy_bit_for_bit(scheme):
    game = small_game(market=MARKET, actions=scheme)
    rule = changing(1)
    act = rule if scheme == "levels" else lambda seen: rule(seen)[:, None] - 0.7
    policy = policy_of(act, game)
    ensemble = Ensemble([policy])
    own = policy.game(MARKET).within(100, 350)
    assert ensemble.game(MARKET).rules == own.rules
    same(played(ensemble), run_backtest(policy, own))


def test_the_mean_wants_the_mean_of_what_each_member_wants_by_itself():
    members = [policy_of(changing(seed), seed=seed) for seed in range(3)]
    record = played(Ensemble(members, "mean"))
    alone = [run_backtest(each, each.game(MARKET).within(100, 350)) for each in members]
    wanted = np.mean([each.path.targets[1:] for each in alone], axis=0)
    np.testing.assert_allclose(record.path.targets[1:], wanted, atol=1e-15)
    assert len(np.unique(np.round(record.path.targets[1:], 6))) > 3  # thirds, which no level has
    assert record.actions is None
    assert record.name == "mean of ppo (3 seeds)"
    assert record.assumptions["ensemble"] == {
        "scheme": "mean",
        "members": ["ppo seed 0", "ppo seed 1", "ppo seed 2"],
    }


def test_long_and_short_together_are_flat_and_pay_nothing():
    record = played(Ensemble([policy_of(always(2)), policy_of(always(0), seed=1)]))
    assert record.path.turnover.sum() == 0
    assert record.equity[-1] == record.equity[0]


def test_an_unchanged_mean_is_no_order_where_no_member_rebalances_else_it_is_one_every_bar():
    still, pulled = policy_of(always(0)), policy_of(always(0), seed=1, rebalance="every_bar")
    assert (played(Ensemble([still, still])).path.traded != 0).sum() == 1
    for members in ([still, pulled], [pulled, still]):
        assert (played(Ensemble(members)).path.traded != 0).sum() > 200


def test_two_members_that_swap_their_targets_trade_nothing():
    up = {"features": [{"log_return": 1}], "scaler": "none", "window": 1}
    one = policy_of(by_column(0), **up)
    other = policy_of(lambda seen: 2 - by_column(0)(seen), seed=1, **up)
    third = policy_of(always(2), seed=2, **up)
    record = played(Ensemble([one, other, third]))
    assert (record.path.traded != 0).sum() == 1
    np.testing.assert_allclose(record.path.targets[1:], 1 / 3, atol=1e-15)


def test_members_may_differ_in_agent_window_features_and_actions():
    wide = policy_of(changing(1), window=16, agent="dqn")
    few = policy_of(changing(2), features=[{"log_return": 1}, {"rsi": 5}], window=3)
    game = small_game(market=MARKET, actions="continuous", window=1)
    smooth = policy_of(lambda seen: np.full((len(seen), 1), 0.3), game, agent="sac")
    ensemble = Ensemble([wide, few, smooth])
    assert ensemble.name == "mean of 3 policies"
    assert ensemble.labels == ("dqn seed 0", "ppo seed 0", "sac seed 0")
    record = played(ensemble)
    assert not ensemble.rules(ensemble.game(MARKET)).on_change
    thirds = np.unique(np.round(record.path.targets[1:] * 3, 9))
    assert set(thirds) <= set(np.round([0.3 + k for k in (-2, -1, 0, 1, 2)], 9))
    assert len(thirds) > 2


def test_until_a_member_can_act_it_counts_as_cash_and_until_any_can_there_is_no_order():
    early = policy_of(always(2), window=2)
    late = policy_of(always(2), window=60, seed=1)
    record = played(Ensemble([early, late]), start=0)
    targets = record.path.targets[1:, 0]
    changes = [None if np.isnan(each) else float(each) for each in targets]
    assert list(dict.fromkeys(changes)) == [None, 0.5, 1.0]


@pytest.mark.parametrize("scheme", ["mean", "rotate"])
def test_a_changed_future_changes_nothing_before_it(scheme):
    members = [policy_of(changing(seed), seed=seed, window=2 + seed) for seed in range(3)]
    ensemble = Ensemble(members, scheme, every=20, look=30)
    record = played(ensemble)
    for cut in (140, 181, 260):
        other = ensemble.game(changed_after(MARKET, cut)).within(100, 350)
        future = run_backtest(ensemble, other)
        rows = cut - 100 + 1
        for name in ("equity", "shares", "status", "cash"):
            one, two = (getattr(each.path, name)[:rows] for each in (record, future))
            np.testing.assert_array_equal(one, two)
        decided = [each.path.targets[: rows + 1] for each in (record, future)]
        np.testing.assert_array_equal(*decided)
        assert (record.equity[rows:] != future.equity[rows:]).any()


@pytest.mark.parametrize("scheme", ["mean", "rotate"])
def test_the_audit_finds_nothing(scheme):
    members = [policy_of(changing(seed), seed=seed) for seed in range(2)]
    ensemble = Ensemble(members, scheme, every=20, look=30)
    game = ensemble.game(MARKET).within(100, 350)
    world = Watch(MARKET, choose_cuts(MARKET, 3, 0, 100, 350), 0)
    findings = audit_actor(game, lambda: ensemble, ensemble.name, world)
    assert {finding.level for finding in findings} == {"ok"}


def test_rotation_follows_whoever_had_the_best_sharpe_ratio_over_the_bars_before():
    members = [policy_of(changing(seed), seed=seed) for seed in range(4)]
    ensemble = Ensemble(members, "rotate", every=21, look=42)
    record = played(ensemble)
    told = record.assumptions["ensemble"]["rotations"]
    assert list(told) == [str(MARKET.stamps[bar])[:10] for bar in range(100, 350, 21)]
    alone = [run_backtest(each, each.game(MARKET).within(100 - 42, 350)) for each in members]
    followed = set()
    for bar, label in zip(range(100, 350, 21), told.values(), strict=True):
        sharpes = []
        for each in alone:
            rows = slice(bar - 58 - 42, bar - 58 + 1)
            past = replace(each, path=replace(each.path, equity=each.equity[rows]),
                           stamps=each.stamps[rows])  # fmt: skip
            sharpes.append(np.nan_to_num(past.returns.mean() / past.returns.std(ddof=1)))
        best = int(np.argmax(sharpes))
        assert label == ensemble.labels[best]
        until = min(bar + 21, 350)
        np.testing.assert_array_equal(
            record.path.targets[bar - 100 + 1 : until - 100 + 1],
            alone[best].path.targets[bar - 58 + 1 : until - 58 + 1],
        )
        followed.add(best)
    assert len(followed) > 1


def test_rotation_turns_to_the_other_member_at_the_first_choice_after_the_market_has_turned():
    close = 100 * np.cumprod(np.where(np.arange(400) < 200, 1.001, 0.999))
    market = Market.build(close)
    game = small_game(market=market, usable=("levels",), fill="next_close")
    bull, bear = policy_of(always(2), game), policy_of(always(0), game, seed=1)
    ensemble = Ensemble([bear, bull], "rotate", every=50, look=20)
    record = run_backtest(ensemble, ensemble.game(market).within(100, 399))
    told = list(record.assumptions["ensemble"]["rotations"].values())
    assert told == ["ppo seed 0"] * 3 + ["ppo seed 1"] * 3  # bars 100, 150, 200; 250, 300, 350
    assert compute_metrics(record)["trades"] == 2


def test_without_a_past_the_validation_score_chooses():
    members = [policy_of(always(0), score=0.1), policy_of(always(2), seed=1, score=0.7)]
    ensemble = Ensemble(members, "rotate", every=500)
    record = run_backtest(ensemble, ensemble.game(MARKET).within(0, 300))
    assert list(record.assumptions["ensemble"]["rotations"].values()) == ["ppo seed 1"]


def test_each_segment_is_played_by_itself():
    one, two = random_market(200, seed=1), random_market(200, seed=2)
    market = stack([one, two])
    game = small_game(market=market, usable=("levels",))
    members = [policy_of(changing(seed), game, seed=seed) for seed in range(2)]
    for scheme in ("mean", "rotate"):
        ensemble = Ensemble(members, scheme, every=50, look=20)
        whole = run_backtest(ensemble, ensemble.game(market))
        alone = run_backtest(ensemble, ensemble.game(one))
        assert np.array_equal(whole.path.targets[:200, 0], alone.path.targets[:, 0], equal_nan=True)
        assert len(whole.symbols) == 2


def test_members_with_other_assets_are_refused_and_so_are_wrong_settings():
    pair = policy_of(always(0), small_game(assets=2, usable=("choices",)))
    with pytest.raises(UsageError, match=r"trade the same assets: ppo seed 0 .1. trades A0, but"):
        Ensemble([policy_of(always(0)), pair])
    with pytest.raises(UsageError, match="Unknown ensemble 'median'"):
        Ensemble([pair], "median")
    with pytest.raises(UsageError, match="at least one trained policy"):
        Ensemble([])
    with pytest.raises(UsageError, match=r"ensemble\.every is 0; it must be at least 1"):
        Ensemble([pair], "rotate", every=0)


def test_backtests_need_no_torch_for_ensembles():
    code = "import drltrade.backtest, sys; raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

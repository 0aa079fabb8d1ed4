"""References know more than a trader can: nobody beats hindsight, and dp_optimal earns its mean."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_worlds import changed_after, random_market, small_game

from drltrade.agents.strategies import (
    REFERENCES,
    STRATEGIES,
    DpOptimalPolicy,
    HindsightPolicy,
    make_strategy,
)
from drltrade.agents.strategies.references import NoPath, foresee, portfolios
from drltrade.backtest import run_backtest
from drltrade.data import load_market, stack, synthetic
from drltrade.errors import UsageError
from drltrade.sim import FILLS, run_path

SLACK = 1e-7
SHORTS = {"random", "sma_cross", "momentum", "mean_reversion"}


class Coins:
    """A policy without a thought: any action of the space, from a seed."""

    def __init__(self, game, seed):
        self.space = game.action_space
        self.space.seed(seed)

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        return np.array([self.space.sample() for _ in observation]), state


def log_growth(record):
    return math.log(record.equity[-1] / record.equity[0])


def all_strategies():
    for name in STRATEGIES:
        yield make_strategy(name)
        if name in SHORTS:
            yield make_strategy(name, shorts=True)


def assert_unbeaten(record):
    best = record.hindsight.best
    assert record.hindsight.earned <= best.growth + SLACK, (record.name, best)
    assert best.why.partition(":")[0] == ("exact" if best.exact else "bound")


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(FILLS),
    st.sampled_from([1, 3]),
    st.sampled_from(["levels", "choices", "continuous", "portfolio"]),
    st.sampled_from([0.003, 0.03, 0.15]),
    st.sampled_from([1.0, 2.0]),
)
def test_no_strategy_and_no_policy_beats_hindsight(seed, fill, assets, scheme, scale, leverage):
    market = random_market(bars=90, assets=assets, seed=seed, scale=scale)
    game = small_game(
        market=market, fill=fill, actions={"scheme": scheme}, leverage=leverage, episode=None
    )
    for strategy in all_strategies():
        assert_unbeaten(run_backtest(strategy, game, name=strategy.name))
    assert_unbeaten(run_backtest(Coins(game, seed), game))


@pytest.mark.parametrize("symbols", [["AAPL"], ["AAPL", "IBM", "MSFT"]])
def test_no_strategy_beats_hindsight_on_real_prices(symbols):
    market = load_market("sample", symbols=symbols)
    for scheme in ("levels", "portfolio"):
        game = small_game(market=market, actions={"scheme": scheme}, episode=None)
        for strategy in all_strategies():
            assert_unbeaten(run_backtest(strategy, game, name=strategy.name))
        assert_unbeaten(run_backtest(Coins(game, 1), game))


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("rebalance", ["every_bar", "on_change"])
@pytest.mark.parametrize(("scheme", "assets"), [("levels", 1), ("choices", 3), ("portfolio", 3)])
def test_exact_is_what_its_own_account_earned(fill, rebalance, scheme, assets):
    game = small_game(
        bars=200, assets=assets, fill=fill, rebalance=rebalance, actions={"scheme": scheme},
        episode=None,
    )  # fmt: skip
    record = run_backtest(make_strategy("hindsight"), game, name="hindsight")
    best = record.hindsight.best
    assert best.exact, best.why
    assert log_growth(record) == pytest.approx(best.growth, abs=SLACK)
    assert record.hindsight.share == pytest.approx(1)
    targets = HindsightPolicy().plan(game, 0)
    replayed = run_path(game.prices, game.rules, targets, game.first, game.last)
    assert math.log(replayed.equity[-1]) == pytest.approx(best.growth, abs=SLACK)


def test_a_bound_is_said_and_no_path_is_made_up():
    game = small_game(bars=100, actions={"scheme": "continuous"}, episode=None)
    with pytest.raises(NoPath, match=r"no account's log growth exceeds .* \(bound: trading"):
        run_backtest(make_strategy("hindsight"), game)


def test_what_the_account_s_own_size_forbids_is_a_bound():
    """From one unit of money nothing moves the price; from a hundred million everything does."""
    market = random_market(bars=100)
    world = {"market": market, "actions": {"scheme": "portfolio"}, "episode": None}
    for costs in ({"impact": {"coefficient": 1.0, "window": 5}},):
        small = foresee(small_game(costs=costs, equity=1e-6, **world), 0)
        large = foresee(small_game(costs=costs, equity=1e9, **world), 0)
        assert large.growth == pytest.approx(small.growth)
        assert not large.exact
        assert large.why.startswith("bound")


def test_weights_that_a_continuous_scheme_cannot_ask_for_are_a_bound():
    half = {"scheme": "continuous", "levels": (0.0, 0.5)}
    assert not foresee(small_game(bars=100, actions=half, episode=None), 0).exact
    whole = {"scheme": "continuous", "levels": (0.0, 1.0)}
    assert foresee(small_game(bars=100, actions=whole, episode=None), 0).exact


@pytest.mark.parametrize("scheme", ["levels", "choices"])
@pytest.mark.parametrize("assets", [1, 2])
def test_portfolios_are_all_that_the_scheme_can_ask_for(scheme, assets):
    game = small_game(bars=60, assets=assets, actions={"scheme": scheme})
    table, space = portfolios(game), game.action_space
    for _ in range(30):
        (asked,) = game.scheme.targets(np.atleast_2d(space.sample()))
        rows = table if scheme == "choices" else None
        if rows is not None:
            assert (np.abs(rows - asked).max(axis=1) < 1e-12).any()
        else:
            assert np.isin(asked.round(12), table[:, 0].round(12)).all()


def test_each_segment_is_planned_for_itself():
    market = stack([random_market(bars=80, seed=1), random_market(bars=90, seed=2)])
    game = small_game(market=market, episode=None)
    record = run_backtest(make_strategy("hindsight"), game, name="hindsight")
    alone = [
        run_backtest(make_strategy("hindsight"), small_game(market=part, episode=None))
        for part in (random_market(bars=80, seed=1), random_market(bars=90, seed=2))
    ]
    assert record.hindsight.earned == pytest.approx(sum(log_growth(each) for each in alone))
    assert record.hindsight.best.growth == pytest.approx(record.hindsight.earned, abs=SLACK)


def test_the_record_of_hindsight_says_that_it_is_not_causal():
    game = small_game(bars=80, episode=None)
    record = run_backtest(make_strategy("hindsight"), game, name="hindsight")
    assert record.label == "hindsight (not causal)"
    assert record.assumptions["reference"] == "not causal"
    assert record.warnings[0].startswith("NOT CAUSAL: hindsight knows every price to come")
    other = run_backtest(make_strategy("cash"), game, name="cash")
    assert other.label == "cash"
    assert not any("NOT CAUSAL" in text for text in other.warnings)


def test_a_policy_that_happens_to_plan_is_no_reference():
    class Planner(Coins):
        def plan(self):
            raise AssertionError("nobody asked")

    game = small_game(bars=60, episode=None)
    record = run_backtest(Planner(game, 1), game, name="planner")
    assert "reference" not in record.assumptions
    assert record.label == "planner"


def test_references_share_no_name_with_strategies():
    assert not REFERENCES.keys() & STRATEGIES.keys()
    for name, kind in REFERENCES.items():
        assert kind.name == name
        assert not hasattr(kind, "targets")
    with pytest.raises(UsageError, match="Did you mean 'hindsight'"):
        make_strategy("hindsigth")
    with pytest.raises(UsageError, match="Unknown key 'levels'"):
        make_strategy("hindsight", levels=(0, 1))


# dp_optimal: knows the law.


@pytest.mark.parametrize(
    ("name", "cost", "parameters"),
    [("ou", 2e-4, {}), ("ar1", 1e-3, {}), ("two_state", 2e-3, {}), ("chain", 1e-3, {})],
)
def test_dp_optimal_earns_in_the_ledger_what_the_table_promises(name, cost, parameters):
    made = synthetic.KNOWN[name](bars=40_000, seed=3, **parameters)
    costs = {"commission": {"rate": cost / 2}, "slippage": {"rate": cost / 2}}
    game = small_game(
        market=made.market, costs=costs, features=[{"column": "signal"}], episode=None
    )
    policy = DpOptimalPolicy.of(made.law, game)
    record = run_backtest(policy, game, name=policy.name)
    earned = float(record.returns.mean())
    assert earned == pytest.approx(policy.optimum.mean_reward, rel=0.08)
    assert record.label == "dp_optimal (knows the law)"
    assert not any("NOT CAUSAL" in text for text in record.warnings)


def test_dp_optimal_reads_no_bar_to_come_and_orders_changes_alone():
    made = synthetic.ou(bars=600, seed=1)
    policy = DpOptimalPolicy(made.law, cost=2e-4)
    whole = policy.targets(made.market, 5)
    for cut in (5, 77, 300):
        early = policy.targets(made.market.until(cut), 5)
        assert whole[: cut + 1].tobytes() == early.tobytes()
    ordered = whole[~np.isnan(whole)]
    assert np.isnan(whole[:5]).all()
    assert (np.diff(ordered) != 0).all()
    assert set(ordered) <= {-1.0, 0.0, 1.0}


def test_dp_optimal_starts_afresh_in_each_segment():
    first, second = synthetic.ou(bars=200, seed=1), synthetic.ou(bars=200, seed=2)
    policy = DpOptimalPolicy(first.law, cost=2e-4)
    joint = policy.targets(stack([first.market, second.market]), 0)
    alone = [policy.targets(made.market, 0) for made in (first, second)]
    assert joint.tobytes() == np.concatenate(alone).tobytes()


def test_dp_optimal_refuses_what_was_not_drawn_from_its_law():
    made = synthetic.ou(bars=60)
    with pytest.raises(UsageError, match=r"has no column 'signal'"):
        DpOptimalPolicy(made.law).targets(random_market(bars=60), 0)
    with pytest.raises(UsageError, match="needs the action scheme levels on one asset"):
        DpOptimalPolicy.of(made.law, small_game(bars=60, actions={"scheme": "continuous"}))


def test_hindsight_buys_what_will_be_worth_ten_times_as_much():
    game = small_game(market=changed_after(random_market(bars=80), 60), episode=None)
    assert HindsightPolicy().plan(game, 0)[59, 0] == 1  # filled at the last open before


def test_the_names_in_sim_are_the_functions_whoever_imported_their_files_first():
    code = """
import sys
import drltrade.sim.hindsight
from drltrade.sim import Hindsight, hindsight
assert callable(hindsight), hindsight
assert "drltrade.sim.optimal" not in sys.modules
from drltrade.sim import Optimum, dp_optimal, policy_reward
assert callable(dp_optimal) and callable(policy_reward)
import drltrade.sim as sim
try:
    sim.hindsigth
except AttributeError as error:
    assert "hindsigth" in str(error)
else:
    raise SystemExit("no such name")
"""
    subprocess.run([sys.executable, "-c", code], check=True)

"""Claims about what a record is taken apart into: costs, attribution, regimes."""

import math
from dataclasses import replace

import numpy as np
import pytest
from looking_policies import Counting, Looking, by_sign
from small_worlds import random_market, small_game

from drltrade.agents import make_strategy
from drltrade.backtest import compute_metrics, run_backtest, trade_list
from drltrade.backtest.diagnostics import diagnose
from drltrade.backtest.diagnostics.attribution import attribute
from drltrade.backtest.diagnostics.costs import break_even, cost_curve
from drltrade.backtest.diagnostics.regimes import REGIMES, label_regimes, regimes
from drltrade.backtest.diagnostics.stage import Stage
from drltrade.data import Market
from drltrade.errors import UsageError
from drltrade.sim import Carry, Commission, Costs, Slippage

FREE = Costs(Commission(0.0), Slippage(0.0))
CLOSES = {"features": ["log_return"], "scaler": "none", "window": 1, "fill": "same_close"}


class Along:
    """A strategy that asks for given weights."""

    def __init__(self, weights):
        self.weights = np.asarray(weights, float).reshape(len(weights), -1)

    def targets(self, market, first):
        return self.weights


def of_closes(*prices):
    close = np.array(prices, float)
    return Market.build(close, open=close, high=close, low=close)


def staged(actor, game):
    return Stage.of(actor, game, run_backtest(actor, game))


def sums(pieces):
    return sum(pieces[name] for name in ("beta", "timing", "costs", "other"))


# Playing again


def test_accounts_taken_apart_and_played_again_are_the_record():
    for game in (
        small_game(usable=("levels",)),
        small_game(market=random_market(200, 3).each(), usable=("levels",)),
    ):
        stage = staged(by_sign(3), game)
        whole = stage.pooled(stage.padded([path.equity for path in stage.paths])[:, None])
        assert whole[:, 0].tobytes() == stage.record.equity.tobytes()
        targets = np.stack([stage.orders], axis=0).swapaxes(1, 2).swapaxes(0, 1)
        again = stage.play(np.concatenate([targets, targets], axis=1))
        assert again[:, 0].tobytes() == again[:, 1].tobytes() == stage.record.equity.tobytes()


def test_a_record_of_another_game_is_refused():
    game = small_game(usable=("levels",))
    record = run_backtest(by_sign(3), game)
    other = small_game(usable=("levels",), seed=1)
    for wrong in (other, small_game(bars=300, usable=("levels",))):
        with pytest.raises(UsageError, match="is not of this policy in this game"):
            diagnose(by_sign(3), wrong, record)


# Costs


def test_costs_are_those_of_a_backtest_at_such_costs():
    game = small_game(usable=("levels",), costs=Costs(Commission(0.001), Slippage(0.0002)))
    curve = cost_curve(by_sign(3), staged(by_sign(3), game))
    assert curve["multipliers"] == [0, 0.5, 1, 2, 3, 5]
    for place, each in enumerate(curve["multipliers"]):
        costs = Costs(Commission(0.001 * each), Slippage(0.0002 * each))
        there = small_game(usable=("levels",), costs=costs)
        metrics = compute_metrics(run_backtest(by_sign(3), there))
        assert curve["total_return"][place] == pytest.approx(metrics["total_return"], rel=1e-12)
        assert curve["sharpe"][place] == pytest.approx(metrics["sharpe"], rel=1e-12)


def test_a_policy_decides_anew_at_other_costs():
    # It sells once its equity has fallen 3 %: at higher costs earlier.
    fearful = Looking(lambda seen: np.where(seen[:, -1] < math.log(0.97), 1, 2))
    settings = {"usable": ("levels",), "account": ("log_equity",)}
    curve = cost_curve(fearful, staged(fearful, small_game(**settings)))
    costs = Costs(Commission(0.0025), Slippage(0.0025))
    dear = run_backtest(fearful, small_game(costs=costs, **settings))
    assert curve["total_return"][-1] == pytest.approx(dear.equity[-1] / dear.equity[0] - 1)


def test_memory_and_strategies_are_rolled_alike():
    costs = Costs(Commission(0.001), Slippage(0.001))
    for actor in (Counting(), make_strategy("sma_cross", fast=3, slow=9)):
        curve = cost_curve(actor, staged(actor, small_game(usable=("levels",))))
        there = run_backtest(actor, small_game(usable=("levels",), costs=costs))
        wanted = there.equity[-1] / there.equity[0] - 1
        assert curve["total_return"][3] == pytest.approx(wanted, rel=1e-12)


def test_the_break_even_lies_where_the_gain_crosses_nothing():
    multipliers = np.array([0.0, 1.0, 2.0])
    assert break_even(multipliers, np.array([0.10, 0.06, -0.02])) == pytest.approx(1.75)
    assert break_even(multipliers, np.array([0.10, 0.06, 0.02])) is None
    assert break_even(multipliers, np.array([-0.01, -0.02, -0.03])) is None


def test_the_break_even_of_one_purchase_by_hand():
    # Bought at 100 for 1 % and held to 102: 1.02 / 1.01 of the stake. At twice that cost it is
    # 1.02 / 1.02: nothing is left.
    game = small_game(
        market=of_closes(100, 101, 102), **CLOSES, costs=Costs(Commission(0.004), Slippage(0.006))
    )
    curve = cost_curve(actor := Along([1, np.nan, np.nan]), staged(actor, game))
    assert curve["total_return"][2] == pytest.approx(1.02 / 1.01 - 1)
    assert curve["break_even"] == pytest.approx(2.0)


def test_idle_cash_is_what_a_gain_is_measured_by():
    market = of_closes(*np.full(400, 100.0))
    settings = CLOSES | {"carry": Carry(cash=0.05)}
    game = small_game(market=market, **settings)
    assert cost_curve(actor := Along([0] * 400), staged(actor, game))["break_even"] is None


def test_costs_that_the_ledger_refuses_are_left_out():
    game = small_game(usable=("levels",), costs=Costs(Commission(0.05), Slippage(0.0)))
    curve = diagnose(by_sign(3), game, run_backtest(by_sign(3), game))["costs"]
    assert curve["total_return"][-1] is None
    assert curve["sharpe"][-1] is None
    assert None not in curve["total_return"][:-1]


# Attribution


def test_attribution_by_hand():
    # Returns 10 %, -10 %, 10 %; in the market for the first and the last, so 21 % in all. The mean
    # exposure is 2/3. Each bar is linked by k = log(1 + r) / r, 1 for the bar of no return.
    game = small_game(market=of_closes(100, 110, 99, 108.9), costs=FREE, **CLOSES)
    pieces = attribute(staged(Along([1, 0, 1, np.nan]), game))
    k, total = math.log(1.1) / 0.1, math.log(1.21) / 0.21
    assert pieces["net"] == pytest.approx(0.21)
    assert pieces["beta"] == pytest.approx(2 / 3 * (0.1 * k - 0.1 + 0.1 * k) / total)
    assert pieces["timing"] == pytest.approx((0.1 / 3 * k + 0.2 / 3 + 0.1 / 3 * k) / total)
    assert pieces["costs"] == 0
    assert pieces["other"] == pytest.approx(0, abs=1e-12)


def test_who_never_moves_has_no_timing_and_pays_for_one_purchase():
    market = of_closes(*100 * 1.01 ** np.arange(30))
    game = small_game(market=market, **CLOSES)
    pieces = attribute(staged(Along([1] + [np.nan] * 29), game))
    assert pieces["timing"] == pytest.approx(0, abs=1e-4)
    assert pieces["costs"] == pytest.approx(-0.001, rel=0.2)
    assert sums(pieces) == pytest.approx(pieces["net"], abs=1e-9)


@pytest.mark.parametrize("fill", ["next_open", "next_close", "same_close"])
@pytest.mark.parametrize("scheme", ["levels", "continuous"])
@pytest.mark.parametrize("each", [False, True])
def test_without_carry_market_timing_and_costs_are_all_there_is(fill, scheme, each):
    market = random_market(150, 2, seed=4)
    game = small_game(
        market=market.each() if each else market, usable=(scheme,), fill=fill, leverage=2
    )
    policy = Looking(
        lambda seen: (
            (seen[:, :1] > 0).astype(int) * 2 * np.ones(game.market.assets, int)
            if scheme == "levels"
            else np.tanh(seen[:, : game.market.assets])
        )
    )
    pieces = attribute(staged(policy, game))
    assert sums(pieces) == pytest.approx(pieces["net"], abs=1e-9)
    assert pieces["other"] == pytest.approx(0, abs=1e-9)
    assert abs(pieces["timing"]) > 1e-3


def test_what_carry_paid_is_other():
    game = small_game(usable=("levels",), carry=Carry(borrow=0.2, debit=0.1))
    stage = staged(by_sign(3), game)
    pieces = attribute(stage)
    returns = stage.record.returns
    moves = np.where(returns == 0, 1e-9, returns)
    k, total = np.log1p(moves) / moves, math.log1p(pieces["net"]) / pieces["net"]
    paid = float((stage.record.path.carry[1:] / stage.record.equity[:-1] * k).sum()) / total
    assert paid < -0.01
    assert pieces["other"] == pytest.approx(paid, rel=1e-9)
    assert sums(pieces) == pytest.approx(pieces["net"], abs=1e-9)


# Regimes


def test_labels_by_hand():
    # Two bars make trend and volatility. Returns +1 %, +1 %, +3 %, -5 %: the deviations are 0,
    # 1.4 %, 5.7 %; each later one is above the median of those so far.
    close = 100 * np.cumprod([1, 1.01, 1.01, 1.03, 0.95])[:, None]
    names = [REGIMES[label] for label in label_regimes(close, trend=2, window=2)]
    assert names[:2] == ["too early", "too early"]
    assert names[2:] == ["up, calm", "up, volatile", "down, volatile"]


def test_labels_know_nothing_of_tomorrow():
    close = random_market(300, 2).close
    whole = label_regimes(close)
    assert set(whole.tolist()) == set(range(len(REGIMES)))
    for bar in (120, 200, 298):
        later = close.copy()
        later[bar + 1 :] *= 3.0
        assert label_regimes(later)[: bar + 1].tolist() == whole[: bar + 1].tolist()
        assert label_regimes(close[: bar + 1]).tolist() == whole[: bar + 1].tolist()


def test_a_return_goes_to_the_label_of_the_bar_before():
    market = random_market(300)
    label = label_regimes(market.close)
    turns = np.flatnonzero(np.diff(label[:-1]) != 0)[-3:]  # the next bar has another label
    game = small_game(market=market, **CLOSES | {"costs": FREE})
    for bar in turns.tolist():
        weights = np.zeros(300)
        weights[bar] = 1.0
        found = regimes(staged(Along(weights), game))
        (earning,) = [each for each in found if each["total_return"] != 0]
        assert earning["name"] == REGIMES[label[bar]]
        wanted = market.close[bar + 1, 0] / market.close[bar, 0] - 1
        assert earning["total_return"] == pytest.approx(wanted)


def test_regimes_part_the_whole_record():
    game = small_game(usable=("levels",))
    stage = staged(by_sign(3), game)
    found = regimes(stage)
    assert sum(each["bars"] for each in found) == len(stage.record.returns)
    growth = math.prod(1 + each["total_return"] for each in found)
    assert growth == pytest.approx(stage.record.equity[-1] / stage.record.equity[0])
    later = game.within(200, 399)
    names = [each["name"] for each in regimes(staged(by_sign(3), later))]
    assert "too early" not in names  # bars before the interval are looked back on


# The door


def test_who_never_trades_has_no_figures_but_is_diagnosed():
    game = small_game(usable=("levels",))
    idle = Looking(lambda seen: np.ones(len(seen), int))
    found = diagnose(idle, game, run_backtest(idle, game))
    assert found["costs"]["break_even"] is None
    assert found["costs"]["sharpe"] == [None] * 6
    assert {each["sharpe"] for each in found["regimes"]} == {None}
    assert found["attribution"]["net"] == 0.0


def test_a_ruined_account_is_diagnosed():
    close = np.r_[np.full(40, 100.0), np.full(40, 20.0)]
    game = small_game(market=of_closes(*close), usable=("levels",), leverage=2, fill="next_close",
                      features=["log_return"], scaler="none")  # fmt: skip
    record = run_backtest(brave := Looking(lambda seen: np.full(len(seen), 2)), game)
    assert record.path.terminated
    pieces = diagnose(brave, game, record)["attribution"]
    assert sums(pieces) == pytest.approx(pieces["net"], abs=1e-9)
    assert pieces["net"] < -0.9


def test_no_global_generator_moves_and_twice_is_the_same():
    game = small_game(usable=("levels",))
    record = run_backtest(by_sign(3), game)
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002 (the point is to look at it)
    first = diagnose(by_sign(3), game, record)
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002
    assert diagnose(by_sign(3), game, replace(record)) == first


def test_accounts_that_played_one_after_another_are_taken_apart():
    game = small_game(usable=("levels",))
    apart = replace(game, spans=np.array([[20, 80], [150, 300], [310, 399]]))
    record = run_backtest(by_sign(3), apart)
    found = diagnose(by_sign(3), apart, record)
    assert sum(each["bars"] for each in found["regimes"]) == 60 + 150 + 89
    pieces = found["attribution"]
    assert pieces["other"] == pytest.approx(0, abs=1e-9)
    assert pieces["net"] == pytest.approx(record.equity[-1] / record.equity[0] - 1)
    alone = regimes(staged(by_sign(3), game.within(150, 300)))
    assert {each["name"] for each in alone} <= {each["name"] for each in found["regimes"]}


def test_trades_tell_their_medians():
    game = small_game(usable=("levels",))
    record = run_backtest(by_sign(3), game)
    trades = trade_list(record)
    found = diagnose(by_sign(3), game, record)["trades"]
    assert found["mfe"] == sorted(trade.mfe for trade in trades)[len(trades) // 2]
    assert len(trades) % 2 == 1
    assert found["mae"] == sorted(trade.mae for trade in trades)[len(trades) // 2]

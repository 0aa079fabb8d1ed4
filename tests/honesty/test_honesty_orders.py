"""What an order may take and what it pays: caps, impact, fees, lots, limits, and its code."""

import numpy as np
import pytest
from honesty.accounts import FREE, play
from small_worlds import random_market, small_game

from drltrade.errors import UsageError
from drltrade.sim import (
    STATUS,
    Commission,
    Costs,
    Impact,
    Limits,
    Participation,
    Slippage,
)

FLAT = [10.0] * 6
A_TENTH = Participation(0.1, 2)


def fees(rate=0.0, **named):
    """Costs that are commissions alone."""
    return Costs(Commission(rate, **named), Slippage(0.0))


def codes(path, asset=0):
    names = list(STATUS)
    return [names[code] for code in path.status[1:, asset]]


def test_an_order_takes_no_more_than_its_share_of_the_volume():
    path = play(FLAT, [1] * 6, volume=[200] * 6, participation=A_TENTH)
    # A tenth of 200 shares a bar, and 100 shares are wanted; before the first bar nothing is known.
    assert path.shares[:, 0].tolist() == pytest.approx([0, 20, 40, 60, 80, 100])
    assert codes(path) == ["capped"] * 4 + ["filled"]


def test_the_rest_of_a_capped_order_is_sent_again():
    path = play(FLAT, [1, 1, 1, 1, 1, 0], volume=[350] * 6, participation=A_TENTH)
    assert path.traded[:, 0].tolist() == pytest.approx([0, 350, 350, 300, 0, 0])


def test_nothing_is_bought_before_any_volume_is_known():
    path = play(FLAT, [1] * 6, volume=[200] * 6, participation=A_TENTH, fill="same_close")
    assert path.traded[:3, 0].tolist() == pytest.approx([0, 0, 200])
    assert codes(path)[0] == "capped"


def test_an_unfinished_order_stands_though_nothing_new_is_asked():
    once = [1, *[np.nan] * 5]
    path = play(FLAT, once, volume=[200] * 6, participation=A_TENTH)
    assert path.shares[:, 0].tolist() == pytest.approx([0, 20, 40, 60, 80, 100])
    halted = play(FLAT, once, halted=[0, 1, 1, 0, 0, 0])
    assert codes(halted) == ["halted", "halted", "filled", "no_order", "no_order"]


def test_a_cap_limits_sales_like_purchases():
    path = play(FLAT, [-1, -1, 0, 0, 0, 0], volume=[500] * 6, participation=A_TENTH)
    assert path.shares[:, 0].tolist() == pytest.approx([0, -50, -100, -50, 0, 0])


def test_the_cap_of_a_bar_is_known_before_it():
    usual, burst = [100.0] * 6, [100.0, 100, 100, 9000, 100, 100]
    orders = [0, 0, 1, 0.5, 0.5, 0]
    one, other = (
        play(FLAT, orders, volume=volume, participation=A_TENTH) for volume in (usual, burst)
    )
    assert one.traded[3, 0] == other.traded[3, 0] == pytest.approx(100)


def test_the_impact_of_a_fill_knows_nothing_of_its_own_bar():
    market = random_market(12)
    close, volume = market.close.copy(), market.volume.copy()
    costs = Costs(impact=Impact(1.0, 4))
    orders = np.arange(12) % 2
    named = {"open": market.open, "costs": costs}
    before = play(close, orders, volume=volume, **named)
    for bar in range(6, 11, 2):
        later_close, later_volume = close.copy(), volume.copy()
        later_close[bar:] *= 1.5
        later_volume[bar:] *= 20
        moved = play(later_close, orders, volume=volume, **named)
        crowded = play(close, orders, volume=later_volume, **named)
        assert before.impact[bar] > 0
        assert moved.impact[bar] == crowded.impact[bar] == before.impact[bar]


def test_impact_is_charged_and_grows_faster_than_the_order():
    close = np.array([10, 11, 10, 11, 10, 10, 10, 10.0])
    costs = Costs(Commission(0.0), Slippage(0.0), Impact(1.0, 4))
    paid = []
    for weight in (0.25, 0.5):
        orders = [0, 0, 0, 0, weight, weight, weight, 0]
        path = play(close, orders, volume=[1e4] * 8, costs=costs)
        sigma = np.std(close[1:5] / close[:4] - 1, ddof=1)
        size = path.traded[5, 0]
        assert path.impact[5] == pytest.approx(2 / 3 * sigma * np.sqrt(size / 10 / 1e4) * size)
        assert path.equity[5] == pytest.approx(1000 - path.impact[5])
        paid.append(path.impact[5])
    assert paid[1] == pytest.approx(2**1.5 * paid[0], rel=0.01)


def test_every_order_pays_the_minimum_fee_and_no_other_bar_does():
    costs = fees(0.001, minimum=2.0)
    two = np.full((6, 2), 10.0)
    orders = [[0.5, 0.25], [0.5, 0.25], [0.5, 0], [0.5, 0], [0.5, 0], [0, 0]]
    path = play(two, orders, costs=costs)
    assert path.commission.tolist() == pytest.approx([0, 4, 0, 2, 0, 0])
    assert path.equity.tolist() == pytest.approx([1000, 996, 996, 994, 994, 994])
    # Of 3000 the rate takes more than the minimum.
    rich = play(FLAT, [1, 1, 1, 1, 1, 0], start=3003.0, costs=costs)
    assert rich.commission[1] == pytest.approx(3)


def test_a_fee_for_each_share_depends_on_the_shares_and_not_on_the_money():
    for price in (10.0, 20.0):
        path = play([price] * 3, [0.5, 0.5, 0], costs=fees(per_share=0.1))
        assert path.commission[1] == pytest.approx(0.1 * path.shares[1, 0])
        assert path.equity[1] == pytest.approx(1000 - path.commission[1])


def test_lots_are_whole_and_never_more_than_was_asked_for():
    path = play([33.0] * 3, [1, 1, 0], lot=10.0)
    assert path.shares[:, 0].tolist() == [0, 30, 30]
    assert path.cash[-1] == pytest.approx(10)
    short = play([33.0] * 3, [-1, -1, 0], lot=10.0)
    assert short.shares[1, 0] == -30


def test_a_target_within_the_band_is_no_order():
    path = play(FLAT, [0.5, 0.45, 0.56, 0.7, 0.7, 0], band=0.1, on_change=False)
    assert np.flatnonzero(path.traded).tolist() == [1, 4]
    assert codes(path) == ["filled", "in_band", "in_band", "filled", "in_band"]


def test_an_order_that_found_too_little_room_is_sent_again():
    # The first asset grows to three quarters of the account, and is sold one bar later.
    grown = [[10, 10], [10, 10], [30, 10], [30, 10], [30, 10]]
    orders = [[0.5, 0], [0.5, 0.5], [0, 0.5], [0, 0.5], [0, 0]]
    path = play(grown, orders)
    assert codes(path, 1)[1:4] == ["partial", "filled", "no_order"]
    assert path.weights[3].tolist() == pytest.approx([0, 0.5])


def test_no_asset_is_asked_to_weigh_more_than_its_limit():
    path = play([[10, 10]] * 3, [[0.8, -0.6], [0.8, -0.6], [0, 0]], limits=Limits(weight=0.3))
    assert path.weights[1].tolist() == pytest.approx([0.3, -0.3])
    assert path.status[1].tolist() == [STATUS["limited"]] * 2


def test_no_weight_changes_faster_than_its_limit_and_the_rest_follows():
    path = play(FLAT, [1, 1, 1, 1, 0, 0], limits=Limits(change=0.4))
    assert path.weights[:, 0].tolist() == pytest.approx([0, 0.4, 0.8, 1, 1, 0.6])
    assert codes(path) == ["limited", "limited", "filled", "no_order", "limited"]


def test_every_rule_that_alters_an_order_says_so():
    one = {"costs": FREE}
    seen = {
        "halted": play(FLAT, [1] * 6, halted=[0, 1, 0, 0, 0, 0], **one),
        "capped": play(FLAT, [1] * 6, volume=[5] * 6, participation=A_TENTH, **one),
        "in_band": play(FLAT, [0.1] * 6, band=0.2, **one),
        "rounded": play(FLAT, [0.55] * 6, lot=3.0, **one),
        "too_small": play(FLAT, [0.02] * 6, lot=3.0, **one),
        "short_refused": play(FLAT, [-1] * 6, shorts=False, **one),
        "scaled": play(FLAT, [1.5] * 6, **one),
    }
    for name, path in seen.items():
        assert codes(path)[0] == name
    assert codes(play(FLAT, [0.9] * 6, limits=Limits(weight=0.5)))[0] == "limited"
    assert codes(play(FLAT, [0.9] * 6, limits=Limits(change=0.5)))[0] == "limited"


def test_rules_that_count_shares_are_refused_on_adjusted_prices():
    for setting in (
        {"lot": 1.0},
        {"costs": {"commission": {"minimum": 1.0}}},
        {"costs": {"commission": {"per_share": 0.01}}},
    ):
        with pytest.raises(UsageError, match="adjusted prices"):
            small_game(60, **setting)


def test_what_a_capped_sale_does_not_free_is_not_spent():
    # Ten shares of asset 0 are held; two of them can be sold in a bar, while five of asset 1 could
    # be bought at once.
    close = np.full((12, 2), 100.0)
    volume = np.tile([100.0, 250.0], (12, 1))
    orders = np.array([[1.0, 0.0]] * 7 + [[0.0, 1.0]] * 5)
    named = {"volume": volume, "participation": Participation(0.02), "shorts": False}
    path = play(close, orders, **named)
    assert (path.exposure <= 1.0 + 1e-9).all()
    assert (path.cash >= -1e-6).all()
    assert path.shares[8] == pytest.approx([8, 2], abs=0.05)

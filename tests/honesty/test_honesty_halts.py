"""What cannot be traded: halts, bars without volume, delistings, and seams between markets."""

import numpy as np
import pytest
from honesty.accounts import play
from small_worlds import random_market, small_game

from drltrade.data import Market
from drltrade.sim import STATUS, Costs, Delisting, Impact, Participation, Prices, Rules

FILLED, HALTED, NO_ORDER = (STATUS[name] for name in ("filled", "halted", "no_order"))


def test_a_halted_asset_is_not_filled():
    for fill in ("next_open", "next_close"):
        path = play([10] * 4, [1, 0, 0, 0], halted=[0, 1, 1, 0], fill=fill)
        assert path.shares[:3, 0].tolist() == [0.0] * 3
        assert path.status[1, 0] == HALTED
    late = play([10] * 4, [1, 1, 0, 0], halted=[1, 0, 0, 0], fill="same_close")
    assert late.status[1:3, 0].tolist() == [HALTED, FILLED]


def test_an_order_that_met_a_halt_is_sent_again():
    path = play([10] * 5, [1, 1, 1, 1, 0], halted=[0, 1, 1, 0, 0])
    assert path.status[1:, 0].tolist() == [HALTED, HALTED, FILLED, NO_ORDER]
    assert path.traded[:, 0].tolist() == pytest.approx([0, 0, 0, 1000, 0])


def test_the_mark_of_a_halted_asset_stands_still():
    # What the data say of a halted bar is no price that anyone could have had.
    path = play([10, 10, 25, 2, 12], [1, 1, 1, 1, 0], halted=[0, 0, 1, 1, 0])
    assert path.equity.tolist() == pytest.approx([1000, 1000, 1000, 1000, 1200])


def test_a_halted_holding_keeps_its_room():
    two = [[10, 10]] * 4
    orders = [[0.6, 0], [0.2, 0.8], [0.2, 0.8], [0, 0]]
    path = play(two, orders, halted=[[0, 0], [0, 0], [1, 0], [0, 0]])
    assert path.weights[2].tolist() == pytest.approx([0.6, 0.4])
    assert path.status[2].tolist() == [HALTED, STATUS["partial"]]
    assert path.weights[3].tolist() == pytest.approx([0.2, 0.8])


def test_a_split_during_a_halt_makes_nobody_richer():
    path = play([10, 10, 5, 5], [1, 1, 1, 0], halted=[0, 0, 1, 0], split=[1, 1, 2, 1])
    assert path.equity.tolist() == pytest.approx([1000] * 4)


def test_a_bar_without_volume_is_no_trade_where_there_was_volume_before():
    path = play([10] * 5, [1, 0, 1, 0, 0], volume=[5, 5, 0, 5, 5])
    assert path.status[1:4, 0].tolist() == [FILLED, HALTED, FILLED]


def test_volume_that_comes_later_halts_no_bar_before_it():
    path = play([10] * 5, [1, 0, 1, 0, 0], volume=[0, 0, 0, 5, 5])
    assert path.status[1:4, 0].tolist() == [FILLED] * 3


def test_a_delisting_costs_its_haircut():
    path = play([10] * 4, [1, 1, 1, 0], delisted=[0, 0, 1, 1])
    assert path.haircut.tolist() == pytest.approx([0, 0, 300, 0])
    assert path.equity.tolist() == pytest.approx([1000, 1000, 700, 700])
    assert path.exit_price[2, 0] == 10.0


def test_a_short_pays_the_haircut_of_a_delisting_too():
    path = play([10] * 4, [-1, -1, -1, 0], delisted=[0, 0, 1, 1], delisting=Delisting(0.2))
    assert path.haircut[2] == pytest.approx(200)
    assert path.equity[-1] == pytest.approx(800)


def test_a_position_leaves_with_its_asset():
    path = play([10, 10, 50, 50], [0.5, 0.5, 0.5, 0], delisted=[0, 0, 1, 1])
    assert (path.shares[2:] == 0.0).all()
    assert path.equity[-1] == path.cash[-1] == pytest.approx(850)


def test_nobody_buys_what_was_delisted():
    path = play([10] * 5, [0, 0, 1, 1, 1], delisted=[0, 1, 0, 0, 0])
    assert (path.traded == 0.0).all()
    assert path.status[3:, 0].tolist() == [HALTED, HALTED]


RULES = Rules(costs=Costs(impact=Impact(1.0, 3)), participation=Participation(0.1, 3))


def test_nothing_of_the_ledger_looks_back_across_a_seam():
    one, other = (_eventful(seed) for seed in (1, 2))
    both = {name: np.concatenate([one[name], other[name]]) for name in one}
    joined = Prices(**both, segment=np.repeat([0, 1], len(one["close"])))
    alone = Prices(**other)
    rows = slice(len(one["close"]), None)
    assert np.allclose(joined.table[rows], alone.table, rtol=1e-12)
    assert np.allclose(joined.events(RULES)[rows], alone.events(RULES), rtol=1e-12)
    assert np.allclose(joined.clock[rows], alone.clock, rtol=1e-12)


def test_nothing_of_the_ledger_looks_into_another_market():
    one, other = (_eventful(seed) for seed in (1, 2))
    both = {name: np.concatenate([other[name], one[name]]) for name in one}
    joined = Prices(**both, segment=np.repeat([0, 1], len(one["close"])))
    changed = {name: array.copy() for name, array in both.items()}
    changed["close"][len(one["close"]) :] *= 3.0
    later = Prices(**changed, segment=joined.segment)
    rows = slice(None, len(one["close"]))
    for name in ("table", "clock"):
        assert np.array_equal(getattr(joined, name)[rows], getattr(later, name)[rows])
    assert np.array_equal(joined.events(RULES)[rows], later.events(RULES)[rows])


def test_no_night_lies_between_two_markets():
    game = small_game(market=random_market(60, 3).each(), episode=None)
    first = np.flatnonzero(np.diff(game.market.segment, prepend=-1))
    assert len(first) == 3
    assert (game.prices.clock[first] == 0.0).all()
    assert (game.prices.clock[first + 1, 0] > 0).all()


def test_the_benchmark_earns_dividends_and_knows_splits():
    close = np.array([[10.0], [4.0], [5.0]])
    prices = Prices(
        close, close, split=[[1.0], [2.0], [1.0]], dividend=np.array([[0.0], [1.0], [0.0]])
    )
    # Ten become two shares of four and one of dividend each, which is what there was.
    assert prices.clock[:, 1].tolist() == pytest.approx([0, 0, 0.25])


def test_every_market_is_adjusted_by_itself():
    close = random_market(20).close
    columns = {"dividend": np.full((20, 1), 1.0), "split": np.full((20, 1), 1.1)}
    named = {"stamps": np.tile(random_market(10).stamps, 2), "segment": np.repeat([0, 1], 10)}
    both = Market.build(close, columns=columns, raw=True, **named).adjusted
    tail = {name: table[10:] for name, table in columns.items()}
    alone = Market.build(close[10:], columns=tail, raw=True).adjusted
    assert np.array_equal(both.close[10:], alone.close)


def test_what_is_still_to_be_paid_changes_no_price_that_was_seen_before():
    market, cut = random_market(60), 30
    plain, paying = np.zeros((60, 1)), np.zeros((60, 1))
    paying[cut + 1 :] = 2.0
    split = np.where(np.arange(60) > cut, 1.5, 1.0)[:, None]
    seen = []
    for dividend, splits in ((plain, np.ones((60, 1))), (paying, split)):
        told = Market.build(
            market.close,
            columns={"dividend": dividend, "split": splits},
            volume=market.volume,
            raw=True,
        ).adjusted
        seen.append(np.stack([told.close[: cut + 1], told.volume[: cut + 1]]))
    assert np.array_equal(seen[0], seen[1])


def _eventful(seed):
    """Prices of two assets on 12 bars with halts, splits and dividends from the first bar on."""
    rng = np.random.default_rng(seed)
    close = 10 * np.exp(np.cumsum(rng.normal(0, 0.05, (12, 2)), axis=0))
    halted = rng.random((12, 2)) < 0.3
    halted[0] = True  # with no close before it in its own market
    return {
        "open": close,
        "close": close,
        "volume": rng.choice([0.0, 100.0, 200.0], (12, 2), p=[0.4, 0.3, 0.3]),
        "halted": halted,
        "delisted": np.arange(12)[:, None] >= [99, 10],
        "split": rng.choice([1.0, 2.0], (12, 2)),
        "dividend": rng.choice([0.0, 0.1], (12, 2)),
    }

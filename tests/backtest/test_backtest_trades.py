"""Claims about round trips: hand-made ones, and that their pnl is the whole change of equity."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drltrade.backtest.record import Record
from drltrade.backtest.trades import trade_list
from drltrade.sim import Commission, Costs, Prices, Rules, Slippage, run_path

NAN = np.nan


def record_of(
    close, targets, *, opens=None, rate=0.0, fill="next_close", leverage=1.0, every=False
):
    close = np.asarray(close, dtype=np.float64)
    close = close.reshape(len(close), -1)
    targets = np.asarray(targets, dtype=np.float64).reshape(close.shape)
    opens = np.full_like(close, NAN) if opens is None else np.reshape(opens, close.shape)
    costs = Costs(Commission(rate * 0.4), Slippage(rate * 0.6))
    rules = Rules(fill=fill, costs=costs, leverage=leverage, on_change=not every)
    return Record(
        name="trades",
        symbols=tuple(f"S{i}" for i in range(close.shape[1])),
        stamps=np.datetime64("2020-01-01", "ns") + np.arange(len(close)) * np.timedelta64(1, "D"),
        path=run_path(Prices(opens, close), rules, targets, 0, len(close) - 1, 1000.0),
        close=close,
        periods_per_year=252.0,
        assumptions={"fill": fill},
    )


def day(number):
    return np.datetime64("2020-01-01", "ns") + np.timedelta64(number, "D")


def test_a_long_trade_by_hand():
    # Enter at the close of day 1 (100) with all of 1000 at 1 %: 1000/1.01 in shares at 100,
    # leave at the close of day 3 (120): 120/100 of it, less 1 %.
    record = record_of([90, 100, 110, 120, 130], [1, NAN, 0, NAN, NAN], rate=0.01)
    (trade,) = trade_list(record)
    stake = 1000 / 1.01
    assert (trade.symbol, trade.side, trade.open) == ("S0", "long", False)
    assert (trade.entry, trade.exit, trade.bars) == (day(1), day(3), 2)
    assert (trade.entry_price, trade.exit_price) == (pytest.approx(100), pytest.approx(120))
    assert trade.shares == pytest.approx(stake / 100)
    assert trade.costs == pytest.approx(0.01 * stake + 0.01 * 1.2 * stake)
    assert trade.pnl == pytest.approx(0.2 * stake - trade.costs)
    assert trade.return_ == pytest.approx(trade.pnl / stake)


def test_a_flip_closes_one_trade_and_opens_another():
    record = record_of([100, 100, 110, 99], [1, -1, 0, NAN], rate=0.002)
    long, short = trade_list(record)
    assert (long.side, short.side) == ("long", "short")
    assert long.exit == short.entry == day(2)
    assert (long.exit_price, short.entry_price) == (pytest.approx(110), pytest.approx(110))
    assert short.exit_price == pytest.approx(99)
    # The bar's one cost is shared by the notional that closed and the notional that opened.
    closed, opened = long.shares * 110, short.shares * 110
    assert long.costs == pytest.approx(0.002 * (long.shares * 100 + closed))
    assert short.costs == pytest.approx(0.002 * (opened + short.shares * 99))


def test_adding_averages_the_entry_and_reducing_averages_the_exit():
    # Half in at 100, then to full at 200: with 1000 that is 5 shares, then equity 1500 -> 7.5.
    # Half out at 100 (equity 750): 3.75 left, sold at 200.
    record = record_of([100, 100, 200, 100, 200, 200], [0.5, 1, 0.5, 0, NAN, NAN])
    (trade,) = trade_list(record)
    assert trade.entry_price == pytest.approx((5 * 100 + 2.5 * 200) / 7.5)
    assert trade.exit_price == pytest.approx((3.75 * 100 + 3.75 * 200) / 7.5)
    assert trade.shares == pytest.approx(7.5)
    assert trade.pnl == pytest.approx(record.equity[-1] - 1000)


def test_a_position_held_at_the_end_is_marked_and_said_to_be_open():
    record = record_of([100, 100, 130], [1, NAN, NAN], rate=0.001)
    (trade,) = trade_list(record)
    assert trade.open
    assert (trade.exit, trade.exit_price) == (day(2), pytest.approx(130))
    assert trade.pnl == pytest.approx(record.equity[-1] - 1000)
    assert trade.costs == pytest.approx(record.path.commission[1] + record.path.slippage[1])


def test_same_close_fills_carry_the_stamp_of_the_bar_they_were_made_in():
    record = record_of([100, 110, 120], [1, 0, NAN], fill="same_close")
    (trade,) = trade_list(record)
    assert (trade.entry, trade.exit) == (day(0), day(1))
    assert (trade.entry_price, trade.exit_price) == (pytest.approx(100), pytest.approx(110))


def test_no_order_no_trade():
    assert trade_list(record_of([100, 110, 120], [NAN, NAN, NAN])) == []


def test_a_short_ruined_at_a_close_leaves_at_that_close():
    record = record_of([100, 100, 250, 250], [-1, NAN, NAN, NAN])
    assert record.path.terminated
    (trade,) = trade_list(record)
    assert (trade.open, trade.exit, trade.exit_price) == (False, day(2), pytest.approx(250))
    assert trade.pnl == pytest.approx(-1500)
    assert trade.pnl + record.path.shortfall.sum() == pytest.approx(record.equity[-1] - 1000)


def test_a_short_ruined_by_the_gap_leaves_at_the_open():
    opens = [100, 100, 240, 90]
    record = record_of([100, 100, 100, 90], [-1, NAN, NAN, NAN], opens=opens, fill="next_open")
    assert record.path.terminated
    (trade,) = trade_list(record)
    assert (trade.exit, trade.exit_price) == (day(2), pytest.approx(240))


def test_the_loss_of_a_gap_falls_on_the_asset_that_gapped():
    # 500 short of A and 500 long of B at 10; A opens at 35: 50 shares lose 25 each, B nothing.
    opens = [[10, 10], [10, 10], [35, 10]]
    record = record_of(
        [[10, 10], [10, 10], [35, 10]], [[-0.5, 0.5], [NAN, NAN], [NAN, NAN]], opens=opens,
        fill="next_open",
    )  # fmt: skip
    assert record.path.terminated
    short, long = trade_list(record)
    assert (short.exit_price, short.pnl) == (pytest.approx(35), pytest.approx(-1250))
    assert (long.exit_price, long.pnl) == (pytest.approx(10), pytest.approx(0))


def test_dust_that_only_the_ledger_holds_is_no_trade():
    record = record_of([10, 10, 10, 10, 40, 40], [0.5, 9e-10, 9e-10, 0.5, 0, NAN], every=True)
    assert [trade.open for trade in trade_list(record)] == [False, False]


@st.composite
def rolled(draw):
    """A random market and targets, run by the simulator itself."""
    bars, assets = draw(st.integers(3, 25)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    volatility = draw(st.sampled_from([0.02, 0.3]))
    close = 50 * np.exp(np.cumsum(rng.normal(0, volatility, (bars, assets)), axis=0))
    opens = close * np.exp(rng.normal(0, volatility, close.shape))
    targets = rng.choice([-1.0, 0.0, 9e-10, 0.4, 1.0, NAN], close.shape) / draw(
        st.sampled_from([1, assets])
    )
    return record_of(
        close,
        targets,
        opens=opens,
        rate=draw(st.sampled_from([0.0, 0.001, 0.02, 0.1])),
        fill=draw(st.sampled_from(["next_open", "next_close", "same_close"])),
        leverage=draw(st.sampled_from([1.0, 2.0, 3.0])),
        every=draw(st.booleans()),
    )


@given(rolled())
@settings(max_examples=1000, deadline=None)
def test_the_trades_make_the_whole_change_of_equity(record):
    trades = trade_list(record)
    path = record.path
    made = sum(trade.pnl for trade in trades) + path.carry.sum() + path.shortfall.sum()
    scale = max(record.equity.max(), np.abs(path.bar_pnl).max())
    assert made == pytest.approx(record.equity[-1] - record.equity[0], abs=1e-7 * scale)
    if not path.terminated:
        paid = path.commission.sum() + path.slippage.sum()
        assert sum(trade.costs for trade in trades) == pytest.approx(paid, abs=1e-9 * scale)


@given(rolled())
@settings(max_examples=150, deadline=None)
def test_trades_of_one_asset_never_overlap_and_end_where_the_ledger_is_flat(record):
    for asset, symbol in enumerate(record.symbols):
        trades = [trade for trade in trade_list(record) if trade.symbol == symbol]
        for before, after in pairwise(trades):
            assert before.exit_row <= after.entry_row
            assert not before.open
        for trade in trades:
            held = record.path.shares[trade.entry_row : trade.exit_row, asset]
            assert (np.sign(held) == (1 if trade.side == "long" else -1)).all()


def test_excursions_of_a_long_trade_by_hand():
    # 1000 / 1.01 in at 100. At the closes it has made: -1 % (the entry's cost), +20 % - 1 %,
    # -10 % - 1 %; at the exit at 105 less 1 % of 105.
    record = record_of([90, 100, 120, 90, 105, 130], [1, NAN, NAN, 0, NAN, NAN], rate=0.01)
    (trade,) = trade_list(record)
    assert trade.mfe == pytest.approx(0.20 - 0.01)
    assert trade.mae == pytest.approx(-0.10 - 0.01)
    assert trade.return_ == pytest.approx(0.05 - 0.01 - 0.0105)


def test_excursions_of_a_short_trade_that_is_still_open():
    record = record_of([100, 100, 80, 110, 95], [-0.5, NAN, NAN, NAN, NAN])
    (trade,) = trade_list(record)
    assert trade.open
    assert (trade.mfe, trade.mae) == (pytest.approx(0.2), pytest.approx(-0.1))


def test_excursions_count_what_was_taken_out_by_then():
    # 10 shares at 100; at 120 equity is 1200 and half of it, 5 shares, stays: 100 gained on the
    # other 5. At 60 the rest has lost 200, in all -100; it is sold at 100, in all +100.
    record = record_of([100, 100, 120, 60, 100, 100], [1, 0.5, NAN, 0, NAN, NAN])
    (trade,) = trade_list(record)
    assert trade.mfe == pytest.approx(0.2)
    assert trade.mae == pytest.approx(-0.1)
    assert trade.return_ == pytest.approx(0.1)


def test_who_leaves_in_the_bar_of_entry_has_seen_no_close():
    record = record_of([100, 100, 110, 99], [1, -1, 0, NAN])
    long, short = trade_list(record)
    assert (long.mfe, long.mae) == (pytest.approx(0.1), 0.0)
    assert (short.mfe, short.mae) == (pytest.approx(0.1), 0.0)


@settings(max_examples=200)
@given(st.lists(st.sampled_from([0.8, 0.95, 1.0, 1.1, 1.3]), min_size=4, max_size=12), st.data())
def test_a_return_lies_between_its_excursions(moves, data):
    close = 100 * np.cumprod(moves)
    weights = st.sampled_from([-1.0, -0.3, 0.0, 0.5, 1.0, NAN])
    targets = [data.draw(weights) for _ in moves]
    record = record_of(close, targets, opens=close * 1.02, fill="next_open", rate=0.005)
    for trade in trade_list(record):
        assert trade.mae <= 0 <= trade.mfe
        assert trade.mae <= trade.return_ <= trade.mfe

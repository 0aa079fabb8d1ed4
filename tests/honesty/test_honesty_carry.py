"""What holding costs and pays: interest, borrowing, funding, splits and dividends."""

import numpy as np
import pytest
from honesty.accounts import play
from small_worlds import random_market, small_game

from drltrade.backtest import run_backtest
from drltrade.data import Market
from drltrade.sim import Carry, Commission, Costs, Limits, Slippage

FLAT = [10.0] * 5
A_THOUSANDTH_A_DAY = 0.365


class Always:
    """Holds one weight in every asset."""

    def __init__(self, weight):
        self.weight = weight

    def targets(self, market, first):
        return np.full((market.bars, market.assets), self.weight)


def test_borrow_interest_accumulates_bar_by_bar():
    fee = Carry(borrow=A_THOUSANDTH_A_DAY)
    path = play(FLAT, [-1, -1, -1, -1, 0], carry=fee)
    # 1000 sold short at the first open; then a thousandth of them in each of three nights.
    assert path.borrow.tolist() == pytest.approx([0, 0, 1, 1, 1])
    assert path.equity.tolist() == pytest.approx([1000, 1000, 999, 998, 997])
    assert path.carry == pytest.approx(-path.borrow)


def test_debit_interest_is_paid_on_borrowed_cash_and_on_the_interest_itself():
    path = play(FLAT, [2, 2, 2, 2, 0], carry=Carry(debit=A_THOUSANDTH_A_DAY), leverage=2.0)
    # 2000 bought with 1000: the debt is 1000, then 1001, then 1002.001.
    assert path.interest.tolist() == pytest.approx([0, 0, -1, -1.001, -1.002001])
    assert path.cash[-1] == pytest.approx(-1003.003001)


def test_the_proceeds_of_a_short_sale_earn_no_interest():
    path = play(FLAT, [-0.5, -0.5, -0.5, -0.5, 0], carry=Carry(cash=A_THOUSANDTH_A_DAY))
    # Cash is 1501.50 then, but 500.50 of it stay with the lender of the shares.
    assert path.cash[1] == pytest.approx(1501.5)
    assert path.interest.tolist()[:3] == pytest.approx([0, 1, 1.001])


def test_interest_runs_by_calendar_days_and_not_by_bars():
    path = play(FLAT, [0] * 5, carry=Carry(cash=A_THOUSANDTH_A_DAY), days=[0, 1, 3, 1, 0.25])
    assert path.interest.tolist() == pytest.approx([0, 1, 3 * 1.001, 1.004003, 0.25 * 1.005007003])


def test_a_weekend_is_three_nights_of_interest():
    game = small_game(60, carry={"cash": A_THOUSANDTH_A_DAY})
    path = run_backtest(Always(0.0), game).path
    nights = np.diff(game.market.stamps).astype("timedelta64[D]").astype(int)
    assert sorted(set(nights)) == [1, 3]
    assert path.interest[1:] / path.equity[:-1] == pytest.approx(0.001 * nights)


def test_what_is_bought_today_pays_no_carry_for_the_night_before():
    for fill in ("next_open", "next_close"):
        rates = Carry(debit=A_THOUSANDTH_A_DAY)
        path = play(FLAT, [2, 2, 0, 0, 0], carry=rates, leverage=2.0, fill=fill)
        assert path.interest.tolist() == pytest.approx([0, 0, -1, -1.001, 0], rel=1e-3)


def test_carry_is_counted_at_the_last_close():
    rates = {"carry": Carry(borrow=A_THOUSANDTH_A_DAY)}
    path = play([10, 10, 10], [-1, -1, 0], open=[10, 10, 15], high=[10, 10, 15], **rates)
    assert path.borrow[2] == pytest.approx(1)
    funded = play([10, 10, 10], [1, 1, 0], open=[10, 10, 15], funding=[0, 0, 0.01])
    assert funded.funding[2] == pytest.approx(-10)


def test_longs_pay_funding_and_shorts_receive_it():
    for weight in (1, -1):
        path = play(FLAT, [weight] * 5, funding=[0, 0, 0.01, 0, -0.02])
        assert path.funding.tolist() == pytest.approx(np.array([0, 0, -10, 0, 20]) * weight)
        assert path.equity[-1] == pytest.approx(1000 + 10 * weight)


def test_a_long_earns_the_dividend_and_a_short_pays_it():
    # The price falls by what is paid, so that nobody gains.
    for weight in (1, -1):
        path = play([10, 10, 9, 9], [weight] * 4, dividend=[0, 0, 1, 0])
        assert path.dividends.tolist() == pytest.approx([0, 0, 100 * weight, 0])
        assert path.equity.tolist() == pytest.approx([1000] * 4)


def test_who_buys_on_the_ex_date_gets_no_dividend():
    path = play([10, 10, 9, 9], [0, 1, 1, 0], dividend=[0, 0, 1, 0])
    assert path.traded[2, 0] > 0
    assert (path.dividends == 0).all()


def test_a_split_makes_nobody_richer_or_poorer():
    for weight in (1, -1):
        path = play([10, 10, 5, 5], [weight] * 4, split=[1, 1, 2, 1])
        assert path.shares[:, 0].tolist() == pytest.approx([0, *np.array([100, 200, 200]) * weight])
        assert path.equity.tolist() == pytest.approx([1000] * 4)
        assert (path.gap_pnl == 0).all()


def test_a_dividend_is_paid_on_the_shares_after_the_split():
    path = play([10, 10, 4, 4], [1] * 4, split=[1, 1, 2, 1], dividend=[0, 0, 1, 0])
    assert path.dividends[2] == pytest.approx(200)
    assert path.equity.tolist() == pytest.approx([1000] * 4)


def test_a_dividend_in_adjusted_prices_is_not_paid_again():
    market = random_market(60)
    columns = {"dividend": np.full((60, 1), 5.0), "split": np.full((60, 1), 1.01)}
    told = Market.build(
        market.close, open=market.open, high=market.high, low=market.low, columns=columns
    )
    path = run_backtest(Always(1.0), small_game(market=told, features=["range"])).path
    assert (path.dividends == 0).all()
    plain = run_backtest(Always(1.0), small_game(market=market, features=["range"])).path
    assert np.array_equal(path.equity, plain.equity)


def test_every_change_of_equity_is_explained_whatever_the_rules():
    market, rng = random_market(60, 2, scale=0.03), np.random.default_rng(5)
    shape = market.close.shape
    events = {
        "split": np.where(rng.random(shape) < 0.1, 2.0, 1.0),
        "dividend": np.where(rng.random(shape) < 0.2, 1.0, 0.0),
        "funding": rng.normal(0, 0.001, shape),
        "halted": (rng.random(shape) < 0.1) & (np.arange(60)[:, None] > 0),
        "delisted": np.arange(60)[:, None] >= [99, 50],
    }
    price = market.close / np.cumprod(events["split"], axis=0)
    for fill in ("next_open", "next_close", "same_close"):
        path = play(
            price,
            rng.choice([-0.4, 0.3, 0.5, 0.9], shape),
            days=rng.choice([1.0, 3.0], 60),
            carry=Carry(0.05, 0.09, 0.03),
            costs=Costs(Commission(0.002, minimum=1.0), Slippage(0.001)),
            limits=Limits(change=0.8),
            fill=fill,
            **events,
        )
        pieces = path.gap_pnl + path.bar_pnl + path.dividends + path.interest + path.funding
        pieces -= path.borrow + path.costs + path.haircut - path.shortfall
        assert np.diff(path.equity) == pytest.approx(pieces[1:], abs=1e-9)
        worth = path.cash + np.nansum(path.shares * _marks(price, events), axis=1)
        assert path.equity == pytest.approx(worth)
        assert all(piece.any() for piece in (path.haircut, path.dividends, path.borrow))


def _marks(price, events):
    """The last close at which each asset was traded, in the shares of its bar."""
    marks = price.copy()
    gone = events["halted"] | events["delisted"]
    for bar, asset in np.argwhere(gone):
        marks[bar, asset] = marks[bar - 1, asset] / events["split"][bar, asset]
    return marks

"""A backtest over several segments is that of one account each, added up."""

from dataclasses import fields

import numpy as np
import pytest
from small_worlds import random_market, small_game

from drltrade.agents.strategies import make_strategy
from drltrade.backtest import compute_metrics, run_backtest, trade_list
from drltrade.backtest.files import read_record, write_record
from drltrade.data import Market, stack
from drltrade.data.door import FIELDS
from drltrade.data.segments import part
from drltrade.envs import build_game
from drltrade.sim import Path

MANY = random_market(160, assets=4, seed=3)
FREE = {"commission": {"rate": 0.0}, "slippage": {"rate": 0.0}}
MONEY = tuple(
    field.name
    for field in fields(Path)
    if field.name
    not in (
        "bars", "turnover", "drawdown", "exposure", "weights", "shares", "targets", "traded",
        "fill_price", "exit_price", "status", "terminated", "liquidated",
    )
)  # fmt: skip
BESIDE = ("shares", "targets", "traded", "fill_price", "exit_price", "status")


class Moody:
    """A policy of the observation alone."""

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        """Buys, sells or leaves by the sum of what it sees."""
        return (np.floor(np.abs(observation).sum(axis=1) * 10) % 3).astype(np.int64), state


class ByBar:
    """A strategy that decides bar by bar and looks at its account."""

    name = "by bar"

    def target(self, view, account):
        """Half of equity after a rise, unless it is poor."""
        assert account.bar == view.bars - 1
        assert int(view.segment[-1]) == 0
        rise = view.bars > 1 and view.close[-1, 0] > view.close[-2, 0]
        return np.array([0.5 if rise and account.equity > 10 else 0.0])


def games(market=MANY, start=None, **settings):
    """The game of every asset in turn, and one game for each asset with its share of the money."""
    pooled = small_game(market=market.each(), episode=None, **settings)
    singles = []
    for number in range(market.assets):
        own = pooled.settings.model_copy(update={"equity": 100_000 / market.assets})
        alone = build_game(own, market=part(pooled.market, number), scaler=pooled.scaler)
        singles.append(alone.between(start, None))
    return pooled.between(start, None), singles


ACTORS = {
    "policy": Moody,
    "by bar": ByBar,
    "sma_cross": lambda: make_strategy("sma_cross", fast=3, slow=9),
    "random": lambda: make_strategy("random", seed=5, shorts=True),
    "equal_weight": lambda: make_strategy("equal_weight"),
}


@pytest.mark.parametrize("fill", ["next_open", "same_close"])
@pytest.mark.parametrize("start", [None, "2000-04-03"])
@pytest.mark.parametrize("actor", ACTORS)
def test_the_pool_is_the_sum_of_the_accounts(actor, start, fill):
    pooled, singles = games(start=start, fill=fill)
    record = run_backtest(ACTORS[actor](), pooled)
    alone = [run_backtest(ACTORS[actor](), game) for game in singles]
    assert record.symbols == MANY.symbols
    assert record.stamps.tolist() == alone[0].stamps.tolist()
    assert (record.path.traded != 0).any(axis=0).all()
    for name in MONEY:
        total = sum(getattr(each.path, name) for each in alone)
        assert getattr(record.path, name) == pytest.approx(total, abs=1e-7), name
    for name in BESIDE:
        beside = np.concatenate([getattr(each.path, name) for each in alone], axis=1)
        assert getattr(record.path, name) == pytest.approx(beside, nan_ok=True), name
    assert record.close.tolist() == np.concatenate([each.close for each in alone], axis=1).tolist()
    if record.actions is not None:
        actions = np.concatenate([each.actions for each in alone], axis=1)
        assert record.actions == pytest.approx(actions, nan_ok=True)


@pytest.mark.parametrize("actor", ACTORS)
def test_the_identities_of_the_ledger_hold_for_the_pool(actor):
    pooled, _ = games(start="2000-03-01")
    record = run_backtest(ACTORS[actor](), pooled)
    path = record.path
    pieces = path.gap_pnl + path.bar_pnl + path.dividends + path.interest - path.borrow
    pieces += path.funding + path.shortfall - path.haircut
    pieces -= path.commission + path.slippage + path.impact
    assert np.diff(path.equity) == pytest.approx(pieces[1:], abs=1e-7)
    worth = path.shares * record.close
    assert path.equity == pytest.approx(path.cash + worth.sum(axis=1))
    assert path.weights == pytest.approx(worth / path.equity[:, None])
    assert path.exposure == pytest.approx(np.abs(path.weights).sum(axis=1))
    notional = np.abs(np.nan_to_num(path.traded)).sum(axis=1)[1:]
    assert path.turnover[1:] == pytest.approx(notional / path.equity[:-1])
    peak = np.maximum.accumulate(path.equity)
    assert path.drawdown == pytest.approx(1 - path.equity / peak)
    assert path.equity[0] == pytest.approx(100_000)
    closed = sum(trade.pnl for trade in trade_list(record))
    assert closed == pytest.approx(path.equity[-1] - path.equity[0])


def test_holding_each_is_holding_all():
    """An independent account of the same thing: one portfolio of all assets at once."""
    pooled, _ = games()
    portfolio = small_game(market=MANY, episode=None)
    each, all_ = (run_backtest(make_strategy("buy_and_hold"), g) for g in (pooled, portfolio))
    assert each.equity == pytest.approx(all_.equity, rel=1e-12)
    assert each.path.weights == pytest.approx(all_.path.weights)
    one, other = compute_metrics(each), compute_metrics(all_)
    for metrics in (one, other):  # foresight of one portfolio may move all money into one asset
        assert 0 < metrics.pop("hindsight_share") < 0.2
    assert one == pytest.approx(other, nan_ok=True)
    assert each.periods_per_year == all_.periods_per_year


def test_luck_is_drawn_for_every_segment_apart():
    pooled, _ = games()
    orders = run_backtest(make_strategy("random"), pooled).path.targets
    known = np.nan_to_num(orders)
    assert not any((known[:, 0] == known[:, i]).all() for i in range(1, 4))
    again = run_backtest(make_strategy("random"), pooled).path.targets
    assert again.tobytes() == orders.tobytes()


def test_a_segment_without_a_warm_window_stays_in_cash():
    short = random_market(12, seed=8)
    market = stack([random_market(100, seed=9), short])
    record = run_backtest(Moody(), small_game(market=market, episode=None, features=["rsi"]))
    assert (record.path.traded[:, 0] != 0).any()
    assert (record.path.traded[:, 1] == 0).all()


def test_a_ruined_segment_is_named_and_the_others_go_on():
    falling = MANY.close.copy()
    falling[100:, 1] *= 50.0  # a short is ruined by it
    market = Market.build(falling, symbols=["A", "B", "C", "D"])

    class Short:
        name = "short"

        def targets(self, market, first):
            return np.full((market.bars, 1), -1.0)

    game = small_game(market=market.each(), episode=None, fill="next_close", costs=FREE)
    record = run_backtest(Short(), game)
    assert not record.path.terminated
    assert any("1 of 4 accounts were closed out: B" in text for text in record.warnings)
    assert (record.path.shares[101:, 1] == 0).all()
    made = sum(trade.pnl for trade in trade_list(record)) + record.path.shortfall.sum()
    assert made == pytest.approx(record.equity[-1] - record.equity[0])
    assert (record.path.traded[120:, [0, 2, 3]] != 0).any(axis=0).all()


def test_accounts_stand_still_where_their_market_has_no_bar():
    whole = random_market(80, seed=4)
    rows = np.delete(np.arange(10, 70), [20, 21])
    gaps = Market.build(
        stamps=whole.stamps[rows], **{key: getattr(whole, key)[rows] for key in FIELDS}
    )
    market = stack([whole, gaps])
    game = small_game(market=market, episode=None)
    strategy = make_strategy("sma_cross", fast=2, slow=5)
    record = run_backtest(strategy, game)
    assert record.stamps.tolist() == whole.stamps.tolist()
    share = game.settings.model_copy(update={"equity": 50_000})
    for number, rows_of_it in ((0, np.arange(80)), (1, rows)):
        own = part(market, number)
        alone = run_backtest(strategy, build_game(share, market=own, scaler=game.scaler))
        assert record.path.shares[rows_of_it, number] == pytest.approx(alone.path.shares[:, 0])
        assert record.path.traded[rows_of_it, number] == pytest.approx(alone.path.traded[:, 0])
        absent = np.setdiff1d(np.arange(80), rows_of_it)
        assert (record.path.traded[absent, number] == 0).all()
    pieces = record.path.gap_pnl + record.path.bar_pnl - record.path.commission
    assert np.diff(record.equity) == pytest.approx((pieces - record.path.slippage)[1:], abs=1e-7)
    assert np.isnan(record.close[:10, 1]).all()
    assert record.close[31, 1] == gaps.close[19, 0]
    assert any("do not share a clock" in text for text in record.warnings)
    assert record.periods_per_year == 252


def test_idle_cash_earns_nothing_above_cash_whatever_stands_between_accounts(tmp_path):
    """Two stretches with months between: who never trades is cash, and is not behind it."""
    game = small_game(carry={"cash": 0.05}, fill="next_close", market=random_market(160))
    days = [str(stamp)[:10] for stamp in game.market.stamps[[0, 39, 100, 139]]]
    game = game.during([days[:2], days[2:]])
    record = run_backtest(make_strategy("cash"), game)
    assert record.returns.sum() > 0
    np.testing.assert_allclose(record.cash_returns, record.returns, atol=1e-12)
    # One day of interest on the half that plays; the other half is done, or has not begun.
    assert record.cash_returns[0] == pytest.approx(0.05 / 365 / 2)
    assert record.cash_returns[39] == 0.0  # from the end of one to the start of the other
    write_record(record, tmp_path)
    np.testing.assert_array_equal(read_record(tmp_path).cash_returns, record.cash_returns)
    whole = run_backtest(make_strategy("cash"), game.during([days[:2]]))
    assert whole.idle is None
    np.testing.assert_allclose(whole.cash_returns, whole.returns, atol=1e-12)


def test_a_pooled_record_is_written_and_read_back(tmp_path):
    pooled, _ = games()
    record = run_backtest(Moody(), pooled)
    write_record(record, tmp_path)
    again = read_record(tmp_path)
    assert again.symbols == record.symbols
    assert again.equity.tolist() == record.equity.tolist()
    assert again.actions == pytest.approx(record.actions, nan_ok=True)


def test_a_scaler_that_saw_the_time_of_another_segment_is_told():
    market = MANY.each()
    game = small_game(market=market, episode=None)
    (warning,) = run_backtest(Moody(), game.within(500, 639)).warnings
    assert "scaler was fitted on bars that are tested" in warning

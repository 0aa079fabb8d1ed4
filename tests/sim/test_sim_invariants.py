"""What must hold of every account on every market: the invariants of money."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from random_games import MILD, START, Game, full_games, many

from drltrade.sim import (
    STATUS,
    Commission,
    Costs,
    Engine,
    Rules,
    Slippage,
    run_path,
)

FREE = Costs(Commission(0.0), Slippage(0.0))
FLOOR = 1e-4 * START
EVENTS = ("wicks", "delisted", "split", "dividend", "funding", "carry", "margin")
FEES = ("minimum", "per_share", "impact")


def closes(game):
    """[T, N] the closes that the account sees: a halted asset stands still."""
    return game.prices.quotes[..., 3]


@many
@given(full_games())
def test_equity_is_cash_plus_shares_and_every_change_has_its_pieces(game):
    path = game.play()
    held = path.shares * closes(game)
    size = 1 + np.abs(held).sum(axis=1) + np.abs(path.cash)
    assert (np.abs(path.cash + held.sum(axis=1) - path.equity) / size).max() < 1e-9
    gains = path.gap_pnl, path.bar_pnl, path.dividends, path.interest, path.funding, path.shortfall
    losses = path.borrow, path.commission, path.slippage, path.impact, path.haircut
    pieces = (sum(gains) - sum(losses))[1:]
    moved = sum(np.abs(piece) for piece in (*gains, *losses)) + path.equity
    assert (np.abs(np.diff(path.equity) - pieces) / moved[1:]).max() < 1e-9


@many
@given(full_games())
def test_log_returns_telescope_and_stay_finite_through_ruin(game):
    path = game.play()
    logs = np.log(path.equity[1:] / path.equity[:-1])
    assert np.isfinite(logs).all()
    assert logs.sum() == pytest.approx(np.log(path.equity[-1] / path.equity[0]), abs=1e-9)
    assert (path.equity >= FLOOR * (1 - 1e-12)).all()


@many
@given(full_games())
def test_costs_are_never_negative_and_nothing_is_charged_twice_over(game):
    path = game.play()
    for name in ("commission", "slippage", "impact", "borrow", "haircut", "shortfall", "turnover"):
        assert (getattr(path, name) >= 0).all(), name
    notional = path.turnover[1:] * path.equity[:-1]
    # Only what is closed at a fill that ruined the account goes free.
    assert (path.slippage[1:] <= game.rules.costs.slippage.rate * notional * (1 + 1e-9)).all()
    paid = path.traded != 0
    fee = game.rules.costs.commission
    assert (path.commission >= fee.minimum * paid.sum(axis=1) * (1 - 1e-12)).all()
    assert (path.commission >= fee.rate * np.abs(path.traded).sum(axis=1) * (1 - 1e-12)).all()


@many
@given(
    full_games(off=(*EVENTS, "lot", "cap", "band", "halted"), moves=MILD),
    st.sampled_from(["rate", "minimum", "per_share", "slippage", "impact"]),
)
def test_dearer_fills_never_leave_more(game, what):
    rules, costs = game.rules, game.rules.costs
    assume(what != "impact" or "volume" in game.extras)
    more = {"rate": 0.01, "minimum": 3.0, "per_share": 0.05}
    dear = {
        "slippage": lambda: replace(costs, slippage=Slippage(costs.slippage.rate + 0.01)),
        "impact": lambda: replace(costs, impact=replace(costs.impact, coefficient=2.0)),
    }.get(what, lambda: replace(costs, commission=replace(
        costs.commission, **{what: getattr(costs.commission, what) + more[what]})))()  # fmt: skip
    # One fill from the same state: cash until the last bar but one, worth at the fill's price.
    targets = np.where(np.arange(game.last + 1)[:, None] < game.last - 1, np.nan, game.targets)
    left = []
    for charged in (costs, dear):
        path = replace(game, targets=targets, rules=replace(rules, costs=charged)).play()
        left.append(path.equity[-1] - path.bar_pnl[-1])
    assert left[1] <= left[0] + 1e-9


@many
@given(full_games(off=EVENTS, moves=(0.0,)))
def test_flat_prices_lose_exactly_the_costs(game):
    path = game.play()
    lost = (path.costs - path.shortfall).sum()
    assert path.equity[-1] == pytest.approx(START - lost, abs=1e-9)


@given(st.sampled_from([0.0, 0.0005, 0.01, 0.1]), st.sampled_from([0.3, 0.5, 1.0]))
def test_a_round_trip_at_one_price_loses_exactly_two_sides(rate, weight):
    flat = np.full((3, 1), 50.0)
    rules = Rules(costs=Costs(Commission(rate), Slippage(0.0)))
    path = Game(flat, flat, np.array([[weight], [0.0], [0.0]]), rules).play()
    bought = weight * 1000 / (1 + rate * weight)  # V' = V - rate * weight * V'
    assert path.traded[1, 0] == pytest.approx(bought)
    assert path.equity[-1] == pytest.approx(1000 - 2 * rate * bought)


@many
@given(
    full_games(
        off=("delisted", "wicks", "carry", *FEES),
        moves=MILD,
        weights=(0.0, 0.3, 1.0),
        rules=Rules(costs=FREE, on_change=False),
    )
)
def test_long_and_short_mirror_each_other_at_zero_cost(game):
    once = np.where(np.arange(game.last + 1)[:, None] == 0, game.targets, np.nan)
    long = replace(game, targets=once).play()
    short = replace(game, targets=-once).play()
    assume(not (long.terminated or short.terminated))
    # An order that is sent again meets two equities that are no longer the same.
    limits, cap = game.rules.limits.change, game.rules.participation.rate
    again = limits is not None or cap is not None or game.prices.halts.any()
    bars = 2 if again else game.last + 1
    gained, lost = long.equity[:bars] - START, START - short.equity[:bars]
    assert np.allclose(gained, lost, rtol=0, atol=1e-7)
    assert np.allclose(long.shares[:bars], -short.shares[:bars], rtol=1e-12)


@many
@given(full_games(), st.sampled_from([4.0**-5, 2.0, 4.0**10]), st.sampled_from([4.0**-3, 4.0**7]))
def test_neither_the_scale_of_cash_nor_that_of_prices_matters(game, cash, price):
    path = game.play()
    other = scaled(game, cash, price).play(START * cash)
    assert np.allclose(other.equity / cash, path.equity, rtol=1e-9)
    assert np.allclose(other.weights, path.weights, rtol=1e-9, atol=1e-9)
    assert (other.status == path.status).all()


def scaled(game, cash, price):
    """The same game in another currency and for an account of another size."""
    unit = {"high": price, "low": price, "dividend": price, "volume": cash / price}
    extras = {name: array * unit[name] if name in unit else array
              for name, array in game.extras.items()}  # fmt: skip
    fee = game.rules.costs.commission
    fee = replace(fee, minimum=fee.minimum * cash, per_share=fee.per_share * price)
    rules = replace(game.rules, costs=replace(game.rules.costs, commission=fee),
                    lot=game.rules.lot * cash / price)  # fmt: skip
    return Game(game.open * price, game.close * price, game.targets, rules, extras)


@many
@given(full_games())
def test_the_order_of_the_assets_does_not_matter(game):
    path = game.play()
    assume(not path.terminated)  # where a ruin falls is decided by the last bit
    assume((path.exposure < 20).all())
    order = np.arange(game.close.shape[1])[::-1]
    extras = {name: array if array.ndim == 1 else array[:, order]
              for name, array in game.extras.items()}  # fmt: skip
    other = Game(game.open[:, order], game.close[:, order], game.targets[:, order], game.rules,
                 extras).play()  # fmt: skip
    assert np.allclose(other.equity, path.equity, rtol=1e-9)
    assert np.allclose(other.weights[:, order], path.weights, atol=1e-9)


@many
@given(full_games(off=(*EVENTS, "lot", "cap", "limits", "halted"), moves=(0.0,)))
def test_the_same_target_at_the_same_price_is_no_second_trade(game):
    targets = np.repeat(game.targets[:1], len(game.targets), axis=0)
    rules = replace(game.rules, on_change=False)
    path = replace(game, targets=targets, rules=rules).play()
    assume((path.status != STATUS["halted"]).all())  # for want of volume
    assert (path.traded[2:] == 0).all()


@many
@given(full_games(off=("delisted",)))
def test_an_asset_that_cannot_be_traded_keeps_its_shares(game):
    path, ended = game.play(), ends(game)
    fill_bar = slice(None, -1) if game.rules.fill == "same_close" else slice(1, None)
    halted = game.prices.halts[fill_bar] & ~ended[1:, None]
    split = game.extras.get("split", np.ones_like(game.close))[1:]
    assert (path.traded[1:][halted] == 0).all()
    assert (path.shares[1:] == path.shares[:-1] * split)[halted].all()


def ends(game):
    """[T] whether the account was terminated in that bar or before."""
    engine = Engine(game.prices, game.rules, start_equity=START)
    engine.reset(np.zeros(1, int), np.zeros(1, int), np.full(1, game.last))
    steps = (engine.step(game.targets[bar : bar + 1]) for bar in range(game.last))
    return np.array([False] + [bool(step.terminated[0]) for step in steps])


@many
@given(full_games())
def test_gross_exposure_stays_within_the_limit_and_cash_is_not_borrowed(game):
    path, rules, ended = game.play(), game.rules, ends(game)
    kept_codes = [STATUS[name] for name in ("no_order", "halted", "in_band", "capped")]
    for bar in range(1, game.last + 1):
        if ended[bar] or not path.traded[bar].any():
            continue
        cash, worth = after_the_fill(game, path, bar)
        status, equity = path.status[bar], cash + worth.sum()
        kept = np.abs(worth[np.isin(status, kept_codes)]).sum()
        # A minimum fee or lots leave positions as they are that the costs of others push over.
        coarse = rules.lot > 0 or rules.costs.commission.minimum > 0
        still = coarse & (path.traded[bar] == 0) & ~np.isin(status, kept_codes)
        idle = np.abs(worth[still]).sum()
        limit = max(rules.leverage * equity, kept) + idle
        assert np.abs(worth).sum() <= limit * (1 + 1e-8) + 1e-9
        if rules.leverage <= 1 and (worth >= 0).all() and kept + idle <= equity:
            assert cash >= -idle - 1e-8 * equity


def after_the_fill(game, path, bar):
    """Cash and the worth of each position right after the fill in a bar, at its prices."""
    quotes = game.prices.quotes
    if game.rules.fill == "same_close":  # carry and events come later in the bar
        price = quotes[bar - 1, :, 3]
        cash = path.cash[bar - 1] - path.traded[bar].sum() - path.costs[bar]
        return cash, path.shares[bar - 1] * price + path.traded[bar]
    price = quotes[bar, :, 0 if game.rules.fill == "next_open" else 3]
    return path.cash[bar], path.shares[bar] * price


@many
@given(full_games())
def test_nothing_moves_after_termination(game):
    path, ended = game.play(), ends(game)
    assert path.terminated == ended[-1]
    if path.terminated:
        end = int(np.argmax(ended))
        assert (path.equity[end:] == path.equity[end]).all()
        assert (path.cash[end:] == path.equity[end]).all()
        assert (path.shares[end:] == 0).all()
        for name in ("traded", "turnover", "costs", "carry", "dividends", "gap_pnl", "bar_pnl"):
            assert (getattr(path, name)[end + 1 :] == 0).all(), name


@many
@given(full_games(), st.integers(2, 8))
def test_tomorrow_changes_nothing_before_it(game, cut):
    path = game.play()
    changed = {name: later(array, cut, CHANGES.get(name, lambda x: x * 10))
               for name, array in game.extras.items()}  # fmt: skip
    parts = (later(array, cut, lambda x: x * 10) for array in (game.open, game.close))
    other = run_path(Game(*parts, game.targets, game.rules, changed).prices, game.rules,
                     game.targets, 0, game.last, START)  # fmt: skip
    for name in set(type(path).__dataclass_fields__) - {"terminated", "liquidated"}:
        before, after = getattr(path, name)[:cut], getattr(other, name)[:cut]
        assert np.array_equal(before, after, equal_nan=True), name


def later(array, cut, change):
    return np.concatenate([array[:cut], change(array[cut:])])


CHANGES = {"halted": np.logical_not, "delisted": np.logical_not, "volume": lambda x: 90.0 - x / 15}


def test_every_altered_order_leaves_its_code():
    flat = np.full((4, 2), 10.0)
    targets = np.array([[1.5, -0.5], [np.nan, 0.0], [1e-12, 0.0], [0.0, 0.0]])
    path = Game(flat, flat, targets, Rules(shorts=False, on_change=False)).play()
    assert path.status[1].tolist() == [STATUS["scaled"], STATUS["short_refused"]]
    assert path.status[2].tolist() == [STATUS["no_order"], STATUS["filled"]]
    targets = np.array([[0.0], [1e-10], [0.0], [0.0]]).repeat(2, 1)
    path = Game(flat, flat, targets, Rules()).play()
    assert path.status[2, 0] == STATUS["too_small"]

"""Rules, prices and engines refuse what they cannot serve, and say what would do."""

import copy

import numpy as np
import pytest

from drltrade.errors import UsageError
from drltrade.sim import (
    EXTRAS,
    STATUS,
    Carry,
    Commission,
    Costs,
    Delisting,
    Engine,
    Impact,
    Limits,
    Margin,
    Participation,
    Prices,
    Rules,
    Slippage,
    run_path,
)

FLAT = np.full((5, 2), 10.0)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Commission(rate=0.5), "commission.rate is 0.5; it must be from 0 to 0.2"),
        (lambda: Commission(minimum=-1.0), "commission.minimum is -1.0"),
        (lambda: Commission(per_share=np.nan), "commission.per_share is nan"),
        (lambda: Slippage(-0.1), "slippage.rate"),
        (lambda: Impact(coefficient=-1.0), "impact.coefficient"),
        (lambda: Impact(window=1), "impact.window is 1; it must be from 2 to 10000 bars"),
        (lambda: Carry(borrow=9.0), "carry.borrow is 9.0; it must be from 0 to 5"),
        (lambda: Delisting(1.5), "delisting.haircut"),
        (lambda: Margin(1.0), "margin.maintenance"),
        (lambda: Participation(rate=-0.1), "participation.rate"),
        (lambda: Participation(window=2.5), "participation.window"),
        (lambda: Limits(weight=0.0), "limits.weight is 0.0; it must be above 0"),
        (lambda: Limits(change=-1.0), "limits.change"),
        (lambda: Rules(fill="open"), "Unknown fill 'open'.*next_open"),
        (lambda: Rules(leverage=0.0), "leverage is 0.0"),
        (lambda: Rules(lot=-1.0), "lot is -1.0"),
        (lambda: Rules(band=2.0), "band is 2.0"),
        (lambda: Rules(leverage=5.0), "maintenance 0.25 at leverage 5"),
        (lambda: Rules(costs=Costs(Commission(0.2)), leverage=3.0), "half the account"),
    ],
)  # fmt: skip
def test_a_rule_out_of_range_is_refused_with_its_name_value_and_range(make, said):
    with pytest.raises(UsageError, match=said):
        make()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Prices(FLAT, FLAT[:3]), "one shape"),
        (lambda: Prices(FLAT, FLAT * 0), "positive number"),
        (lambda: Prices(FLAT, FLAT, days=np.ones(3)), r"days has shape \(3,\)"),
        (lambda: Prices(FLAT, FLAT, split=np.ones(5)), "split has shape"),
        (lambda: Prices(FLAT * np.nan, FLAT).check(Rules()), "no opens"),
        (lambda: Prices(FLAT, FLAT).check(Rules(costs=Costs(impact=Impact(1.0)))), "no volume"),
        (lambda: Prices(FLAT, FLAT).check(Rules(participation=Participation(0.1))), "no volume"),
    ],
)
def test_prices_that_do_not_fit_are_refused(make, said):
    with pytest.raises(UsageError, match=said):
        make()


def an_engine(**options):
    return Engine(Prices(FLAT, FLAT), Rules(), 3, **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"start_equity": -1.0}, "start_equity"),
        ({"extras": ("mood",)}, "account column 'mood'"),
        ({"features": np.zeros((5, 2, 3))}, "float32"),
        ({"features": np.zeros((4, 2, 3), np.float32)}, "float32"),
        ({"features": np.zeros((5, 2, 3), np.float32), "window": 9}, "window is 9"),
    ],
)
def test_an_engine_says_what_it_cannot_be_made_of(options, said):
    with pytest.raises(UsageError, match=said):
        an_engine(**options)
    with pytest.raises(UsageError, match="accounts is 0"):
        Engine(Prices(FLAT, FLAT), Rules(), 0)


def test_an_engine_refuses_episodes_and_targets_that_do_not_fit():
    engine, rows = an_engine(), np.arange(3)
    with pytest.raises(UsageError, match=r"bars 0\.\.4"):
        engine.reset(rows, rows, rows + 9)
    with pytest.raises(UsageError, match="at least one bar"):
        engine.reset(rows, rows, rows)
    engine.reset(rows[:0], rows[:0], rows[:0])
    with pytest.raises(UsageError, match=r"\[B, N\] = \(3, 2\)"):
        engine.step(np.zeros((1, 2)))
    with pytest.raises(UsageError, match="one account"):
        engine.run(np.zeros((3, 2)))
    with pytest.raises(UsageError, match="infinite"):
        run_path(engine.prices, engine.rules, np.full((5, 2), np.inf), 0, 4)
    with pytest.raises(UsageError, match="must be"):
        run_path(engine.prices, engine.rules, np.zeros((4, 2)), 0, 4)
    with pytest.raises(UsageError, match="first < last"):
        run_path(engine.prices, engine.rules, np.zeros((5, 2)), 4, 4)


def test_the_rule_that_counts_shares_is_named():
    assert Rules().counts_shares is None
    assert Rules(lot=1.0).counts_shares == "lot"
    minimum = Costs(Commission(minimum=1.0))
    assert Rules(costs=minimum, lot=1.0).counts_shares == "costs.commission.minimum"
    assert not minimum.free
    assert Costs(Commission(0.0), Slippage(0.0)).free


def test_observations_are_the_window_the_weights_and_what_the_spec_adds():
    features = np.arange(20, dtype=np.float32).reshape(5, 2, 2)
    rising = FLAT * np.array([1.0, 1.0, 1.1, 1.21, 1.331])[:, None]
    rules = Rules("same_close", Costs(Commission(0.0), Slippage(0.0)))
    engine = Engine(
        Prices(rising, rising), rules, 2, features=features, window=2, extras=EXTRAS, buffers=2
    )
    engine.reset(np.arange(2), np.array([0, 1]), np.array([4, 4]))
    before = engine.observations
    assert np.isnan(before[0]).all()  # the window of account 0 is not whole yet
    assert before[1].tolist() == [*range(8), 0, 0, 0, 0, 0, 0]
    targets = np.array([[0.5, 0.0], [0.5, np.nan]])
    step = engine.step(targets)
    after = engine.observations
    assert after is not before
    # Account 1: half in asset 0, which gains 10 %: 0.55 of 1.05.
    weights = [0.55 / 1.05, 0.0]
    assert after[1].tolist() == pytest.approx(
        [*range(4, 12), *weights, 0.0, np.log(1.05), 0.5, 0.0], rel=1e-6
    )
    assert step.simple_return == pytest.approx([0.0, 0.05])
    assert step.log_return == pytest.approx([0.0, np.log(1.05)])
    assert (step.costs == 0).all()
    assert (step.carry == 0).all()


def test_a_copied_engine_goes_on_by_itself():
    engine = an_engine()
    engine.reset(np.arange(3), np.zeros(3, int), np.full(3, 4))
    twin = copy.deepcopy(engine)
    twin.targets[:] = 0.5
    twin.advance()
    assert (engine.current.bar == 0).all()
    assert (twin.current.bar == 1).all()
    assert (twin.current.status == STATUS["filled"]).all()

"""Synthetic markets are ordinary Markets, drawn from the law that they come with."""

import itertools

import numpy as np
import pytest
from small_worlds import random_market

from drltrade.data import Market
from drltrade.data.synthetic import KNOWN, RESEARCH, Chain, bootstrap, memory, ou, regimes
from drltrade.data.synthetic import chain as chain_market
from drltrade.errors import UsageError
from drltrade.sim import Commission, Costs, Prices, Rules, Slippage, run_path
from drltrade.sim.optimal import dp_optimal, policy_reward

ALL = {**KNOWN, **RESEARCH}


def simple_returns(market):
    return market.close[1:, 0] / market.close[:-1, 0] - 1


@pytest.mark.parametrize("name", ALL)
def test_a_bar_opens_where_the_last_one_closed(name):
    market = ALL[name](500, 3).market
    assert isinstance(market, Market)
    assert market.bars == 500
    assert (market.open[1:] == market.close[:-1]).all()
    assert (market.high == np.maximum(market.open, market.close)).all()
    assert (market.low == np.minimum(market.open, market.close)).all()
    assert market.periods_per_year == 252


@pytest.mark.parametrize("name", ALL)
def test_a_seed_is_a_market_and_two_are_two(name):
    np.random.seed(5)  # noqa: NPY002
    wanted = np.random.rand()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    first, again, other = (ALL[name](300, seed).market.fingerprint for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert np.random.rand() == wanted  # noqa: NPY002


@pytest.mark.parametrize("name", ALL)
def test_signals_are_named_columns_without_gaps(name):
    made = ALL[name](300, 1)
    for signal in made.signals:
        assert np.isfinite(made.market.columns[signal]).all()
    if name in KNOWN:
        assert "signal" in made.signals


@pytest.mark.parametrize("name", KNOWN)
def test_the_next_return_is_what_the_law_promises_in_each_state(name):
    made = KNOWN[name](40_000, 7)
    promised = made.law.chain(2001).returns[made.law.states(made.market, 2001)]
    if name == "memory":  # the cues before the first bar are not known
        promised[:4] = 0
    drawn = simple_returns(made.market)
    scale = max(drawn.std(), 1e-12)
    rest = drawn - promised[:-1]
    assert abs(rest.mean()) < 4 * scale / np.sqrt(len(drawn)) + 1e-6
    if np.ptp(promised) > 0:
        slope = (drawn * promised[:-1]).mean() / (promised[:-1] ** 2).mean()
        error = rest.std() / np.sqrt(len(drawn) * (promised[:-1] ** 2).mean())
        assert slope == pytest.approx(1, abs=4 * error + 2e-3)


@pytest.mark.parametrize("name", KNOWN)
def test_the_states_follow_each_other_as_the_law_says(name):
    """The mean of the next state's promise, given this state's, over a long draw."""
    made = KNOWN[name](40_000, 8)
    law = made.law.chain(801)
    state = made.law.states(made.market, 801)[10:]
    ahead = law.transition @ law.signal
    surprise = law.signal[state[1:]] - ahead[state[:-1]]
    assert abs(surprise.mean()) <= 4 * surprise.std() / np.sqrt(len(surprise)) + 1e-9
    spread = np.ptp(law.signal) / 800 + 1e-9
    size = np.std(law.signal[state]) + 1e-12
    if size > spread:
        related = np.corrcoef(surprise, ahead[state[:-1]])[0, 1] if np.ptp(surprise) > 1e-9 else 0
        assert abs(related) < 4 / np.sqrt(len(surprise)) + 0.01


COSTS = {"ou": 2e-4, "two_state": 1e-3, "memory": 5e-4, "sine": 1e-3, "trend": 1e-3}


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("fill", ["next_open", "same_close"])
def test_the_best_policy_earns_its_mean_reward_in_the_ledger(name, fill):
    """No column but the signal's is read, and money is what the library counts."""
    bars, cost = 60_000, COSTS.get(name, 1e-3)
    made = KNOWN[name](bars, 11)
    best = dp_optimal(made.law, (-1, 0, 1), cost, points=801)
    market = made.market
    targets = best.follow(made.law.states(market, 801))[:, None]
    costs = Costs(Commission(cost), Slippage(0.0))
    rules = Rules(fill=fill, costs=costs, on_change=False)
    path = run_path(Prices(market.open, market.close), rules, targets, 10, bars - 1)
    earned = path.equity[1:] / path.equity[:-1] - 1
    blocks = earned[: len(earned) // 200 * 200].reshape(200, -1).mean(axis=1)
    error = blocks.std(ddof=1) / np.sqrt(200)
    # Going back to -1 at each bar pays costs on moves near 1e-3: a millionth a bar.
    assert earned.mean() == pytest.approx(best.mean_reward, abs=4 * error + 3e-6)


def test_the_filter_of_hidden_regimes_is_bayes_rule():
    """Against the two-state forward recursion written out with densities."""
    made = regimes(400, 3)
    law, drawn = made.law, simple_returns(made.market)
    signal = made.market.columns["signal"][:, 0]
    up = (signal[0] + 1) / 2
    for t, value in enumerate(drawn):
        prior = up * (1 - law.flip) + (1 - up) * law.flip
        like = np.exp(-0.5 * ((value - law.drift * np.array([1, -1])) / law.noise) ** 2)
        up = prior * like[0] / (prior * like[0] + (1 - prior) * like[1])
        assert 2 * up - 1 == pytest.approx(signal[t + 1], abs=1e-9)


def test_the_price_of_ou_moves_by_the_increments_of_its_signal():
    made = ou(2000, 4)
    signal = made.market.columns["signal"][:, 0]
    assert simple_returns(made.market) == pytest.approx(np.diff(signal), abs=1e-12)
    assert signal.std() == pytest.approx(made.law.deviation, rel=0.3)


def test_the_cue_of_memory_pays_after_its_lag_and_not_before():
    made = memory(5000, 6, lag=3)
    cue, drawn = made.market.columns["signal"][:, 0], simple_returns(made.market)
    assert drawn[3:] == pytest.approx(1e-3 * cue[:-4], abs=1e-12)
    for age in range(3):  # the newest cues say nothing about the next return
        assert abs(np.corrcoef(cue[3 - age : 4990 - age], drawn[3:4990])[0, 1]) < 0.06


def test_a_long_market_stays_within_the_range_of_time_stamps():
    market = KNOWN["noise"](70_000).market
    assert str(market.end)[:4] == "2007"
    assert market.periods_per_year == 252


def test_garch_and_heston_tell_the_volatility_of_the_next_bar():
    for name, unit in (("garch", 1.0), ("heston", np.sqrt(252))):
        made = RESEARCH[name](30_000, 2)
        known = made.market.columns["signal"][:-1, 0] / unit
        moves = np.diff(np.log(made.market.close[:, 0]))
        known, moves = known[known > 0], moves[known > 0]  # Heston's variance may touch zero
        assert (moves / known).std() == pytest.approx(1, abs=0.03)
        assert np.corrcoef(known, np.abs(moves))[0, 1] > 0.1
    garch = RESEARCH["garch"](60_000, 3)
    moves = np.diff(np.log(garch.market.close[:, 0]))
    assert moves.std() == pytest.approx(garch.law.deviation, rel=0.15)


def test_drift_and_volatility_are_those_of_the_law():
    years = 400
    for name in ("gbm", "jump_diffusion"):
        made = RESEARCH[name](252 * years, 5)
        law, drawn = made.law, simple_returns(made.market)
        assert drawn.mean() * 252 == pytest.approx(law.drift, abs=4 * 0.2 / np.sqrt(years))
        variance = law.volatility**2
        if name == "jump_diffusion":
            variance += law.rate * (law.size**2 + law.spread**2)
            moves = np.diff(np.log(made.market.close[:, 0]))
            assert ((moves - moves.mean()) ** 4).mean() / moves.var() ** 2 > 5  # fat tails
        assert drawn.std() * np.sqrt(252) == pytest.approx(np.sqrt(variance), rel=0.05)


def test_a_bootstrap_holds_real_bars_whole_in_blocks():
    real = random_market(bars=300, assets=2, seed=9)
    drawn = bootstrap(real, 700, 4, block=15).market
    assert drawn.bars == 700
    assert drawn.symbols == real.symbols
    bars = np.round(real.close[1:] / real.close[:-1], 10)
    kept = np.round(drawn.close[1:] / drawn.close[:-1], 10)
    places = [int(np.flatnonzero((bars == row).all(axis=1))[0]) for row in kept]
    follows = np.mean(np.diff(places) == 1)
    assert 0.85 < follows < 0.99  # 1 - 1 / block
    rows = np.array(places) + 1
    for key in ("open", "high", "low"):
        part = getattr(real, key)[rows] / real.close[rows - 1]
        assert getattr(drawn, key)[1:] / drawn.close[:-1] == pytest.approx(part, rel=1e-9)
    assert (drawn.volume[1:] == real.volume[rows]).all()
    assert bootstrap(real, 50, 4).market.fingerprint != bootstrap(real, 50, 5).market.fingerprint


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(UsageError, match="rho is 1"):
        KNOWN["ar1"](100, rho=1.0)
    with pytest.raises(UsageError, match=r"flip is 1\.5"):
        KNOWN["two_state"](100, flip=1.5)
    with pytest.raises(UsageError, match="lag is 11"):
        memory(100, lag=11)
    with pytest.raises(UsageError, match="period is 2"):
        KNOWN["sine"](100, period=2)
    with pytest.raises(UsageError, match="probabilities"):
        chain_market(100, transition=((0.5, 0.6), (0.5, 0.5)), means=(0, 1))
    with pytest.raises(UsageError, match="increase"):
        Chain(np.eye(2), np.zeros(2), np.array([1.0, 1.0]))
    with pytest.raises(UsageError, match=r"volatility is -0\.1"):
        RESEARCH["gbm"](100, volatility=-0.1)
    with pytest.raises(UsageError, match="block from 1 to"):
        bootstrap(random_market(20), block=0.5)
    with pytest.raises(UsageError, match="at least 2 bars"):
        KNOWN["noise"](1)
    with pytest.raises(UsageError, match="at least 2 bars"):
        RESEARCH["garch"](-3)


def test_no_memoryless_rule_earns_from_memory_at_half_a_gain_of_cost():
    """All 729 rules (newest cue, position held) -> position: the position is one cue's memory."""
    law = memory(50, lag=4).law.chain()
    cue = np.arange(len(law.returns)) % 2
    rules = (np.reshape(rule, (2, 3))[cue] for rule in itertools.product(range(3), repeat=6))
    earned = [policy_reward(law, (-1, 0, 1), rule, 5e-4) for rule in rules]
    assert max(earned) < 1e-9
    assert dp_optimal(law, (-1, 0, 1), 5e-4).mean_reward == pytest.approx(5e-4)

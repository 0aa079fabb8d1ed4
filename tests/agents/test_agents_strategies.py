"""Claims about the strategies: what each orders, and that none of them knows the future."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from drltrade.agents.strategies import STRATEGIES, make_strategy
from drltrade.data import Market, load_market, stack
from drltrade.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
BREAKOUT = "agents/breakout.py:Breakout"
SPREAD = ("min_variance", "risk_parity")
SHORTS = ("random", "sma_cross", "momentum", "mean_reversion")
# Short look-backs, so that everything happens within a few hundred bars.
QUICK = {
    "sma_cross": {"fast": 5, "slow": 15},
    "momentum": {"lookback": 20, "every": 5},
    "mean_reversion": {"window": 10, "entry": 1.2},
    "random": {"every": 7},
    "min_variance": {"look": 20, "every": 35},
    "risk_parity": {"look": 20, "every": 35},
}
CASES = [(name, QUICK.get(name, {})) for name in (*STRATEGIES, BREAKOUT)]
CASES += [(name, QUICK[name] | {"shorts": True}) for name in SHORTS]
every_strategy = pytest.mark.parametrize(
    ("name", "params"), CASES, ids=[f"{n}{'-shorts' if 'shorts' in p else ''}" for n, p in CASES]
)


def make(name, params):
    return make_strategy(name, (ROOT,), **params)


def random_market(bars=300, assets=3, seed=0, **rest):
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, (bars, assets)), axis=0))
    wick = np.exp(np.abs(rng.normal(0, 0.005, (bars, assets))))
    return Market.build(close, open=close, high=close * wick, low=close / wick, **rest)


def of_closes(*closes, **rest):
    return Market.build(np.stack([np.asarray(c, float) for c in closes], axis=1), **rest)


def changed_after(market, t, other):
    fields = {
        key: np.concatenate([getattr(market, key)[: t + 1], 10 * getattr(other, key)[t + 1 :]])
        for key in ("open", "high", "low", "close")
    }
    return Market.build(stamps=market.stamps, **fields)


@every_strategy
def test_targets_are_weights_from_the_first_bar_on(name, params):
    market = random_market()
    for first in (0, 100, 299):
        targets = make(name, params).targets(market, first)
        assert targets.shape == (300, 3)
        assert targets.dtype == np.float64
        assert np.isnan(targets[:first]).all()
        known = targets[~np.isnan(targets)]
        if name in SPREAD:  # all of the equity, among the assets
            sums = targets[~np.isnan(targets).any(axis=1)].sum(axis=1)
            assert sums == pytest.approx(1.0)
        else:
            assert (np.abs(known) <= 1 / 3).all()
        if name not in ("sell_and_hold",) and "shorts" not in params:
            assert (known >= 0).all()
    if "shorts" in params:
        assert (make(name, params).targets(market, 0) < 0).any()


@every_strategy
def test_a_row_knows_nothing_of_later_bars(name, params):
    market, other = random_market(), random_market(seed=9)
    whole = make(name, params).targets(market, 60)
    assert np.isfinite(whole).any()
    for t in (298, 200, 61):
        bumped = make(name, params).targets(changed_after(market, t, other), 60)
        assert bumped[: t + 1].tobytes() == whole[: t + 1].tobytes()
        short = make(name, params).targets(market.until(t), 60)
        assert short.tobytes() == whole[: t + 1].tobytes()


@every_strategy
def test_segments_are_strangers(name, params):
    first, second = random_market(bars=200), random_market(bars=230, seed=5)
    joint = make(name, params).targets(stack([first, second]), 0)
    alone = [make(name, params).targets(market, 0) for market in (first, second)]
    assert joint.tobytes() == np.concatenate(alone).tobytes()
    late = make(name, params).targets(stack([first, second]), 250)
    assert late[200:].tobytes() == make(name, params).targets(second, 50).tobytes()


@every_strategy
def test_the_level_of_prices_does_not_matter(name, params):
    market = random_market()
    fields = {key: 8 * getattr(market, key) for key in ("open", "high", "low", "close")}
    scaled = make(name, params).targets(Market.build(**fields), 50)
    assert scaled == pytest.approx(make(name, params).targets(market, 50), nan_ok=True)


# Of a random strategy asset i takes the i-th draw, whatever it is.
@pytest.mark.parametrize(("name", "params"), [case for case in CASES if case[0] != "random"])
def test_assets_keep_their_order(name, params):
    market = random_market()
    turned = make(name, params).targets(market.select(["A2", "A0", "A1"]), 50)
    assert turned.tobytes() == (
        np.ascontiguousarray(make(name, params).targets(market, 50)[:, [2, 0, 1]]).tobytes()
    )


@every_strategy
def test_twice_the_same_and_the_global_generator_untouched(name, params):
    market = random_market()
    state = np.random.get_state()[1].tobytes()  # noqa: NPY002 (the point is to look at it)
    first, again = (make(name, params).targets(market, 30) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    assert np.random.get_state()[1].tobytes() == state  # noqa: NPY002


@pytest.mark.parametrize("name", ["sma_cross", "momentum", "mean_reversion", BREAKOUT])
def test_a_constant_price_is_no_signal(name):
    market = of_closes(np.full(400, 0.1), np.full(400, 1e5 / 3))
    params = {} if name == BREAKOUT else {"shorts": True}
    targets = make(name, params).targets(market, 0)
    assert not np.nan_to_num(targets).any()


@pytest.mark.parametrize("name", [*STRATEGIES, BREAKOUT])
def test_too_few_bars_for_the_look_back_leave_cash(name):
    targets = make(name, {}).targets(random_market(bars=9), 0)
    waiting = ("sma_cross", "momentum", "mean_reversion", "volatility_target", *SPREAD, BREAKOUT)
    if name in waiting:
        assert not np.nan_to_num(targets).any()


@pytest.mark.parametrize(
    ("name", "weight"), [("cash", 0.0), ("buy_and_hold", 0.25), ("sell_and_hold", -0.25)]
)
def test_the_holders_order_once_at_the_first_bar_of_the_backtest(name, weight):
    targets = make_strategy(name).targets(random_market(assets=4), 17)
    assert targets[17].tolist() == [weight] * 4
    assert np.isnan(np.delete(targets, 17, axis=0)).all()


def test_equal_weight_orders_at_every_bar_or_every_few():
    market = random_market(bars=9, assets=2)
    assert (make_strategy("equal_weight").targets(market, 2)[2:] == 0.5).all()
    targets = make_strategy("equal_weight", every=3).targets(market, 2)
    assert np.flatnonzero(~np.isnan(targets[:, 0])).tolist() == [2, 5, 8]


def test_sma_cross_orders_at_the_crossing_alone():
    # Averages of 1 and 2 bars: above while the close rises, below while it falls.
    market = of_closes([10, 11, 12, 11, 10, 11, 11])
    nan = np.nan
    targets = make_strategy("sma_cross", fast=1, slow=2).targets(market, 0)[:, 0]
    assert targets.tolist() == pytest.approx([nan, 1, nan, 0, nan, 1, 0], nan_ok=True)
    short = make_strategy("sma_cross", fast=1, slow=2, shorts=True).targets(market, 0)[:, 0]
    assert short.tolist() == pytest.approx([nan, 1, nan, -1, nan, 1, 0], nan_ok=True)
    # A backtest that starts later opens with the position the rule holds by then.
    later = make_strategy("sma_cross", fast=1, slow=2).targets(market, 2)[:, 0]
    assert later.tolist() == pytest.approx([nan, nan, 1, 0, nan, 1, 0], nan_ok=True)


def test_momentum_decides_every_few_bars_by_the_sign_of_the_return():
    market = of_closes([10, 11, 9, 12, 8, 13, 7], [10, 9, 9, 9, 9, 9, 9])
    targets = make_strategy("momentum", lookback=1, every=2, shorts=True).targets(market, 1)
    nan = np.nan
    assert targets[:, 0].tolist() == pytest.approx([nan, 0.5, *[nan] * 5], nan_ok=True)
    assert targets[:, 1].tolist() == pytest.approx([nan, -0.5, nan, 0, *[nan] * 3], nan_ok=True)


def test_mean_reversion_buys_below_the_band_and_sells_at_the_mean():
    # Window 3. Bar 3: mean 9, deviation sqrt(2), z = -sqrt(2). Bar 4: mean 26/3, z > 0.
    close = [10, 10, 10, 7, 9, 10, 14, 11]
    nan = np.nan
    rule = {"window": 3, "entry": 1.4}
    targets = make_strategy("mean_reversion", **rule).targets(of_closes(close), 0)[:, 0]
    assert targets.tolist() == pytest.approx([nan, nan, 0, 1, 0, nan, nan, nan], nan_ok=True)
    both = make_strategy("mean_reversion", **rule, shorts=True).targets(of_closes(close), 0)[:, 0]
    # Bar 6: 9, 10, 14: mean 11, z = 3 / sqrt(14 / 3) = 1.389. Just inside: no short.
    assert both.tolist() == pytest.approx([nan, nan, 0, 1, 0, nan, nan, nan], nan_ok=True)
    tight = make_strategy("mean_reversion", window=3, entry=1.38, shorts=True)
    # Bar 7: 10, 14, 11: mean 35/3, z < 0: the short is closed.
    assert tight.targets(of_closes(close), 0)[5:, 0].tolist() == pytest.approx(
        [nan, -1, 0], nan_ok=True
    )
    # Starting at bar 4 the position of bar 3 was never taken.
    assert make_strategy("mean_reversion", **rule).targets(of_closes(close), 4)[4, 0] == 0


def test_volatility_target_halves_the_share_when_risk_is_twice_the_target():
    rng = np.random.default_rng(0)
    logs = rng.normal(0, 0.02, (500, 2))
    market = of_closes(*np.exp(np.cumsum(logs, axis=0)).T)
    targets = make_strategy("volatility_target", target=0.1, window=50, every=5).targets(market, 60)
    recent = logs[60 - 49 : 61].std(axis=0, ddof=1) * np.sqrt(market.periods_per_year)
    assert targets[60].tolist() == pytest.approx((0.1 / recent / 2).tolist(), rel=1e-9)
    assert np.flatnonzero(~np.isnan(targets[:, 0]))[:3].tolist() == [60, 65, 70]
    assert (make_strategy("volatility_target", target=9.0).targets(market, 60)[60] == 0.5).all()


def test_min_variance_on_two_assets_by_hand():
    # w = (var_b - cov) / (var_a + var_b - 2 cov) of the last 60 returns, 1 - w of the other.
    rng = np.random.default_rng(0)
    shared, own = rng.normal(0, 0.01, (200, 1)), rng.normal(0, 1, (200, 2)) * [0.01, 0.02]
    market = of_closes(*100 * np.cumprod(1 + shared + own, axis=0).T)
    targets = make_strategy("min_variance", look=60, every=40).targets(market, 0)
    assert np.flatnonzero(~np.isnan(targets[:, 0])).tolist() == [60, 100, 140, 180]
    for bar in (60, 140):
        (var_a, cov), (_, var_b) = np.cov((shared + own)[bar - 59 : bar + 1].T)
        weight = (var_b - cov) / (var_a + var_b - 2 * cov)
        assert 0.5 < weight < 1
        assert targets[bar].tolist() == pytest.approx([weight, 1 - weight], abs=1e-5)


def test_risk_parity_on_two_assets_by_hand():
    # Of two assets each adds the same risk at weights in inverse proportion to their deviations,
    # whatever their correlation.
    rng = np.random.default_rng(1)
    shared, own = rng.normal(0, 0.01, (100, 1)), rng.normal(0, 1, (100, 2)) * [0.01, 0.03]
    market = of_closes(*100 * np.cumprod(1 + shared + own, axis=0).T)
    targets = make_strategy("risk_parity", look=50, every=10).targets(market, 70)
    inverse = 1 / (shared + own)[21:71].std(axis=0, ddof=1)
    assert targets[70].tolist() == pytest.approx((inverse / inverse.sum()).tolist(), abs=1e-5)
    assert np.flatnonzero(~np.isnan(targets[:, 0])).tolist() == [70, 80, 90]


@pytest.mark.parametrize("name", SPREAD)
def test_one_asset_gets_everything_and_one_that_stands_still_nothing(name):
    walk = random_market(60, 2).close
    alone = make(name, {"look": 10, "every": 20}).targets(of_closes(walk[:, 0]), 0)[:, 0]
    assert np.flatnonzero(~np.isnan(alone)).tolist() == [10, 30, 50]
    assert set(alone[[10, 30, 50]]) == {1.0}
    still = of_closes(walk[:, 0], np.full(60, 7.0), walk[:, 1])
    orders = make(name, {"look": 10, "every": 20}).targets(still, 0)[[10, 30, 50]]
    assert (orders[:, 1] == 0).all()
    assert (orders[:, [0, 2]] > 0).any(axis=1).all()
    nothing = make(name, {"look": 10}).targets(of_closes(np.full(60, 7.0), np.full(60, 7.0)), 0)
    assert np.isnan(nothing).all()
    twins = make(name, {"look": 10, "every": 20}).targets(of_closes(walk[:, 0], walk[:, 0]), 0)
    assert twins[10].tolist() == pytest.approx([0.5, 0.5], abs=0.01)


def test_random_holds_its_draw_and_two_seeds_differ():
    market = random_market(bars=2000, assets=1)
    orders = make_strategy("random", seed=1, every=10).targets(market, 3)[:, 0]
    placed = np.flatnonzero(~np.isnan(orders))
    assert ((placed - 3) % 10 == 0).all()
    assert 60 < placed.size < 140  # half of 200 draws change the position
    other = make_strategy("random", seed=2, every=10).targets(market, 3)[:, 0]
    assert orders.tobytes() != other.tobytes()


def test_breakout_buys_a_new_high_and_sells_a_new_low():
    close = [10.0] * 20 + [11, 10.5, 10.5, 9, 12]
    targets = make(BREAKOUT, {}).targets(of_closes(close), 0)[:, 0]
    assert np.flatnonzero(~np.isnan(targets)).tolist() == [20, 23, 24]
    assert targets[[20, 23, 24]].tolist() == [1, 0, 1]


def test_the_sample_market_gives_every_strategy_something_to_do():
    market = load_market("sample", ["AAPL", "IBM"])
    first = market.locate("2011", None)[0]
    for name in (*STRATEGIES, BREAKOUT):
        assert np.isfinite(make(name, {}).targets(market, first)).any(), name


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("smacross", {}, "Did you mean 'sma_cross'"),
        ("", {}, "Unknown strategy ''"),
        ("sma_cross", {"fsat": 3}, "Did you mean 'fast'"),
        ("sma_cross", {"fast": 50}, "must be below slow"),
        ("momentum", {"lookback": 0}, "greater than or equal to 1"),
        ("momentum", {"every": "often"}, "'every' must be a whole number"),
        ("mean_reversion", {"exit": 2.5}, "must be below entry"),
        ("volatility_target", {"target": -0.1}, "greater than 0"),
        ("cash", {"amount": 3}, "Unknown key 'amount'"),
    ],
)
def test_a_mistake_is_answered_in_words(name, params, words):
    with pytest.raises(UsageError, match=words):
        make_strategy(name, **params)


def test_a_first_bar_outside_the_market_is_refused():
    with pytest.raises(UsageError, match="must be a bar from 0 to 299"):
        make_strategy("cash").targets(random_market(), 300)


def test_every_strategy_says_what_it_does_and_knows_its_name():
    for name, kind in STRATEGIES.items():
        assert kind.name == name
        assert kind.__doc__
        assert kind.__doc__.splitlines()[0].endswith((".", ":"))
        for field in kind.model_fields.values():
            assert field.description


def test_naming_strategies_loads_no_optimiser():
    code = (
        "import sys; from drltrade.agents.strategies import STRATEGIES, make_strategy;"
        "[make_strategy(name) for name in STRATEGIES];"
        "print(*{'skfolio', 'cvxpy', 'sklearn'} & sys.modules.keys())"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (answer.stdout.strip(), answer.returncode) == ("", 0), answer.stderr

"""Claims that every feature keeps: ours, all of TA-Lib's, columns and plug-ins."""

from pathlib import Path

import numpy as np
import pytest

from drltrade.data import Market, stack
from drltrade.errors import UsageError
from drltrade.features import FEATURES, compute_features, technical_names
from drltrade.features.units import REFUSED, unit_of

PLUGIN = """
import numpy as np

def above_mean(market, bars=10):
    close = market.close
    result = np.full(close.shape, np.nan)
    for t in range(bars - 1, len(close)):
        result[t] = close[t] / close[t - bars + 1 : t + 1].mean(axis=0)
    return result
"""
EVERY = [*FEATURES, *technical_names(), {"column": "vix", "lag": 2}, "mine.py:above_mean"]
IDS = [str(raw) if isinstance(raw, str) else f"column {raw['column']}" for raw in EVERY]
every_feature = pytest.mark.parametrize("raw", EVERY, ids=IDS)


@pytest.fixture(scope="module")
def roots(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "mine.py").write_text(PLUGIN)
    return (Path(folder),)


@every_feature
def test_has_the_promised_shape_and_no_hole_after_the_warm_up(raw, roots, make_market):
    market = make_market(bars=250, assets=3)
    found = compute_features(market, [raw], roots)
    assert found.values.shape == (250, 3, len(found.names))
    assert found.values.dtype == np.float32
    assert found.values.flags.c_contiguous
    assert not found.values.flags.writeable
    assert len(set(found.names)) == len(found.names) >= 1
    assert 0 <= found.warmup < 250
    assert np.isfinite(found.values[found.warmup :]).all()
    if found.warmup:
        assert np.isnan(found.values[found.warmup - 1]).any()


@every_feature
def test_a_row_knows_nothing_of_later_bars(raw, roots, make_market, changed):
    market = make_market()
    garbage = changed(make_market(seed=9), prices=10.0, volumes=7.0)
    whole = compute_features(market, [raw], roots).values
    for t in (298, 200, 150):  # 298: the last bar alone changes
        bumped = changed(market, after=t, with_=garbage)
        assert compute_features(bumped, [raw], roots).values[: t + 1].tobytes() == (
            whole[: t + 1].tobytes()
        )
        short = market.until(t)
        assert compute_features(short, [raw], roots).values.tobytes() == whole[: t + 1].tobytes()


@every_feature
def test_multiplying_prices_or_volumes_changes_nothing(raw, roots, make_market, changed):
    market = make_market()
    plain = compute_features(market, [raw], roots)
    spread = np.nanstd(plain.values, axis=(0, 1))
    for factors in ({"prices": 10.0}, {"volumes": 10.0}, {"prices": 1e-8, "volumes": 300.0}):
        scaled = compute_features(changed(market, **factors), [raw], roots).values
        error = np.nanmax(np.abs(scaled - plain.values), axis=(0, 1))
        assert (error <= 1e-4 * spread + 1e-7).all(), (factors, error, spread)


@every_feature
def test_a_stretch_without_trade_or_movement_leaves_no_hole(raw, roots, make_market):
    market = make_market(bars=400)
    prices = {key: np.array(getattr(market, key)) for key in ("open", "high", "low", "close")}
    for values in prices.values():
        values[150:260] = prices["close"][149]
    volume = np.array(market.volume)
    volume[160:250] = 0
    still = Market.build(volume=volume, columns=market.columns, **prices)
    found = compute_features(still, [raw], roots)
    assert np.isfinite(found.values[found.warmup :]).all()


@every_feature
def test_segments_are_strangers(raw, roots, make_market, changed):
    first, second = make_market(bars=200), make_market(bars=230, seed=5)
    joint = compute_features(stack([first, second]), [raw], roots)
    for market, rows in ((first, slice(0, 200)), (second, slice(200, 430))):
        alone = compute_features(market, [raw], roots)
        assert alone.values.tobytes() == joint.values[rows].tobytes()
        assert alone.warmup == joint.warmup


@every_feature
def test_assets_are_strangers_and_keep_their_order(raw, roots, make_market):
    market = make_market(assets=3)
    whole = compute_features(market, [raw], roots).values
    turned = compute_features(market.select(["S2", "S0"]), [raw], roots).values
    assert turned.tobytes() == np.ascontiguousarray(whole[:, [2, 0]]).tobytes()


@every_feature
def test_where_the_data_start_is_forgotten(raw, roots, make_market):
    market = make_market(bars=1600)
    late = market.between(str(market.stamps[600]), None)
    whole = compute_features(market, [raw], roots).values
    part = compute_features(late, [raw], roots).values
    spread = np.nanstd(whole, axis=(0, 1))
    assert (np.abs(whole[-1] - part[-1]).max(axis=0) <= 1e-4 * spread + 1e-7).all()


@pytest.mark.parametrize("raw", list(FEATURES))
def test_our_own_features_forget_the_start_to_the_last_bit(raw, make_market):
    market = make_market(bars=600)
    late = compute_features(market.between(str(market.stamps[217]), None), [raw])
    whole = compute_features(market, [raw]).values[217:]
    assert late.values[late.warmup :].tobytes() == whole[late.warmup :].tobytes()


def test_every_function_of_ta_lib_is_either_classified_or_refused_with_a_reason():
    talib = pytest.importorskip("talib")
    for function in talib.get_functions():
        known = function.startswith("CDL") or unit_of(function, "real") is not None
        assert known != (function in REFUSED), function


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refused_function_says_why(name, make_market):
    with pytest.raises(UsageError, match=f"TA-Lib's '{name.lower()}' cannot be a feature: .+"):
        compute_features(make_market(), [name.lower()])


def test_all_features_together_are_the_features_one_by_one(roots, make_market):
    market = make_market()
    chosen = ["gap", {"rsi": 5}, "macd", {"column": "vix", "lag": 2}, "mine.py:above_mean"]
    together = compute_features(market, chosen, roots)
    single = [compute_features(market, [raw], roots) for raw in chosen]
    assert together.names == tuple(name for one in single for name in one.names)
    assert together.warmup == max(one.warmup for one in single)
    stacked = np.concatenate([one.values for one in single], axis=2)
    assert together.values.tobytes() == stacked.tobytes()

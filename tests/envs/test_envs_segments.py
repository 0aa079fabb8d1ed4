"""One agent plays many single-asset markets: one at a time, each by itself, scaled by the train."""

from dataclasses import replace

import numpy as np
import pytest
from small_worlds import random_market, small_game

from drltrade.data import Market, stack
from drltrade.data.segments import part, rows_of
from drltrade.envs import EnvSettings, VectorTradingEnv, build_game, make_env
from drltrade.errors import UsageError

YAML = """
data: {source: prices.csv, each: true}
fill: next_close
window: 4
episode: 30
"""
MARKETS, BARS = 20, 150


@pytest.fixture
def each(tmp_path, monkeypatch):
    """An env of twenty random single-asset markets, from its YAML, on its train interval."""
    monkeypatch.chdir(tmp_path)
    market = random_market(BARS, MARKETS)
    names = ",".join(f"S{i}" for i in range(MARKETS))
    rows = [
        f"{str(stamp)[:10]},{','.join(f'{price:.6f}' for price in prices)}"
        for stamp, prices in zip(market.stamps, market.close, strict=True)
    ]
    (tmp_path / "prices.csv").write_text("\n".join([f"date,{names}", *rows]))
    (tmp_path / "each.yaml").write_text(YAML)
    return make_env(tmp_path / "each.yaml", end=str(market.stamps[90])[:10]).game


def test_an_observation_is_of_one_asset(each):
    assert each.layout.symbols == ("each",)
    alone = build_game(each.settings, market=part(each.market, 3))
    assert each.layout.size == alone.layout.size == 4 * len(each.features.names) + 1
    assert each.observation_space == alone.observation_space
    assert each.action_space.n == 3
    assert len(each.spans) == MARKETS


def test_episodes_start_in_every_market_and_never_leave_it(each):
    env = VectorTradingEnv(each, 256)
    env.reset(seed=0)
    segment, seen = each.market.segment, set()
    inside = rows_of(each.spans, each.market.bars)
    before = env._batch.step_view.bar.copy()
    for _ in range(120):
        env.step(np.ones(256, dtype=np.int64))
        after = env._batch.step_view.bar.copy()
        moved = after == before + 1
        assert (segment[before[moved]] == segment[after[moved]]).all()
        assert inside[after].all()
        seen |= set(segment[after].tolist())
        before = after
    assert seen == set(range(MARKETS))


def test_a_window_holds_rows_of_its_own_segment(each):
    stretches = each.stretches
    warm = each.features.warmup + each.layout.window - 1
    assert (stretches[:, 0] == each.spans[:, 0] + warm).all()
    later = each.between(str(each.market.stamps[100])[:10], None)
    assert (later.decisions == later.spans[:, 0]).all()
    assert later.scaler is each.scaler


def test_the_scaler_knows_the_train_rows_of_every_market_and_no_other(each):
    market, train = each.market, rows_of(each.spans, each.market.bars)
    wild = replace(market, close=np.where(train[:, None], market.close, market.close * 7.0))
    end = str(each.interval[1])
    same = build_game(each.settings, market=wild, end=end)
    assert same.scaler.to_dict() == each.scaler.to_dict()
    assert same.features.values[train].tobytes() == each.features.values[train].tobytes()
    last = each.spans[-1, 1]
    other = market.close.copy()
    other[last] *= 1.5  # a single train row of the last market
    moved = build_game(each.settings, market=replace(market, close=other), end=end)
    assert moved.scaler.to_dict() != each.scaler.to_dict()


def test_the_scaler_of_many_is_fitted_on_the_rows_of_all(each):
    ready = rows_of(each.spans, each.market.bars) & each.features.ready
    raw = build_game(each.settings.model_copy(update={"scaler": "none"}), market=each.market)
    rows = raw.features.values[ready].astype(np.float64)
    assert each.scaler.center == pytest.approx(rows.mean(axis=0), rel=1e-5, abs=1e-9)


def test_one_interval_of_one_segment_has_a_first_and_a_last_bar(each):
    assert (each.within(3, 9).first, each.within(3, 9).last) == (3, 9)
    with pytest.raises(UsageError, match="played in 20 segments"):
        each.first  # noqa: B018 - the property refuses
    assert str(each.interval[0])[:10] == "2000-01-03"


def test_segments_that_lie_outside_the_interval_are_not_played():
    early = Market.build(random_market(80, seed=1).close)
    late = Market.build(early.close, stamps=early.stamps + np.timedelta64(3640, "D"))
    market = stack([early, late])
    settings = EnvSettings(window=4, fill="next_close", features=[{"log_return": 1}])
    game = build_game(settings, market=market, start="2005")
    assert game.spans.tolist() == [[80, 159]]
    assert game.first == 80


def test_a_single_market_plays_as_ever():
    game = small_game(episode=None)
    assert game.spans.tolist() == [[0, 399]]
    assert (game.first, game.last) == (0, 399)

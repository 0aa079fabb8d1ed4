"""Random but honest markets for the feature tests."""

import numpy as np
import pytest

from drltrade.data import Market


def random_market(bars=300, assets=2, seed=0, step=86_400, **rest):
    """OHLCV whose bars do not contradict themselves, with one further column, `vix`."""
    rng = np.random.default_rng(seed)
    shape = (bars, assets)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, shape), axis=0))
    open_ = np.vstack([close[:1], close[:-1]]) * np.exp(rng.normal(0, 0.004, shape))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 0.004, shape)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 0.004, shape)))
    stamps = np.datetime64("2020-01-01", "ns") + np.arange(bars) * np.timedelta64(step, "s")
    return Market.build(
        close,
        open=open_,
        high=high,
        low=low,
        volume=np.exp(rng.normal(12, 0.5, shape)),
        columns={"vix": 20 + np.cumsum(rng.normal(0, 0.2, shape), axis=0)},
        stamps=stamps,
        symbols=[f"S{i}" for i in range(assets)],
        **rest,
    )


def change(market, prices=1.0, volumes=1.0, after=None, with_=None, **rest):
    """Multiplies prices and volumes, or replaces all rows after `after` by those of another."""
    fields = {}
    for key in ("open", "high", "low", "close", "volume"):
        values = getattr(market, key) * (volumes if key == "volume" else prices)
        if with_ is not None:
            values = np.concatenate([values[: after + 1], getattr(with_, key)[after + 1 :]])
        fields[key] = values
    columns = dict(market.columns)
    if with_ is not None:
        columns = {
            key: np.concatenate([values[: after + 1], with_.columns[key][after + 1 :]])
            for key, values in columns.items()
        }
    kept = {
        key: getattr(market, key) for key in ("symbols", "stamps", "segment", "timezone", "name")
    }
    return Market(**(kept | fields | {"columns": columns} | rest))


@pytest.fixture
def make_market():
    return random_market


@pytest.fixture
def changed():
    return change

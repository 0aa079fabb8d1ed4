"""Claims about a user's own strategy."""

from types import SimpleNamespace

import numpy as np
import pytest

from drltrade.agents.strategies import make_strategy
from drltrade.data import Market
from drltrade.errors import UsageError

SOURCE = """
import numpy as np

class Long:
    name = "always long"
    def targets(self, market, first):
        return np.full((market.bars, market.assets), 1 / market.assets)

class Weighted:
    def __init__(self, weight=0.5):
        self.weight = weight
    def target(self, view, account):
        return np.full(view.assets, self.weight if account.cash > 0 else np.nan)

class Nothing:
    pass

class Picky:
    def __init__(self, must):
        self.must = must
    def targets(self, market, first):
        return market.close * 0

class OneArgument:
    def targets(self, market):
        return market.close * 0

class Peeks:
    def targets(self, market, first):
        rises = np.zeros(market.close.shape)
        rises[:-1] = market.close[1:] > market.close[:-1]
        return rises

class Unseeded:
    def targets(self, market, first):
        return np.random.default_rng().random((market.bars, market.assets)) / market.assets

class Short:
    def targets(self, market, first):
        return market.close[first:]

class Infinite:
    def targets(self, market, first):
        return market.close * np.inf

class Broken:
    def targets(self, market, first):
        return market.closes

class Wide:
    def target(self, view, account):
        return [1.0, 2.0, 3.0]

def flat(market, first):
    return np.zeros(market.bars)

def half(view, account):
    return 0.5
"""


@pytest.fixture(autouse=True)
def roots(tmp_path):
    (tmp_path / "mine.py").write_text(SOURCE)
    return (tmp_path,)


def market_of(assets=1, bars=60):
    rng = np.random.default_rng(0)
    return Market.build(np.exp(np.cumsum(rng.normal(0, 0.01, (bars, assets)), axis=0)))


ACCOUNT = SimpleNamespace(bar=59, equity=1.0, cash=1.0, weights=np.zeros(1))


def test_a_class_with_targets_is_a_strategy(roots):
    strategy = make_strategy("mine.py:Long", roots)
    assert strategy.name == "always long"
    assert not hasattr(strategy, "target")
    targets = strategy.targets(market_of(2), 10)
    assert np.isnan(targets[:10]).all()
    assert (targets[10:] == 0.5).all()


def test_a_class_with_target_decides_bar_by_bar_and_takes_parameters(roots):
    strategy = make_strategy("mine.py:Weighted", roots, weight=0.25)
    assert strategy.name == "Weighted"
    assert not hasattr(strategy, "targets")
    assert strategy.target(market_of(), ACCOUNT).tolist() == [0.25]


def test_a_function_of_either_form_is_a_strategy(roots):
    flat = make_strategy("mine.py:flat", roots)
    assert flat.name == "flat"
    assert (flat.targets(market_of(), 0) == 0).all()
    half = make_strategy("mine.py:half", roots)
    assert half.target(market_of(), ACCOUNT).tolist() == [0.5]


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("Nothing", {}, r"is no strategy\. It must have targets"),
        ("Picky", {}, "missing 1 required positional argument: 'must'"),
        ("Weighted", {"wieght": 1}, "unexpected keyword argument 'wieght'"),
        ("OneArgument", {}, r"cannot be called as targets\(market, first\)"),
        ("flat", {"x": 1}, "only a class takes parameters"),
        ("Logn", {}, "Did you mean 'Long'"),
    ],
)
def test_what_is_no_strategy_is_refused_when_it_is_made(name, params, words, roots):
    with pytest.raises(UsageError, match=words):
        make_strategy(f"mine.py:{name}", roots, **params)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Peeks", "looks ahead .*: without the bars after"),
        ("Unseeded", "looks ahead .or draws without a seed"),
        ("Short", r"returned the shape \(50, 2\), but must return \[T, N\] = \(60, 2\)"),
        ("Infinite", "returned an infinite weight"),
        ("Broken", r"failed with AttributeError: .*closes.* \(line 48 of mine\.py\)"),
    ],
)
def test_a_wrong_answer_is_refused_when_it_is_given(name, words, roots):
    with pytest.raises(UsageError, match=words):
        make_strategy(f"mine.py:{name}", roots).targets(market_of(2), 10)


def test_a_wrong_answer_of_one_bar_is_refused(roots):
    with pytest.raises(UsageError, match=r"returned \[1\.0, 2\.0, 3\.0\], but must return one"):
        make_strategy("mine.py:Wide", roots).target(market_of(2), ACCOUNT)

"""A policy that has collapsed is called that in words; one that trades and pays its way is not."""

import numpy as np
import pytest
from small_worlds import small_game

from drltrade.backtest import run_backtest
from drltrade.backtest.collapse import collapse_of, collapse_warnings
from drltrade.data import Market


class Scripted:
    """Takes the n-th of its actions at the n-th bar, and then begins anew."""

    def __init__(self, *actions):
        self.actions = actions

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        at = state or 0
        action = np.full(len(observation), self.actions[at % len(self.actions)])
        return action, at + 1


class Drawn:
    """A box of numbers in place of levels: the n-th row at the n-th bar."""

    def __init__(self, rows):
        self.rows = np.atleast_2d(rows)

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        at = state or 0
        return np.tile(self.rows[at % len(self.rows)], (len(observation), 1)), at + 1


SHORT, FLAT, LONG = 0, 1, 2


def rising_on_even_bars(bars=300, move=0.02):
    """Every other bar gains `move` from its open, the others lose as much: known beforehand."""
    up = np.arange(bars) % 2 == 0
    close = 100 * np.cumprod(np.where(up, 1 + move, 1 / (1 + move)))
    opened = np.r_[close[0], close[:-1]]
    return Market.build(close, open=opened, high=np.maximum(opened, close),
                        low=np.minimum(opened, close))  # fmt: skip


def test_a_policy_that_never_orders_anything_never_trades():
    assert set(collapse_of(run_backtest(Scripted(FLAT), small_game()))) == {"never_trades"}


@pytest.mark.parametrize("action", [LONG, SHORT])
def test_one_level_all_along_is_constant(action):
    found = collapse_of(run_backtest(Scripted(action), small_game()))
    assert set(found) == {"constant"}
    assert found["constant"].startswith("exposure 9")


def test_a_continuous_policy_that_trembles_by_less_than_a_percent_is_constant():
    game = small_game(actions="continuous", costs={"commission": {"rate": 0}})
    assert "constant" in collapse_of(run_backtest(Drawn([[0.995], [0.999]]), game))
    assert "constant" not in collapse_of(run_backtest(Drawn([[0.9], [0.99]]), game))


def test_on_many_assets_one_that_moves_is_enough():
    game = small_game(assets=50, usable=("levels",))
    still, moved = np.full(50, LONG), np.full(50, LONG)
    moved[7] = FLAT
    assert "constant" in collapse_of(run_backtest(Drawn([still]), game))
    assert "constant" not in collapse_of(run_backtest(Drawn([still, still, moved]), game))


def test_turning_over_for_nothing_churns_and_the_costs_of_a_year_are_told():
    game = small_game(bars=600)
    record = run_backtest(Scripted(LONG, SHORT), game)
    found = collapse_of(record)
    assert set(found) == {"churns"}
    # Two sides of 10 bp on all of the equity in each of 252 bars: about half of it in a year.
    costs = float(found["churns"].split()[1])
    assert costs == pytest.approx(100 * 252 * 2 * 0.001, rel=0.05)


def test_costs_that_the_gain_bears_are_no_collapse():
    game = small_game(market=rising_on_even_bars(move=0.01))
    one, other = (run_backtest(Scripted(*pair), game) for pair in ((LONG, SHORT), (SHORT, LONG)))
    rich, poor = sorted((one, other), key=lambda record: record.equity[-1])[::-1]
    assert rich.equity[-1] > rich.equity[0]  # 100 bp a bar for 20 bp of costs
    assert collapse_of(rich) == {}
    assert set(collapse_of(poor)) == {"churns"}


def test_heavy_costs_must_be_earned_twice():
    game = small_game(market=rising_on_even_bars(move=0.003))  # 30 bp a bar for 20 bp of costs
    records = [run_backtest(Scripted(*pair), game) for pair in ((LONG, SHORT), (SHORT, LONG))]
    rich = max(records, key=lambda record: record.equity[-1])
    assert rich.equity[-1] > rich.equity[0]
    assert set(collapse_of(rich)) == {"churns"}


def test_a_few_trades_that_lose_are_no_collapse():
    falling = Market.build(100 * 0.999 ** np.arange(300.0))
    game = small_game(market=falling, fill="next_close")
    hold = [LONG] * 60 + [FLAT] * 60
    assert collapse_of(run_backtest(Scripted(*hold), game)) == {}


def test_seeds_are_counted_in_words():
    never, flat = {"never_trades": "nothing was bought or sold"}, {}
    found = {
        "dqn": [
            {"valid": never, "train": never},
            {"valid": flat},
            {"valid": never, "train": never},
        ],
        "ppo": [{"valid": {"churns": "costs 30.0 %"}, "train": flat}],
        "sac": [{"valid": flat, "train": flat}],
    }
    assert collapse_warnings(found) == [
        "COLLAPSE: 2 of 3 seeds of dqn never trade on validation and in training (nothing was"
        " bought or sold).",
        "COLLAPSE: ppo turns over more than costs can bear on validation (costs 30.0 %).",
    ]


def test_a_run_of_an_older_version_that_says_nothing_is_no_collapse():
    assert collapse_warnings({"ppo": [{}]}) == []


def test_many_runs_that_collapse_alike_are_one_sentence_with_a_few_figures():
    found = {"ppo": [{"valid": {"churns": f"costs {i} %"}} for i in range(12)] + [{}] * 8}
    (sentence,) = collapse_warnings(found, "seeds and folds")
    assert "12 of 20 seeds and folds of ppo" in sentence
    assert sentence.endswith("(costs 0 %; costs 1 %; costs 2 %; and so on).")

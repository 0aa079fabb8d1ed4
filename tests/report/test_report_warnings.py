"""Claims about the rules that warn: each fires where it should and stays silent where not."""

import numpy as np
import pytest

from drltrade.report import Entry
from drltrade.report.alike import ALIKE, apart
from drltrade.report.honesty import warnings_of

NAN = np.nan
CLOSE = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.01, 80)))
HOLD = np.array([1.0, *[NAN] * 79])


def told(found, words):
    return [text for text in found if words in text]


@pytest.fixture
def account(make_record):
    def make(targets, name="ppo seed 0", **more):
        return make_record(CLOSE, targets, name=name, **more)

    return make


@pytest.fixture
def hold(account):
    return Entry("buy_and_hold", (account(HOLD, "buy_and_hold"),), "strategy")


def mostly(share):
    """Fully long but for so many of the 79 bars that follow the start."""
    targets = np.ones(80)
    targets[40 : 40 + share] = 0.0
    return targets


def test_a_policy_that_holds_what_a_rule_holds_is_called_that(account, hold):
    agent = Entry("ppo", (account(mostly(0)), account(mostly(1)), account(mostly(40))))
    (text,) = told(warnings_of([agent, hold]), "practically")
    # One bar of 79 out of the market: 1.27 % apart; the median of it and of 0 is 0.63 %.
    assert text == (
        "ppo is practically buy_and_hold in 2 of 3 seeds: their positions differ by 0.63 % of"
        " equity in the mean over all bars, so its figures are that rule's and not skill."
    )


@pytest.mark.parametrize(("bars", "fires"), [(1, True), (2, False)])
def test_two_percent_of_equity_is_where_a_likeness_ends(account, hold, bars, fires):
    agent = Entry("ppo", (account(mostly(bars)),))
    distance = apart(agent.shown, hold.shown)
    assert distance == pytest.approx(bars / 79)
    assert (distance < ALIKE) is fires
    assert bool(told(warnings_of([agent, hold]), "practically")) is fires


def test_two_accounts_that_are_nearly_always_in_cash_are_not_alike(account):
    """The rule holds 1 bar of 79 and the agent none: 1.27 % of equity apart, and nothing alike."""
    brief = np.full(80, NAN)
    brief[40], brief[41] = 1.0, 0.0
    rule = Entry("breakout", (account(brief, "breakout"),), "strategy")
    idle = Entry("ppo", (account(np.full(80, NAN)),))
    assert apart(idle.shown, rule.shown) < ALIKE
    assert not told(warnings_of([idle, rule]), "practically")
    twin = Entry("ppo", (account(brief),))
    assert told(warnings_of([twin, rule]), "practically breakout")


def test_nobody_is_likened_to_cash_to_chance_or_to_other_bars(account, hold, make_record):
    never = np.full(80, NAN)
    idle = Entry("ppo", (account(never),))
    cash = Entry("cash", (account(never, "cash"),), "strategy")
    assert not told(warnings_of([idle, cash]), "practically")
    agent = Entry("ppo", (account(HOLD),))
    lots = Entry("random", (account(HOLD, "a"), account(HOLD, "b")), "strategy")
    assert not told(warnings_of([agent, lots]), "practically")
    shorter = Entry("ppo", (make_record(CLOSE[:79], HOLD[:79]),))
    assert not told(warnings_of([shorter, hold]), "practically")
    assert np.isnan(apart(shorter.shown, hold.shown))


@pytest.mark.parametrize(
    ("interval", "bars"),
    [
        (["2019-01-01", "2020-01-02"], 2),
        ([["2019-01-01", "2020-01-01"], ["2020-01-04", "2021-01-01"]], 2),
        ([{"start": "2019-01-01", "end": "2020-01-01"}], 1),
        (["2019-01-01", "2019-12-31"], 0),
        ("2019-01-01 to 2020-12-31, in words", 0),
    ],
)
def test_a_test_on_bars_that_chose_the_policy_is_told(make_entry, interval, bars):
    found = told(warnings_of([make_entry("ppo", 0.1)], assumptions={"valid": interval}), "OVERLAP")
    assert bool(found) == bool(bars)
    if bars:
        assert f"{bars} of 4 bars lie in the validation interval of ppo" in found[0]
        assert found[0].endswith("so they are what it was chosen by.")


def test_one_role_that_was_told_does_not_hide_the_other(make_entry):
    said = "OVERLAP: 4 of 4 bars lie in the policy's validation interval."
    both = {"train": ["2019-01-01", "2021-01-01"], "valid": ["2019-01-01", "2021-01-01"]}
    found = told(warnings_of([make_entry("ppo", 0.1)], (said,), both), "OVERLAP")
    assert len(found) == 2
    assert "training interval of ppo" in found[1]


def test_a_relay_is_not_held_against_the_intervals_of_all_its_policies(make_entry):
    stated = {"train_start": "2019-01-01", "train_end": "2021-01-01"}
    assert told(warnings_of([make_entry("ppo", 0.1, **stated)]), "OVERLAP")
    assert not told(warnings_of([make_entry("ppo", 0.1, relay={"legs": []}, **stated)]), "OVERLAP")


def test_thirty_trades_two_seeds_and_a_charge_silence_their_warnings(make_record):
    # In and out again 30 times: 30 round trips.
    targets = np.tile([1.0, 0.0], 40)
    targets[60:] = 0.0
    many = make_record(CLOSE, targets, rate=0.001)
    few = make_record(CLOSE, np.where(np.arange(80) < 58, targets, 0.0), rate=0.001)
    words = ("Fewer than 30", "One seed", "Zero costs", "LOOK-AHEAD")
    quiet = warnings_of([Entry("ppo", (many, many))])
    assert not [text for text in quiet if text.startswith(words)]
    assert told(warnings_of([Entry("ppo", (few, few))]), "Fewer than 30 trades: ppo (29)")
    assert told(warnings_of([Entry("ppo", (many,))]), "One seed: ppo")
    free = make_record(CLOSE, targets, rate=0.0)
    assert told(warnings_of([Entry("ppo", (free, free))]), "Zero costs")
    early = make_record(CLOSE, targets, fill="same_close")
    assert told(warnings_of([Entry("ppo", (early, early))]), "LOOK-AHEAD")


def test_the_gravest_comes_first_and_what_every_seed_repeats_last(make_entry):
    said = ("COLLAPSE: a.", "Something else.", "COLLAPSE: b.", "OVERLAP: c.")
    found = warnings_of([make_entry("ppo", 0.1)], said)
    assert found[:3] == ["OVERLAP: c.", "Zero costs: nothing was charged for trading.", said[1]]
    assert found[-2:] == ["COLLAPSE: a.", "COLLAPSE: b."]


def test_many_warnings_are_all_on_the_page_and_eight_at_a_glance(make_entry):
    from drltrade.report.page import render

    said = [f"Warning number {number}." for number in range(12)]
    text = render("t", [make_entry("ppo", 0.1, 0.2)], None, said)
    assert all(each in text for each in said)
    # Zero costs, the first seven of these; then four of these and the few trades.
    head, rest = text.split("<summary>6 more</summary>")
    assert said[6] in head
    assert said[7] in rest

"""Claims about warnings: whatever speaks against the figures is said, once, in plain words."""

import numpy as np
import pytest

from drltrade.report import Entry
from drltrade.report.honesty import facts, flatten, warnings_of

NAN = np.nan


def only(found, word):
    (text,) = [text for text in found if word in text]
    return text


def test_look_ahead_comes_first_and_once(make_entry):
    said = ("LOOK-AHEAD: fills at the very close that the decision was taken on (same_close).",)
    entries = [
        make_entry("ppo", 0.1, 0.2, fill="same_close", warnings=said),
        make_entry("hold", 0.1, kind="strategy", fill="same_close", warnings=said),
    ]
    found = warnings_of(entries, said)
    assert found[0].startswith("LOOK-AHEAD")
    assert sum("LOOK-AHEAD" in text for text in found) == 1


def test_look_ahead_is_found_although_nobody_says_it(make_entry):
    found = warnings_of([make_entry("ppo", 0.1, fill="same_close")])
    assert found[0].startswith("LOOK-AHEAD")


def test_trading_for_free_is_told_and_standing_still_is_not(make_record, make_entry):
    assert only(warnings_of([make_entry("ppo", 0.1)]), "Zero costs").endswith("for trading.")
    charged = make_record([1, 1, 2], [1, NAN, NAN], rate=0.001)
    idle = make_record([1, 1, 2], [NAN, NAN, NAN], rate=0)
    found = warnings_of([Entry("a", (charged,)), Entry("cash", (idle,), "strategy")])
    assert not any("Zero costs" in text for text in found)


def test_few_trades_and_one_seed_are_told_of_agents(make_entry):
    found = warnings_of([make_entry("ppo", 0.1), make_entry("hold", 0.1, kind="strategy")])
    assert "ppo (1)" in only(found, "Fewer than 30 trades")
    assert "hold" not in only(found, "Fewer than 30 trades")
    assert "ppo" in only(found, "One seed")


@pytest.mark.parametrize(
    ("interval", "bars"),
    [
        (["2019-01-01", "2020-01-02"], 2),
        ({"start": "2020-01-03", "end": "2021-01-01"}, 2),
        (["2019-01-01", "2019-12-31"], 0),
    ],
)
def test_bars_seen_in_training_are_counted(make_entry, interval, bars):
    found = warnings_of([make_entry("ppo", 0.1)], assumptions={"train": interval})
    if bars:
        assert f"{bars} of 4 bars" in only(found, "OVERLAP")
    else:
        assert not any("OVERLAP" in text for text in found)


def test_the_records_own_training_interval_counts_too(make_entry):
    stamps = {"train_start": "2019-01-01T00:00:00", "train_end": "2020-01-01T00:00:00"}
    found = warnings_of([make_entry("ppo", 0.1, **stamps)])
    assert "1 of 4 bars" in only(found, "OVERLAP")


def test_overlap_that_the_record_tells_is_not_told_twice(make_entry):
    told = ("OVERLAP: 4 of 4 bars lie in the training interval.",)
    entries = [
        make_entry(
            "ppo", 0.1, 0.2, warnings=told, train_start="2019-01-01", train_end="2021-01-01"
        ),
        make_entry("hold", 0.1, kind="strategy"),
    ]
    found = warnings_of(entries, told)
    assert found[0] == told[0]
    assert sum("OVERLAP" in text for text in found) == 1


def test_a_warning_of_one_record_names_it(make_record):
    quiet = make_record([1, 1, 2], [1, NAN, NAN], name="a seed 0")
    loud = make_record([1, 1, 2], [1, NAN, NAN], name="a seed 1", warnings=("Beware.",))
    assert "a seed 1: Beware." in warnings_of([Entry("a", (quiet, loud))])
    assert "Beware." in warnings_of([Entry("a", (loud, loud))])


def test_different_bars_fills_and_costs_are_not_comparable(make_record):
    one = make_record([1, 1, 2], [1, NAN, NAN], name="one")
    for other, word in (
        (make_record([1, 1, 2, 2], [1, NAN, NAN, NAN]), "bars"),
        (make_record([1, 1, 2], [1, NAN, NAN], fill="same_close"), "fill"),
        (make_record([1, 1, 2], [1, NAN, NAN], rate=0.01), "commission rate"),
    ):
        found = warnings_of([Entry("one", (one,)), Entry("other", (other,), "strategy")])
        assert any(f"Not the same {word}" in text for text in found)


def test_ruin_is_told(make_record):
    record = make_record([100, 100, 300], [-1, NAN, NAN], name="ppo seed 4")
    assert "ppo seed 4 was ruined" in only(warnings_of([Entry("ppo", (record,))]), "ruined")


def test_the_conditions_say_fill_costs_dates_seeds_and_data(make_entry):
    entry = make_entry("ppo", 0.1, 0.2, data="prices.csv", data_fingerprint="ab" * 32)
    known = dict(facts([entry], {"train": ["2010-01-01", "2019-12-31"], "budget": {"steps": 5000}}))
    assert known["Bars"] == "4, 2020-01-01 to 2020-01-04"
    assert known["Costs a side"] == "commission 0 bp, slippage 0 bp"
    assert known["Trained on"] == "2010-01-01 to 2019-12-31"
    assert known["Training"] == "5,000 steps a run"
    assert known["Seeds"] == "0, 1"
    assert known["Data"] == "prices.csv abababababababab"
    assert known["Periods a year"] == "252"


def test_nested_assumptions_become_dotted_names():
    content = {"env": {"costs": {"rate": 0.1}, "none": {}}, "seeds": [1, 2]}
    assert dict(flatten(content)) == {"env.costs.rate": "0.1", "env.none": "none", "seeds": "1, 2"}


def test_a_rule_of_the_market_that_differs_is_named_and_a_scheme_s_own_is_not(make_entry):
    def told(*rules):
        return warnings_of([make_entry(f"a{i}", 0.1, rules=each) for i, each in enumerate(rules)])

    discrete, continuous = {"on_change": True, "lot": 0.0}, {"on_change": False, "lot": 0.0}
    assert not any("not comparable" in text for text in told(discrete, continuous))
    found = told(discrete, continuous | {"lot": 1.0, "carry": {"cash": 0.0}})
    assert "Not the same lot, so not comparable: 0.0 and 1.0." in found
    assert "Not the same carry.cash, so not comparable: 0.0 and none." in found

"""Claims about the two sentences: who was ahead, in how many seeds, and nothing more."""

from dataclasses import replace

import numpy as np
import pytest

from drltrade.backtest.evidence.evidence import AgentEvidence, Evidence, Skill, Spread
from drltrade.report import Entry, verdict
from drltrade.report.honesty import facts, warnings_of
from drltrade.report.tables import comparison_table


def test_an_agent_below_the_best_baseline_is_no_better(make_entry):
    first, second = verdict(
        [
            make_entry("ppo", 0.10, 0.20, 0.50),
            make_entry("cash", 0.0, kind="strategy"),
            make_entry("buy_and_hold", 0.30, kind="strategy"),
        ]
    )
    assert first == (
        "No better than buy_and_hold: over 2020-01-01 to 2020-01-04 ppo returned 20.0 % in the"
        " median of 3 seeds (10.0 to 50.0 %), against 30.0 % for buy_and_hold, the best baseline."
    )
    assert second.endswith("; 1 of 3 agent runs ended ahead of buy_and_hold.")
    assert "significan" not in first + second


@pytest.mark.parametrize(
    ("seeds", "opening"),
    [
        ((0.4, 0.5, 0.6), "Ahead of hold in every one of 3 seeds:"),
        ((0.1, 0.5, 0.6), "Ahead of hold in the median, but in only 2 of 3 seeds:"),
        ((0.5,), "Ahead of hold with the one seed that was run:"),
        ((0.3, 0.3, 0.3), "No better than hold:"),
    ],
)
def test_being_ahead_is_said_with_its_seeds(make_entry, seeds, opening):
    first, _ = verdict([make_entry("ppo", *seeds), make_entry("hold", 0.3, kind="strategy")])
    assert first.startswith(opening)


def test_picking_the_best_of_several_agents_is_owned_up_to(make_entry):
    agents = [make_entry("a", 0.1, 0.2), make_entry("b", 0.6, 0.7)]
    first, second = verdict([*agents, make_entry("hold", 0.3, kind="strategy")])
    assert "the best agent, b, returned 65.0 %" in first
    assert "2 of 4 agent runs ended ahead of hold" in second
    assert "to pick the best of 2 agents on these bars flatters it" in second


def test_an_agent_that_never_traded_is_told(make_record, make_entry):
    from drltrade.report import Entry

    idle = make_record([1, 1, 1, 1], [float("nan")] * 4)
    _, second = verdict([Entry("ppo", (idle,)), make_entry("hold", 0.3, kind="strategy")])
    assert "it never traded" in second
    assert "n/a against" in second


def test_without_a_baseline_nothing_is_called_good(make_entry):
    first, second = verdict([make_entry("ppo", 0.5)])
    assert first == "Over 2020-01-01 to 2020-01-04 ppo returned 50.0 %."
    assert "no baseline was run, so nothing says whether that is good" in second


def test_without_agents_the_first_strategy_is_judged_by_the_others(make_entry):
    strategies = [
        make_entry("sma_cross", 0.1, kind="strategy"),
        make_entry("cash", 0.0, kind="strategy"),
        make_entry("hold", 0.3, kind="strategy"),
    ]
    first, second = verdict(strategies)
    assert first.startswith("No better than hold:")
    assert "sma_cross returned 10.0 %, against 30.0 % for hold, the best baseline." in first
    assert second.endswith("this is one stretch of bars and says nothing about the next.")
    assert verdict(strategies[::-1])[0].startswith("Ahead of sma_cross: over")
    assert verdict(strategies[:1])[0] == "Over 2020-01-01 to 2020-01-04 sma_cross returned 10.0 %."


def test_a_reference_is_nobodys_rival(make_entry):
    first, _ = verdict(
        [
            make_entry("ppo", 0.5),
            make_entry("hold", 0.3, kind="strategy"),
            make_entry("hindsight", 9.0, kind="reference"),
        ]
    )
    assert first.startswith("Ahead of hold")
    assert verdict([make_entry("hindsight", 9.0, kind="reference")]) == [
        "Only references were run, and nobody can trade those."
    ]


def judged(make_entry, agent_returns, **skill):
    """Entries with a hand-made judgement of them."""
    entries = [
        make_entry("ppo", *agent_returns),
        make_entry("dqn", -0.3, -0.2),
        make_entry("hold", 0.3, kind="strategy"),
        make_entry("cross", 0.9, kind="strategy"),
    ]
    deflated = {"trials": 12, "threshold": 1.0, "probability": 0.314}
    nothing = Spread(0.0, 0.0, 0.0)
    agent = AgentEvidence(
        seeds=2, spread="range", figures={"sharpe": nothing}, against={}, psr=0.5,
        deflated=deflated, track_record={}, improvement={}, interquartile_mean=None,
        achievable=0.1, gap={},
    )  # fmt: skip
    told = {"p": 0.31, "against": {"cash": 0.0002, "hold": 0.31}, "family": ("ppo", "dqn")}
    found = Skill(**({"found": False, "winners": ()} | told | skill))
    return entries, Evidence(
        level=0.05, interval={}, trials={"test": 12, "valid": 40},
        baseline={"label": "hold", "score": 0.4}, skill=found,
        agents={"ppo": agent, "dqn": agent}, folds=(), overfitting=None, profile=None, warnings=(),
    )  # fmt: skip


def test_a_judgement_that_finds_nothing_says_what_it_would_have_taken(make_entry):
    first, second = verdict(*judged(make_entry, [0.5, 0.7]))
    assert first == (
        "No skill shown: over 2020-01-01 to 2020-01-04 no agent beats both cash (p < 0.001) and"
        " hold (p = 0.310), the baseline chosen on validation, beyond chance: that takes p < 0.05,"
        " all 2 agents counted."
    )
    assert second.startswith(
        "The best agent here, ppo, returned 60.0 % in the median of 2 seeds (50.0 to 70.0 %),"
        " against 30.0 % for hold and 90.0 % for cross, with a Sharpe ratio of"
    )
    assert second.endswith(
        "more than the luck of 12 trials with a probability of 0.31; 0 of 4 agent runs ended ahead"
        " of cross."
    )


def test_a_judgement_that_finds_skill_names_the_winner(make_entry):
    won = {"found": True, "p": 0.02, "winners": ("ppo",), "against": {"cash": 0.01, "hold": 0.02}}
    first, _ = verdict(*judged(make_entry, [0.5, 0.7], **won))
    assert first == (
        "Skill shown: over 2020-01-01 to 2020-01-04 ppo beats cash (p = 0.010) and hold"
        " (p = 0.020), the baseline chosen on validation, beyond chance, all 2 agents counted."
    )


@pytest.mark.parametrize("kind", ["LOOK-AHEAD", "OVERLAP", "Zero costs", "DATA"])
def test_skill_on_bars_or_prices_that_were_known_is_called_no_evidence(make_entry, kind):
    won = {"found": True, "p": 0.02, "winners": ("ppo",), "against": {"cash": 0.01, "hold": 0.02}}
    (ppo, *others), evidence = judged(make_entry, [0.5, 0.7], **won)
    flawed = tuple(replace(record, warnings=(f"{kind}: so it is.",)) for record in ppo.records)
    first, _ = verdict([Entry("ppo", flawed), *others], evidence)
    told = first.endswith(f"counted. But it is no evidence, see the warnings: {kind}.")
    assert told is (kind != "DATA")


def test_skill_of_several_that_none_has_alone_is_told_as_that(make_entry):
    """One agent beats cash and another the baseline: the family passes, nobody in it does."""
    told = {"found": True, "p": 0.02, "against": {"cash": 0.01, "hold": 0.02}}
    first, _ = verdict(*judged(make_entry, [0.5, 0.7], **told))
    assert first == (
        "Skill shown: over 2020-01-01 to 2020-01-04 one agent or another beats cash (p = 0.010) and"
        " hold (p = 0.020), the baseline chosen on validation, beyond chance, all 2 agents counted;"
        " no single one beats both."
    )


def test_paths_of_one_seed_are_not_called_seeds(make_record):
    """Five ways through the folds of one training."""
    rows = [
        make_record([1.0, 1.0, 1.0 + 0.1 * path], [1.0, np.nan, np.nan], seed=4, path=path)
        for path in range(5)
    ]
    one = Entry("ppo", tuple(rows))
    assert (one.trainings, one.runs) == (1, "5 paths of one seed")
    hold = Entry("hold", (make_record([1.0] * 3, [np.nan] * 3, name="hold"),), "strategy")
    first, _ = verdict([one, hold])
    assert "in only 4 of 5 paths of one seed" in first
    assert "in the median of 5 paths of one seed" in first
    assert any(text.startswith("One seed: ppo.") for text in warnings_of([one, hold]))
    assert dict(facts([one, hold], {}))["Seeds"] == "4"
    assert comparison_table([one])[0]["seeds"] == 1
    two = Entry("ppo", (*rows, *(replace(r, assumptions={"seed": 5}) for r in rows)))
    assert two.runs == "5 paths of each of 2 seeds"


def test_a_single_agent_that_only_cash_was_set_against_is_told_so(make_entry):
    alone = {"against": {"cash": 0.2}, "p": 0.2, "family": ("ppo",)}
    first, _ = verdict(*judged(make_entry, [0.5], **alone))
    assert "ppo does not beat cash (p = 0.200), beyond chance: that takes p < 0.05." in first

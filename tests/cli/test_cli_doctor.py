"""`drltrade doctor` prints what was promised and leaves with the code that says it."""

import json

import pytest

TINY = ("--steps", "1000", "--workers", "1")


def test_json_has_its_promised_keys_and_nothing_else_on_stdout(drltrade):
    said = drltrade("doctor", "ppo", "--market", "ar1_cost", "--market", "noise", *TINY, "--json")
    content = json.loads(said.out)
    found = content["agents"]["ppo"]
    assert set(found) == {"ar1_cost", "noise"}
    for market in found.values():
        assert {"fraction_of_optimum", "seconds", "steps", "passed"} <= set(market)
    assert found["ar1_cost"]["mark"] == 0.96
    assert found["noise"]["fraction_of_optimum"] is None
    assert 0 <= found["noise"]["p_value"] <= 1
    assert said.code == (0 if content["passed"] else 1)


def test_a_sound_agent_ends_with_0_and_a_broken_one_with_1(drltrade):
    sound = drltrade("doctor", "a2c", "--market", "two_state", "--steps", 100_000, "--workers", 1)
    assert sound.code == 0
    assert "a2c on two_state" in sound.out
    assert "a2c: sound." in sound.out
    stuck = drltrade("doctor", "a2c", "--market", "two_state", *TINY, "--set", "agent.gamma=0")
    assert stuck.code == 1
    assert "NOT passed" in stuck.out
    assert "a2c: NOT sound. On two_state" in stuck.out


def test_several_seeds_show_their_range(drltrade):
    said = drltrade("doctor", "a2c", "--market", "two_state", "--seeds", 2, *TINY, "--quick")
    assert "over seeds" in said.out
    assert "marks lowered by 5 points" in said.out
    assert "2 trainings" in said.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pppo",), "Did you mean 'ppo'?"),
        (("ppo", "--market", "chian"), "Did you mean 'chain'?"),
        (("ppo", "--set", "env.window=4"), "the doctor's markets are fixed"),
        (("ppo", "--set", "agent.gama=0.9"), "Did you mean 'gamma'?"),
        (("ppo", "--seeds", "0"), "a whole number from 1"),
        (("ppo", "ppo"), "named twice"),
    ],
)
def test_mistakes_are_answered_before_anything_is_trained(drltrade, arguments, words):
    said = drltrade("doctor", *arguments)
    assert said.code == 2
    assert words in said.last
    assert said.out == ""


def test_help_shows_an_example(drltrade):
    assert "drltrade doctor ppo --quick" in drltrade("doctor", "--help").out


def test_the_opening_of_the_demo_is_trained_once_and_shown_first(drltrade, monkeypatch, capsys):
    from drltrade.cli import demo as command
    from drltrade.experiments.doctor import plan

    short = {"steps": 2_000}
    whole = plan.plan_visit
    monkeypatch.setattr(
        "drltrade.experiments.doctor.plan_visit", lambda *args, **kw: whole(*args, **kw, **short)
    )
    seen = []
    monkeypatch.setattr("drltrade.cli.train.conduct", lambda *args: seen.append(args))
    monkeypatch.setattr("drltrade.cli.train.show_result", lambda *args: print("real prices"))
    first = drltrade("demo", "--workers", 1)
    assert first.code == 0
    assert first.out.index("where skill exists") < first.out.index("real prices")
    for agent in ("sac", "dqn", "ppo", "reinforce"):
        assert f"{agent} on {command.MARKET}" in first.out
    again = drltrade("demo", "--workers", 1)
    assert again.out == first.out
    assert "training" not in again.err
    assert len(seen) == 2

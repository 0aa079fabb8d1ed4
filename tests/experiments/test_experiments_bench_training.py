"""The bench's trainings stop where they say, share one market with the peers, and judge fairly."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from drltrade.agents import TrainTask, parse_agent
from drltrade.cli import main
from drltrade.experiments.bench import Bench, learner, peer_training, race, training, write_page
from drltrade.experiments.bench.figures import FULL, QUICK, RATIOS, Figure, ratios
from drltrade.experiments.bench.page import goal_rows
from drltrade.experiments.bench.peers import PEERS
from drltrade.experiments.bench.process import ask_child


class Echo(gym.Env[Any, Any]):  # type: ignore[misc]  # gymnasium is untyped here
    """Shows a feature and pays it for action 1, the opposite for action 0."""

    observation_space = gym.spaces.Box(-10, 10, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, bars: Any) -> None:
        self.features, self.at = np.asarray(bars["features"], np.float32), 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Begins at the first bar."""
        self.at = 0
        return self.features[0], {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Pays, and shows the next bar."""
        paid = float(self.features[self.at, 0]) * (1 if action else -1)
        self.at += 1
        return self.features[self.at], paid, False, self.at + 1 == len(self.features), {}


@pytest.fixture(scope="module")
def track() -> race.Track:
    return race.make_track(parse_agent("ppo"))


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(learner.MAKERS, "echo", lambda bars, *rest: Echo(bars))


def task(steps: int) -> TrainTask:
    small = parse_agent({"name": "ppo", "accounts": 8})
    return TrainTask(training.sample_game(), small, seed=0, steps=steps)


def test_a_training_is_timed_over_whole_updates_until_its_time_is_up() -> None:
    to_the_end = training.speed(task(512), 1e9)
    assert to_the_end.steps == 512
    assert to_the_end.rate > 0
    assert to_the_end.cpu > 0
    cut = training.speed(task(10_000_000), 0.0)
    assert 0 < cut.steps < 1_000_000
    assert cut.steps % (8 * 16) == 0


def test_the_full_effort_trains_as_many_accounts_as_the_agents_have() -> None:
    from drltrade.agents.training import _accounts

    for pair in training._PAIRS:
        settings = parse_agent({"name": pair.agent, "encoder": pair.encoder})
        assert _accounts(settings, FULL.train_steps) == settings.accounts


def test_the_copying_self_differs_in_nothing_else() -> None:
    ours, copying = (training.sample_task("ppo", "gru", QUICK, way) for way in (True, False))
    assert copying.indexed is False
    for field in dataclasses.fields(ours):
        if field.name != "indexed":
            assert getattr(ours, field.name) == getattr(copying, field.name)


def test_a_race_ends_at_the_goal_and_else_when_the_steps_are_spent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent = parse_agent({"name": "a2c", "accounts": 8})
    missed = race.race(agent, 256, 0, 2)
    assert not missed.reached
    monkeypatch.setattr(race, "GOAL", -1e9)
    assert not race.race(agent, 256, 0, 2).reached  # two looks confirm nothing
    reached = race.race(agent, 256, 0, 4)
    assert reached.reached
    assert reached.seconds > 0


def test_one_lucky_look_reaches_nothing() -> None:
    assert not race.confirmed([0.96, 0.97], 0.95)
    assert not race.confirmed([0.96, 0.94, 0.97, 0.98], 0.95)
    assert race.confirmed([0.1, 0.96, 0.95, 0.97], 0.95)


def test_the_median_time_counts_races_that_missed_the_goal_as_endless() -> None:
    won, late, lost = (
        race.Finish(2.0, 0.96, True),
        race.Finish(5.0, 0.95, True),
        race.Finish(9.0, 0.97, False),
    )

    def told(*finishes: race.Finish) -> dict[str, float]:
        figures = race.finish_figures("training", "x", "x", finishes)
        return {each.key: each.value for each in figures}

    assert told(won, lost, late) == {"x_seconds": 5.0, "x_share": 0.96}
    assert told(won, lost, lost) == {"x_at_least_seconds": 9.0, "x_share": 0.97}
    bound = {"ou_gym_trading_env_tuned_at_least_seconds": 300.0}
    found = ratios({"peers": bound, "training": {"ou_ppo_seconds": 2.0}})
    assert found == {"ou_time_gym_trading_env_tuned_over_ours_at_least": 150.0}


def test_peers_see_the_fresh_bars_and_the_best_moves_of_our_race(track: race.Track) -> None:
    fair, own = (peer_training._track_arrays(track, way) for way in (True, False))
    first = int(track.fresh.first_decision)
    close = track.fresh.market.close[:, 0]
    assert fair["fresh_best"].shape == own["fresh_best"].shape == (256, 256)
    np.testing.assert_array_equal(fair["fresh_close"][3], close[first + 768 :][:258])
    assert set(np.unique(fair["fresh_best"])) == {0, 1, 2}
    # Earned before costs, in returns of the bar after each decision.
    moved = np.diff(fair["fresh_close"]) / fair["fresh_close"][:, :-1]
    earned = ((fair["fresh_best"] - 1) * moved[:, :256]).mean()
    assert earned > 1.27e-4
    late = own["fresh_best"] * np.roll(moved, -2, axis=1)[:, :256]
    assert late[:, :-1].mean() > 0


def test_the_share_is_of_what_the_best_actions_earn(
    echo: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    shown = rng.choice([-1.0, 1.0], (4, 21, 1)).astype(np.float32)
    best = (shown[:, :-1, 0] > 0).astype(np.int64)
    job = {"env": "echo", "window": 1, "cost": 0.0, "log_rewards": False}
    fresh = {"close": np.ones((4, 21)), "features": shown, "best": best}
    assert learner.play(job, fresh, lambda seen, row: best[:, row]) == 80.0
    assert learner.play(job, fresh, lambda seen, row: 1 - best[:, row]) == -80.0
    assert learner.play(job, fresh, lambda seen, row: seen[:, 0] > 0) == 80.0

    bars = {"close": np.ones(400), "features": rng.choice([-1.0, 1.0], (400, 1))}
    bars |= {f"fresh_{name}": array for name, array in fresh.items()}
    saved = peer_training._save(bars, tmp_path)
    settings = {"envs": 2, "n_steps": 128, "gamma": 0.5, "learning_rate": 0.01, "layers": [8]}
    job |= {"arrays": saved, "settings": settings, "seed": 0, "seconds": 60.0}
    job |= {"goal": 0.95, "looks": 3}
    told = learner._carry_out(job)
    assert told["reached"]
    assert 0.95 <= told["share"] <= 1.0
    assert told["seconds"] < 60.0
    assert told["rate"] > 0


def test_a_peer_trains_for_its_time_where_no_goal_is_set(echo: None, tmp_path: Path) -> None:
    bars = {"close": np.ones(100), "features": np.ones((100, 1))}
    saved = peer_training._save(bars, tmp_path)
    settings = {"envs": 2, "n_steps": 16, "batch_size": 16, "gamma": 0.5, "layers": [4]}
    job = {
        "env": "echo", "arrays": saved, "settings": settings, "seed": 0, "seconds": 0.0,
        "window": 1, "cost": 0.0,
    }  # fmt: skip
    assert learner._carry_out(job).keys() == {"seconds", "rate", "cpu"}


def test_tuned_peers_learn_from_rollouts_and_minibatches_like_ours() -> None:
    ours: Any = parse_agent("ppo")
    tuned = peer_training._settings("tuned", FULL)
    assert peer_training._settings("default", FULL) == {}
    assert tuned["envs"] * tuned["n_steps"] == ours.accounts * ours.n_steps
    assert tuned["batch_size"] * ours.minibatches == ours.accounts * ours.n_steps


def test_every_peer_is_measured_and_what_it_cannot_express_is_said(
    track: race.Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def answer(python: Path, job: dict[str, Any], home: Path) -> dict[str, float]:
        asked.append(job)
        return {"seconds": 300.0, "rate": 700.0, "cpu": 1.0, "share": 0.5, "reached": 0.0}

    monkeypatch.setattr(peer_training, "_ask", answer)
    pythons = {peer.key: Path("python") for peer in PEERS}
    told = [f for case in peer_training.peer_training_cases(pythons) for f in case.measure(QUICK)]
    found = {f"peers.{figure.key}": figure for figure in told}
    named = {key for pair in RATIOS.values() for key in pair if key.startswith("peers.train_")}
    assert named <= found.keys()
    for way in ("tuned", "default"):
        assert found[f"peers.ou_gym_trading_env_{way}_at_least_seconds"].value == 300.0
        assert "cannot express" in found[f"peers.own_gym_anytrading_{way}_share"].note
        assert f"peers.ou_gym_anytrading_{way}_seconds" not in found
    assert {job["window"] for job in asked} == {1, 16}
    assert {job["goal"] for job in asked if "goal" in job} == {0.95, None}


def test_a_replay_by_index_is_a_fraction_of_one_of_windows() -> None:
    found = ask_child(["replay", "3000"], "filling a replay")
    assert found["transitions"] == 3000
    account = 4 * 2 * 3000  # one weight of float32, in the state before and after
    assert found["windows"] - found["replay"] == 4 * 2 * 3000 * (64 * 20 - 1)
    assert account < found["replay"] < 100 * 3000


def test_one_section_can_be_measured_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["bench", "--only", "trainin"]) == 2
    assert "training" in capsys.readouterr().err
    figures = (
        Figure("training", "ppo_cnn_steps_per_second", 9e4, "account-steps/s", "cnn"),
        Figure("training", "ppo_cnn_windows_steps_per_second", 2e4, "account-steps/s", "copied"),
        Figure("peers", "own_gym_anytrading_tuned_share", 1.0, "of optimum", "own", note="Beware."),
    )
    bench = Bench(figures, {"processor": "abacus"}, 1.0)
    (page,) = write_page(bench, tmp_path / "BENCH.md", "drltrade bench --only training")
    text = page.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Ratios", "## What was to be reached", "## Training",
    ]  # fmt: skip
    assert text.index("| own |") < text.index("Beware.")
    assert bench.content["notes"] == {"peers.own_gym_anytrading_tuned_share": "Beware."}
    (goal,) = [row for row in goal_rows(bench) if "cnn" in row[0]]
    assert goal[1:4] == ["4.5", "at least 3", "met"]

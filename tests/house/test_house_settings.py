"""Every settings file in the repository is read and built, from a folder far from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drltrade.config import read_yaml

ROOT = Path(__file__).resolve().parents[2]


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.yaml"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_yaml_in_the_repository_belongs_to_one_of_these_tests() -> None:
    known = {path for folder in ("envs", "agents", "experiments") for path in files(folder)}
    skipped = {".venv", ".git", "runs", "lab"}
    found = {
        path
        for ending in ("*.yaml", "*.yml")
        for path in ROOT.rglob(ending)
        if not skipped & set(path.relative_to(ROOT).parts)
    }
    assert found == known


@pytest.mark.parametrize("path", files("envs"), ids=name)
def test_an_environment_builds_and_steps(path: Path) -> None:
    from drltrade.data.segments import rows_of
    from drltrade.envs import build_game, make_env, read_env

    settings, roots = read_env(path)
    game = build_game(settings, roots=roots)
    assert game.market.bars > 100
    decided = rows_of(game.stretches, game.market.bars)
    assert decided.any()
    assert np.isfinite(game.features.values[decided]).all()
    env = make_env(path.stem)
    observation, _ = env.reset(seed=1)
    assert env.observation_space.contains(observation)
    for _ in range(3):
        _, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        assert np.isfinite(reward)
        assert not terminated
        assert not truncated


@pytest.mark.parametrize("path", files("agents"), ids=name)
def test_an_agent_is_read_and_is_in_the_table(path: Path) -> None:
    from drltrade.agents.table import AGENTS, parse_agent

    settings = parse_agent(path)
    assert settings.name in AGENTS
    assert path.stem == settings.name or path.stem.startswith(settings.name)


@pytest.mark.parametrize("path", files("experiments"), ids=name)
def test_an_experiment_resolves_into_jobs(path: Path, tmp_path: Path) -> None:
    from drltrade.experiments.plan import plan_experiment, read_experiment

    content, roots = read_experiment(path)
    plan = plan_experiment(content, out=tmp_path / "runs", roots=roots)
    assert plan.name == path.stem
    assert len(plan.jobs) == len(plan.folds) * len(plan.agents) * len(plan.settings.seeds)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "path", [path for folder in ("envs", "agents") for path in files(folder)], ids=name
)
def test_a_file_says_only_what_differs_from_the_defaults(path: Path) -> None:
    from drltrade.agents.table import AGENTS
    from drltrade.envs import EnvSettings

    content = read_yaml(path)
    model = AGENTS[content["name"]].settings if path.parent.name == "agents" else EnvSettings
    fields = {
        key: field.get_default(call_default_factory=True)
        for key, field in model.model_fields.items()
        if key != "name"
    }
    same = [key for key, value in content.items() if key in fields and value == fields[key]]
    assert not same

"""Resolves an experiment's settings into jobs, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drltrade.config import override, parse, read_yaml
from drltrade.errors import UsageError, unknown
from drltrade.experiments.folders import read_json
from drltrade.experiments.jobs import Job, plugin_hashes
from drltrade.experiments.settings import ExperimentSettings
from drltrade.experiments.splits import Fold, Span, resolve_folds, whole_test
from drltrade.plugins import find_file, workspace_roots

if TYPE_CHECKING:
    from drltrade.agents.settings import AgentSettings
    from drltrade.data.market import Market
    from drltrade.envs import EnvSettings

__all__ = ["Choice", "Plan", "plan_experiment", "read_experiment", "resolve_agents", "resolve_env"]


@dataclass(frozen=True)
class Choice:
    """What a command line says on top of a file.

    Attributes:
        agents: agents instead of the file's own.
        env: another environment.
        data: another source of prices, replacing the environment's data.
        symbols: which symbols of the data.
        start: first date of the data to use.
        end: last date of the data to use.
        seeds: how many seeds.
        steps: environment steps of each job.
        name: another name for the experiment.
        device: where to train.
        start_from: a run to begin with.
        freeze: what of it is kept as it is: `encoder`.
        sets: `key=value` overrides, applied last.
    """

    agents: tuple[str, ...] = ()
    env: str | None = None
    data: str | None = None
    symbols: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None
    seeds: int | None = None
    steps: int | None = None
    name: str | None = None
    device: str | None = None
    start_from: str | None = None
    freeze: str | None = None
    sets: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Plan:
    """An experiment that is ready to run: all names found, all settings valid.

    Attributes:
        name: the experiment.
        home: its folder.
        settings: the experiment as it was asked for.
        env: its environment, resolved.
        agents: the agents' settings by label.
        market: the prices.
        folds: who learns from, is chosen by and judged on which bars of the market's clock.
        jobs: one for each agent, fold and seed.
        roots: where names are looked up after the current folder.
    """

    name: str
    home: Path
    settings: ExperimentSettings
    env: EnvSettings
    agents: Mapping[str, AgentSettings]
    market: Market
    folds: tuple[Fold, ...]
    jobs: tuple[Job, ...]
    roots: tuple[Path, ...]

    @property
    def tests(self) -> list[tuple[str, str]]:
        """(first, last) of every span that a fold tests, each once, in order of time."""
        return sorted({span for fold in self.folds for span in fold.intervals("test")})

    @property
    def tested(self) -> Span:
        """All bars that any fold tests."""
        return whole_test(self.folds)


def read_experiment(file: str | Path) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """Reads an experiment file; a bare name is looked for in `experiments/`.

    Returns:
        Its content with a `name`, and the roots for the names inside it.
    """
    path = _find_experiment(str(file))
    content = read_yaml(path)
    content.setdefault("name", path.stem)
    return content, workspace_roots(path)


def _find_experiment(file: str) -> Path:
    bare = not file.endswith((".yaml", ".yml"))
    roots = workspace_roots()
    path = find_file(f"experiments/{file}.yaml" if bare else file, roots)
    if path is None:
        known = sorted(p.stem for root in (Path(), *roots) for p in root.glob("experiments/*.yaml"))
        if bare:
            raise unknown("experiment", file, dict.fromkeys(known), "Or name a YAML file.")
        raise UsageError(
            f"Experiment file '{file}' does not exist. Shipped ones: {', '.join(known)}."
        )
    return path


def plan_experiment(
    content: Mapping[str, Any],
    *,
    choice: Choice | None = None,
    out: Path = Path("runs"),
    roots: Sequence[Path] | None = None,
) -> Plan:
    """Resolves everything an experiment names and refuses what does not fit.

    Args:
        content: the mapping of an experiment file; empty is a fair experiment too.
        choice: what the command line says on top.
        out: the folder that holds all runs.
        roots: where names are looked up after the current folder.

    Raises:
        UsageError: a setting, a name or a split is wrong.
        DataError: the prices cannot be used.
    """
    from drltrade.data import load

    choice = choice or Choice()
    # The folder of today is kept with the run: tomorrow's command may be given elsewhere.
    roots = (Path.cwd(), *(workspace_roots() if roots is None else roots))
    own, env_sets, agent_sets = _sort_overrides(choice.sets)
    content = _with_choice(content, choice)
    for assignment in own:
        content = override(content, assignment)
    where = f"experiment '{content['name']}'" if content.get("name") else "the experiment"
    settings = parse(ExperimentSettings, content, where)
    env, roots = resolve_env(settings.env, choice=choice, sets=env_sets, roots=roots)
    agents = resolve_agents(settings.agents, agent_sets, roots)
    market = load(env.data, roots)
    folds = resolve_folds(settings.splits, market)
    name = settings.name or _name(settings.env, market, agents)
    home = out / name
    jobs = _jobs(settings, env, agents, market, folds, home, roots, out)
    return Plan(name, home, settings, env, agents, market, folds, jobs, roots)


def resolve_env(
    env: str | Mapping[str, Any],
    *,
    choice: Choice,
    sets: Sequence[str] = (),
    roots: Sequence[Path] = (),
) -> tuple[EnvSettings, tuple[Path, ...]]:
    """Finds an environment and applies the data flags and the `env.*` overrides to it.

    Returns:
        The settings, and the roots for the names inside them.

    Raises:
        UsageError: a name, a key or a value is wrong.
    """
    from drltrade.envs import EnvSettings, read_env

    if isinstance(env, str) and env != "sample":
        bare = not env.endswith((".yaml", ".yml"))
        found = find_file(f"envs/{env}.yaml" if bare else env, roots)
        env = str(found) if found else env
    settings, own_roots = read_env(env)
    # From the model, so that an override meets full keys, never short forms.
    content = settings.model_dump(mode="json")
    if choice.data is not None:
        content["data"] = parse(EnvSettings, {"data": choice.data}, "--data").data.model_dump()
    for key in ("symbols", "start", "end"):
        if value := getattr(choice, key):
            content["data"][key] = list(value) if key == "symbols" else value
    for assignment in sets:
        content = override(content, assignment)
    where = f"env, after --set env.{' env.'.join(sets)}" if sets else "env"
    return parse(EnvSettings, content, where), tuple(dict.fromkeys((*roots, *own_roots)))


def _sort_overrides(sets: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    """Parts `--set` into the experiment's own, the environment's and the agents'."""
    own, env, agent = [], [], []
    for assignment in sets:
        override({}, assignment)  # says what is wrong with its form
        head, _, rest = assignment.partition(".")
        if head.strip() == "env" and rest:
            env.append(rest)
        elif head.strip() == "agent" and rest:
            agent.append(rest)
        else:
            own.append(assignment)
    return own, env, agent


def _with_choice(content: Mapping[str, Any], choice: Choice) -> dict[str, Any]:
    result = dict(content)
    if choice.agents:
        given = result.pop("agents", result.pop("agent", ()))
        given = [given] if isinstance(given, str | dict) else given or ()
        named = {_agent_name(agent): agent for agent in given}
        result["agents"] = [named.get(agent, agent) for agent in choice.agents]
    for key in ("env", "seeds", "name", "device", "start_from", "freeze"):
        if getattr(choice, key) is not None:
            result[key] = getattr(choice, key)
    if choice.steps is not None:
        result = override(result, f"budget.steps={choice.steps}")
    return result


def _agent_name(agent: Any) -> str:
    if isinstance(agent, Mapping):
        return str(agent.get("name"))
    return Path(str(agent)).stem


def resolve_agents(
    agents: Sequence[Any],
    sets: Sequence[str],
    roots: Sequence[Path],
    label_of: Callable[[Any, AgentSettings], str] | None = None,
) -> dict[str, AgentSettings]:
    """Parses agents and gives each a label: what the user called it, numbered where it is taken.

    Args:
        agents: names, YAML files, `path.py:Name`, mappings or settings.
        sets: `key=value` overrides for all of them; settings are taken as they are.
        roots: where files are looked up after the current folder.
        label_of: names an agent; None takes the stem of a file's name.

    Raises:
        UsageError: a name, a key or a value is wrong, or two agents are the same.
    """
    from drltrade.agents import AgentSettings, parse_agent, read_agent

    found: dict[str, AgentSettings] = {}
    for agent in agents:
        parsed = agent
        if not isinstance(agent, AgentSettings):
            content = read_agent(agent, roots)
            for assignment in sets:
                content = override(content, assignment)
            parsed = parse_agent(content, roots)
        label = base = (label_of or _label)(agent, parsed)
        count = 1
        while label in found:
            count += 1
            label = f"{base}-{count}"
        if parsed in found.values():
            raise UsageError(f"The agent '{base}' is named twice. Keep one.")
        found[label] = parsed
    return found


def _label(agent: Any, settings: AgentSettings) -> str:
    return _agent_name(agent) if isinstance(agent, str) else settings.name


def _name(env: Any, market: Market, agents: Mapping[str, AgentSettings]) -> str:
    """Names a run after its environment, where one was named, or its data."""
    named = isinstance(env, str) and env != "sample"
    world = Path(env).stem if named else market.name
    text = f"{world}-{'-'.join(agents)}"
    return "".join(sign if sign.isalnum() or sign in "._-" else "-" for sign in text).strip("-.")


def _jobs(
    settings: ExperimentSettings,
    env: EnvSettings,
    agents: Mapping[str, AgentSettings],
    market: Market,
    folds: tuple[Fold, ...],
    home: Path,
    roots: tuple[Path, ...],
    out: Path,
) -> tuple[Job, ...]:
    jobs = []
    begin, weights = _start(settings, out)
    for label, agent in agents.items():
        config = {
            "env": env.model_dump(mode="json"),
            "agent": agent.model_dump(mode="json"),
            "budget": settings.budget.model_dump(mode="json", exclude={"checkpoint_seconds"}),
            "start": {"weights": weights, "freeze": settings.freeze} if weights else None,
        }
        plugins = plugin_hashes(config, roots)
        for fold, seed in product(folds, settings.seeds):
            job = Job(
                agent=label,
                seed=seed,
                config={**config, "splits": fold.to_dict()},
                data=market.fingerprint,
                plugins=plugins,
                home=home,
                roots=roots,
                fold=fold.number,
                folds=len(folds),
                device=settings.device,
                start=begin,
                checkpoint_seconds=settings.budget.checkpoint_seconds,
                diagnostics=settings.diagnostics,
            )
            jobs.append(job)
    return tuple(jobs)


def _start(settings: ExperimentSettings, out: Path) -> tuple[Path | None, str]:
    """Finds the policy that jobs begin with, and the hash of its weights."""
    from drltrade.experiments.results import best_job, find_run

    if settings.start_from is None:
        return None, ""
    folder, _ = best_job(find_run(settings.start_from, out))
    return folder.resolve(), str(read_json(folder / "policy.json").get("weights", ""))

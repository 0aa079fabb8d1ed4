"""What a visit to the doctor consists of: which agents, markets, seeds and steps, as jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drltrade.config import override
from drltrade.errors import UsageError
from drltrade.experiments.doctor.budgets import QUICK_SLACK, budget_of
from drltrade.experiments.doctor.markets import CASES, QUICK, case_of
from drltrade.experiments.jobs import Job, plugin_hashes
from drltrade.experiments.plan import resolve_agents
from drltrade.plugins import is_plugin, workspace_roots

if TYPE_CHECKING:
    from drltrade.agents import AgentSettings

__all__ = ["DEFAULT_AGENTS", "Visit", "plan_visit"]

DEFAULT_AGENTS = ("ppo", "a2c", "dqn", "direct", "cfq")


@dataclass(frozen=True, eq=False)
class Visit:
    """A visit that is ready: all names found, all settings valid.

    Attributes:
        agents: settings by the name that the user gave them.
        markets: names of CASES.
        seeds: 0, 1, ...
        marks: share of the optimum that each agent must reach.
        window: rows of the signal in an observation.
        quick: fewer markets and steps, lower marks.
        jobs: one for each agent, market and seed, the longest first.
    """

    agents: Mapping[str, AgentSettings]
    markets: tuple[str, ...]
    seeds: tuple[int, ...]
    marks: Mapping[str, float]
    window: int
    quick: bool
    jobs: tuple[Job, ...]


def plan_visit(
    agents: Sequence[Any] = (),
    *,
    markets: Sequence[str] = (),
    seeds: int = 1,
    steps: int | None = None,
    window: int = 1,
    quick: bool = False,
    sets: Sequence[str] = (),
    home: Path = Path(),
    roots: Sequence[Path] | None = None,
) -> Visit:
    """Resolves everything that is named and refuses what is unknown, before anything is trained.

    Args:
        agents: names, YAML files, `path.py:Name`, mappings or settings; none takes DEFAULT_AGENTS.
        markets: names of CASES; none takes all of them, with `quick` those of QUICK.
        seeds: how many.
        steps: account-steps of each training instead of the table's.
        window: rows of the signal in an observation.
        quick: fewer markets and steps, lower marks.
        sets: `agent.key=value` for every agent.
        home: the folder that results are written to.
        roots: where files are looked up after the current folder; None takes the workspace.

    Raises:
        UsageError: a name, a setting or a number is wrong.
    """
    if seeds < 1 or window < 1 or (steps is not None and steps < 1):
        raise UsageError(
            f"seeds, window and steps are {seeds}, {window} and {steps}; each must be at least 1."
        )
    places = (Path.cwd(), *(workspace_roots() if roots is None else roots))
    chosen = tuple(dict.fromkeys(markets)) or (QUICK if quick else tuple(CASES))
    for name in chosen:
        case_of(name)
    found = resolve_agents(tuple(agents) or DEFAULT_AGENTS, _agent_keys(sets), places, _label)
    budgets = {label: budget_of(settings) for label, settings in found.items()}
    marks = {
        label: round(budget.mark - (QUICK_SLACK if quick else 0), 4)
        for label, budget in budgets.items()
    }
    jobs = []
    for label, settings in found.items():
        content = {"agent": settings.model_dump(mode="json"), "window": window}
        hashes = plugin_hashes(content, places)
        amount = steps or (budgets[label].quick if quick else budgets[label].steps)
        for market in chosen:
            config = {**content, "market": market, "steps": amount}
            for seed in range(seeds):
                name = f"{label} on {market}"
                jobs.append(Job(name, seed, config, market, hashes, home, places))
    jobs.sort(key=lambda job: -_weight(job))
    return Visit(found, chosen, tuple(range(seeds)), marks, window, quick, tuple(jobs))


def _weight(job: Job) -> float:
    """Roughly how long a job takes: a step with updates from a replay costs ten others."""
    replayed = "buffer_size" in job.config["agent"]
    return float(job.config["steps"] * (10 if replayed else 1))


def _agent_keys(sets: Sequence[str]) -> list[str]:
    keys = []
    for assignment in sets:
        override({}, assignment)  # says what is wrong with its form
        head, _, rest = assignment.partition(".")
        if head.strip() != "agent" or not rest:
            raise UsageError(
                f"'{assignment}' cannot be set here: the doctor's markets are fixed. Set an agent's"
                " own, as in --set agent.learning_rate=0.001."
            )
        keys.append(rest)
    return keys


def _label(agent: Any, settings: AgentSettings) -> str:
    """What the user called it: a name, a plug-in's own, or a YAML file without its folder."""
    if not isinstance(agent, str | Path):
        return settings.name
    return str(agent) if is_plugin(str(agent)) else Path(agent).stem

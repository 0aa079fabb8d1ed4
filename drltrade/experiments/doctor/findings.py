"""What the doctor found: one finding for each agent and market, passed or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from drltrade.backtest.evidence import holm
from drltrade.experiments.doctor.examine import result_file
from drltrade.experiments.doctor.markets import CASES
from drltrade.experiments.doctor.plan import Visit
from drltrade.experiments.folders import read_json
from drltrade.experiments.jobs import Event, Job

__all__ = ["LEVEL", "MOST_COSTS", "Diagnosis", "Finding", "gather"]

LEVEL = 0.01
"""Chance that any honest agent of a whole visit is said to earn where nothing can be earned."""
MOST_COSTS = 0.1
"""Costs paid where nothing can be earned, of those of changing sides in every bar."""


@dataclass(frozen=True)
class Finding:
    """One agent on one market, over all seeds.

    Attributes:
        agent: as the user named it.
        market: a name of CASES.
        skill: whether there was something to be found: its share is judged, else its restraint.
        judged: False where an agent that remembers, or sees far enough, may earn but need not.
        fraction: share of the optimum, median over seeds; None where the optimum is nothing.
        fractions: that of each seed.
        mark: what the fraction must reach; None where nothing can be earned.
        p_value: the least over seeds, allowing for all tests of the visit; None where skill exists.
        cost_share: costs of those of changing sides in every bar, the most over seeds.
        mean_reward: mean of equity / equity_before - 1, median over seeds.
        seconds: of one training, median.
        steps: of one training.
        error: why a training failed, in words.
    """

    agent: str
    market: str
    skill: bool
    judged: bool
    fraction: float | None = None
    fractions: tuple[float, ...] = ()
    mark: float | None = None
    p_value: float | None = None
    cost_share: float = 0.0
    mean_reward: float = 0.0
    seconds: float = 0.0
    steps: int = 0
    error: str = ""

    @property
    def earned_from_nothing(self) -> bool:
        """A profit that cannot be luck where nothing can be earned."""
        return self.judged and self.p_value is not None and self.p_value < LEVEL

    @property
    def churns(self) -> bool:
        """Pays for trades where nothing can be earned."""
        return self.judged and not self.skill and self.cost_share >= MOST_COSTS

    @property
    def falls_short(self) -> bool:
        """Earns too little where skill exists."""
        return self.mark is not None and (self.fraction is None or self.fraction < self.mark)

    @property
    def passed(self) -> bool:
        """Nothing is wrong here."""
        wrong = self.error or self.falls_short or self.earned_from_nothing or self.churns
        return not wrong

    def to_dict(self) -> dict[str, Any]:
        """Returns what `--json` prints of it."""
        content: dict[str, Any] = {
            "fraction_of_optimum": self.fraction,
            "seconds": round(self.seconds, 2),
            "steps": self.steps,
            "passed": self.passed,
            "mean_reward": self.mean_reward,
            "seeds": list(self.fractions),
        }
        if self.skill:
            content["mark"] = self.mark
        else:
            content |= {
                "p_value": self.p_value,
                "cost_share": self.cost_share,
                "judged": self.judged,
            }
        return content | ({"error": self.error} if self.error else {})


@dataclass(frozen=True)
class Diagnosis:
    """All findings of a visit.

    Attributes:
        findings: agent by agent, market by market.
        quick: whether marks and steps were those of `--quick`.
        seeds: how many trainings each finding rests on.
        seconds: what the visit took.
    """

    findings: tuple[Finding, ...]
    quick: bool
    seeds: int
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong with any agent."""
        return all(finding.passed for finding in self.findings)

    def of(self, agent: str) -> tuple[Finding, ...]:
        """Returns the findings of one agent."""
        return tuple(finding for finding in self.findings if finding.agent == agent)

    @property
    def agents(self) -> tuple[str, ...]:
        """The agents that were examined."""
        return tuple(dict.fromkeys(finding.agent for finding in self.findings))

    def to_dict(self) -> dict[str, Any]:
        """Returns what `drltrade doctor --json` prints."""
        from drltrade.experiments.doctor.words import verdict

        return {
            "agents": {
                agent: {finding.market: finding.to_dict() for finding in self.of(agent)}
                for agent in self.agents
            },
            "passed": self.passed,
            "verdicts": {agent: verdict(self, agent) for agent in self.agents},
            "quick": self.quick,
            "seeds": self.seeds,
            "level": LEVEL,
            "seconds": round(self.seconds, 1),
        }


def gather(visit: Visit, failures: Sequence[Event], seconds: float) -> Diagnosis:
    """Reads what the jobs of a visit wrote and judges it."""
    reasons = {event.job: event.message for event in failures}
    results = {job.id: read_json(result_file(job)) for job in visit.jobs if job.id not in reasons}
    chances = _chances(visit, results)
    findings = []
    for agent in visit.agents:
        for market in visit.markets:
            jobs = [job for job in visit.jobs if job.agent == f"{agent} on {market}"]
            jobs.sort(key=lambda job: job.seed)
            findings.append(_finding(visit, agent, market, jobs, results, reasons, chances))
    return Diagnosis(tuple(findings), visit.quick, len(visit.seeds), seconds)


def _is_null(visit: Visit, job: Job, result: Mapping[str, Any]) -> bool:
    """Whether nothing can be earned in this job, by this agent with this window."""
    case = CASES[job.config["market"]]
    if case.lag:
        # The position is a memory too: bought on a cue, it carries it for some bars.
        return not result["remembers"] and visit.window <= case.lag // 2
    return not case.skill


def _chances(visit: Visit, results: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """p-value of each job in which nothing can be earned, allowing for their number."""
    tested = [
        job.id for job in visit.jobs if job.id in results and _is_null(visit, job, results[job.id])
    ]
    return dict(zip(tested, holm([results[id]["p_value"] for id in tested]), strict=True))


def _finding(
    visit: Visit,
    agent: str,
    market: str,
    jobs: Sequence[Job],
    results: Mapping[str, Mapping[str, Any]],
    reasons: Mapping[str, str],
    chances: Mapping[str, float],
) -> Finding:
    skill = CASES[market].skill
    failed = [reasons[job.id] for job in jobs if job.id in reasons]
    if failed:
        return Finding(agent, market, skill, True, error=failed[0])
    found = [results[job.id] for job in jobs]
    p_values = [chances[job.id] for job in jobs if job.id in chances]
    fractions = [result["share"] for result in found if result["share"] is not None]
    return Finding(
        agent=agent,
        market=market,
        skill=skill,
        judged=skill or bool(p_values),
        fraction=median(fractions) if fractions else None,
        fractions=tuple(fractions),
        mark=visit.marks[agent] if skill else None,
        p_value=min(p_values) if p_values else None,
        cost_share=max(result["cost_share"] for result in found),
        mean_reward=median(result["mean_reward"] for result in found),
        seconds=median(result["seconds"] for result in found),
        steps=max(result["steps"] for result in found),
    )

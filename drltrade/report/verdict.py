"""What was found, in two plain sentences that claim no more than the evidence shows."""

from __future__ import annotations

import math
from collections.abc import Sequence

from drltrade.backtest.evidence.evidence import Evidence
from drltrade.report.entry import Entry, best, of_kind
from drltrade.report.words import join, percent, ratio, span, spread

__all__ = ["sides", "verdict"]

_FLAWS = ("LOOK-AHEAD", "OVERLAP", "Zero costs")
_SAME = 1e-9  # of return: closer than this is the same path


def verdict(entries: Sequence[Entry], evidence: Evidence | None = None) -> list[str]:
    """Returns two sentences: whether there is skill, and what the best came to.

    Agents are judged by the median seed against the baseline that made the most over the same
    bars; without agents the first strategy is judged against the others. References are left out.
    Without evidence nothing is said about significance: that takes more than the spread over seeds.
    """
    judged, baselines = sides(entries)
    leader, baseline = best(judged), best(baselines)
    if leader is not None and evidence is not None:
        return [_skill(evidence, leader, judged), _best(leader, judged, baselines, evidence)]
    if leader is None:
        return ["Only references were run, and nobody can trade those."]
    if baseline is None:
        return _alone(leader, judged)
    return [_against(leader, baseline, judged), _weighed(leader, baseline, judged)]


def sides(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Parts entries into those that are judged and the baselines that they are judged against."""
    agents, strategies = of_kind(entries, "agent"), of_kind(entries, "strategy")
    return (agents, strategies) if agents else (strategies[:1], strategies[1:])


def _skill(evidence: Evidence, leader: Entry, agents: Sequence[Entry]) -> str:
    """Answers the one question by its rule: cash and the chosen baseline, all agents counted."""
    skill, over = evidence.skill, span(leader.shown)
    told = [f"{name} ({_p(p)})" for name, p in skill.against.items()]
    chosen = ", the baseline chosen on validation" if len(told) > 1 else ""
    count = len(skill.family)
    counted = f", all {count} agents counted" if count > 1 else ""
    if skill.found:
        who = join(skill.winners) if skill.winners else "one agent or another"
        verb = "beat" if len(skill.winners) > 1 else "beats"
        but = "" if skill.winners else "; no single one beats both"
        return (
            f"Skill shown: over {over} {who} {verb} {join(told)}{chosen}, beyond chance"
            f"{counted}{but}{_flaw(agents)}."
        )
    who = "no agent" if count > 1 else skill.family[0]
    beaten = "beats both" if count > 1 else "does not beat both"
    if len(told) == 1:
        beaten = "beats" if count > 1 else "does not beat"
    return (
        f"No skill shown: over {over} {who} {beaten} {join(told)}{chosen}, beyond chance: that"
        f" takes p < {evidence.level:g}{counted}."
    )


def _flaw(agents: Sequence[Entry]) -> str:
    """What makes skill no evidence: bars seen before, prices known before, trading for nothing."""
    told = [text for entry in agents for record in entry.records for text in record.warnings]
    flaws = [kind for kind in _FLAWS if any(text.startswith(kind) for text in told)]
    return f". But it is no evidence, see the warnings: {join(flaws)}" if flaws else ""


def _best(
    leader: Entry, agents: Sequence[Entry], baselines: Sequence[Entry], evidence: Evidence
) -> str:
    """What the agent that earned most here earned, beside the chosen baseline and the best one."""
    chosen, most = str(evidence.baseline["label"]), best(baselines)
    rivals = [
        f"{_return(entry)} for {entry.label}"
        for entry in baselines
        if entry.label == chosen or entry is most
    ]
    among = "The best agent here, " if len(evidence.skill.family) > 1 else ""
    parts = [f"{among}{leader.label}{',' * bool(among)} returned {_return(leader)}"]
    if rivals:
        parts.append(f"against {join(rivals)}")
    own = evidence.agents[leader.label]
    told = f"with a Sharpe ratio of {ratio(own.figures['sharpe'].middle)}"
    deflated = own.deflated
    if math.isfinite(deflated["probability"]):
        trials = int(deflated["trials"])
        luck = f"more than the luck of {trials:,} trials" if trials > 1 else "above 0"
        told += f" that is {luck} with a probability of {ratio(deflated['probability'])}"
    if leader.median("trades") == 0:
        told += "; it never traded"
    if most is not None:
        told += _count_ahead(agents, most)
    return ", ".join([*parts, told]) + "."


def _p(value: float) -> str:
    if not math.isfinite(value):
        return "p undefined"
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _against(agent: Entry, baseline: Entry, agents: Sequence[Entry]) -> str:
    made, other = agent.median("total_return"), baseline.median("total_return")
    ahead = _runs_ahead(agent, other)
    seeds = len(agent.records)
    who = f"the best agent, {agent.label}," if len(agents) > 1 else agent.label
    if not made > other + _SAME:
        opening = f"No better than {baseline.label}"
    elif seeds == 1:
        seeded = agent.kind == "agent" and not agent.joint
        one = " with the one seed that was run" if seeded else ""
        opening = f"Ahead of {baseline.label}{one}"
    elif ahead == seeds:
        opening = f"Ahead of {baseline.label} in every one of {agent.runs}"
    else:
        opening = f"Ahead of {baseline.label} in the median, but in only {ahead} of {agent.runs}"
    return (
        f"{opening}: over {span(agent.shown)} {who} returned {_return(agent)}, against"
        f" {_return(baseline)} for {baseline.label}, the best baseline."
    )


def _weighed(agent: Entry, baseline: Entry, agents: Sequence[Entry]) -> str:
    sharpe = ratio(agent.median("sharpe")), ratio(baseline.median("sharpe"))
    fall = percent(agent.median("max_drawdown")), percent(baseline.median("max_drawdown"))
    parts = [
        f"Its Sharpe ratio was {sharpe[0]} against {sharpe[1]}",
        f"its deepest fall {fall[0]} against {fall[1]}",
    ]
    if agent.median("trades") == 0:
        parts.append("it never traded")
    sentence = ", ".join(parts)
    sentence += _count_ahead(agents, baseline)
    if len(agents) > 1:
        sentence += f", and to pick the best of {len(agents)} agents on these bars flatters it"
    if agent.kind != "agent":
        sentence += "; this is one stretch of bars and says nothing about the next"
    return f"{sentence}."


def _count_ahead(agents: Sequence[Entry], baseline: Entry) -> str:
    """Says how many of several runs beat a baseline; an ensemble is no run of its own."""
    single = [entry for entry in agents if not entry.joint]
    runs = sum(len(entry.records) for entry in single)
    if runs < 2:
        return ""
    ahead = sum(_runs_ahead(entry, baseline.median("total_return")) for entry in single)
    return f"; {ahead} of {runs} agent runs ended ahead of {baseline.label}"


def _alone(leader: Entry, others: Sequence[Entry]) -> list[str]:
    first = f"Over {span(leader.shown)} {leader.label} returned {_return(leader)}"
    first += f", the most of {len(others)} agents that were run." if len(others) > 1 else "."
    second = (
        f"Its Sharpe ratio was {ratio(leader.median('sharpe'))} and its deepest fall"
        f" {percent(leader.median('max_drawdown'))}"
    )
    if leader.kind == "agent":
        return [first, f"{second}; no baseline was run, so nothing says whether that is good."]
    return [first, f"{second}; this is one stretch of bars and says nothing about the next."]


def _return(entry: Entry) -> str:
    made = percent(entry.median("total_return"))
    if len(entry.records) == 1:
        return made
    seeds = spread("total_return", *entry.range("total_return"))
    return f"{made} in the median of {entry.runs} ({seeds})"


def _runs_ahead(entry: Entry, other: float) -> int:
    return int((entry.figures["total_return"] > other + _SAME).sum())

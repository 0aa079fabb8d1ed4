"""The section "How sure is that": the evidence of an experiment as sentences and tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drltrade.backtest.metrics import METRICS
from drltrade.report.entry import Entry, of_kind
from drltrade.report.grid import Cell, Grid, Line, shade
from drltrade.report.hindsight import hindsight_kind
from drltrade.report.terms import TERMS
from drltrade.report.words import (
    chance,
    count,
    figure,
    join,
    p_value,
    percent,
    ratio,
    runs,
    spread,
)

if TYPE_CHECKING:
    from drltrade.backtest.evidence.evidence import AgentEvidence, Evidence, Spread

__all__ = ["EvidenceView", "evidence_facts", "evidence_view"]

_FIRST = ("sharpe", "total_return", "max_drawdown")
_BETWEEN = "95 % interval"
_PARTS = {"train": "Train", "valid": "Validation", "test": "Test"}


@dataclass(frozen=True)
class EvidenceView:
    """What the section says.

    Attributes:
        question: what was asked before the test was read.
        answer: what came out, in sentences.
        rivals: the p-values.
        agents: how much the figures of each agent can bear.
        folds: Sharpe ratios fold by fold; None of a single one.
        profile: share of runs above each threshold; None where there is none.
        overfitting: a sentence, or nothing.
        terms: keys of the terms that were used.
    """

    question: str
    answer: list[str]
    rivals: Grid
    agents: Grid
    folds: Grid | None
    profile: Grid | None
    overfitting: str
    terms: list[str]


def evidence_view(evidence: Evidence, entries: Sequence[Entry]) -> EvidenceView:
    """Puts evidence into words.

    Args:
        evidence: of the experiment.
        entries: what the page compares; their order is that of the columns.
    """
    used = ["p", "winners", "trials"]
    kinds = {entry.label: hindsight_kind(entry) for entry in entries}
    agents = _agents(evidence, used, kinds)
    folds, profile = _folds(evidence, entries), _profile(evidence)
    if evidence.overfitting is not None:
        used.append("overfitting")
    if profile is not None:
        used.append("profile")
    return EvidenceView(
        question=_question(evidence),
        answer=_answer(evidence),
        rivals=_rivals(evidence),
        agents=agents,
        folds=folds,
        profile=profile,
        overfitting=_overfitting(evidence),
        terms=[key for key in TERMS if key in used],
    )


def evidence_facts(evidence: Evidence) -> list[tuple[str, str]]:
    """Returns what the header states beside the other conditions, as (what, value)."""
    trials = evidence.trials
    tried = f"{count(trials['test'])} judged on them"
    if trials.get("valid"):
        tried += f", {count(trials['valid'])} on validation"
    folds = f"{max(1, len(evidence.folds))}"
    if len(evidence.folds) > 1:
        folds += f", the first tested {evidence.folds[0]['test']}"
    return [
        ("Out of sample", f"{evidence.interval['years']:.1f} years"),
        ("Trials on these bars", tried),
        ("Groups of bars" if _grouped(evidence) else "Folds", folds),
        ("Chosen baseline", _rival(evidence)),
    ]


def _grouped(evidence: Evidence) -> bool:
    """Whether the rows of `folds` are groups that several folds test, as the paths say."""
    return any(agent.paths > 1 for agent in evidence.agents.values())


def _rival(evidence: Evidence) -> str:
    label, score = evidence.baseline["label"], evidence.baseline["score"]
    return str(label) if label == "cash" else f"{label}, {ratio(score)} on validation"


def _question(evidence: Evidence) -> str:
    family, label = join(evidence.skill.family, "or"), evidence.baseline["label"]
    does = (
        f"Does {family} beat" if len(evidence.skill.family) == 1 else f"Does any of {family} beat"
    )
    if label == "cash":
        return f"{does} cash beyond chance? No other baseline had a score on validation."
    score = ratio(evidence.baseline["score"])
    there = "there"
    if len(evidence.folds) > 1:
        there = (
            "there in the mean over the folds; bars that validate one fold are tested in another,"
            " which favours that baseline and not the agents"
        )
    return (
        f"{does} both cash and {label} beyond chance? {label} is the baseline that did best on"
        f" validation, with a Sharpe ratio of {score} {there}."
    )


def _answer(evidence: Evidence) -> list[str]:
    skill, level = evidence.skill, evidence.level
    if not math.isfinite(skill.p):
        return ["It cannot be told: the p-value is n/a."]
    p = p_value(skill.p)
    p = f"p {p}" if p.startswith("below") else f"p = {p}"
    if skill.found:
        first = f"Yes, {p}, which is below {level:g}."
    else:
        often = "nearly all" if skill.p > 0.99 else f"{chance(skill.p)} of"
        first = (
            f"No, {p}, which is not below {level:g}: luck alone makes as much of a lead in {often}"
            " such tests."
        )
    rivals = "both" if len(skill.against) == 2 else "every rival"
    if skill.winners:
        second = f"Each by itself beats {rivals}: {join(skill.winners)}."
    else:
        second = f"No single agent beats {rivals}."
    return [first, second]


def _rivals(evidence: Evidence) -> Grid:
    lines = []
    for name, p in evidence.skill.against.items():
        known = math.isfinite(p)
        verdict = ("yes" if p < evidence.level else "no") if known else "n/a"
        lines.append(Line(name, [Cell(p_value(p)), Cell(verdict)], meaning=TERMS["p"].meaning))
    columns = [("p-value", ""), ("Beaten", f"level {evidence.level:g}")]
    caption = f"The best of {len(evidence.skill.family)} against each rival on the same bars"
    if len(evidence.skill.family) == 1:
        caption = f"{evidence.skill.family[0]} against each rival on the same bars"
    return Grid("rivals", caption, "Rival", columns, [("", lines)])


def _agents(evidence: Evidence, used: list[str], kinds: Mapping[str, str]) -> Grid:
    """Agents in columns, so that a phone shows one whole; rows that nobody has are left out."""
    found = evidence.agents
    groups = [
        (heading, [line for line in lines if line is not None])
        for heading, lines in _groups(evidence, used, kinds)
    ]
    several = [each for each in found.values() if each.seeds * each.paths > 1]
    used += [key for key in ("interval", "range") if any(each.spread == key for each in several)]
    columns = [(label, _spread_note(each)) for label, each in found.items()]
    caption = "Medians over the seeds; the lowest and highest credible value in small print"
    return Grid(
        "bearing", caption, "Figure", columns, [(head, lines) for head, lines in groups if lines]
    )


def _spread_note(agent: AgentEvidence) -> str:
    what = runs(agent.seeds, agent.paths)
    if agent.spread == "interval":
        return f"95 % interval, {what}"
    return f"{what}, no range" if agent.seeds * agent.paths == 1 else f"range over {what}"


def _groups(
    evidence: Evidence, used: list[str], kinds: Mapping[str, str]
) -> Iterator[tuple[str, list[Line | None]]]:
    told = [kinds.get(label, "") for label in evidence.agents]
    agents = list(evidence.agents.values())
    named = list(dict.fromkeys(name for each in agents for name in each.figures))
    ordered = [name for name in _FIRST if name in named]
    ordered += [name for name in named if name not in _FIRST and name in METRICS]
    yield "Figures", [_figure_line(name, agents) for name in ordered]
    for rival in dict.fromkeys(rival for each in agents for rival in each.against):
        used.append("difference")
        names = dict.fromkeys(name for each in agents for name in each.against.get(rival, {}))
        lines = [_difference_line(name, rival, agents) for name in names if name in METRICS]
        yield f"Difference to {rival}", list(lines)
    yield (
        "Is it more than luck",
        [
            _line("psr", agents, lambda each: Cell(chance(each.psr)), used),
            _line("deflated", agents, _deflated, used),
            _line("track_record", agents, _track_record, used),
            *_improvements(agents, used),
        ],
    )
    across = [each.interquartile_mean for each in agents]
    sure = _BETWEEN if any(each.spread == "interval" for each in agents) else ""
    yield (
        "Does it last",
        [
            _line("interquartile_mean", agents, _across, used, small=sure) if any(across) else None,
            _achievable(agents, told, used),
            *_gaps(agents, used),
        ],
    )


def _line(
    key: str,
    agents: Sequence[AgentEvidence],
    cell: Callable[[AgentEvidence], Cell],
    used: list[str],
    name: str = "",
    small: str = "",
) -> Line:
    used.append(key)
    term = TERMS[key]
    return Line(name or term.name, [cell(each) for each in agents], small, term.meaning)


def _figure_line(name: str, agents: Sequence[AgentEvidence]) -> Line:
    cells = [_spread_cell(name, each.figures.get(name), each) for each in agents]
    return Line(METRICS[name].label, cells, meaning=METRICS[name].formula)


def _difference_line(name: str, rival: str, agents: Sequence[AgentEvidence]) -> Line:
    cells = [
        _spread_cell(name, each.against.get(rival, {}).get(name), each, sign=True)
        for each in agents
    ]
    return Line(METRICS[name].label, cells, meaning=TERMS["difference"].meaning)


def _spread_cell(
    name: str, value: Spread | None, agent: AgentEvidence, *, sign: bool = False
) -> Cell:
    if value is None:
        return Cell("n/a")
    small = spread(name, value.low, value.high) if agent.seeds * agent.paths > 1 else ""
    return Cell(figure(name, value.middle, sign=sign), small)


def _deflated(agent: AgentEvidence) -> Cell:
    trials, threshold = agent.deflated.get("trials"), agent.deflated.get("threshold")
    small = f"{count(trials)} trial{'' if trials == 1 else 's'}"
    if trials != 1:
        small += f", luck reaches {ratio(threshold)}"
    return Cell(chance(agent.deflated.get("probability")), small)


def _track_record(agent: AgentEvidence) -> Cell:
    needed = agent.track_record.get("needed")
    whole = math.ceil(needed) if needed is not None and math.isfinite(needed) else None
    return Cell(f"{count(agent.track_record.get('bars'))} bars", f"needed {count(whole)}")


def _improvements(agents: Sequence[AgentEvidence], used: list[str]) -> Iterator[Line]:
    for rival in dict.fromkeys(name for each in agents for name in each.improvement):

        def cell(agent: AgentEvidence, rival: str = rival) -> Cell:
            found = agent.improvement.get(rival)
            if found is None or not math.isfinite(found.middle):
                return Cell("n/a")
            small = spread("total_return", found.low, found.high)
            return Cell(f"{100 * found.middle:.0f} %", small)

        sure = _BETWEEN if any(each.spread == "interval" for each in agents) else ""
        yield _line("improvement", agents, cell, used, f"Chance to beat {rival} on a fold", sure)


def _across(agent: AgentEvidence) -> Cell:
    found = agent.interquartile_mean
    if found is None:
        return Cell("n/a")
    return Cell(ratio(found.middle), spread("sharpe", found.low, found.high))


def _achievable(agents: Sequence[AgentEvidence], kinds: Sequence[str], used: list[str]) -> Line:
    """The share, and whether all of it could have been had or is a bound."""
    used.append("achievable")
    cells = [
        Cell(percent(each.achievable), kind if math.isfinite(each.achievable) else "")
        for each, kind in zip(agents, kinds, strict=True)
    ]
    return Line(TERMS["achievable"].name, cells, meaning=TERMS["achievable"].meaning)


def _gaps(agents: Sequence[AgentEvidence], used: list[str]) -> Iterator[Line]:
    for part, name in _PARTS.items():
        if any(part in each.gap for each in agents):

            def cell(agent: AgentEvidence, part: str = part) -> Cell:
                return Cell(ratio(agent.gap.get(part)))

            yield _line("gap", agents, cell, used, f"Sharpe, {name.lower()}")


def _overfitting(evidence: Evidence) -> str:
    found = evidence.overfitting
    if found is None:
        return ""
    return (
        f"Overfitting probability {chance(found['probability'])}: so often the best of"
        f" {count(found['configurations'])} runs in one half of the bars was below the median in"
        " the other half."
    )


def _folds(evidence: Evidence, entries: Sequence[Entry]) -> Grid | None:
    if len(evidence.folds) < 2:
        return None
    known = dict.fromkeys(label for fold in evidence.folds for label in fold["sharpe"])
    ordered = [entry.label for entry in of_kind(entries, "agent", "strategy", "reference")]
    labels = [name for name in ordered if name in known]
    labels += [name for name in known if name not in labels]
    values = [fold["sharpe"].get(label) for fold in evidence.folds for label in labels]
    scale = max((abs(value) for value in values if _finite(value)), default=0.0)
    lines = [
        Line(
            str(fold["number"]),
            [shade(value, scale, ratio(value)) for value in map(fold["sharpe"].get, labels)],
            str(fold["test"]),
        )
        for fold in evidence.folds
    ]
    what = "group of bars" if _grouped(evidence) else "fold"
    caption = f"Sharpe ratio on the test bars of each {what}, medians over the seeds"
    return Grid(
        "folds",
        caption,
        what.split()[0].capitalize(),
        [(label, "") for label in labels],
        [("", lines)],
    )


def _profile(evidence: Evidence) -> Grid | None:
    curves = profile_curves(evidence.profile)
    if not curves:
        return None
    thresholds = evidence.profile["thresholds"] if evidence.profile else ()
    lines = [
        Line(ratio(threshold), [Cell(_share(curve[row])) for curve in curves.values()])
        for row, threshold in enumerate(thresholds)
    ]
    caption = "Share of all seeds and folds with a Sharpe ratio above each threshold"
    return Grid("profile", caption, "Above", [(label, "") for label in curves], [("", lines)])


def profile_curves(profile: Mapping[str, Any] | None) -> dict[str, Sequence[float]]:
    """Returns the curves of a performance profile by label, without their thresholds."""
    return {label: curve for label, curve in (profile or {}).items() if label != "thresholds"}


def _share(value: float | None) -> str:
    return f"{100 * value:.0f} %" if value is not None and math.isfinite(value) else "n/a"


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)

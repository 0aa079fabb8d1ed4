"""The doctor's verdicts in sentences: what is wrong and what to do about it."""

from __future__ import annotations

from drltrade.experiments.doctor.findings import LEVEL, MOST_COSTS, Diagnosis, Finding

__all__ = ["complaint", "result_word", "verdict"]

_NOTHING = 0.1
"""Share of the optimum below which an agent has learnt nothing."""


def result_word(finding: Finding) -> str:
    """Returns what the last cell of a table says."""
    if finding.error:
        return "FAILED"
    if not finding.judged:
        return "may earn"
    return "passed" if finding.passed else "NOT passed"


def verdict(diagnosis: Diagnosis, agent: str) -> str:
    """Says in a few sentences whether an agent is sound, and what its results elsewhere mean."""
    findings = diagnosis.of(agent)
    wrong = [complaint(finding) for finding in findings if not finding.passed]
    if wrong:
        return f"{agent}: NOT sound. {' '.join(wrong)}"
    parts = [_skill(findings), _restraint(findings)]
    told = " and ".join(part for part in parts if part)
    if not told:
        return f"{agent}: not judged. These markets tell nothing of it; add --market ar1_cost."
    if not parts[0]:
        return f"{agent}: {told}."
    return (
        f"{agent}: sound. It {told}. Where it finds no skill, look at the data, not at the agent."
    )


def _skill(findings: tuple[Finding, ...]) -> str:
    seen = [finding for finding in findings if finding.skill and finding.fraction is not None]
    if not seen:
        return ""
    least = min(seen, key=lambda finding: finding.fraction or 0.0)
    where = f"on {least.market}" if len(seen) == 1 else f"or more ({least.market} the least)"
    return f"reaches {least.fraction:.1%} of the optimum {where}"


def _restraint(findings: tuple[Finding, ...]) -> str:
    judged = [finding for finding in findings if finding.judged and not finding.skill]
    if not judged:
        return ""
    names = ", ".join(finding.market for finding in judged)
    return f"earns nothing where nothing can be earned ({names})"


def complaint(finding: Finding) -> str:
    """Says what is wrong with an agent on a market, and what to do about it."""
    where = f"On {finding.market}"
    if finding.error:
        return f"{where} its training failed: {finding.error}"
    if finding.earned_from_nothing:
        return (
            f"{where} it earns where nothing can be earned (p = {finding.p_value:.2g}, below"
            f" {LEVEL:g} for all tests together): something knows the future. Look for code that"
            " reads the market beside the observation; `drltrade audit` finds leaks in features"
            " and rewards."
        )
    if finding.churns:
        return (
            f"{where} it pays {finding.cost_share:.0%} of the costs of changing sides in every bar,"
            f" where it should pay nearly nothing (below {MOST_COSTS:.0%}): it does not see its"
            " costs, or still explores. Check that the reward is net of costs, that the"
            " observation's last column, the position, reaches the network, and that `predict` is"
            " deterministic."
        )
    return f"{where} it reaches {_share(finding)} of the optimum, not {finding.mark:.0%}: " + (
        "it has learnt nothing. Check that the loss has the right sign and reaches the weights,"
        " that rewards belong to the actions before them, that actions mean what the scheme says,"
        " and that gamma looks some bars ahead."
        if (finding.fraction or 0.0) < _NOTHING
        else "it learns, but not enough. Train longer (--steps), lower agent.learning_rate or"
        " give it more accounts; where that does not help, look at the discount (gamma times the"
        " next value, none after `terminated`) and at whether the position reaches the network."
    )


def _share(finding: Finding) -> str:
    return "nothing" if finding.fraction is None else f"{finding.fraction:.1%}"

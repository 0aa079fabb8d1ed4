"""`drltrade doctor`: tells a broken agent from a market with nothing to learn."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drltrade.cli.options import Json, Sets, Workers, whole

if TYPE_CHECKING:
    from drltrade.experiments.doctor import Diagnosis, Finding, Visit

__all__ = ["doctor", "print_skill"]


def doctor(
    agents: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[AGENT]...",
            help="Names, YAML files or path.py:Name; ppo, a2c, dqn, direct and cfq by default.",
            show_default=False,
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Three markets, fewer steps, marks lowered by 5 points: under two minutes.",
        ),
    ] = False,
    markets: Annotated[
        list[str] | None,
        typer.Option(
            "--market",
            help="ar1_cost, ou, two_state, chain, stale, noise or memory; all by default. May be"
            " repeated.",
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds", parser=whole("--seeds"), metavar="N", help="Trainings of each: medians."
        ),
    ] = 1,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            parser=whole("--steps"),
            metavar="N",
            help="Environment steps of each training, instead of the agent's own budget.",
        ),
    ] = None,
    window: Annotated[
        int,
        typer.Option(
            "--window",
            parser=whole("--window"),
            metavar="N",
            help="Bars of the signal in an observation; more than 1 puts an encoder to work.",
        ),
    ] = 1,
    sets: Sets = None,
    workers: Workers = None,
    as_json: Json = False,
) -> int:
    """Train agents on markets whose optimum is known: is the agent broken, or is there nothing?

    On ar1_cost, ou, two_state and chain skill exists: an agent must reach a share of the optimum,
    which dynamic programming finds under the same costs. On stale, noise and memory nothing can be
    earned: it must not earn, and must not pay for trades. Each is judged on fresh bars of the same
    law. Leaves with 1 if anything is wrong.

    For example:

      drltrade doctor ppo --quick

      drltrade doctor agents/mine.py:Mine --seeds 3 --json

      drltrade doctor ppo --set agent.encoder=gru --window 8 --market ar1_cost
    """
    from drltrade.cli.output import print_json
    from drltrade.cli.progress import progress_view
    from drltrade.experiments.doctor import carry_out_visit, plan_visit

    with tempfile.TemporaryDirectory(prefix="drltrade-doctor-") as home:
        visit = plan_visit(
            agents or (),
            markets=markets or (),
            seeds=seeds,
            steps=steps,
            window=window,
            quick=quick,
            sets=sets or (),
            home=Path(home),
        )
        _announce(visit)
        with progress_view(visit.jobs, len(visit.jobs)) as show:
            found = carry_out_visit(visit, workers=workers, progress=show)
    if as_json:
        print_json(found.to_dict())
    else:
        _show(found)
    return 0 if found.passed else 1


def _announce(visit: Visit) -> None:
    from drltrade.cli.output import note

    agents, seeds = ", ".join(visit.agents), len(visit.seeds)
    count = f", {seeds} seeds each" if seeds > 1 else ""
    note(f"doctor: {agents} on {', '.join(visit.markets)}{count}: {len(visit.jobs)} trainings")


def _show(found: Diagnosis) -> None:
    from drltrade.cli.output import say
    from drltrade.experiments.doctor.words import verdict

    slack = " (--quick: marks lowered by 5 points)" if found.quick else ""
    print_skill(found, f"Where skill exists: share of the best policy's mean reward{slack}")
    _print_nulls(
        found,
        "Where nothing can be earned: basis points a bar, the chance of that by luck, and costs in"
        " parts of changing sides in every bar",
    )
    for agent in found.agents:
        say(verdict(found, agent))


def print_skill(found: Diagnosis, title: str) -> None:
    """Prints the table of the markets where skill exists, if any was played."""
    from drltrade.cli.output import print_table

    several = found.seeds > 1
    rows = []
    for finding in found.findings:
        if finding.skill:
            fraction = "" if finding.fraction is None else f"{finding.fraction:.1%}"
            spread = [_range(finding.fractions)] if several else []
            rows.append(
                [_name(finding), fraction, *spread, f"{finding.mark:.0%}", *_effort(finding)]
            )
    if rows:
        spread = ["over seeds"] if several else []
        header = ["", "Share", *spread, "Needed", "Seconds", "Steps", ""]
        print_table(header, rows, title=title)


def _print_nulls(found: Diagnosis, title: str) -> None:
    from drltrade.cli.output import print_table

    rows = []
    for finding in found.findings:
        if not finding.skill:
            chance = "" if finding.p_value is None else f"{finding.p_value:.2f}"
            earned = f"{1e4 * finding.mean_reward:.3f}"
            costs = f"{finding.cost_share:.1%}"
            rows.append([_name(finding), earned, chance, costs, *_effort(finding)])
    if rows:
        header = ["", "Earned", "p-value", "Costs", "Seconds", "Steps", ""]
        print_table(header, rows, title=title)


def _name(finding: Finding) -> str:
    return f"{finding.agent} on {finding.market}"


def _effort(finding: Finding) -> list[str]:
    from drltrade.experiments.doctor.words import result_word

    return [f"{finding.seconds:.1f}", f"{finding.steps:,}", result_word(finding)]


def _range(fractions: tuple[float, ...]) -> str:
    return f"{min(fractions):.1%} to {max(fractions):.1%}" if fractions else ""

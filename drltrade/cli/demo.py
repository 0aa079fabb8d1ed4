"""`drltrade demo`: the whole of it in one command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drltrade.cli.options import Json, Out, Workers

if TYPE_CHECKING:
    from drltrade.experiments.doctor import Diagnosis

__all__ = ["demo", "opening"]

MARKET = "ar1_cost"
"""Where skill exists: the demo's first panel."""


def demo(out: Out = Path("runs"), workers: Workers = None, as_json: Json = False) -> None:
    """Train four agents where skill exists, then on real daily prices, and write a report.

    First a market whose best policy is known: what share of its reward the agents find. Then AAPL
    from the embedded sample: trained to 2009, validated on 2010, tested on 2011 to 2013 against
    baselines. Takes some minutes; the same command again shows the same results at once.

    For example:

      drltrade demo --out runs
    """
    from drltrade.cli.output import print_json
    from drltrade.cli.train import conduct, show_result
    from drltrade.experiments.experiment import summary
    from drltrade.experiments.plan import Choice, read_experiment
    from drltrade.plugins import builtin_workspace

    file = builtin_workspace() / "experiments" / "demo.yaml"
    content, _ = read_experiment(file)
    found = opening(content["agents"], out / content["name"] / "known-answers", workers)
    if not as_json:
        _show_opening(found)
    result = conduct(str(file), Choice(), out, workers)
    if as_json:
        print_json({"opening": found.to_dict(), **summary(result)})
    else:
        show_result(result, as_json)


def opening(agents: Sequence[Any], home: Path, workers: int | None) -> Diagnosis:
    """Trains agents on a market where skill exists; what is in the folder already is kept."""
    from drltrade.cli.progress import progress_view
    from drltrade.experiments.doctor import carry_out_visit, plan_visit
    from drltrade.experiments.doctor.examine import result_file

    visit = plan_visit(agents, markets=[MARKET], quick=True, home=home)
    waiting = [job for job in visit.jobs if not result_file(job).is_file()]
    with progress_view(waiting, len(visit.jobs)) as show:
        return carry_out_visit(visit, workers=workers, progress=show)


def _show_opening(found: Diagnosis) -> None:
    from drltrade.cli.doctor import print_skill
    from drltrade.cli.output import say
    from drltrade.experiments.doctor.words import complaint

    print_skill(
        found,
        "A made-up market where skill exists: share of what the best policy earns after costs",
    )
    for finding in found.findings:
        if not finding.passed:
            say(f"{finding.agent}: {complaint(finding)}")
    if found.passed:
        say("What there is to be found, these agents find. What they make of real prices:")
    say()

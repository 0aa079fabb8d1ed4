"""`drltrade report` and `drltrade compare`: what finished runs left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drltrade.cli.options import Json

__all__ = ["compare", "report"]


def report(
    run: Annotated[
        str,
        typer.Argument(help="A run: its folder, or its name below runs/.", show_default=False),
    ],
    as_json: Json = False,
) -> None:
    """Write a run's page afresh from its records.

    For example:

      drltrade report runs/demo
    """
    from drltrade.cli.output import print_json, say
    from drltrade.cli.tables import print_comparison
    from drltrade.experiments.reports import make_report
    from drltrade.experiments.results import find_run
    from drltrade.report.tables import comparison_table

    folder = find_run(run)
    made = make_report(folder)
    rows = comparison_table(made.entries)
    if as_json:
        evidence = None if made.evidence is None else made.evidence.plain
        told = {"verdict": made.verdict, "evidence": evidence, "report": str(made.page)}
        print_json({"run": str(folder), "table": rows, **told})
        return
    print_comparison(rows)
    for sentence in made.verdict:
        say(sentence)
    say()
    say(f"report: {made.page}")


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(help="Runs: folders, or names below runs/.", show_default=False),
    ],
    page: Annotated[
        Path | None,
        typer.Option(
            "--page", metavar="FILE", help="The page; compare.html beside the first run by default."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Put several runs into one table and onto one page, and say whether they differ.

    Runs of the same bars under the same costs are judged together: all their agents count as tried,
    and every pair of agents is tested, the p-values adjusted for the number of pairs.

    For example:

      drltrade compare runs/first runs/demo
    """
    from drltrade.cli.output import print_json, say, warn
    from drltrade.cli.tables import print_comparison
    from drltrade.experiments.compare import compare_reports
    from drltrade.experiments.results import find_run
    from drltrade.report.tables import comparison_table

    folders = [find_run(run) for run in runs]
    made = compare_reports(folders, page)
    rows = comparison_table(made.entries)
    if as_json:
        found = {"evidence": made.evidence, "contrasts": made.contrasts}
        print_json(
            {
                "runs": [str(folder) for folder in folders],
                "table": rows,
                "verdict": made.verdict,
                **{name: None if each is None else each.plain for name, each in found.items()},
                "warnings": made.warnings,
                "report": str(made.page),
            }
        )
        return
    print_comparison(rows, "Medians over seeds")
    for sentence in made.verdict:
        say(sentence)
    warn(made.warnings)
    say()
    say(f"report: {made.page}")

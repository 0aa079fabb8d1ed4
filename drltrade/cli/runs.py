"""`drltrade report` and `drltrade compare`: what finished runs left behind."""

from __future__ import annotations

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
    as_json: Json = False,
) -> None:
    """Put several runs into one table.

    For example:

      drltrade compare runs/first runs/demo
    """
    from drltrade.cli.output import print_json, warn
    from drltrade.cli.tables import print_comparison
    from drltrade.experiments.noting import note_runs
    from drltrade.experiments.results import compare_runs, find_run
    from drltrade.report.tables import comparison_table

    folders = [find_run(run) for run in runs]
    entries, warnings = compare_runs(folders)
    rows = comparison_table(entries)
    if as_json:
        names = [str(folder) for folder in folders]
        print_json({"runs": names, "table": rows, "warnings": warnings})
    else:
        print_comparison(rows, "Medians over seeds")
    warn([*warnings, *note_runs(folders)])

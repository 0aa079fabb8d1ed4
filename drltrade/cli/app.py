"""The table of commands."""

from __future__ import annotations

import typer

from drltrade.cli import (
    audit,
    backtest,
    bench,
    data,
    demo,
    doctor,
    lists,
    new,
    reproduce,
    runs,
    train,
)

__all__ = ["app"]

app = typer.Typer(
    name="drltrade",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Deep-reinforcement-learning trading research: train agents on historical prices and"
    " backtest them under one honest simulator.",
    epilog="Start with: drltrade demo. Every command explains itself: drltrade train --help.",
)

app.command("demo")(demo.demo)
app.command("new")(new.new)
app.command("train")(train.train)
app.command("backtest")(backtest.backtest)
app.command("report")(runs.report)
app.command("compare")(runs.compare)
app.command("list")(lists.list_)
app.add_typer(data.app, name="data")
app.command("audit")(audit.audit)
app.command("doctor")(doctor.doctor)
app.command("bench")(bench.bench)
app.command("reproduce")(reproduce.reproduce)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and leave."),
) -> None:
    if version:
        from drltrade.experiments.jobs import version as number

        print(f"drltrade {number()}")
    elif context.invoked_subcommand is None:
        print(context.get_help())

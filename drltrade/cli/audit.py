"""`drltrade audit`: whether anything knows the future."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drltrade.cli.options import (
    Data,
    End,
    Env,
    Json,
    Out,
    Sets,
    Start,
    Symbols,
    split_commas,
    whole,
)

if TYPE_CHECKING:
    from drltrade.backtest.findings import Finding
    from drltrade.experiments.audits import Audit

__all__ = ["audit"]


def audit(
    target: Annotated[
        str,
        typer.Argument(
            help="An env, a strategy, a reward or a feature by its name, a YAML file, path.py:Name,"
            " or a run folder.",
            show_default=False,
        ),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            help="What it is, where that cannot be told: env, feature, reward, strategy,"
            " experiment or run.",
        ),
    ] = None,
    env: Env = None,
    data: Data = None,
    symbols: Symbols = None,
    start: Start = None,
    end: End = None,
    sets: Sets = None,
    cuts: Annotated[
        int,
        typer.Option(
            "--cuts",
            parser=whole("--cuts"),
            metavar="N",
            help="Bars over the clock after which the future is changed.",
        ),
    ] = 5,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="What cuts and garbage are drawn from.")
    ] = 0,
    out: Out = Path("runs"),
    as_json: Json = False,
) -> int:
    """Change the future of the data and show that nothing before it moves.

    After several bars the future is made ten times as large, replaced by garbage and taken away;
    features, observations, orders, fills, rewards and equity up to that bar must stay the same to
    the last bit. What leaks is named, with what it looks like, how far it saw and the fix. Scaler,
    splits, warm-up, survivors, fills, halts, order sizes, margin, prices and costs are reported
    too. What peeks on few bars only is found with more --cuts. Leaves with 1 if anything leaks.

    For example:

      drltrade audit aapl-daily

      drltrade audit agents/breakout.py:Breakout --symbols MSFT

      drltrade audit features.py:trend --data prices.csv --json

      drltrade audit runs/first
    """
    from drltrade.cli.output import print_json
    from drltrade.experiments.audits import audit_target
    from drltrade.experiments.plan import Choice

    choice = Choice(
        data=data,
        symbols=split_commas(symbols),
        start=start,
        end=end,
        sets=tuple(sets or ()),
    )
    found = audit_target(target, kind=kind, env=env, choice=choice, out=out, cuts=cuts, seed=seed)
    if as_json:
        print_json(found.to_dict())
    else:
        _show(found)
    return 0 if found.passed else 1


def _show(found: Audit) -> None:
    from drltrade.cli.output import say

    for finding in found.findings:
        say(_line(finding))
    say()
    bad = sum(finding.bad for finding in found.findings)
    warned = sum(finding.level == "warning" for finding in found.findings)
    verdict = "passed" if found.passed else f"NOT passed: {bad} to mend"
    say(f"{found.kind} {found.target}: {verdict}, {warned} warning{'s' if warned != 1 else ''}.")
    for line in _how(found.checked, found.skipped):
        say(line)


def _line(finding: Finding) -> str:
    fix = f" Fix: {finding.fix}" if finding.fix else ""
    level = "FAILED" if finding.level == "failed" else finding.level
    return f"{level:8}{finding.check + ':':14}{finding.message}{fix}"


def _how(checked: Mapping[str, Any], skipped: list[str]) -> list[str]:
    cuts = checked["cuts"]
    shown = ", ".join(cuts[:12]) + (", ..." if len(cuts) > 12 else "")
    symbols = ", ".join(checked["symbols"][:5]) + (", ..." if len(checked["symbols"]) > 5 else "")
    changes = "; ".join(f"{name}: {about}" for name, about in checked["changes"].items())
    return [
        f"how: {checked['data']} ({symbols}), {checked['bars']:,} bars {checked['start']} .."
        f" {checked['end']}; what lies after {shown} was changed ({changes}), seed"
        f" {checked['seed']}, and every bar before compared bit for bit, in"
        f" {checked['seconds']:g} s.",
        *(f"not checked: {sentence}" for sentence in skipped),
    ]

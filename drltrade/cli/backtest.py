"""`drltrade backtest`: a policy or a strategy on historical bars."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drltrade.cli.options import Data, End, Env, Json, Sets, Start, Symbols, split_commas

if TYPE_CHECKING:
    from drltrade.experiments.backtests import Judged

__all__ = ["backtest"]

_REFERENCE = "buy_and_hold"


def backtest(
    target: Annotated[
        str,
        typer.Argument(
            help="A strategy, hindsight, path.py:Name, a run folder, mean:RUN or rotate:RUN.",
            show_default=False,
        ),
    ],
    env: Env = None,
    data: Data = None,
    symbols: Symbols = None,
    start: Start = None,
    end: End = None,
    sets: Sets = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="A folder for the page, the equity and the trades."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Roll a strategy or a trained policy through historical bars, once, under honest costs.

    A strategy runs on the embedded sample unless --env or --data say otherwise; a policy on the
    test interval of its own experiment. Of an experiment's folder the policy with the best
    validation score is taken; `mean:RUN` and `rotate:RUN` let all of its policies act together, by
    the mean of their targets or each quarter by whichever had the best Sharpe ratio over the last
    (--set ensemble.every and ensemble.look, in bars). RUN may be a pattern, or several runs after
    commas. `drltrade list strategies` names the strategies. Beside the figures
    stands the share of what perfect foresight would have earned; `hindsight` is that account itself
    where it is known.

    For example:

      drltrade backtest sma_cross --symbols MSFT --start 2005-01-01

      drltrade backtest runs/first --set env.costs.commission.rate=0.001 --json

      drltrade backtest "mean:runs/first/ppo-*"

      drltrade backtest agents/breakout.py:Breakout --data prices.csv --out page
    """
    from drltrade.cli.output import note, print_json, warn
    from drltrade.experiments.backtests import backtest_target, save_backtest
    from drltrade.experiments.plan import Choice

    choice = Choice(
        data=data,
        symbols=split_commas(symbols),
        start=start,
        end=end,
        sets=tuple(sets or ()),
    )
    judged = backtest_target(target, env=env, choice=choice)
    if judged.note:
        note(judged.note)
    page = None if out is None else save_backtest(judged, out)
    if as_json:
        from drltrade.backtest.files import payload

        print_json(payload(judged.record))
        warn(judged.record.warnings)
    else:
        _show(judged, page)


def _show(judged: Judged, page: Path | None) -> None:
    from drltrade.backtest.files import payload, stamp_text
    from drltrade.backtest.metrics import METRICS, compute_metrics
    from drltrade.cli.output import print_table, say, warn
    from drltrade.experiments.backtests import run_strategy
    from drltrade.report.entry import Entry
    from drltrade.report.hindsight import hindsight_notes
    from drltrade.report.words import figure, money

    record = judged.record
    shown = [record]
    if record.name != _REFERENCE:
        shown.append(run_strategy(_REFERENCE, judged.game))
    columns = {each.label: compute_metrics(each) for each in shown}
    rows = [
        [metric.label, *(figure(name, values[name]) for values in columns.values())]
        for name, metric in METRICS.items()
    ]
    span = f"{stamp_text(record.stamps[0])} .. {stamp_text(record.stamps[-1])}"
    symbols = ", ".join(record.symbols[:8]) + (", ..." if len(record.symbols) > 8 else "")
    title = f"{record.label} on {symbols}, {span} ({len(record.stamps):,} bars)"
    print_table(["", *columns], rows, title=title)
    content = payload(record)
    say(f"final equity {money(content['final_equity'])} of {money(content['start_equity'])}")
    for sentence in hindsight_notes([Entry(each.label, (each,)) for each in shown]):
        say(sentence)
    say(_assumed(content["assumptions"]))
    warn([*record.warnings, *content["assumptions"]["data_notes"]])
    say()
    if page is None:
        say("Nothing was written; --out DIR keeps the page, the equity and the trades.")
    else:
        say(f"report: {page}")
        say(f"tables: {page.parent}")


def _assumed(assumptions: Mapping[str, Any]) -> str:
    from drltrade.report.honesty import further_rules

    further = further_rules(assumptions)
    commission, slippage = (assumptions[f"{name}_rate"] for name in ("commission", "slippage"))
    return (
        f"fill {assumptions['fill']}, commission {commission:.4%}, slippage {slippage:.4%} a side,"
        f" {assumptions['periods_per_year']:g} bars a year" + (f"; {further}" if further else "")
    )

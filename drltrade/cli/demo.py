"""`drltrade demo`: the whole of it in one command."""

from __future__ import annotations

from pathlib import Path

from drltrade.cli.options import Json, Out, Workers

__all__ = ["demo"]


def demo(out: Out = Path("runs"), workers: Workers = None, as_json: Json = False) -> None:
    """Train four agents on real daily prices, backtest them against baselines, write a report.

    AAPL from the embedded sample: trained to 2009, validated on 2010, tested on 2011 to 2013.
    Takes some minutes; the same command again shows the same results at once.

    For example:

      drltrade demo --out runs
    """
    from drltrade.cli.train import conduct, show_result
    from drltrade.experiments.plan import Choice
    from drltrade.plugins import builtin_workspace

    file = builtin_workspace() / "experiments" / "demo.yaml"
    show_result(conduct(str(file), Choice(), out, workers), as_json)

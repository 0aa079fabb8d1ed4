"""`drltrade bench`: how fast this machine does it."""

from __future__ import annotations

from drltrade.cli.options import Json

__all__ = ["bench"]


def bench(as_json: Json = False) -> None:
    """Measure the engine, the environments and the backtester on this machine.

    For example:

      drltrade bench --json
    """
    from drltrade.cli.output import print_json, print_table
    from drltrade.experiments.bench import run_bench

    result = run_bench()
    if as_json:
        print_json(result)
        return
    for name, figures in result.items():
        rows = [
            [key, f"{value:,.4g}" if isinstance(value, float) else str(value)]
            for key, value in figures.items()
        ]
        print_table([name, ""], rows)

"""`drltrade bench`: how fast this machine does it."""

from __future__ import annotations

from drltrade.cli.options import Json

__all__ = ["bench"]


def bench(as_json: Json = False) -> None:
    """Measure the engine, the environments and the backtester on this machine.

    For example:

      drltrade bench --json
    """
    from drltrade.cli.output import note, print_json, print_table
    from drltrade.experiments.bench import run_bench

    result = run_bench(lambda what: note(f"measuring {what}"))
    if as_json:
        print_json(result)
        return
    for name, figures in result.items():
        print_table([name, ""], [[key, _figure(value)] for key, value in figures.items()])


def _figure(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

"""Flags that several commands share, each described once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Data",
    "End",
    "Env",
    "Json",
    "Out",
    "Sets",
    "Start",
    "Symbols",
    "Workers",
    "split_commas",
]

_PRICES = "Prices"

Env = Annotated[
    str | None,
    typer.Option("--env", help="An environment: a name or file in envs/.", rich_help_panel=_PRICES),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data", help="Prices: a CSV or parquet file, or 'sample'.", rich_help_panel=_PRICES
    ),
]
Symbols = Annotated[
    str | None,
    typer.Option(
        "--symbols", help="Which symbols of the data, as AAPL,MSFT.", rich_help_panel=_PRICES
    ),
]
Start = Annotated[
    str | None,
    typer.Option("--start", help="First date, as 2010-01-31.", rich_help_panel=_PRICES),
]
End = Annotated[
    str | None,
    typer.Option("--end", help="Last date, inclusive.", rich_help_panel=_PRICES),
]
Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override one setting, as env.costs.commission.rate=0.001. May be repeated.",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")
]
Out = Annotated[Path, typer.Option("--out", help="The folder that holds the run folders.")]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Jobs that run at once; one a core by default."),
]


def split_commas(text: str | None) -> tuple[str, ...]:
    """Reads `AAPL,MSFT` as its parts, in order and without blanks."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())

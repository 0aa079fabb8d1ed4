"""Flags that several commands share, each described once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from drltrade.errors import UsageError

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
    "whole",
]

_PRICES = "Prices"


def whole(flag: str) -> Callable[[str], int]:
    """Returns a reader of whole numbers from 1, such as 3, 200_000 or 2e5."""

    def read(text: str) -> int:
        try:
            number = float(text)
        except ValueError:
            number = 0.0
        if not (number.is_integer() and 1 <= number < 1e15):
            raise UsageError(f"{flag} is '{text}'; it must be a whole number from 1.")
        return int(number)

    return read


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
    typer.Option(
        "--workers",
        parser=whole("--workers"),
        metavar="N",
        help="Jobs that run at once; one a core by default.",
    ),
]


def split_commas(text: str | None) -> tuple[str, ...]:
    """Reads `AAPL,MSFT` as its parts, in order and without blanks."""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())

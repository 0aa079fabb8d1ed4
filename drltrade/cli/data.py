"""`drltrade data`: prices fetched and prices checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drltrade.cli.options import Json

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Fetch prices, or check a file of them.")


@app.command("check")
def check(
    file: Annotated[
        Path, typer.Argument(help="A CSV or parquet file, or sample.", show_default=False)
    ],
    timezone: Annotated[
        str | None,
        typer.Option("--timezone", help="The zone of intraday stamps that carry none."),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Read prices as traded, with splits and dividends.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read a file of prices and say all that is wrong with it, and what it holds.

    Exit code 0 says that it can be used, 1 that it cannot.

    For example:

      drltrade data check prices.csv
    """
    from drltrade.cli.output import print_json, say
    from drltrade.data import check_file
    from drltrade.data.sources import find_data

    # A folder is checked file by file; the sample is no file.
    paths = ["sample"] if str(file) == "sample" else find_data(str(file), ())
    reports = [check_file(path, timezone=timezone, raw=raw) for path in paths]
    ok = all(report.ok for report in reports)
    if as_json:
        told = [report.to_dict() for report in reports]
        print_json({"ok": ok, "files": told} if len(told) > 1 else told[0])
    else:
        say("\n\n".join(str(report) for report in reports))
    if not ok:
        raise typer.Exit(1)


@app.command("fetch")
def fetch(
    symbols: Annotated[list[str], typer.Argument(help="Tickers.", show_default=False)],
    start: Annotated[str, typer.Option("--start", help="First date, as 2010-01-01.")],
    end: Annotated[str | None, typer.Option("--end", help="Last date; today by default.")] = None,
    cache: Annotated[Path, typer.Option("--cache", help="Where prices are kept.")] = Path(
        "data/cache"
    ),
    raw: Annotated[
        bool,
        typer.Option("--raw", help="Prices as traded, with split and dividend columns."),
    ] = False,
) -> None:
    """Download daily prices from Yahoo; a second call answers from the cache, offline.

    Prices are adjusted for splits and dividends unless --raw is given.

    For example:

      drltrade data fetch AAPL MSFT --start 2010-01-01
    """
    from drltrade.cli.output import note, say
    from drltrade.data.fetch import fetch as download

    path = download(symbols, start, end, cache=cache, progress=note, raw=raw)
    say(f"prices: {path}")
    if raw:
        say(f"Next: in an environment, data: {{source: {path}, prices: raw}}")
    else:
        say(f"Next: drltrade backtest buy_and_hold --data {path}")

"""The `data:` part of a settings file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import field_validator, model_validator

from drltrade.config import Settings
from drltrade.data.dates import read_stamp
from drltrade.errors import UsageError

if TYPE_CHECKING:
    from drltrade.data.market import Market

__all__ = ["DataSettings", "load"]


class DataSettings(Settings):
    """Which prices to use; `data: sample` and `data: data/prices.csv` are short forms."""

    source: str | list[str] = "sample"
    """`sample`, a CSV or parquet file, a folder of them, or a list of files."""
    symbols: list[str] | None = None
    """Which assets, in this order; all of a file, AAPL alone of the sample, where left out."""
    each: bool = False
    """Every symbol is a market of its own, one after another: one agent learns on all of them."""
    start: str | None = None
    """First date or stamp, inclusive; UTC unless it carries an offset."""
    end: str | None = None
    """Last date or stamp, inclusive."""
    timezone: str | None = None
    """The zone of intraday stamps that carry none, and of time-of-day features."""
    periods_per_year: float | None = None
    """Bars a year, where the clock's own answer is not wanted."""
    prices: Literal["adjusted", "raw"] = "adjusted"
    """`raw`: prices as traded; splits and dividends are columns, which the ledger pays out."""
    align: Literal["common", "all"] = "common"
    """`all`: keep the bars that some symbols lack; there these are untradable, and after their own
    last bar delisted. `common`: leave such bars out."""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, content: Any) -> Any:
        if isinstance(content, (str, Path)):
            return {"source": str(content)}
        if isinstance(content, list):
            return {"source": content}
        return content

    @field_validator("symbols", mode="before")
    @classmethod
    def _one_symbol(cls, symbols: Any) -> Any:
        if isinstance(symbols, str):
            return symbols.replace(",", " ").split()
        return list(symbols) if isinstance(symbols, tuple) else symbols

    @field_validator("start", "end", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        # YAML reads 2010-01-01 as a date and 2010 as a number.
        if isinstance(value, date):
            value = value.isoformat()
        elif isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str):
            try:
                read_stamp(value)
            except UsageError as error:
                raise ValueError(str(error)) from error
        return value

    @model_validator(mode="after")
    def _in_order(self) -> DataSettings:
        if self.start and self.end and read_stamp(self.start) > read_stamp(self.end, last=True):
            raise ValueError(f"start {self.start} is after end {self.end}")
        if self.periods_per_year is not None and not 0 < self.periods_per_year < float("inf"):
            raise ValueError(f"periods_per_year must be above 0, not {self.periods_per_year}")
        return self


def load(settings: DataSettings, roots: Sequence[Path] = ()) -> Market:
    """Loads the Market that settings describe.

    Args:
        settings: the `data:` part of an environment.
        roots: folders in which files are looked up after the current one.

    Raises:
        DataError: the data cannot be used as they are.
        UsageError: a file, a symbol or an interval does not exist.
    """
    from drltrade.data.sources import load_market

    market = load_market(
        settings.source,
        settings.symbols,
        start=settings.start,
        end=settings.end,
        roots=roots,
        timezone=settings.timezone,
        periods_per_year=settings.periods_per_year,
        prices=settings.prices,
        align=settings.align,
    )
    return market.each() if settings.each else market

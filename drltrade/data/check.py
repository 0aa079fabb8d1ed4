"""Says everything that is wrong or odd about one price file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drltrade.data.clock import bar_seconds
from drltrade.data.dates import show
from drltrade.data.files import read_table
from drltrade.data.findings import Findings
from drltrade.data.market import Market
from drltrade.data.series import Series, read_series
from drltrade.data.sources import choose, find_data, sample_table, to_market
from drltrade.data.suspects import find_suspects
from drltrade.data.vetting import vet
from drltrade.errors import DataError

__all__ = ["CheckReport", "SymbolReport", "check_file"]


@dataclass(frozen=True)
class SymbolReport:
    """What one asset's rows look like.

    Attributes:
        symbol: its name.
        rows: how many bars it has.
        start: its first stamp, UTC.
        end: its last stamp, UTC.
        gaps: steps over four days and over five times the usual one.
        longest_gap_days: the longest step between two bars, in days.
        suspects: bars that look like a bad tick or an unadjusted split.
        zero_volume: bars on which nothing traded.
    """

    symbol: str
    rows: int
    start: str
    end: str
    gaps: int
    longest_gap_days: float
    suspects: int
    zero_volume: int


@dataclass(frozen=True)
class CheckReport:
    """The answer of `check_file`.

    Attributes:
        path: the file.
        errors: what makes it unusable, one sentence each; empty for a good file.
        warnings: what is only suspicious.
        notes: what loading would adjust or leave out.
        rows: rows in the file that hold something.
        symbols: one report an asset.
        columns: what every asset has: close, open, volume, further columns.
        bars: bars that all symbols share, as a Market would have; 0 where there are errors.
        periods_per_year: bars a year by the file's clock; NaN where there are errors.
        fingerprint: the Market's fingerprint; empty where there are errors.
    """

    path: str
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()
    rows: int = 0
    symbols: tuple[SymbolReport, ...] = ()
    columns: tuple[str, ...] = ()
    bars: int = 0
    periods_per_year: float = float("nan")
    fingerprint: str = ""

    @property
    def ok(self) -> bool:
        """Whether the file can be used."""
        return not self.errors

    def __str__(self) -> str:
        """Tells the report in lines for a terminal."""
        lines = [f"{self.path}: {'can be used' if self.ok else 'cannot be used'}"]
        lines += [f"  error: {sentence}" for sentence in self.errors]
        lines += [f"  warning: {sentence}" for sentence in self.warnings]
        lines += [f"  note: {sentence}" for sentence in self.notes]
        for one in self.symbols:
            lines.append(
                f"  {one.symbol}: {one.rows} bars, {one.start} to {one.end}; gaps {one.gaps} "
                f"(longest {one.longest_gap_days:.1f} days), suspects {one.suspects}, "
                f"bars without volume {one.zero_volume}"
            )
        if self.ok:
            lines.append(
                f"  {self.bars} common bars with {', '.join(self.columns)}; "
                f"{self.periods_per_year:g} bars a year"
            )
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as plain data; NaN becomes None."""
        content = asdict(self) | {"ok": self.ok}
        if np.isnan(self.periods_per_year):
            content["periods_per_year"] = None
        return content


def check_file(path: str | Path, *, timezone: str | None = None, raw: bool = False) -> CheckReport:
    """Checks one CSV or parquet file and lists all its faults at once.

    Args:
        path: the file, or "sample".
        timezone: the zone of intraday stamps that carry none.
        raw: whether to read it as prices as traded, with splits and dividends as columns.

    Returns:
        The report; a bad file is an answer here, not an exception.

    Raises:
        UsageError: the file does not exist, or the sample is asked for raw prices.
    """
    embedded = sample_table(raw) if str(path) == "sample" else None
    found = [] if embedded else find_data(path, ())
    findings = Findings(strict=False)
    rows, series, market = 0, [], None
    try:
        table = embedded or read_table(found[0])
        rows = len(table.frame)
        series = [vet(part, findings, raw) for part in read_series(table, timezone, findings, raw)]
        if not findings.errors:
            series = choose(series, (), table.stem)
            market = to_market(series, findings, table.stem, timezone, None, raw)
    except DataError as error:
        findings.errors.append(str(error))
    return CheckReport(
        path=str(path),
        errors=tuple(findings.errors),
        warnings=tuple(findings.warnings),
        notes=tuple(findings.notes),
        rows=rows,
        symbols=tuple(_describe(part, not findings.errors) for part in series),
        columns=_columns(series),
        **_answer(market),
    )


def _answer(market: Market | None) -> dict[str, Any]:
    if market is None:
        return {}
    return {
        "bars": market.bars,
        "periods_per_year": market.periods_per_year,
        "fingerprint": market.fingerprint,
    }


def _columns(series: list[Series]) -> tuple[str, ...]:
    names = dict.fromkeys(name for part in series for name in (*part.fields, *part.extras))
    return tuple(names)


def _describe(series: Series, fine: bool) -> SymbolReport:
    steps = np.abs(np.diff(series.stamps).astype(np.int64)) / 86_400e9
    usual = bar_seconds(series.stamps, np.zeros(len(series.stamps), np.int64)) / 86_400
    prices = [series.fields[name] for name in ("close", "open") if name in series.fields]
    volume = series.fields.get("volume", np.ones(1))
    return SymbolReport(
        symbol=series.symbol,
        rows=len(series.stamps),
        start=show(series.stamps.min()),
        end=show(series.stamps.max()),
        gaps=int(((steps > 4) & (steps > 5 * usual)).sum()),
        longest_gap_days=float(steps.max(initial=0.0)),
        suspects=len(find_suspects(*prices)) if fine else 0,
        zero_volume=int((volume == 0).sum()),
    )

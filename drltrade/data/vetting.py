"""Checks and adjusts the series of one asset, naming the row of every fault."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drltrade.data.adjust import adjust, widen
from drltrade.data.dates import show
from drltrade.data.files import shown
from drltrade.data.findings import Findings
from drltrade.data.reserved import fill_blanks, find_column_faults
from drltrade.data.rules import PRICES, Fault, find_faults
from drltrade.data.series import Series
from drltrade.data.suspects import find_suspects

__all__ = ["vet"]

_SUSPICIONS = {
    "tick": "one bar far from both neighbours; a bad tick, or a split on one row?",
    "jump": "a split or a change of unit that was not adjusted?",
    "split": "that matches a split; are the prices adjusted?",
}


_RAW_SPLIT = "that matches a split; is it in the column split, and are the prices as traded?"


def vet(series: Series, findings: Findings, raw: bool = False) -> Series:
    """Checks the order, the prices and the volumes of one asset and adjusts them.

    Where the table has an adjusted close beside the close, every price is adjusted by the factor
    between the two, unless prices are to stay raw. High and low may miss open and close by rounding
    alone.

    Args:
        series: the asset.
        findings: where errors, warnings and notes go.
        raw: whether prices are as traded.

    Raises:
        DataError: something is wrong and findings are strict.
    """
    if not _check_order(series, findings):
        return series
    fields = dict(series.fields)
    extras = fill_blanks(series.extras, raw)
    adjusted = fields.pop("adjusted", None)
    if raw and adjusted is not None:
        adjusted = None
        if not _keeps_close(series, findings):
            return series
    if adjusted is not None and "close" not in fields:
        fields["close"] = adjusted
        adjusted = None
    if adjusted is not None and _check(series, {"close": adjusted}, "adjusted close", findings):
        if not _check(series, fields, "close", findings):
            return series
        fields, splits = adjust(fields, adjusted)
        if not np.array_equal(adjusted, series.fields["close"]):
            shares = f", volume by the {splits} splits in it" if splits else ""
            findings.notes.append(f"{series.symbol}: prices are adjusted by Adj Close{shares}.")
    if _check(series, fields, "close", findings):
        fields, moved = widen(fields)
        if moved:
            sentence = f"{series.symbol}: high or low of {moved} bars was off by rounding."
            findings.notes.append(sentence)
        if _check_columns(series, extras, findings, raw):
            _suspect(series, fields, findings, extras.get("split") if raw else None)
    return replace(series, fields=fields, extras=extras)


def _keeps_close(series: Series, findings: Findings) -> bool:
    if "close" in series.fields:
        findings.notes.append(f"{series.symbol}: prices are as traded; Adj Close is not used.")
        return True
    findings.error(
        f"{series.table.label} has adjusted closes alone, but prices: raw needs those that "
        "were traded. Add a column named close, or leave prices: raw out."
    )
    return False


def _check_order(series: Series, findings: Findings) -> bool:
    steps = np.diff(series.stamps).astype(np.int64)
    if (steps > 0).all():
        return True
    row = int(np.flatnonzero(steps <= 0)[0]) + 1
    where, stamp = series.table.where(int(series.rows[row])), show(series.stamps[row])
    before = series.table.lines[series.rows[row - 1]]
    if steps[row - 1] == 0:
        rest = f"stands twice for {shown(series.symbol)}, first in {series.table.unit} {before}. "
        findings.error(f"{where}: the stamp {stamp} {rest}Keep one row of each stamp.")
    elif (steps < 0).all():
        findings.error(f"{where}: the stamps run from new to old. Reverse the rows.")
    else:
        rest = f"of {shown(series.symbol)} follows {show(series.stamps[row - 1])}. "
        findings.error(f"{where}: the stamp {stamp} {rest}Sort the rows by time, oldest first.")
    return False


def _check(series: Series, fields: dict[str, np.ndarray], close: str, findings: Findings) -> bool:
    empty = np.full((len(series.rows), 1), np.nan)
    tables = [fields[n][:, None] if n in fields else empty for n in (*PRICES, "volume")]
    return _report(series, find_faults(*tables), close, findings)


def _check_columns(
    series: Series, extras: dict[str, np.ndarray], findings: Findings, raw: bool
) -> bool:
    tables = {name: values[:, None] for name, values in extras.items()}
    return _report(series, find_column_faults(tables, raw), "close", findings)


def _report(series: Series, faults: list[Fault], close: str, findings: Findings) -> bool:
    for fault in faults:
        where = series.table.where(int(series.rows[fault.bar]))
        name = close if fault.column == "close" else fault.column
        value = "missing" if np.isnan(fault.value) else f"{fault.value:g}, {fault.problem}"
        more = f" ({fault.count} such rows)" if fault.count > 1 else ""
        findings.error(f"{where}: {name} of {shown(series.symbol)} is {value}{more}. {fault.fix}")
    return not faults


def _suspect(
    series: Series,
    fields: dict[str, np.ndarray],
    findings: Findings,
    split: np.ndarray | None,
) -> None:
    shares = 1.0 if split is None else np.cumprod(split)  # a split that is told is no surprise
    opens = fields["open"] * shares if "open" in fields else None
    suspects = find_suspects(fields["close"] * shares, opens)
    for kind, what in _SUSPICIONS.items():
        found = [suspect for suspect in suspects if suspect.kind == kind]
        if found:
            first = found[0]
            where = series.table.where(int(series.rows[first.bar]))
            more = f" ({len(found)} such bars)" if len(found) > 1 else ""
            day = show(series.stamps[first.bar])
            asked = _RAW_SPLIT if kind == "split" and split is not None else what
            findings.warnings.append(
                f"{where}: the close of {shown(series.symbol)} on {day} is "
                f"{first.ratio:.4g} times the one before{more}: {asked}"
            )

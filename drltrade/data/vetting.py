"""Checks and adjusts the series of one asset, naming the row of every fault."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drltrade.data.adjust import adjust, widen
from drltrade.data.dates import show
from drltrade.data.files import shown
from drltrade.data.findings import Findings
from drltrade.data.rules import PRICES, find_faults
from drltrade.data.series import Series
from drltrade.data.suspects import find_suspects

__all__ = ["vet"]

_SUSPICIONS = {
    "tick": "one bar far from both neighbours; a bad tick, or a split on one row?",
    "jump": "a split or a change of unit that was not adjusted?",
    "split": "that matches a split; are the prices adjusted?",
}


def vet(series: Series, findings: Findings) -> Series:
    """Checks the order, the prices and the volumes of one asset and adjusts them.

    Where the table has an adjusted close beside the close, every price is adjusted by the factor
    between the two. High and low may miss open and close by rounding alone.

    Raises:
        DataError: something is wrong and findings are strict.
    """
    if not _check_order(series, findings):
        return series
    fields = dict(series.fields)
    adjusted = fields.pop("adjusted", None)
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
        _suspect(series, fields, findings)
    return replace(series, fields=fields)


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
    faults = find_faults(*tables)
    for fault in faults:
        where = series.table.where(int(series.rows[fault.bar]))
        name = close if fault.column == "close" else fault.column
        value = "missing" if np.isnan(fault.value) else f"{fault.value:g}, {fault.problem}"
        more = f" ({fault.count} such rows)" if fault.count > 1 else ""
        findings.error(f"{where}: {name} of {shown(series.symbol)} is {value}{more}. {fault.fix}")
    return not faults


def _suspect(series: Series, fields: dict[str, np.ndarray], findings: Findings) -> None:
    suspects = find_suspects(fields["close"], fields.get("open"))
    for kind, what in _SUSPICIONS.items():
        found = [suspect for suspect in suspects if suspect.kind == kind]
        if found:
            first = found[0]
            where = series.table.where(int(series.rows[first.bar]))
            more = f" ({len(found)} such bars)" if len(found) > 1 else ""
            day = show(series.stamps[first.bar])
            findings.warnings.append(
                f"{where}: the close of {shown(series.symbol)} on {day} is "
                f"{first.ratio:.4g} times the one before{more}: {what}"
            )

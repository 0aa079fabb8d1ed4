"""Shows that nothing at or before a bar moves when the bars after it change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.leaks import Event, Subject, Watched, recognise, watch
from drltrade.backtest.worlds import Cuts, elsewhere
from drltrade.data import Market
from drltrade.data.dates import show
from drltrade.errors import DrltradeError

__all__ = ["Finding", "Level", "Watch", "audit_columns", "audit_targets", "foresight"]

Floats = NDArray[np.float64]
Level = Literal["ok", "warning", "LEAK", "failed"]

_KNOWS = 0.3
"""Correlation with the next bar's return above which a column is suspected of knowing it."""
_SURE = 8.0
"""How many standard errors from none that correlation must lie."""


@dataclass(frozen=True)
class Finding:
    """One answer of an audit.

    Attributes:
        check: what was checked, such as "features" or "equity".
        level: "ok", "warning", "LEAK", or "failed" where nothing could be shown.
        message: what and where, in a sentence or two.
        fix: what to do about it; empty where all is well.
        details: further figures, as plain values for JSON.
    """

    check: str
    level: Level
    message: str
    fix: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bad(self) -> bool:
        """Whether an audit with this finding has not been passed."""
        return self.level in ("LEAK", "failed")

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON content."""
        fix = {"fix": self.fix} if self.fix else {}
        return {"check": self.check, "level": self.level, "message": self.message, **fix} | dict(
            self.details
        )


@dataclass(frozen=True, eq=False)
class Watch:
    """The data of an audit and where their future begins.

    Attributes:
        market: the data as they are.
        cuts: the last bars that are left alone.
        seed: what garbage is drawn from.
    """

    market: Market
    cuts: Cuts
    seed: int

    def at(self, bar: int) -> str:
        """Names a bar by its stamp and index."""
        return f"{show(self.market.stamps[bar])} (bar {bar:,})"


def audit_columns(
    subjects: Sequence[Subject], names: Sequence[Sequence[str]], world: Watch
) -> tuple[list[Finding], list[int]]:
    """Audits features: every column of every subject, on every changed Market.

    Args:
        subjects: what computes the columns, with nothing in between that would refuse them.
        names: for each subject the names of its K columns.
        world: the data and the cuts.

    Returns:
        The findings, and which subjects leak or cannot be checked.
    """
    findings: list[Finding] = []
    leaking: list[int] = []
    watched = watch(subjects, world.market, world.cuts, world.seed)
    for at, (subject, seen) in enumerate(zip(subjects, watched, strict=True)):
        found = [
            _column_finding(subject, seen, column, name, world)
            for column, name in enumerate(names[at])
        ]
        answers = [item for item in found if item is not None]
        findings += answers
        if any(item.bad for item in answers):
            leaking.append(at)
            continue
        for column, name in enumerate(names[at]):
            findings += _suspicion(f"The feature '{name}'", seen.base[:, :, column], world, False)
    clean = [name for at, group in enumerate(names) if at not in leaking for name in group]
    if clean:
        count = min(seen.worlds for at, seen in enumerate(watched) if at not in leaking)
        findings.append(
            Finding(
                "features", "ok", f"{', '.join(clean)}: no value moved in {count} changed futures."
            )
        )
    return findings, leaking


def _column_finding(
    subject: Subject, seen: Watched, column: int, name: str, world: Watch
) -> Finding | None:
    what = f"The feature '{name}'"
    if not seen.repeats or not seen.worlds:
        return _unshown("features", what, seen, name)
    events = [event for event in seen.events if event.column == column]
    large = [event for event in events if not event.small]
    if large:
        return _leak("features", what, name, subject, seen, large, world)
    if events:
        return _rounding("features", what, name, events[0], world)
    return None


def audit_targets(subject: Subject, world: Watch, first: int) -> list[Finding]:
    """Audits a strategy's target weights for all bars at once.

    Args:
        subject: its name, and Market -> [T, N, 1] weights.
        world: the data and the cuts.
        first: the bar of its first decision.
    """
    (seen,) = watch([subject], world.market, world.cuts, world.seed)
    what = f"The strategy '{subject.name}'"
    if not seen.repeats or not seen.worlds:
        return [_unshown("targets", what, seen, subject.name)]
    large = [event for event in seen.events if not event.small]
    if large:
        return [_leak("targets", what, subject.name, subject, seen, large, world)]
    if seen.events:
        return [_rounding("targets", what, subject.name, seen.events[0], world)]
    try:
        other = np.asarray(subject.compute(elsewhere(world.market, world.seed)), np.float64)
        blind = other.shape == seen.base.shape and np.array_equal(other, seen.base, equal_nan=True)
    except DrltradeError:
        blind = False
    found = _suspicion(what, _held(seen.base[:, :, 0]), world, blind, first)
    if any(item.bad for item in found):
        return found
    message = f"No weight of '{subject.name}' moved in {seen.worlds} changed futures."
    return [*found, Finding("targets", "ok", message)]


def foresight(
    what: str, values: Floats, market: Market, *, blind: bool, check: str = "foresight"
) -> list[Finding]:
    """Suspects values of knowing the next bar's return, wherever they have it from.

    A file that a plug-in reads by itself, or a column that was stamped in hindsight, does not
    change with the Market; only what it knows gives it away.

    Args:
        what: whose values, at the start of a sentence.
        values: [T, N]; row t is what was known or held after bar t, NaN is nothing.
        market: the data.
        blind: whether the values stay the same on altogether different data.
        check: the check that is answered.
    """
    rises = np.full(market.close.shape, np.nan)
    rises[:-1] = np.log(market.close[1:] / market.close[:-1])
    rises[:-1][np.diff(market.segment) != 0] = np.nan
    for asset in range(market.assets):
        known = np.isfinite(values[:, asset]) & np.isfinite(rises[:, asset])
        one, two = values[known, asset], rises[known, asset]
        if known.sum() < 50 or np.ptp(one) == 0 or np.ptp(two) == 0:
            continue
        correlation = float(np.corrcoef(one, two)[0, 1])
        if abs(correlation) < max(_KNOWS, _SURE / np.sqrt(known.sum())):
            continue
        told = (
            f"{what} correlates with the next bar's return of {market.symbols[asset]} at"
            f" {correlation:.2f} over {int(known.sum()):,} bars"
        )
        details = {"correlation": correlation, "symbol": market.symbols[asset]}
        if blind:
            return [
                Finding(
                    check, "LEAK",
                    f"{told} and does not change with the data that it is given: it reads tomorrow"
                    " from somewhere else.",
                    "Take prices from the market or the view that is passed in, from nowhere else.",
                    {**details, "looks_like": "reads tomorrow", "ahead": 1},
                )
            ]  # fmt: skip
        return [
            Finding(
                check, "warning",
                f"{told}: on real prices that is too good to be true.",
                "See whether it reads a file of its own, or a column that was stamped in hindsight"
                " (lag: 1 makes it known a bar later).",
                details,
            )
        ]  # fmt: skip
    return []


def _suspicion(
    what: str, values: Floats, world: Watch, blind: bool, first: int = 0
) -> list[Finding]:
    shown = np.where(np.arange(len(values))[:, None] >= first, values, np.nan)
    return foresight(what, shown, world.market, blind=blind)


def _held(targets: Floats) -> Floats:
    """Carries the last order forward: what the account is after."""
    rows = np.arange(len(targets))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(targets), 0, rows), axis=0)
    return np.take_along_axis(targets, last, axis=0)


def _leak(
    check: str,
    what: str,
    name: str,
    subject: Subject,
    seen: Watched,
    events: list[Event],
    world: Watch,
) -> Finding:
    guess = recognise(subject, seen, events, world.market, world.cuts)
    event = max(events, key=lambda item: (item.cut in world.cuts.spread, item.ahead))
    symbol = world.market.symbols[event.asset]
    far = "to the last bar" if guess.ahead is None else _bars(guess.ahead)
    tomorrow = check == "targets" and guess.ahead == 1
    reads = "reads tomorrow" if tomorrow else f"reads the future, {far} ahead"
    if guess.ahead is None:
        reads = "reads the whole series, to the last bar"
    moved = "weight" if check == "targets" else "value"
    message = (
        f"{what} {reads}: its {moved} of {symbol} at {world.at(event.row)} moves when the bars"
        f" after {world.at(event.cut)} change; it {guess.looks_like.removeprefix('it ')}."
    )
    fix = guess.fix
    if tomorrow:
        fix = "Decide row t from rows up to t; the fill on the next bar is the engine's work."
    details = {
        "name": name,
        "symbol": symbol,
        "bar": event.row,
        "stamp": show(world.market.stamps[event.row]),
        "ahead": guess.ahead,
        "looks_like": guess.looks_like.removeprefix("looks like "),
        "change": event.how,
    }
    return Finding(check, "LEAK", message, fix, details)


def _bars(count: int) -> str:
    return f"{count} bar" if count == 1 else f"{count} bars"


def _rounding(check: str, what: str, name: str, event: Event, world: Watch) -> Finding:
    return Finding(
        check,
        "warning",
        f"{what} moves in its last digits at {world.at(event.row)} when the bars after"
        f" {world.at(event.cut)} change ({event.how}).",
        "Harmless by size; a convolution or a sum over the whole series is the usual cause.",
        {"name": name, "bar": event.row},
    )


def _unshown(check: str, what: str, seen: Watched, name: str) -> Finding:
    details = {"name": name}
    if not seen.repeats:
        message = f"{what} answers differently when it is asked again for the same bars."
        fix = "Draw from a generator with a seed, np.random.default_rng(0), made at every call."
        return Finding(check, "failed", f"{message} Nothing can be shown of it.", fix, details)
    message = f"{what} gave no values in any of the {seen.refused} changed futures."
    return Finding(check, "failed", message, "Use more bars: --start and --end.", details)

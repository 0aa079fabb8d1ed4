"""Shows that no column moves at or before a bar when the bars after it change."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.findings import Finding, Watch
from drltrade.backtest.foresight import filled_forward, foresight
from drltrade.backtest.leaks import Event, Subject, Watched, watch
from drltrade.backtest.naming import Guess, recognise
from drltrade.backtest.worlds import elsewhere
from drltrade.data.dates import show
from drltrade.errors import DrltradeError

__all__ = ["audit_columns", "audit_targets"]

Floats = NDArray[np.float64]


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
        each = [
            _column_finding(subject, seen, column, name, world)
            for column, name in enumerate(names[at])
        ]
        answers = [item for item in each if item is not None]
        findings += answers
        if any(item.bad for item in answers):
            leaking.append(at)
            continue
        for column, name in enumerate(names[at]):
            values = seen.base[:, :, column]
            found = foresight(
                f"The feature '{name}'", values, world, partial(_blind, subject, seen, world)
            )
            findings += found
            if any(item.bad for item in found) and at not in leaking:
                leaking.append(at)
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
    held = filled_forward(seen.base[:, :, 0])
    held[:first] = np.nan
    found = foresight(what, held, world, lambda: _blind(subject, seen, world))
    if any(item.bad for item in found):
        return found
    message = f"No weight of '{subject.name}' moved in {seen.worlds} changed futures."
    return [*found, Finding("targets", "ok", message)]


def _blind(subject: Subject, seen: Watched, world: Watch) -> bool:
    """Says whether a subject gives the same values on altogether different data."""
    try:
        other = np.asarray(subject.compute(elsewhere(world.market, world.seed)), np.float64)
    except DrltradeError:
        return False
    return np.array_equal(other, seen.base, equal_nan=True)


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
    if check == "targets" and guess.ahead is not None:
        guess = _of_orders(guess)
    event = max(events, key=lambda item: (item.cut in world.cuts.spread, item.ahead))
    symbol = world.market.symbols[event.asset]
    far = "to the last bar" if guess.ahead is None else _bars(guess.ahead)
    reads = f"reads the future, {far} ahead"
    if check == "targets" and guess.ahead == 1:
        reads = "reads tomorrow"
    if guess.ahead is None:
        reads = "reads the whole series, to the last bar"
    moved = "weight" if check == "targets" else "value"
    message = (
        f"{what} {reads}: its {moved} of {symbol} at {world.at(event.row)} moves when the bars"
        f" after {world.at(event.cut)} change; it {guess.looks_like}."
    )
    details = {
        "name": name,
        "symbol": symbol,
        "bar": event.row,
        "stamp": show(world.market.stamps[event.row]),
        "ahead": guess.ahead,
        "looks_like": guess.looks_like.removeprefix("looks like "),
        "change": event.how,
    }
    return Finding(check, "LEAK", message, guess.fix, details)


def _of_orders(guess: Guess) -> Guess:
    """Words a guess for orders, whose steps hide the shape of what they come from."""
    ahead = guess.ahead or 1
    seen = guess.looks_like if "centred" in guess.looks_like else f"uses bar t+{ahead} at bar t"
    return Guess(
        seen if ahead > 1 else "uses tomorrow's bar, t+1, at bar t",
        ahead,
        "Decide row t from rows up to t; the fill on the next bar is the engine's work.",
    )


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

"""Turns the splits of an experiment into folds: spans of one market's clock, each with a role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drltrade.errors import UsageError
from drltrade.experiments.settings import Combinatorial, SplitSettings, WalkForward

if TYPE_CHECKING:
    from drltrade.data.market import Market

__all__ = ["ROLES", "Fold", "Span", "paths_of", "resolve_folds", "stamp_text", "whole_test"]

ROLES = ("train", "valid", "test")
Range = tuple[np.datetime64, np.datetime64]
"""First and last stamp of a split."""
Stamps = NDArray[np.datetime64]


@dataclass(frozen=True)
class Span:
    """Some bars of a market: the first and last stamp, both inclusive, and how many they are."""

    start: str
    end: str
    bars: int

    def __str__(self) -> str:
        return f"{self.start} .. {self.end} ({self.bars:,} bars)"


@dataclass(frozen=True)
class Fold:
    """What one policy learns from, is chosen by and is judged on; no bar has two roles.

    Attributes:
        number: 0, 1, ... in order of time.
        train: what is learnt from, and what the scaler is fitted on.
        valid: what chooses the checkpoint.
        test: what is read once.
    """

    number: int
    train: tuple[Span, ...]
    valid: tuple[Span, ...]
    test: tuple[Span, ...]

    @classmethod
    def of(cls, number: int, content: Mapping[str, Any]) -> Fold:
        """Reads what `to_dict` wrote."""
        return cls(number, *(tuple(Span(**span) for span in content[role]) for role in ROLES))

    def to_dict(self) -> dict[str, list[dict[str, Any]]]:
        """Returns the spans of each role as plain JSON content."""
        return {role: [asdict(span) for span in getattr(self, role)] for role in ROLES}

    def intervals(self, *roles: str) -> list[tuple[str, str]]:
        """Returns (first, last) of every span of some roles."""
        return [(span.start, span.end) for role in roles for span in getattr(self, role)]

    @property
    def stretches(self) -> list[tuple[str, str]]:
        """(first, last) of what is learnt from and chosen by, joined where no test lies between."""
        tests = sorted(span.start for span in self.test)
        joined: list[tuple[str, str]] = []
        for start, end in sorted(self.intervals("train", "valid")):
            if joined and not any(joined[-1][1] < test < start for test in tests):
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((start, end))
        return joined


def paths_of(folds: Sequence[Fold]) -> list[list[tuple[int, Span]]]:
    """Lays the tests of all folds end to end, as often as every bar is tested.

    A walk-forward has one path. With G groups, k of them tested at a time, there are
    k / G * C(G, k), the p-th made of the p-th fold that tests each group (Lopez de Prado 2018,
    "Advances in Financial Machine Learning", chapter 12).

    Returns:
        For each path (index of the fold, span) in order of time.
    """
    tests: dict[Span, list[int]] = {}
    for at, fold in enumerate(folds):
        for span in fold.test:
            tests.setdefault(span, []).append(at)
    ordered = sorted(tests.items(), key=lambda item: item[0].start)
    return [[(found[path], span) for span, found in ordered] for path in range(len(ordered[0][1]))]


def whole_test(folds: Sequence[Fold]) -> Span:
    """Returns the span of all bars that any fold tests, each counted once."""
    spans = {span for fold in folds for span in fold.test}
    start, end = min(span.start for span in spans), max(span.end for span in spans)
    return Span(start, end, sum(span.bars for span in spans))


def stamp_text(market: Market, stamp: np.datetime64) -> str:
    """Writes a bar's stamp as a date on daily data, else to the second.

    An hourly bar at midnight keeps its time: the bare date would mean the whole day.
    """
    daily = bool((market.stamps == market.stamps.astype("datetime64[D]")).all())
    return str(stamp.astype("datetime64[D]" if daily else "datetime64[s]"))


def resolve_folds(settings: SplitSettings, market: Market) -> tuple[Fold, ...]:
    """Finds the bars of each split; three intervals are one fold.

    Of a market of several segments every span is one interval of time, the same for all of them:
    within a fold, what one segment is trained on is never another's test.

    Raises:
        UsageError: a split holds fewer than two bars, two splits share bars or stand in the wrong
            order, or the data are too short for the folds asked for.
    """
    clock = np.unique(market.stamps)
    if settings.walk_forward is not None:
        made = list(_walk(settings.walk_forward, clock, market))
    elif settings.combinatorial is not None:
        made = list(_combined(settings.combinatorial, clock, market))
    else:
        made = [{role: [found] for role, found in _fixed(settings, clock, market).items()}]
    return tuple(
        Fold(at, *(tuple(_span(role, market, *each) for each in fold[role]) for role in ROLES))
        for at, fold in enumerate(made)
    )


def _span(role: str, market: Market, start: np.datetime64, end: np.datetime64) -> Span:
    texts = stamp_text(market, start), stamp_text(market, end)
    try:
        spans = market.spans(*texts)
    except UsageError as error:
        raise _too_few(role, 1, market) from error
    return Span(*texts, int((spans[:, 1] - spans[:, 0] + 1).sum()))


def _too_few(role: str, count: int, market: Market) -> UsageError:
    return UsageError(
        f"The {role} split holds {count} of the {market.bars} bars of '{market.name}'; it"
        " needs at least 2. Use more data or other splits."
    )


def _fixed(settings: SplitSettings, clock: Stamps, market: Market) -> dict[str, Range]:
    if isinstance(settings.train, float):
        ranges = _by_share(settings, clock, market)
    else:
        ranges = {role: _located(role, settings, market) for role in ROLES}
    for earlier, later in (("train", "valid"), ("valid", "test")):
        if ranges[earlier][1] >= ranges[later][0]:
            raise UsageError(
                f"The {earlier} split ends at {stamp_text(market, ranges[earlier][1])}, not"
                f" before the {later} split starts at"
                f" {stamp_text(market, ranges[later][0])}. Move one of them: a bar that"
                " was learnt from cannot judge."
            )
    return ranges


def _located(role: str, settings: SplitSettings, market: Market) -> Range:
    try:
        spans = market.spans(*getattr(settings, role))
    except UsageError as error:
        raise UsageError(f"splits.{role}: {error}") from error
    stamps = market.stamps[spans]
    return stamps.min(), stamps.max()


def _by_share(settings: SplitSettings, clock: Stamps, market: Market) -> dict[str, Range]:
    """Cuts the clock in order of time; shares that sum to 1 leave no bar over."""
    edges, total = [0], 0.0
    for role in ROLES:
        total += getattr(settings, role)
        edges.append(len(clock) if total > 1 - 1e-9 else round(total * len(clock)))
    for at, role in enumerate(ROLES):
        if edges[at + 1] - edges[at] < 2:
            raise _too_few(role, edges[at + 1] - edges[at], market)
    return {role: (clock[edges[i]], clock[edges[i + 1] - 1]) for i, role in enumerate(ROLES)}


def _walk(wanted: WalkForward, clock: Stamps, market: Market) -> Iterator[dict[str, list[Range]]]:
    """Moves train, validation and test on by one test at a time.

    In bars every size is kept and the purge comes on top; on the calendar the purge is taken from
    the end of what it stands after. A last test that the data cut short stands if half of it is
    there.
    """
    found = 0
    while True:
        train, valid, test, stop, whole = _edges(wanted, clock, found)
        if len(clock) - test < whole / 2 or stop - test < 2:
            break
        bounds = {"train": (train, valid - wanted.purge), "valid": (valid, test - wanted.purge)}
        for role, (first, end) in bounds.items():
            if end - first < 2:
                raise _too_few(role, max(end - first, 0), market)
        bounds["test"] = (test, stop)
        yield {role: [(clock[first], clock[end - 1])] for role, (first, end) in bounds.items()}
        found += 1
    if not found:
        asked = f"train {wanted.train}, valid {wanted.valid}, test {wanted.test}"
        raise UsageError(
            f"'{market.name}' has {len(clock):,} bars ({stamp_text(market, clock[0])} to"
            f" {stamp_text(market, clock[-1])}), too few for one walk-forward fold of {asked} and"
            f" purge {wanted.purge}. Use more data, or smaller sizes in splits.walk_forward."
        )


def _edges(wanted: WalkForward, clock: Stamps, fold: int) -> tuple[int, int, int, int, float]:
    """The rows where train, validation and test of a fold begin and where the test ends.

    The fifth is how many bars a whole test holds, guessed where it would end after the data.
    """
    if isinstance(wanted.train, int):
        test = wanted.train + wanted.valid + 2 * wanted.purge + fold * wanted.test
        valid = test - wanted.purge - wanted.valid
        train = 0 if wanted.expanding else valid - wanted.purge - wanted.train
        return train, valid, test, min(test + wanted.test, len(clock)), wanted.test
    learnt = _after(_after(clock[0], wanted.train), wanted.valid)
    begin, end = (_after(learnt, wanted.test, times) for times in (fold, fold + 1))
    chosen = _after(begin, wanted.valid, -1)
    first = clock[0] if wanted.expanding else _after(chosen, wanted.train, -1)
    train, valid, test, stop = np.searchsorted(clock, [first, chosen, begin, end]).tolist()
    passed = (clock[-1] - begin) / (end - begin)
    return train, valid, test, stop, (stop - test) / min(max(passed, 1e-9), 1.0)


def _after(stamp: np.datetime64, size: str, times: int = 1) -> np.datetime64:
    """The stamp that a span of the calendar, taken some times, lies after another."""
    import pandas as pd

    count, unit = size.split()
    parts: dict[str, Any] = {unit: int(count) * times}
    moved = pd.Timestamp(stamp) + pd.DateOffset(**parts)
    return np.datetime64(moved.isoformat(), "ns")


def _combined(
    wanted: Combinatorial, clock: Stamps, market: Market
) -> Iterator[dict[str, list[Range]]]:
    """Tests every choice of groups; each stretch between tests trains, its end validates."""
    from skfolio.model_selection import CombinatorialPurgedCV

    group, dropped = len(clock) // wanted.groups, wanted.purge + wanted.embargo
    if group - dropped - 2 * wanted.purge < 4 or (group - dropped) < 2:
        raise UsageError(
            f"'{market.name}' has {len(clock):,} bars: each of {wanted.groups} groups holds"
            f" {group:,}, and a purge of {wanted.purge} with an embargo of {wanted.embargo} leaves"
            " too few of them to learn from. Use more data, fewer splits.combinatorial.groups, or"
            " drop fewer bars."
        )
    splitter = CombinatorialPurgedCV(
        wanted.groups, wanted.test_groups, purged_size=wanted.purge, embargo_size=wanted.embargo
    )
    for learnt, tested in splitter.split(clock):
        fold: dict[str, list[Range]] = {"train": [], "valid": []}
        for run in np.split(learnt, np.flatnonzero(np.diff(learnt) > 1) + 1):
            count = max(round(wanted.valid * len(run)), 2)
            train = run[: max(len(run) - count - wanted.purge, 0)]
            if len(train) < 2:
                raise _too_few("train", len(train), market)
            fold["train"].append((clock[train[0]], clock[train[-1]]))
            fold["valid"].append((clock[run[-count]], clock[run[-1]]))
        fold["test"] = [(clock[rows[0]], clock[rows[-1]]) for rows in tested]
        yield fold

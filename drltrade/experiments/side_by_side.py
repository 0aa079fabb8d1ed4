"""Reads several runs for one table, in which no two lines have the same name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from drltrade.errors import UsageError
from drltrade.experiments.evidence import Side, share_bars
from drltrade.experiments.results import read_entries

if TYPE_CHECKING:
    from drltrade.report.entry import Entry

__all__ = ["Runs", "read_runs"]


@dataclass(frozen=True, eq=False)
class Runs:
    """Several runs as they were read.

    Attributes:
        names: what each is called, no two the same.
        sides: what each left, under the names of the comparison.
        entries: the lines of one table; a baseline that several share, bar for bar, stands once.
        unlike: a sentence for each condition that is not the same for all.
    """

    names: tuple[str, ...]
    sides: tuple[Side, ...]
    entries: tuple[Entry, ...]
    unlike: tuple[str, ...]


def read_runs(folders: Sequence[Path]) -> Runs:
    """Reads several runs for one table.

    An agent carries its run's name before its own, and so does a baseline that is not the same for
    all; of a single run everything keeps its name.

    Raises:
        UsageError: a run is named twice, or holds no record.
        DrltradeError: a record is missing or damaged.
    """
    from drltrade.report.honesty import differences

    names = _names(folders)
    found = [read_entries(folder) for folder in folders]
    for folder, entries in zip(folders, found, strict=True):
        if not entries:
            raise UsageError(f"'{folder}' holds no record to compare.")
    every = [entry for entries in found for entry in entries]
    records = [record for entry in every for record in entry.records]
    unlike = list(differences(every))
    if not unlike and not share_bars(records):
        unlike.append("Not the same bars, so not comparable.")
    sides = _named(folders, names, found, alike=not unlike)
    shown: dict[str, Entry] = {}
    for side in sides:
        for label, entry in side.entries:
            shown.setdefault(label, _called(label, entry))
    entries = list(shown.values())
    return Runs(names, sides, tuple(entries), tuple(list(differences(entries)) or unlike))


def _names(folders: Sequence[Path]) -> tuple[str, ...]:
    known: set[Path] = set()
    for folder in folders:
        if folder.resolve() in known:
            raise UsageError(
                f"'{folder}' is named twice. Name each run once; `drltrade report` makes the page"
                " of a single one."
            )
        known.add(folder.resolve())
    names = tuple(folder.resolve().name for folder in folders)
    return names if len(set(names)) == len(names) else tuple(str(folder) for folder in folders)


def _named(
    folders: Sequence[Path],
    names: Sequence[str],
    found: Sequence[Sequence[Entry]],
    *,
    alike: bool,
) -> tuple[Side, ...]:
    """Gives every entry its name; a baseline of several runs has the same in all of them."""
    rules = [entry for entries in found for entry in entries if entry.kind != "agent"]
    variants: dict[str, set[tuple[str, ...]]] = {}
    for rule in rules:
        variants.setdefault(rule.label, set()).add(_same(rule))
    called: dict[tuple[str, ...], str] = {}
    sides = []
    for folder, name, entries in zip(folders, names, found, strict=True):
        labels = []
        for entry in entries:
            label = entry.label if len(folders) == 1 else f"{name}/{entry.label}"
            if entry.kind != "agent":
                shared = alike and len(variants[entry.label]) == 1
                label = called.setdefault(_same(entry), entry.label if shared else label)
            labels.append((label, entry))
        sides.append(Side(folder, tuple(labels)))
    return tuple(sides)


def _same(rule: Entry) -> tuple[str, ...]:
    """What two baselines share that are one, bar for bar."""
    record = rule.records[0]
    data = str(record.assumptions.get("data_fingerprint"))
    return rule.label, data, record.stamps.tobytes().hex(), record.equity.tobytes().hex()


def _called(label: str, entry: Entry) -> Entry:
    """An entry under its name in the comparison, which its records then carry too."""
    prefix = label.removesuffix(entry.label)
    if not prefix:
        return entry
    records = (replace(record, name=f"{prefix}{record.name}") for record in entry.records)
    return replace(entry, label=label, records=tuple(records))

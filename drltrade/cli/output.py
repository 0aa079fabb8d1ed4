"""Prints figures: tables for people on stdout, one JSON object for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["console", "note", "print_json", "print_table", "say", "warn"]

_PIPE_WIDTH = 160
"""Columns of a table that no terminal shows: wide enough that nothing is cut."""


def console(stderr: bool = False) -> Any:
    """Returns a rich console on stdout or stderr."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=False)


def print_json(content: Mapping[str, Any]) -> None:
    """Prints one JSON object on stdout; an undefined figure is null."""
    from drltrade.backtest.files import plain

    print(json.dumps(plain(content), indent=2, allow_nan=False))


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    title: str | None = None,
    prose: bool = False,
) -> None:
    """Prints a table on stdout: the first column to the left, the others to the right.

    Args:
        columns: the headings.
        rows: the cells as text.
        title: a line above it.
        prose: the second of two columns holds words rather than figures.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    if title:
        print(title)
    lines = [[str(cell) for cell in row] for row in rows]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for at, name in enumerate(columns):
        words = prose and at == 1
        longest = max((len(line[at]) for line in lines), default=0)
        # Headings break, figures do not.
        heading = name if words or len(name) <= longest else name.replace(" ", "\n")
        table.add_column(
            heading, justify="left" if at == 0 or words else "right", no_wrap=not words
        )
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    console().print(table)


def say(text: str = "") -> None:
    """Prints a line on stdout."""
    print(text)


def note(text: str) -> None:
    """Prints a line on stderr: what a program that reads stdout need not see."""
    print(text, file=sys.stderr)


def warn(sentences: Iterable[str]) -> None:
    """Prints warnings on stderr, one a line."""
    for sentence in sentences:
        note(f"warning: {sentence}")

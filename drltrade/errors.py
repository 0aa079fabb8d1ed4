"""The one family of errors that a user of drltrade can meet."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["DataError", "DrltradeError", "UsageError", "nearest", "unknown"]


class DrltradeError(Exception):
    """A mistake or a failure told in words: what, the value, what is allowed, the fix.

    The command line prints the message alone and leaves with `exit_code`.
    """

    exit_code = 1


class UsageError(DrltradeError):
    """The call itself is wrong: an unknown name, a bad setting, a flag that does not fit."""

    exit_code = 2


class DataError(DrltradeError):
    """The data cannot be used as they are: the file, column, row and value are named."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Returns ` Did you mean 'x'?` for the closest allowed name, else an empty string."""
    lower = {option.lower(): option for option in allowed}
    found = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
    return f" Did you mean '{lower[found[0]]}'?" if found else ""


def unknown(what: str, value: object, allowed: Iterable[str], fix: str = "") -> UsageError:
    """Builds the error for a name that is not in a list.

    Args:
        what: the kind of thing that was named, such as "strategy".
        value: what the user wrote.
        allowed: every name that would have been accepted.
        fix: one closing sentence that says what to do, if the list does not say it already.
    """
    options = list(allowed)
    sentence = f"Unknown {what} '{value}'.{nearest(str(value), options)}"
    sentence += f" Allowed: {', '.join(options)}."
    return UsageError(f"{sentence} {fix}".rstrip())

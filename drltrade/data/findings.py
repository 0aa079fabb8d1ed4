"""Collects what is wrong with data, or stops at the first thing that is."""

from __future__ import annotations

from dataclasses import dataclass, field

from drltrade.errors import DataError

__all__ = ["Findings"]


@dataclass
class Findings:
    """What reading some data brought up; loading stops at an error, checking lists them all.

    Attributes:
        strict: raise the first error instead of collecting it.
        errors: sentences about what makes the data unusable.
        warnings: sentences about what is only suspicious.
        notes: sentences about what reading changed or left out.
    """

    strict: bool = True
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def error(self, sentence: str) -> None:
        """Reports something that makes the data unusable.

        Raises:
            DataError: where findings are strict.
        """
        if self.strict:
            raise DataError(sentence)
        self.errors.append(sentence)

"""What an audit says: findings, and the data and bars that they are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from drltrade.backtest.worlds import Cuts
from drltrade.data import Market
from drltrade.data.dates import show

__all__ = ["Finding", "Level", "Watch"]

Level = Literal["ok", "warning", "LEAK", "failed"]
"""`failed` is where nothing could be shown."""


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

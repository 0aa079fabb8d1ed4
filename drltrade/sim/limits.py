"""What an account may do: how far it may lean, how much it may trade, what it may hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from drltrade.errors import UsageError
from drltrade.sim.costs import check_range, check_window

__all__ = ["Limits", "Margin", "Participation"]


@dataclass(frozen=True)
class Margin:
    """When the broker closes an account: equity below `maintenance` times the gross position.

    It is checked at the open, at each bar's adverse extreme and thereby at its close.
    Source: FINRA Rule 4210 (25 % of the value of long positions).

    Attributes:
        maintenance: fraction of the gross position; 0 leaves bankruptcy alone. Times the leverage
            it must stay below 1.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    maintenance: float = 0.25

    def __post_init__(self) -> None:
        check_range(
            "margin.maintenance", self.maintenance, 0.99, "a fraction of the gross position"
        )


@dataclass(frozen=True)
class Participation:
    """The most of a bar's usual volume that one order may take; the rest stays unfilled.

    Attributes:
        rate: fraction of the mean volume of the last `window` bars before the fill; None is off.
            Needs volumes.
        window: bars behind that mean.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    rate: float | None = None
    window: int = 20

    def __post_init__(self) -> None:
        if self.rate is not None:
            check_range("participation.rate", self.rate, 100, "a fraction of the usual volume")
        check_window("participation.window", self.window)


@dataclass(frozen=True)
class Limits:
    """Bounds on what one order may ask of one asset.

    Attributes:
        weight: the largest |weight| of one asset; None is off.
        change: the largest change of one asset's weight in one bar; None is off.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    weight: float | None = None
    change: float | None = None

    def __post_init__(self) -> None:
        for name in ("weight", "change"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 100:
                raise UsageError(
                    f"limits.{name} is {value!r}; it must be above 0 and at most 100, a fraction of"
                    " equity, or null for none."
                )

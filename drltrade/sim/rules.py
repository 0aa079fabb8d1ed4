"""The rules an account trades under: when it is filled, what it pays, how far it may lean."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from drltrade.errors import UsageError, unknown

__all__ = ["FILLS", "STATUS", "Commission", "Costs", "Fill", "Rules", "Slippage"]

Fill = Literal["next_open", "next_close", "same_close"]
FILLS: tuple[Fill, ...] = get_args(Fill)

STATUS = {
    "no_order": 0,  # nothing was asked, or the level is unchanged
    "filled": 1,  # done as asked
    "scaled": 2,  # the targets exceeded the gross limit and were scaled in proportion
    "partial": 3,  # holdings that keep their level left too little room; sent again next bar
    "short_refused": 4,  # a negative target where shorts are not allowed: taken as zero
    "too_small": 5,  # the trade was below 1e-9 of equity
    "ruined": 6,  # the account was ruined before it could be filled
}
"""What became of each order, by code, in the order of the record's `status` column."""

_HIGHEST_RATE = 0.2  # a fifth of the traded amount a side: beyond it a rate is a typing mistake


def _rate(name: str, value: float) -> None:
    if not (math.isfinite(value) and 0 <= value <= _HIGHEST_RATE):
        raise UsageError(
            f"{name} is {value!r}; it must be a fraction of the traded amount from 0 to"
            f" {_HIGHEST_RATE} (5 basis points are 0.0005)."
        )


@dataclass(frozen=True)
class Commission:
    """What the broker takes: `rate` times the traded amount, each side.

    Attributes:
        rate: fraction of the notional; 0.0005 is 5 basis points.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    rate: float = 5e-4

    def __post_init__(self) -> None:
        _rate("commission.rate", self.rate)


@dataclass(frozen=True)
class Slippage:
    """Half-spread and slip, charged as cash so that the marks stay clean: always adverse.

    Attributes:
        rate: fraction of the notional; 0.0005 is 5 basis points.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    rate: float = 5e-4

    def __post_init__(self) -> None:
        _rate("slippage.rate", self.rate)


@dataclass(frozen=True)
class Costs:
    """Everything that trading costs; the default is 10 basis points a side."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    commission: Commission = field(default_factory=Commission)
    slippage: Slippage = field(default_factory=Slippage)

    @property
    def rate(self) -> float:
        """Cost of one unit of traded notional."""
        return self.commission.rate + self.slippage.rate


@dataclass(frozen=True)
class Rules:
    """The rules of one account.

    Attributes:
        fill: the price at which a decision taken after bar t is filled.
        costs: commission and slippage.
        leverage: limit L on gross exposure, the sum of |weights|, right after a fill.
        shorts: whether negative targets are allowed.
        on_change: an unchanged target is no order and holdings drift; else every bar goes back
            to the target.
        ruin: the share of the starting equity at which an account is closed for good.

    Raises:
        UsageError: a value is outside its range.
    """

    fill: Fill = "next_open"
    costs: Costs = field(default_factory=Costs)
    leverage: float = 1.0
    shorts: bool = True
    on_change: bool = True
    ruin: float = 1e-4

    def __post_init__(self) -> None:
        if self.fill not in FILLS:
            raise unknown("fill", self.fill, FILLS)
        if not (math.isfinite(self.leverage) and 0 < self.leverage <= 20):
            raise UsageError(f"leverage is {self.leverage!r}; it must be above 0 and at most 20.")
        if self.costs.rate * self.leverage >= 0.5:
            raise UsageError(
                f"Costs of {self.costs.rate:g} a side at leverage {self.leverage:g} would take half"
                " the account in one trade; lower one of them."
            )

    def pack(self) -> NDArray[np.void]:
        """Lays the rules out as the one-row table that the kernel reads."""
        row = (
            FILLS.index(self.fill),
            self.costs.commission.rate,
            self.costs.slippage.rate,
            self.leverage,
            self.ruin,
            self.shorts,
            self.on_change,
        )
        return np.array([row], dtype=RULES)


RULES = np.dtype(
    [
        ("fill", "i8"),
        ("commission", "f8"),
        ("slippage", "f8"),
        ("leverage", "f8"),
        ("ruin", "f8"),
        ("shorts", "?"),
        ("on_change", "?"),
    ],
    align=True,
)

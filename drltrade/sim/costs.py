"""What trading and holding cost: one small model for each way in which money leaves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

from drltrade.errors import UsageError

__all__ = ["Carry", "Commission", "Costs", "Delisting", "Impact", "Slippage", "check_range"]

_HIGHEST_RATE = 0.2  # a fifth of the traded amount a side: beyond it a rate is a typing mistake


def check_range(name: str, value: float, highest: float, what: str) -> None:
    """Refuses a value that is not a number from 0 to `highest`.

    Raises:
        UsageError: it is outside; the sentence ends with `what` it means.
    """
    if not (math.isfinite(value) and 0 <= value <= highest):
        raise UsageError(f"{name} is {value!r}; it must be from 0 to {highest:g}: {what}.")


@dataclass(frozen=True)
class Commission:
    """What the broker takes from each order: max(minimum, rate x notional) + per_share x shares.

    Source: the published schedules of retail brokers, such as a rate in basis points or 0.005 a
    share with a minimum of 1 an order. `minimum` and `per_share` need prices as traded (raw).

    Attributes:
        rate: fraction of the notional; 0.0005 is 5 basis points.
        minimum: least fee of one order in the prices' currency, before what `per_share` adds.
        per_share: fee for each share in the prices' currency.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    rate: float = 5e-4
    minimum: float = 0.0
    per_share: float = 0.0

    def __post_init__(self) -> None:
        what = "a fraction of the traded amount (5 basis points are 0.0005)"
        check_range("commission.rate", self.rate, _HIGHEST_RATE, what)
        check_range("commission.minimum", self.minimum, 1e9, "money for each order")
        check_range("commission.per_share", self.per_share, 1e6, "money for each share")


@dataclass(frozen=True)
class Slippage:
    """Half-spread and slip, charged as cash so that the marks stay clean: always adverse.

    Attributes:
        rate: fraction of the notional; 0.0005 is 5 basis points.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    rate: float = 5e-4

    def __post_init__(self) -> None:
        what = "a fraction of the traded amount (5 basis points are 0.0005)"
        check_range("slippage.rate", self.rate, _HIGHEST_RATE, what)


@dataclass(frozen=True)
class Impact:
    """What an order moves the price against itself: (2/3) Y sigma sqrt(shares / ADV) x notional.

    sigma is the volatility a bar and ADV the mean volume a bar of the last `window` bars before the
    fill. The square root is the peak impact; an order worked evenly pays two thirds of it.
    Source: Almgren et al., "Direct estimation of equity market impact", Risk 2005; Toth et al.,
    "Anomalous price impact", Phys. Rev. X 2011 (Y near 1).

    Attributes:
        coefficient: Y; 0 is off, 1 is what studies find. Needs volumes.
        window: bars behind sigma and ADV.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    coefficient: float = 0.0
    window: int = 20

    def __post_init__(self) -> None:
        check_range("impact.coefficient", self.coefficient, 100, "Y of the square-root law")
        check_window("impact.window", self.window)


@dataclass(frozen=True)
class Costs:
    """Everything that trading costs; the default is 10 basis points a side."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    commission: Commission = field(default_factory=Commission)
    slippage: Slippage = field(default_factory=Slippage)
    impact: Impact = field(default_factory=Impact)

    @property
    def rate(self) -> float:
        """Cost of one unit of traded notional, whatever its size."""
        return self.commission.rate + self.slippage.rate

    @property
    def free(self) -> bool:
        """Whether trading costs nothing at all."""
        commission = self.commission
        fees = commission.minimum + commission.per_share + self.impact.coefficient
        return self.rate + fees == 0.0


@dataclass(frozen=True)
class Carry:
    """Interest and borrowing, simple, for each calendar day between bars over 365 (ACT/365).

    The cash rate is earned on cash less the proceeds of short sales, which the lender keeps.

    Attributes:
        cash: rate a year earned on cash; 0.03 is 3 %.
        debit: rate a year paid on borrowed cash.
        borrow: fee a year on the value of shares sold short.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    cash: float = 0.0
    debit: float = 0.0
    borrow: float = 0.0

    def __post_init__(self) -> None:
        for name in ("cash", "debit", "borrow"):
            check_range(f"carry.{name}", getattr(self, name), 5, "a rate a year (3 % are 0.03)")


@dataclass(frozen=True)
class Delisting:
    """What a holder loses when an asset leaves the data: an exit at the last price, less a haircut.

    Source: Shumway, "The delisting bias in CRSP data", J. Finance 1997: -30 % on average for
    delistings that are about performance. It is charged on shorts too: always adverse.

    Attributes:
        haircut: fraction of the position's value.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    haircut: float = 0.3

    def __post_init__(self) -> None:
        check_range("delisting.haircut", self.haircut, 1, "a fraction of the position")


def check_window(name: str, value: int) -> None:
    """Refuses a look-back that is no number of bars.

    Raises:
        UsageError: it is below 2 or above 10,000.
    """
    if not (isinstance(value, int) and 2 <= value <= 10_000):
        raise UsageError(f"{name} is {value!r}; it must be from 2 to 10000 bars.")

"""The rules an account trades under: when it is filled, what it pays, how far it may lean."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from drltrade.errors import UsageError, unknown
from drltrade.sim.costs import Carry, Costs, Delisting, check_range
from drltrade.sim.limits import Limits, Margin, Participation

__all__ = ["FILLS", "RULES", "STATUS", "Fill", "Rules"]

Fill = Literal["next_open", "next_close", "same_close"]
FILLS: tuple[Fill, ...] = get_args(Fill)

STATUS = {
    "no_order": 0,  # nothing was asked, or the level is unchanged
    "filled": 1,  # done as asked
    "scaled": 2,  # the targets exceeded the gross limit and were scaled in proportion
    "partial": 3,  # holdings that are kept left too little room; sent again next bar
    "short_refused": 4,  # a negative target where shorts are not allowed: taken as zero
    "too_small": 5,  # the trade was below 1e-9 of equity, a lot, or its own minimum fee
    "closed_out": 6,  # the account was liquidated or ruined before it could be filled
    "halted": 7,  # the asset could not be traded; sent again next bar
    "limited": 8,  # cut to the limits on weight or on its change
    "in_band": 9,  # within the no-trade band of what is held
    "rounded": 10,  # rounded toward zero to whole lots
    "capped": 11,  # cut to the participation cap; the rest is sent again next bar
}
"""What became of each order, by code, in the order of the record's `status` column."""


@dataclass(frozen=True)
class Rules:
    """The rules of one account; `LEDGER.md` beside this file says what each does.

    Attributes:
        fill: the price at which a decision taken after bar t is filled.
        costs: commission, slippage, impact.
        carry: interest and borrowing.
        margin: when the broker closes the account.
        participation: the most of a bar's volume that an order takes.
        limits: bounds on one asset's weight and its change.
        delisting: what an asset that leaves costs.
        lot: shares are whole multiples of it; 0 is fractional.
        band: a target this near to the held weight is no order; 0 is none.
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
    carry: Carry = field(default_factory=Carry)
    margin: Margin = field(default_factory=Margin)
    participation: Participation = field(default_factory=Participation)
    limits: Limits = field(default_factory=Limits)
    delisting: Delisting = field(default_factory=Delisting)
    lot: float = 0.0
    band: float = 0.0
    leverage: float = 1.0
    shorts: bool = True
    on_change: bool = True
    ruin: float = 1e-4

    def __post_init__(self) -> None:
        if self.fill not in FILLS:
            raise unknown("fill", self.fill, FILLS)
        if not (math.isfinite(self.leverage) and 0 < self.leverage <= 20):
            raise UsageError(f"leverage is {self.leverage!r}; it must be above 0 and at most 20.")
        check_range("lot", self.lot, 1e9, "shares, 0 for fractional ones")
        check_range("band", self.band, 1, "a fraction of equity, 0 for none")
        if self.costs.rate * self.leverage >= 0.5:
            raise UsageError(
                f"Costs of {self.costs.rate:g} a side at leverage {self.leverage:g} would take half"
                " the account in one trade; lower one of them."
            )
        if self.margin.maintenance * self.leverage >= 1:
            raise UsageError(
                f"margin.maintenance {self.margin.maintenance:g} at leverage {self.leverage:g}"
                " would liquidate a full position at once; their product must stay below 1. Lower"
                " one of them."
            )

    @property
    def counts_shares(self) -> str | None:
        """The first rule that depends on the number of shares, None where there is none."""
        commission = self.costs.commission
        named = {
            "costs.commission.minimum": commission.minimum,
            "costs.commission.per_share": commission.per_share,
            "lot": self.lot,
        }
        return next((name for name, value in named.items() if value > 0), None)

    def pack(self, events: bool, halts: bool) -> NDArray[np.void]:
        """Lays the rules out as the one-row table that the kernel reads.

        Args:
            events: whether the prices have halts, delistings, splits, dividends or funding.
            halts: whether an asset may not be traded in some bar.
        """
        commission, carry, limits = self.costs.commission, self.carry, self.limits
        impact, capped = self.costs.impact.coefficient > 0, self.participation.rate is not None
        row = (
            FILLS.index(self.fill),
            commission.rate,
            commission.minimum,
            commission.per_share,
            self.costs.slippage.rate,
            self.costs.rate,
            carry.cash / 365,
            carry.debit / 365,
            carry.borrow / 365,
            self.margin.maintenance,
            math.inf if limits.weight is None else limits.weight,
            math.inf if limits.change is None else limits.change,
            self.delisting.haircut,
            self.lot,
            self.band,
            self.leverage,
            self.ruin,
            self.shorts,
            self.on_change,
            events,
            halts,
            impact,
            capped,
            carry.cash + carry.debit + carry.borrow > 0 or events,
            commission.minimum > 0 or self.lot > 0,
            commission.minimum > 0 or self.lot > 0 or self.band > 0 or halts,
            not (impact or commission.minimum > 0 or commission.per_share > 0),
        )
        return np.array([row], dtype=RULES)


RULES = np.dtype(
    [
        ("fill", "i8"),
        ("commission", "f8"),
        ("minimum", "f8"),
        ("per_share", "f8"),
        ("slippage", "f8"),
        ("rate", "f8"),  # commission and slippage together
        ("cash_rate", "f8"),  # rates of carry a day
        ("debit_rate", "f8"),
        ("borrow_rate", "f8"),
        ("maintenance", "f8"),
        ("weight", "f8"),
        ("change", "f8"),
        ("haircut", "f8"),
        ("lot", "f8"),
        ("band", "f8"),
        ("leverage", "f8"),
        ("ruin", "f8"),
        ("shorts", "?"),
        ("on_change", "?"),
        (
            "events",
            "?",
        ),  # something happens to holders; what follows says which branches are needed at all
        ("halts", "?"),
        ("impact", "?"),
        ("capped", "?"),
        ("carry", "?"),
        ("coarse", "?"),  # an order may come to nothing
        ("choosy", "?"),  # or not be carried out
        ("plain", "?"),  # costs are in proportion to the trade, the same for every asset
    ],
    align=True,
)
"""The kernel's row of rules: numbers, then which branches are needed at all."""

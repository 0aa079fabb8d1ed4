"""Trained policies one after the other: each acts on its own bars, on one account for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from drltrade.agents.card import PolicyCard
from drltrade.agents.policy import Policy
from drltrade.data import Market
from drltrade.data.dates import read_stamp
from drltrade.envs import Game
from drltrade.errors import UsageError
from drltrade.features import Features, Scaler, compute_features, parse_features

__all__ = ["Leg", "Relay"]


@dataclass(frozen=True, eq=False)
class Leg:
    """A policy and the bars on which it decides.

    Attributes:
        policy: who decides.
        start: the first date or stamp.
        end: the last one, inclusive.
        label: what to call the policy.
    """

    policy: Policy
    start: str
    end: str
    label: str

    @property
    def bounds(self) -> tuple[np.datetime64, np.datetime64]:
        """The first and the last instant on which it decides."""
        return read_stamp(self.start), read_stamp(self.end, last=True)


class Relay:
    """Several trained policies that hand one account on, as a trader would who trains anew.

    After each bar the policy decides whose leg holds it, on what the account really holds, seen
    through its own scaler; bars before the first leg are the first policy's. At a hand-over the
    newcomer remembers nothing and has ordered nothing: where an unchanged action is no order
    (`on_change`), its first one is an order all the same, which takes what has drifted back to the
    target that stands. Where every bar goes back to its target anyway, and for neighbouring legs of
    one and the same policy, a hand-over changes nothing; one leg is the policy's own backtest.

    Attributes:
        legs: who acts when, in order of time.
        name: what to call all of them.

    Raises:
        UsageError: there is no leg, legs overlap, or the policies see or do unlike things.
    """

    def __init__(self, legs: Sequence[Leg], name: str = "relay") -> None:
        if not legs:
            raise UsageError("A relay needs at least one trained policy; there is none.")
        self.legs, self.name = tuple(legs), name
        for leg in legs:
            if leg.bounds[1] < leg.bounds[0]:
                raise UsageError(f"{leg.label} ends at {leg.end}, before it begins at {leg.start}.")
        for one, two in pairwise(legs):
            if two.bounds[0] <= one.bounds[1]:
                raise UsageError(
                    f"{two.label} takes over at {two.start}, before {one.label} ends at {one.end}."
                    " Give the legs in order of time, none on another's bars."
                )
        for leg in legs[1:]:
            _check_alike(legs[0], leg)

    def __repr__(self) -> str:
        return f"<Relay {self.name}: {', '.join(leg.label for leg in self.legs)}>"

    @property
    def card(self) -> PolicyCard:
        """The first policy's, whose data, costs and rules are the relay's by default."""
        return self.legs[0].policy.card

    @property
    def cards(self) -> tuple[PolicyCard, ...]:
        """What is known of each policy."""
        return tuple(leg.policy.card for leg in self.legs)

    @property
    def roots(self) -> tuple[FilePath, ...]:
        """Where the policies' data and plug-ins are looked up."""
        return tuple(dict.fromkeys(root for leg in self.legs for root in leg.policy.roots))

    def game(
        self,
        market: Market | None = None,
        start: str | None = None,
        end: str | None = None,
        overrides: Mapping[str, Any] | None = None,
        roots: Sequence[FilePath] = (),
    ) -> Game:
        """Builds the game that the relay is judged in: the first policy's.

        The arguments are those of `Policy.game`; by default it is played on all legs.
        """
        start = self.legs[0].start if start is None and end is None else start
        end = self.legs[-1].end if end is None else end
        return self.legs[0].policy.game(market, start, end, overrides, roots)

    def features(self, game: Game) -> list[Features]:
        """Returns for each leg the features of every bar of a game, as its policy scales them."""
        specs = parse_features(self.card.env["features"])
        raw = compute_features(game.market.adjusted, specs, game.roots)
        scaled = {str(card.scaler): card.scaler for card in self.cards}
        seen = {key: Scaler.from_dict(each).transform(raw) for key, each in scaled.items()}
        return [seen[str(card.scaler)] for card in self.cards]

    def takeovers(self, game: Game, span: int) -> list[int]:
        """Returns for each leg the first bar after which it decides in one span of a game.

        A leg that ends before the span, or begins after it, has no bar between its own and the
        next one's.
        """
        first, last = game.spans[span].tolist()
        stamps = game.market.stamps[first : last + 1]
        begins = [leg.bounds[0] for leg in self.legs[1:]]
        return [first, *(first + np.searchsorted(stamps, np.array(begins, stamps.dtype))).tolist()]

    def to_dict(self) -> dict[str, Any]:
        """States the relay as plain values, for reports and JSON."""
        return {"legs": [f"{leg.label}: {leg.start} to {leg.end}" for leg in self.legs]}


def _check_alike(one: Leg, two: Leg) -> None:
    """Refuses policies that could not go on with one another's account."""
    mine, theirs = one.policy.card, two.policy.card
    for what in ("observation", "action", "env", "plugins"):
        if getattr(mine, what) != getattr(theirs, what):
            raise UsageError(
                f"{one.label} and {two.label} cannot hand over to each other: their cards have"
                f" another {what}. Train both with one environment and one kind of agent."
            )

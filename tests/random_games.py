"""Random markets, rules and orders, small enough to read when a property fails."""

import math
import os
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drltrade.sim import (
    Carry,
    Commission,
    Costs,
    Delisting,
    Impact,
    Limits,
    Margin,
    Participation,
    Prices,
    Rules,
    Slippage,
    run_path,
)

WEIGHTS = (0.0, math.nan, -2.0, -1.0, -0.5, 0.3, 0.5, 1.0, 3.0)
WILD = (0.0, -0.7, -0.2, -0.01, 0.01, 0.05, 0.4, 1.5)
MILD = (0.0, -0.02, -0.005, 0.01, 0.03)
START = 1000.0
EVERYTHING = ("wicks", "days", "halted", "delisted", "split", "dividend", "funding", "margin")
EVERYTHING += ("minimum", "per_share", "impact", "cap", "carry", "limits", "lot", "band")

# LEDGER_EXAMPLES=100000 looks longer than every run of the tests can.
many = settings(max_examples=int(os.environ.get("LEDGER_EXAMPLES", "2000")), deadline=None)


@dataclass(frozen=True, eq=False)
class Game:
    """A market, what happens on it, what is ordered and the rules.

    `extras` holds what Prices takes beside open and close: high, low, volume, days, halted,
    delisted, split, dividend, funding.
    """

    open: np.ndarray
    close: np.ndarray
    targets: np.ndarray
    rules: Rules
    extras: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def prices(self) -> Prices:
        return Prices(self.open, self.close, **self.extras)

    @property
    def last(self) -> int:
        return len(self.close) - 1

    def play(self, start=START):
        return run_path(self.prices, self.rules, self.targets, 0, self.last, start)

    def cut(self, bars):
        """The first bars alone."""
        extras = {name: array[:bars] for name, array in self.extras.items()}
        parts = (self.open[:bars], self.close[:bars], self.targets[:bars])
        return Game(*parts, self.rules, extras)

    def plain(self):
        """The market in plain lists, every column named, as the reference reads it."""
        opens, close, shape = self.open, self.close, self.close.shape
        usual = {"high": np.maximum(opens, close), "low": np.minimum(opens, close),
                 "halted": np.zeros(shape, bool), "delisted": np.zeros(shape, bool),
                 "split": np.ones(shape), "dividend": np.zeros(shape), "funding": np.zeros(shape),
                 "days": np.ones(shape[0]), "segment": np.zeros(shape[0])}  # fmt: skip
        market = {"open": opens, "close": close} | usual | self.extras
        return {name: array.tolist() for name, array in market.items()} | (
            {} if "volume" in market else {"volume": None}
        )


@st.composite
def games(draw, bars=12, moves=WILD, weights=WEIGHTS, leverage=(0.5, 1.0, 2.0), rules=None):
    """Opens and closes alone, with costs in proportion and no maintenance margin."""
    opens, close = draw(quotes(bars, moves))
    rate = st.sampled_from([0.0, 0.0005, 0.01, 0.1])
    drawn = Rules(
        fill=draw(st.sampled_from(["next_open", "next_close", "same_close"])),
        costs=Costs(Commission(draw(rate)), Slippage(draw(rate))),
        margin=Margin(0.0),
        leverage=draw(st.sampled_from(leverage)),
        shorts=draw(st.booleans()),
        on_change=draw(st.booleans()),
    )
    targets = draw(arrays(float, close.shape, elements=st.sampled_from(weights)))
    return Game(opens, close, targets, rules or drawn)


@st.composite
def quotes(draw, bars, moves):
    shape = (bars, draw(st.integers(1, 3)))
    steps = draw(arrays(float, (2, *shape), elements=st.sampled_from(moves)))
    close = 100.0 * np.cumprod(1 + steps[0], axis=0)
    opens = np.roll(close, 1, axis=0) * (1 + steps[1])
    opens[0] = close[0]
    return opens, close


@st.composite
def full_games(draw, off=(), bars=10, **simple):
    """Any of the ledger's rules: mostly few at once, sometimes all; `off` are never on."""
    game = draw(games(bars=bars, **simple))
    possible = sorted(set(EVERYTHING) - set(off))
    on = draw(st.sets(st.sampled_from(possible), max_size=3))
    if draw(st.integers(1, 8)) == 8:
        on = set(possible)
    extras = draw(happenings(game, on))
    cheapest = min(game.open.min(), game.close.min(), extras.get("low", game.close).min())
    rules = draw(settings_of(game.rules, on, cheapest))
    return replace(game, rules=rules, extras=extras)


def _table(draw, shape, usual, other):
    """Mostly the usual value, and none of it random in the first bar."""
    table = draw(arrays(float, shape, elements=st.sampled_from(other), fill=st.just(usual)))
    table[0] = usual
    return table


@st.composite
def happenings(draw, game, on):
    shape, extras = game.close.shape, {}
    top, bottom = np.maximum(game.open, game.close), np.minimum(game.open, game.close)
    if "wicks" in on:
        extras["high"] = top * (1 + _table(draw, shape, 0.0, (0.0, 0.013, 0.3, 2.0)))
        extras["low"] = bottom * (1 - _table(draw, shape, 0.0, (0.0, 0.011, 0.2, 0.9)))
    if "days" in on:
        extras["days"] = _table(draw, shape[:1], 1.0, (1.0, 2.0, 3.0, 4.0, 0.25))
    if "halted" in on:
        extras["halted"] = _table(draw, shape, 0.0, (0.0, 1.0)).astype(bool)
    if "delisted" in on:
        extras["delisted"] = np.zeros(shape, dtype=bool)
        extras["delisted"][
            draw(st.integers(1, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))
        ] = True
    if "split" in on:
        extras["split"] = _table(draw, shape, 1.0, (1.0, 2.0, 1.5, 0.1))
    if "dividend" in on:
        extras["dividend"] = _table(draw, shape, 0.0, (0.0, 0.37, 4.1))
    if "funding" in on:
        extras["funding"] = _table(draw, shape, 0.0, (0.0, 0.0007, -0.013, 0.21))
    if {"impact", "cap"} & on:
        extras["volume"] = draw(
            arrays(float, shape, elements=st.sampled_from([0.0, 7.0, 90.0, 1300.0]))
        )
    return extras


@st.composite
def settings_of(draw, rules, on, cheapest):
    """The rules with what is on drawn; figures are odd, so that no decision is a tie.

    A fee for a share is a part of the lowest price: beyond the price, V' would have two roots.
    """

    def drawn(name, usual, *values):
        return draw(st.sampled_from(values)) if name in on else usual

    costs = rules.costs
    commission = replace(
        costs.commission,
        minimum=drawn("minimum", 0.0, 0.93, 17.0),
        per_share=float(cheapest) * drawn("per_share", 0.0, 0.0013, 0.043),
    )
    impact = Impact(drawn("impact", 0.0, 0.31, 1.1), drawn("impact", 20, 2, 3, 20))
    return replace(
        rules,
        costs=Costs(commission, costs.slippage, impact),
        margin=Margin(drawn("margin", 0.0, 0.2531, 0.4307)),
        participation=Participation(drawn("cap", None, 0.0, 0.013, 0.37), drawn("cap", 20, 2, 5)),
        carry=Carry(*(drawn("carry", 0.0, 0.0, 0.07, 1.3) for _ in range(3))),
        limits=Limits(drawn("limits", None, None, 0.43), drawn("limits", None, None, 0.117)),
        delisting=Delisting(drawn("delisted", 0.3, 0.0, 0.3, 1.0)),
        lot=drawn("lot", 0.0, 1.0, 0.1, 3.0),
        band=drawn("band", 0.0, 0.0173, 0.137),
    )

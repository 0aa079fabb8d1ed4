"""Random markets, rules and orders, small enough to read when a property fails."""

import math

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drltrade.sim import Commission, Costs, Rules, Slippage

WEIGHTS = (0.0, math.nan, -2.0, -1.0, -0.5, 0.3, 0.5, 1.0, 3.0)
WILD = (0.0, -0.7, -0.2, -0.01, 0.01, 0.05, 0.4, 1.5)
MILD = (0.0, -0.02, -0.005, 0.01, 0.03)


@st.composite
def games(draw, bars=12, moves=WILD, weights=WEIGHTS, leverage=(0.5, 1.0, 2.0), rules=None):
    """Returns opens and closes [T, N], targets [T, N] and Rules."""
    shape = (bars, draw(st.integers(1, 3)))
    steps = draw(arrays(float, (2, *shape), elements=st.sampled_from(moves)))
    close = 100.0 * np.cumprod(1 + steps[0], axis=0)
    open_ = np.roll(close, 1, axis=0) * (1 + steps[1])
    open_[0] = close[0]
    targets = draw(arrays(float, shape, elements=st.sampled_from(weights)))
    rate = st.sampled_from([0.0, 0.0005, 0.01, 0.1])
    drawn = Rules(
        fill=draw(st.sampled_from(["next_open", "next_close", "same_close"])),
        costs=Costs(Commission(draw(rate)), Slippage(draw(rate))),
        leverage=draw(st.sampled_from(leverage)),
        shorts=draw(st.booleans()),
        on_change=draw(st.booleans()),
    )
    return open_, close, targets, rules or drawn

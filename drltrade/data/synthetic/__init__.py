"""Markets that are made up: some with a known optimum, some for research."""

from collections.abc import Callable, Mapping

from drltrade.data.synthetic.known import (
    Synthetic,
    ar1,
    chain,
    memory,
    noise,
    ou,
    regimes,
    sine,
    stale,
    trend,
    two_state,
)
from drltrade.data.synthetic.laws import (
    AutoRegression,
    Chain,
    HiddenRegimes,
    Law,
    Memory,
    Wave,
)
from drltrade.data.synthetic.research import (
    Garch,
    GeometricBrownian,
    Heston,
    JumpDiffusion,
    Research,
    bootstrap,
    garch,
    gbm,
    heston,
    jump_diffusion,
)

__all__ = [
    "KNOWN",
    "RESEARCH",
    "AutoRegression",
    "Chain",
    "Garch",
    "GeometricBrownian",
    "Heston",
    "HiddenRegimes",
    "JumpDiffusion",
    "Law",
    "Memory",
    "Research",
    "Synthetic",
    "Wave",
    "ar1",
    "bootstrap",
    "chain",
    "garch",
    "gbm",
    "heston",
    "jump_diffusion",
    "memory",
    "noise",
    "ou",
    "regimes",
    "sine",
    "stale",
    "trend",
    "two_state",
]

KNOWN: Mapping[str, Callable[..., Synthetic]] = {
    "trend": trend,
    "ar1": ar1,
    "ou": ou,
    "two_state": two_state,
    "chain": chain,
    "sine": sine,
    "regimes": regimes,
    "stale": stale,
    "noise": noise,
    "memory": memory,
}
"""Markets whose optimum `dp_optimal` finds; each takes bars, seed and its own parameters."""

RESEARCH: Mapping[str, Callable[..., Research]] = {
    "gbm": gbm,
    "heston": heston,
    "jump_diffusion": jump_diffusion,
    "garch": garch,
}
"""Generators without a known optimum, called alike; `bootstrap` takes a market first."""

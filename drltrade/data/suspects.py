"""Points at prices that look like a bad tick or a split nobody adjusted for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drltrade.data.adjust import nearest_split

__all__ = ["Suspect", "find_suspects"]

_TENFOLD = 8.0  # a tenfold slip on a day that also moved


@dataclass(frozen=True)
class Suspect:
    """A close that its neighbours do not explain.

    Attributes:
        bar: where it stands.
        kind: "tick" for one bar far from both neighbours, "jump" for a level that stays, "split"
            for a step that matches a common split.
        ratio: the close over the one before.
    """

    bar: int
    kind: str
    ratio: float


def find_suspects(close: np.ndarray, open: np.ndarray | None = None) -> list[Suspect]:
    """Finds closes that differ eightfold from a neighbour, and steps that match a split.

    A step counts as a split where the price opens within 2 % of a half, a third ... or a double,
    a triple ... of the last close; without opens the close stands in. Three shares for two are
    not looked for: bad news looks the same.

    Args:
        close: [T] closes, above zero.
        open: [T] opens, if the data have them.
    """
    if len(close) < 2:
        return []
    ratio = close[1:] / close[:-1]
    far = np.abs(np.log(ratio)) >= np.log(_TENFOLD)
    back = np.append(far[1:] & (np.sign(ratio[1:] - 1) == -np.sign(ratio[:-1] - 1)), False)
    gap = ratio if open is None else open[1:] / close[:-1]
    split = np.abs(np.log(gap)) > np.log(1.9)
    split[split] = nearest_split(1 / gap[split], 0.02) != 1
    found: list[Suspect] = []
    skip = -1
    for i in np.flatnonzero(far | split).tolist():
        if i == skip:
            continue
        kind = "tick" if far[i] and back[i] else "split" if split[i] else "jump"
        if kind == "tick":
            skip = i + 1  # the way back is the same bad tick
        found.append(Suspect(i + 1, kind, float(ratio[i])))
    return found

"""The section "What drives it": the diagnostics of policies as tables side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drltrade.report.grid import Cell, Grid, Line, bar, extent, strip
from drltrade.report.terms import TERMS
from drltrade.report.words import count, p_value, percent, ratio

__all__ = ["DiagnosticsView", "cost_points", "diagnostics_view", "lag_points"]

Diagnostics = Mapping[str, Mapping[str, Any]]

_INPUTS = 15
_PIECES = {
    "beta": "Being in the market (beta)",
    "timing": "Timing",
    "costs": "Costs",
    "other": "Other",
    "net": "Total return",
}
_NULLS = {
    "random": ("Random paths", "its positions in a random order"),
    "shuffled": ("Shifted paths", "its orders begun elsewhere"),
}


@dataclass(frozen=True)
class DiagnosticsView:
    """What the section shows; None where no policy has such diagnostics.

    Attributes:
        grids: tables by kind: `multipliers`, `regimes`, `attribution`, `nulls`, `inputs`, `lags`,
            `noise`, `excursions`.
        terms: keys of the terms that were used.
    """

    grids: Mapping[str, Grid | None]
    terms: list[str]


def diagnostics_view(diagnostics: Diagnostics) -> DiagnosticsView:
    """Puts diagnostics, by label, beside each other; what is undefined reads n/a."""
    grids = {
        "multipliers": _multipliers(diagnostics),
        "nulls": _nulls(diagnostics),
        "regimes": _regimes(diagnostics),
        "attribution": _attribution(diagnostics),
        "inputs": _inputs(diagnostics),
        "lags": _lags(diagnostics),
        "noise": _noise(diagnostics),
        "excursions": _excursions(diagnostics),
    }
    keys = {
        "break_even": "multipliers",
        "regimes": "regimes",
        "attribution": "attribution",
        "importance": "inputs",
        "sensitivity": "noise",
        "nulls": "nulls",
        "trades": "excursions",
    }
    return DiagnosticsView(grids, [key for key, grid in keys.items() if grids[grid] is not None])


def _having(diagnostics: Diagnostics, *keys: str) -> dict[str, Any]:
    """The part below some keys, of those policies that have it."""
    found: dict[str, Any] = {}
    for name, each in diagnostics.items():
        part: Any = each
        for key in keys:
            part = part.get(key) if isinstance(part, Mapping) else None
        if part:
            found[name] = part
    return found


def cost_points(costs: Mapping[str, Any]) -> dict[float, tuple[float | None, float | None]]:
    """Returns the Sharpe ratio and the total return at each multiplier."""
    rows = zip(costs["multipliers"], costs["sharpe"], costs["total_return"], strict=True)
    return {float(multiplier): (sharpe, total) for multiplier, sharpe, total in rows}


def _multipliers(diagnostics: Diagnostics) -> Grid | None:
    found = _having(diagnostics, "costs")
    if not found:
        return None
    points = {name: cost_points(costs) for name, costs in found.items()}
    known = sorted({multiplier for each in points.values() for multiplier in each})
    lines = []
    for name, costs in found.items():
        at = [points[name].get(multiplier, (None, None)) for multiplier in known]
        cells = [Cell(ratio(sharpe), percent(total)) for sharpe, total in at]
        lines.append(Line(name, [*cells, _break_even(costs, points[name])]))
    columns = [(f"× {multiplier:g}", "as assumed" * (multiplier == 1.0)) for multiplier in known]
    caption = "Sharpe ratio at multiples of the assumed costs; total return in small print"
    return Grid("multipliers", caption, "Name", [*columns, ("Break-even", "")], [("", lines)])


def _break_even(
    costs: Mapping[str, Any], points: Mapping[float, tuple[float | None, float | None]]
) -> Cell:
    """The multiplier; where there is none, whether it lies beyond the highest or below nothing."""
    value = costs.get("break_even")
    if value is not None:
        return Cell(f"× {ratio(value)}")
    least, most = min(points), max(points)
    (low, _), (high, total) = points[least], points[most]
    if low is None or high is None or total is None or points[least] == points[most]:
        return Cell("n/a")
    if high > 0.0 and total > 0.0:
        return Cell(f"above × {most:g}")
    return Cell("no gain" if low <= 0.0 else "n/a")


def _nulls(diagnostics: Diagnostics) -> Grid | None:
    """Where each policy stands within paths that hold the same without its reasons."""
    found = _having(diagnostics, "nulls")
    if not found:
        return None
    mine = {name: _own_sharpe(diagnostics[name]) for name in found}
    kinds = [kind for kind in _NULLS if any(each.get(kind) for each in found.values())]
    every = [
        quantile
        for each in found.values()
        for kind in kinds
        for quantile in (each.get(kind) or {}).get("sharpe", ())
    ]
    reach = extent([*every, *mine.values()])
    lines = [
        Line(
            name,
            [
                Cell(ratio(mine[name])),
                *(_null(each.get(kind) or {}, mine[name], reach) for kind in kinds),
            ],
        )
        for name, each in found.items()
    ]
    columns = [("Own Sharpe", ""), *(_NULLS[kind] for kind in kinds)]
    caption = (
        "Sharpe ratios of luck: the middle one, 5 % to 95 % of the paths, and p; the band is"
        " luck's, the mark is the policy's own"
    )
    return Grid("nulls", caption, "Name", columns, [("", lines)])


def _null(null: Mapping[str, Any], mine: float | None, reach: tuple[float, float]) -> Cell:
    low, middle, high = null.get("sharpe") or (None, None, None)
    small = f"{ratio(low)} to {ratio(high)}; p {p_value(null.get('p'))}"
    if null.get("draws"):
        small += f" of {count(null['draws'])} paths"
    return strip(low, high, mine, reach, ratio(middle), small)


def _own_sharpe(diagnostics: Mapping[str, Any]) -> float | None:
    costs = diagnostics.get("costs")
    return cost_points(costs).get(1.0, (None, None))[0] if costs else None


def _regimes(diagnostics: Diagnostics) -> Grid | None:
    found = {
        name: {regime["name"]: regime for regime in each}
        for name, each in _having(diagnostics, "regimes").items()
    }
    if not found:
        return None
    names = dict.fromkeys(regime for each in found.values() for regime in each)
    reach = extent([r.get("total_return") for each in found.values() for r in each.values()])
    lines = []
    for regime in names:
        each = [own.get(regime, {}) for own in found.values()]
        bars = {own["bars"] for own in each if own.get("bars") is not None}
        small = f"{count(max(bars))} bars" if bars else ""
        lines.append(Line(regime, [_regime(own, reach) for own in each], small))
    columns = [(name, "") for name in found]
    caption = "Total return by regime; Sharpe ratio and mean exposure in small print"
    return Grid("regimes", caption, "Regime", columns, [("", lines)])


def _regime(own: Mapping[str, Any], reach: tuple[float, float]) -> Cell:
    made = own.get("total_return")
    small = f"Sharpe {ratio(own.get('sharpe'))}, exposure {percent(own.get('exposure'))}"
    return bar(made, reach, percent(made), small if own else "")


def _attribution(diagnostics: Diagnostics) -> Grid | None:
    found = _having(diagnostics, "attribution")
    pieces = [key for key in _PIECES if any(key in each for each in found.values())]
    caption = "What the total return is made of"
    return _bars(
        "attribution", caption, "Piece", found, [(_PIECES[key], "") for key in pieces],
        lambda each, row: each.get(pieces[row]), lambda value: percent(value, sign=True),
    )  # fmt: skip


def _inputs(diagnostics: Diagnostics) -> Grid | None:
    """The inputs that matter most to anybody, the weightiest first."""
    found = {
        name: {each["name"]: each.get("score") for each in columns}
        for name, columns in _having(diagnostics, "importance", "columns").items()
    }
    names = dict.fromkeys(name for each in found.values() for name in each)
    weight = {name: max(each.get(name) or 0.0 for each in found.values()) for name in names}
    ordered = sorted(names, key=lambda name: -weight[name])
    shown, left = ordered[:_INPUTS], len(ordered) - _INPUTS
    caption = "Mean change of the position when an input is shuffled, in shares of equity"
    if left > 0:
        caption += f"; {count(left)} more inputs matter less"
    return _bars(
        "inputs", caption, "Input", found, [(name, "") for name in shown],
        lambda each, row: each.get(shown[row]), percent, tone="gain",
    )  # fmt: skip


def lag_points(lags: Sequence[Mapping[str, Any]]) -> dict[tuple[int, int], float | None]:
    """Returns the score of each lag, by the first and the last bar that were shuffled together."""
    return {(each["lag"], each.get("through", each["lag"])): each.get("score") for each in lags}


def _lags(diagnostics: Diagnostics) -> Grid | None:
    found = {
        name: lag_points(lags) for name, lags in _having(diagnostics, "importance", "lags").items()
    }
    lags = sorted({lag for each in found.values() for lag in each})
    names = [str(first) if first == last else f"{first} to {last}" for first, last in lags]
    caption = "The same by how many bars ago the input was seen, 0 the last bar"
    return _bars(
        "lags", caption, "Bars ago", found, [(name, "") for name in names],
        lambda each, row: each.get(lags[row]), percent, tone="gain",
    )  # fmt: skip


def _noise(diagnostics: Diagnostics) -> Grid | None:
    found = {
        name: {each["noise"]: each.get("moved") for each in noises}
        for name, noises in _having(diagnostics, "sensitivity").items()
    }
    noises = sorted({noise for each in found.values() for noise in each})
    caption = "Mean change of the position when every feature is a little off, in shares of equity"
    return _bars(
        "noise", caption, "Noise", found, [(f"{100 * n:g} %", "of its spread") for n in noises],
        lambda each, row: each.get(noises[row]), percent, tone="gain",
    )  # fmt: skip


def _bars(
    name: str,
    caption: str,
    corner: str,
    found: Mapping[str, Any],
    rows: Sequence[tuple[str, str]],
    value: Callable[[Any, int], float | None],
    text: Callable[[float | None], str],
    tone: str = "",
) -> Grid | None:
    """A table of policies side by side whose cells carry bars of one scale."""
    if not found or not rows:
        return None
    table = [[value(each, row) for each in found.values()] for row in range(len(rows))]
    reach = extent([each for row in table for each in row])
    lines = [
        Line(header, [bar(each, reach, text(each), tone=tone) for each in row], small)
        for (header, small), row in zip(rows, table, strict=True)
    ]
    return Grid(name, caption, corner, [(label, "") for label in found], [("", lines)])


def _excursions(diagnostics: Diagnostics) -> Grid | None:
    found = _having(diagnostics, "trades")
    if not found:
        return None
    lines = [
        Line(
            name,
            [Cell(percent(each.get(key), sign=True)) for key in ("mfe", "mae")],
            meaning=TERMS["trades"].meaning,
        )
        for name, each in found.items()
    ]
    columns = [("Best within a trade", "MFE"), ("Worst within a trade", "MAE")]
    caption = "How far a trade ran for and against the policy, medians over its trades"
    return Grid("excursions", caption, "Name", columns, [("", lines)])

"""Draws account-steps a second against accounts as an SVG that needs nothing to be shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape

from drltrade.experiments.bench.engine import ACCOUNTS, ASSETS, WINDOWS
from drltrade.experiments.bench.figures import engine_key

__all__ = ["draw"]

_WIDTH, _HEIGHT = 900, 430
_TOP, _BOTTOM, _LEFT, _RIGHT, _GAP = 64, 52, 56, 92, 152
_INK, _QUIET, _GRID = "#1f2430", "#5d6472", "#e4e6ec"
_BLUES = ("#0b3c78", "#1f66b5", "#4f94da", "#93bfe8")
_LINES = {
    "empty_env_steps_per_second": ("empty env", "gym_env", "#8a8f9c"),
    "steps_per_second": ("our single env", "gym_env", "#1f66b5"),
    "gym_anytrading_steps_per_second": ("gym-anytrading", "peers", "#c4552d"),
    "gym_trading_env_steps_per_second": ("gym-trading-env", "peers", "#a3762a"),
}
"""Single environments, which are lines across: key to name, group and colour."""

Groups = Mapping[str, Mapping[str, float]]


def draw(groups: Groups) -> str:
    """Returns a panel for each number of assets, with lines across for single environments.

    Args:
        groups: the figures as in the JSON.
    """
    across = {
        name: (groups[group][key], colour)
        for key, (name, group, colour) in _LINES.items()
        if key in groups[group]
    }
    values = [value for value, _ in across.values()]
    values += [groups["engine"].get(engine_key(*size), 0.0) for size in _sizes()]
    known = [value for value in values if value > 0] or [1.0]
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    scale = _Scale(low, max(high, low + 1))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
        ' font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"'
        ' font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        _text(_LEFT, 24, "Account-steps a second against accounts", _INK, size=15, weight=600),
        _text(
            _LEFT, 42, "engine, one thread, window x 8 features; dashed: single environments",
            _QUIET,
        ),
    ]  # fmt: skip
    width = (_WIDTH - _LEFT - _RIGHT - _GAP) / len(ASSETS)
    for at, assets in enumerate(ASSETS):
        left = _LEFT + at * (width + _GAP)
        beside = across if at == 0 else {}
        parts += _panel(groups["engine"], assets, left, width, scale, beside)
    return "\n".join([*parts, "</svg>", ""])


def _sizes() -> list[tuple[int, int, int]]:
    return [(n, w, b) for n in ASSETS for w in WINDOWS for b in ACCOUNTS]


class _Scale:
    """Powers of ten up the page."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def y(self, value: float) -> float:
        """Where a value lies."""
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP - 18)


def _x(accounts: float, left: float, width: float) -> float:
    return left + width * math.log(accounts) / math.log(ACCOUNTS[-1])


def _panel(
    engine: Mapping[str, float], assets: int, left: float, width: float, scale: _Scale,
    across: Mapping[str, tuple[float, str]],
) -> list[str]:  # fmt: skip
    title = f"{assets} asset{'s' * (assets > 1)}"
    parts = [_text(left, _TOP + 4, title, _INK, weight=600)]
    for power in range(scale.low, scale.high + 1):
        y = scale.y(10.0**power)
        parts.append(_stroke([(left, y), (left + width, y)], _GRID, 1))
        parts.append(_text(left - 8, y + 4, _short(10.0**power), _QUIET, anchor="end"))
    for accounts in ACCOUNTS:
        x = _x(accounts, left, width)
        parts.append(_text(x, _HEIGHT - _BOTTOM + 18, f"{accounts:,}", _QUIET, anchor="middle"))
    middle = left + width / 2
    parts.append(_text(middle, _HEIGHT - _BOTTOM + 38, "accounts", _QUIET, anchor="middle"))
    ends = []
    for name, (value, colour) in across.items():
        y = scale.y(value)
        parts.append(_stroke([(left, y), (left + width, y)], colour, 1.5, dashed=True))
        ends.append((y, name, colour))
    for window, colour in zip(WINDOWS, _BLUES, strict=True):
        found = [(b, engine.get(engine_key(assets, window, b), 0.0)) for b in ACCOUNTS]
        points = [(_x(b, left, width), scale.y(value)) for b, value in found if value > 0]
        if points:
            parts.append(_stroke(points, colour, 2))
            parts += [_dot(x, y, colour) for x, y in points]
            ends.append((points[-1][1], f"window {window}", colour))
    places = _spread([y for y, _, _ in ends])
    for place, (_, name, colour) in zip(places, ends, strict=True):
        parts.append(_text(left + width + 9, place + 4, name, colour))
    return parts


def _spread(places: list[float], apart: float = 14.0) -> list[float]:
    """Moves labels that would overlap down the page, as little as it takes, in their own order."""
    moved = dict.fromkeys(range(len(places)), 0.0)
    last = -math.inf
    for at in sorted(moved, key=lambda at: places[at]):
        last = moved[at] = max(places[at], last + apart)
    return list(moved.values())


def _short(value: float) -> str:
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def _text(
    x: float, y: float, words: str, colour: str, *, size: int = 12, weight: int = 400,
    anchor: str = "start",
) -> str:  # fmt: skip
    style = f'fill="{colour}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'


def _stroke(
    points: list[tuple[float, float]], colour: str, width: float, dashed: bool = False
) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dash}/>'


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'

"""Runs a user's strategy and answers its mistakes in sentences."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drltrade.agents.strategies.base import Account, BarStrategy, Floats, Rule, Strategy
from drltrade.agents.strategies.references import DpOptimalPolicy
from drltrade.data.dates import show
from drltrade.errors import DrltradeError, UsageError
from drltrade.features.pieces import piece, spans
from drltrade.features.plugin import CUTS, failure
from drltrade.plugins import Plugin, load_plugin

if TYPE_CHECKING:
    from drltrade.data.market import Market

__all__ = ["check_strategy", "load_strategy"]

_FORMS = (
    "It must have targets(market, first) -> [T, N] or target(view, account) -> [N], or be such a"
    " function."
)


def load_strategy(
    ref: str, params: Mapping[str, Any], roots: Iterable[Path] = ()
) -> Strategy | BarStrategy:
    """Loads `path.py:Name`: a class with `targets` or `target`, or a function of that form.

    A class is instantiated with `params`. A function is taken bar by bar where its first argument
    is called `view`.

    Raises:
        UsageError: it cannot be loaded, cannot be instantiated, or is no strategy.
    """
    plugin = load_plugin(ref, roots)
    found = plugin.target
    if inspect.isclass(found):
        try:
            strategy = found(**params)
        except DrltradeError:
            raise
        except Exception as error:
            raise UsageError(failure(f"The strategy '{ref}'", plugin.path, error)) from error
        name = getattr(strategy, "name", None)
        name = name if isinstance(name, str) else found.__name__
        for form, wrapper in (("targets", _Targets), ("target", _Target)):
            method = getattr(strategy, form, None)
            if callable(method):
                _check_arguments(ref, form, method)
                return wrapper(plugin, name, method)
        raise UsageError(f"The class '{ref}' is no strategy. {_FORMS}")
    if params:
        raise UsageError(f"The strategy '{ref}' is a function; only a class takes parameters.")
    first = next(iter(inspect.signature(found).parameters), "")
    form = "target" if first == "view" else "targets"
    _check_arguments(ref, form, found)
    name = str(getattr(found, "__name__", ref))
    return (_Target if form == "target" else _Targets)(plugin, name, found)


def check_strategy(found: Any) -> Any:
    """Holds a strategy object from Python to the rules that plug-ins are held to.

    Returns:
        A strategy whose answers are checked; what is built in, checked already or decides bar by
        bar in a view that ends there comes back as it is.
    """
    if isinstance(found, Rule | DpOptimalPolicy | _Targets | _Target) or not hasattr(
        found, "targets"
    ):
        return found
    kind = type(found)
    file = getattr(sys.modules.get(kind.__module__), "__file__", None) or "the caller's code"
    name = str(getattr(found, "name", kind.__name__))
    return _Targets(Plugin(kind.__name__, Path(file), "", kind), name, found.targets)


class _Targets:
    """A strategy for all bars at once, with its answers checked."""

    def __init__(self, plugin: Plugin, name: str, call: Callable[..., Any]) -> None:
        self.ref, self.name, self.plugin, self._call = plugin.ref, name, plugin, call

    def targets(self, market: Market, first: int) -> Floats:
        """Returns [T, N] weights, NaN before `first`; every segment is asked for on its own.

        Raises:
            UsageError: it fails, its answer has the wrong shape or is infinite, or it changes when
                later bars are taken away.
        """
        targets = np.full((market.bars, market.assets), np.nan)
        for start, stop in spans(market.segment):
            begin = max(start, first)
            if begin < stop:
                part = piece(market, start, stop)
                answer = self._ask(part, begin - start)
                self._refuse_look_ahead(part, begin - start, answer)
                targets[begin:stop] = answer[begin - start :]
        return targets

    def _ask(self, market: Market, first: int) -> Floats:
        answer = _called(self.plugin, self._call, market, first)
        shape = (market.bars, market.assets)
        if answer.shape == shape[:1] and market.assets == 1:
            answer = answer[:, None]
        if answer.shape != shape or np.isinf(answer).any():
            what = f"the shape {answer.shape}" if answer.shape != shape else "an infinite weight"
            raise UsageError(
                f"The strategy '{self.ref}' returned {what}, but must return [T, N] = {shape}"
                " finite weights, NaN for no order."
            )
        return answer

    def _refuse_look_ahead(self, market: Market, first: int, targets: Floats) -> None:
        for share in range(CUTS, 0, -1):
            cut = first + (market.bars - first) * share // (CUTS + 1)
            if cut > first:
                self._compare(market, first, cut, targets)

    def _compare(self, market: Market, first: int, cut: int, targets: Floats) -> None:
        known = self._ask(piece(market, 0, cut), first)
        same = np.isclose(targets[first:cut], known[first:], 1e-9, 1e-12, equal_nan=True)
        if same.all():
            return
        row, asset = (int(index) for index in np.argwhere(~same)[0])
        row += first
        raise UsageError(
            f"The strategy '{self.ref}' looks ahead (or draws without a seed): without the bars"
            f" after {show(market.stamps[cut - 1])} its weight of {market.symbols[asset]} at"
            f" {show(market.stamps[row])} changes from {targets[row, asset]:g} to"
            f" {known[row, asset]:g}. Row t may use bars up to t only."
        )


class _Target:
    """A strategy that decides bar by bar, with its answers checked."""

    def __init__(self, plugin: Plugin, name: str, call: Callable[..., Any]) -> None:
        self.ref, self.name, self.plugin, self._call = plugin.ref, name, plugin, call

    def target(self, view: Market, account: Account) -> Floats:
        """Returns [N] weights; NaN is no order.

        Raises:
            UsageError: it fails, or its answer is not one finite weight or NaN for each asset.
        """
        answer = np.atleast_1d(_called(self.plugin, self._call, view, account))
        if answer.shape != (view.assets,) or np.isinf(answer).any():
            raise UsageError(
                f"The strategy '{self.ref}' returned {answer.tolist()}, but must return one weight,"
                f" finite or NaN for no order, for each of {view.assets} assets."
            )
        return answer


def _called(plugin: Plugin, call: Callable[..., Any], *arguments: Any) -> Floats:
    try:
        return np.array(call(*arguments), dtype=np.float64)
    except DrltradeError:
        raise
    except Exception as error:
        what = f"The strategy '{plugin.ref}'"
        raise UsageError(failure(what, plugin.path, error)) from error


def _check_arguments(ref: str, form: str, call: Callable[..., Any]) -> None:
    try:
        inspect.signature(call).bind(None, None)
    except TypeError as error:
        wanted = "targets(market, first)" if form == "targets" else "target(view, account)"
        raise UsageError(f"'{ref}' cannot be called as {wanted}: {error}. {_FORMS}") from error

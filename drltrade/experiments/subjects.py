"""Asks features and strategies for their values with no guard in between that would refuse them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drltrade.errors import DrltradeError, UsageError

if TYPE_CHECKING:
    from drltrade.backtest.leaks import Subject
    from drltrade.data.market import Market
    from drltrade.features import FeatureSpec
    from drltrade.features.source import Source

__all__ = [
    "FeatureSubjects",
    "feature_subjects",
    "refuses_look_ahead",
    "strategy_maker",
    "target_subject",
]


@dataclass(frozen=True, eq=False)
class FeatureSubjects:
    """Features, ready to be asked.

    Attributes:
        specs: what the user asked for.
        subjects: one for each spec.
        names: the names of each one's columns.
    """

    specs: tuple[FeatureSpec, ...]
    subjects: list[Subject]
    names: list[tuple[str, ...]]


def refuses_look_ahead(error: DrltradeError) -> bool:
    """Says whether an error is the refusal of a plug-in that looks ahead."""
    return "looks ahead" in str(error)


def feature_subjects(
    raw: Sequence[Any] | None, market: Market, roots: Iterable[Path]
) -> FeatureSubjects:
    """Prepares features to be computed on changed data, each segment on its own.

    Loading a look-ahead plug-in for an env is refused; here it is asked all the same, so that the
    audit can say what it does.

    Raises:
        UsageError: a spec is wrong, or the data lack what it needs.
    """
    from drltrade.backtest.leaks import Subject
    from drltrade.features import compute_features, default_features, parse_features
    from drltrade.features.source import source_of

    places = tuple(roots)
    specs = default_features(market) if raw is None else parse_features(list(raw))
    sources = [source_of(spec, market, places) for spec in specs]
    try:
        compute_features(market, specs, places)  # says what is wrong, but for looking ahead
    except UsageError as error:
        # What fails on fewer bars alone may read a file of its own: that is for the audit to say.
        if not refuses_look_ahead(error) and not all(_computes(s, market) for s in sources):
            raise
    subjects, names = [], []
    for spec, source in zip(specs, sources, strict=True):
        compute = _by_segment(source.compute)
        subjects.append(Subject(spec.label, compute))
        names.append(source.names(compute(market).shape[2]))
    return FeatureSubjects(specs, subjects, names)


def _computes(source: Source, market: Market) -> bool:
    try:
        _by_segment(source.compute)(market)
    except UsageError:
        return False
    return True


def _by_segment(compute: Callable[[Market], Any]) -> Callable[[Market], Any]:
    from drltrade.features.pieces import piece, spans

    def whole(market: Market) -> Any:
        parts = [compute(piece(market, start, stop)) for start, stop in spans(market.segment)]
        return np.concatenate(parts)

    return whole


def strategy_maker(ref: str, roots: Sequence[Path], params: Mapping[str, Any]) -> Callable[[], Any]:
    """Returns what makes a strategy afresh, with nothing remembered."""
    from drltrade.agents.strategies import make_strategy

    return lambda: make_strategy(ref, roots, **params)


def target_subject(
    ref: str, roots: Sequence[Path], params: Mapping[str, Any], first: int
) -> Subject | None:
    """Prepares a strategy that names its targets for all bars at once; None for the others.

    Args:
        ref: a strategy's name or `path.py:Name`.
        roots: where a plug-in is looked up after the current folder.
        params: its parameters.
        first: the bar of its first decision.
    """
    from drltrade.agents.strategies import make_strategy
    from drltrade.backtest.leaks import Subject

    strategy = make_strategy(ref, roots, **params)
    ask: Any = getattr(strategy, "targets", None)
    if ask is None:
        return None
    plugin = getattr(strategy, "plugin", None)
    if plugin is None:

        def own(market: Market) -> Any:
            if first >= market.bars:
                return np.full((market.bars, market.assets, 1), np.nan)
            return np.asarray(ask(market, first))[:, :, None]

        return Subject(strategy.name, own)
    return Subject(strategy.name, _unguarded(plugin, params, first))


def _unguarded(plugin: Any, params: Mapping[str, Any], first: int) -> Callable[[Market], Any]:
    from drltrade.features.pieces import piece, spans
    from drltrade.features.plugin import failure

    def targets(market: Market) -> Any:
        answer = np.full((market.bars, market.assets), np.nan)
        for start, stop in spans(market.segment):
            begin = max(start, first)
            if begin < stop:
                part = answer_of(piece(market, start, stop), begin - start)
                answer[begin:stop] = part[begin - start :]
        return answer[:, :, None]

    def answer_of(market: Market, begin: int) -> Any:
        call: Any = plugin.target
        try:
            call = call(**params).targets if isinstance(call, type) else call
            values = np.array(call(market, begin), dtype=np.float64)
        except DrltradeError:
            raise
        except Exception as error:
            what = f"The strategy '{plugin.ref}'"
            raise UsageError(failure(what, plugin.path, error)) from error
        if values.shape == (market.bars,) and market.assets == 1:
            values = values[:, None]
        if values.shape != (market.bars, market.assets):
            raise UsageError(
                f"The strategy '{plugin.ref}' returned the shape {values.shape}, but must return"
                f" [T, N] = {(market.bars, market.assets)}."
            )
        return values

    return targets

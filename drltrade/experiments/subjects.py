"""Asks features and strategies for their values with no guard in between that would refuse them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drltrade.errors import DrltradeError, UsageError

if TYPE_CHECKING:
    from drltrade.backtest.leaks import Subject
    from drltrade.data.market import Market
    from drltrade.features import FeatureSpec
    from drltrade.features.source import Source

__all__ = ["feature_subjects", "refuses_look_ahead", "target_subject"]


def refuses_look_ahead(error: DrltradeError) -> bool:
    """Says whether an error is the refusal of a plug-in that looks ahead."""
    return "looks ahead" in str(error)


def feature_subjects(
    raw: Sequence[Any] | None, market: Market, roots: Iterable[Path]
) -> tuple[tuple[FeatureSpec, ...], list[Subject]]:
    """Prepares features to be computed on changed data, each segment on its own.

    Loading a look-ahead plug-in for an env is refused; here it is asked all the same, so that the
    audit can say what it does.

    Returns:
        What the user asked for, and one subject for each, which plays to its columns by name.

    Raises:
        UsageError: a spec is wrong, or the data lack what it needs.
    """
    from drltrade.backtest.leaks import Subject
    from drltrade.features import compute_features, default_features, parse_features
    from drltrade.features.source import source_of

    places, seen = tuple(roots), market.adjusted
    specs = default_features(seen) if raw is None else parse_features(list(raw))
    subjects = [Subject(_columns(source_of(spec, seen, places))) for spec in specs]
    try:
        compute_features(seen, specs, places)  # says what is wrong, but for looking ahead
    except UsageError:
        for subject in subjects:
            subject.on(market)  # what fails on fewer bars alone is for the audit to say
    return specs, subjects


def _columns(source: Source) -> Callable[[Market, int], dict[str, Any]]:
    def play(market: Market, last: int) -> dict[str, Any]:
        values = _by_segment(lambda part, start: source.compute(part), market)
        names = source.names(values.shape[2])
        return {name: values[:, :, column] for column, name in enumerate(names)}

    return play


def _by_segment(compute: Callable[[Market, int], Any], market: Market) -> Any:
    """Computes (market of a segment, its first bar) -> rows on what features and strategies see."""
    from drltrade.features.pieces import piece, spans

    seen = market.adjusted
    parts = [compute(piece(seen, start, stop), start) for start, stop in spans(seen.segment)]
    return np.concatenate(parts)


def target_subject(
    strategy: Any, params: Mapping[str, Any], market: Market, first: int
) -> Subject | None:
    """Prepares a strategy that names its targets for all bars at once; None for the others.

    Args:
        strategy: as `make_strategy` makes it.
        params: the parameters that it was made with.
        market: the data as they are.
        first: the bar of its first decision.

    Raises:
        UsageError: it fails on the data, or returns something that is no target.
    """
    from drltrade.backtest.leaks import Subject

    if not hasattr(strategy, "targets"):
        return None
    try:
        strategy.targets(market.adjusted, first)  # says what is wrong, but for looking ahead
    except UsageError as error:
        if not refuses_look_ahead(error):
            raise
    ask = _unguarded(strategy, params)

    def targets(part: Market, start: int) -> Any:
        begin = max(first - start, 0)
        if begin >= part.bars:
            return np.full((part.bars, part.assets), np.nan)
        own = ask(part, begin).reshape(part.bars, part.assets)
        return np.where(np.arange(part.bars)[:, None] < begin, np.nan, own)

    return Subject(lambda market, last: {strategy.name: _by_segment(targets, market)})


def _unguarded(strategy: Any, params: Mapping[str, Any]) -> Callable[[Market, int], Any]:
    plugin = getattr(strategy, "plugin", None)
    if plugin is None:
        return lambda market, first: np.asarray(strategy.targets(market, first), np.float64)

    def ask(market: Market, first: int) -> Any:
        try:
            made = plugin.target
            call = made(**params).targets if isinstance(made, type) else made
            return np.array(call(market, first), np.float64).reshape(market.bars, market.assets)
        except DrltradeError:
            raise
        except Exception as error:  # whatever a user's code makes of changed data
            raise UsageError(f"The strategy '{plugin.ref}' failed: {error}") from error

    return ask

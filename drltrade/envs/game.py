"""The rules of one environment on one market, shared by every face and every account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from drltrade.data import Market, load
from drltrade.data.segments import rows_of, spans_of
from drltrade.envs.actions import DISCRETE, SCHEMES, ActionScheme
from drltrade.envs.layout import Layout
from drltrade.envs.prices import benchmark_returns, market_prices
from drltrade.envs.rewards import Reward, RewardLike, make_reward
from drltrade.envs.settings import EnvSettings
from drltrade.errors import UsageError
from drltrade.features import Features, Scaler, compute_features, parse_features
from drltrade.sim import Engine, Prices, Rules

__all__ = ["Game", "build_game"]

Spans = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Game:
    """An environment without its accounts: everything that all of them share.

    Attributes:
        settings: what it was built from.
        market: the bars, including those before the interval that windows look back on.
        features: [T, N, F] scaled features of every bar.
        scaler: fitted once, on the train split.
        scheme: the action scheme, `auto` already decided.
        rules: fill, costs and limits.
        layout: the names of the observation's columns.
        prices: what accounts trade at.
        spans: [S, 2] first and last bar of the interval that is played, in each segment it reaches.
        reward: what `make_reward` takes: a name, a weighted sum, or a callable.
        roots: where plug-in files are looked up.
        fitted: [S, 2] spans that the scaler was fitted on; None where it was given or learns
            nothing.
    """

    settings: EnvSettings
    market: Market
    features: Features
    scaler: Scaler
    scheme: ActionScheme
    rules: Rules
    layout: Layout
    prices: Prices
    spans: Spans
    reward: RewardLike
    roots: tuple[Path, ...] = ()
    fitted: Spans | None = None

    @cached_property
    def observation_space(self) -> gym.spaces.Box:
        """A flat float32 Box: the window, then the account.

        Scaled features lie within 10 scales; the bound only says that numbers are finite.
        """
        return gym.spaces.Box(-1e6, 1e6, (self.layout.size,), np.float32)

    @cached_property
    def index_space(self) -> gym.spaces.Box:
        """Of observations by index: the bar's number, then the account; see `make_engine`."""
        columns = 1 + self.layout.size - self.layout.window_size
        return gym.spaces.Box(-1e6, 2.0**24, (columns,), np.float32)

    @property
    def action_space(self) -> gym.Space[Any]:
        """The scheme's space for one account."""
        return self.scheme.space

    @property
    def first(self) -> int:
        """First bar of the interval of a game that is played in one segment."""
        return self._single(0)

    @property
    def last(self) -> int:
        """Last bar of the interval of a game that is played in one segment."""
        return self._single(1)

    def _single(self, end: int) -> int:
        if len(self.spans) > 1:
            raise UsageError(
                f"This game is played in {len(self.spans)} segments of '{self.market.name}', which"
                " have no first or last bar in common; see its spans."
            )
        return int(self.spans[0, end])

    @property
    def interval(self) -> NDArray[np.datetime64]:
        """[2] the earliest and the latest stamp that is played, over all segments."""
        stamps = self.market.stamps[self.spans]
        return np.array([stamps[:, 0].min(), stamps[:, 1].max()])

    @cached_property
    def decisions(self) -> NDArray[np.int64]:
        """[S] first bar of each span after which an agent can act; past its end where none is.

        Windows look back on earlier bars of the same segment and on no other.
        """
        segment = self.market.segment
        starts = np.searchsorted(segment, segment[self.spans[:, 0]])
        warm = starts + self.features.warmup + self.layout.window - 1
        return np.maximum(warm, self.spans[:, 0]).astype(np.int64)

    @cached_property
    def stretches(self) -> Spans:
        """[S, 2] first decision and last bar of each playable stretch, at most one a segment.

        Raises:
            UsageError: no segment is long enough for the window and two bars.
        """
        found = np.stack([self.decisions, self.spans[:, 1]], axis=1)
        found = found[found[:, 0] < found[:, 1]]
        if not len(found):
            longest = int(np.diff(self.spans, axis=1).max()) + 1
            raise UsageError(
                f"{longest} bars are too few: the features need"
                f" {self.features.warmup} bars to warm up, the window {self.layout.window}, and an"
                " episode 2. Use more data, a shorter window or faster features."
            )
        return found.astype(np.int64)

    @property
    def first_decision(self) -> int:
        """The first bar of the interval after which an agent can act, in its first segment."""
        return int(self.stretches[0, 0])

    @property
    def strategy_rules(self) -> Rules:
        """The rules for target weights written by rule: each is an order, NaN is none."""
        return replace(self.rules, on_change=False)

    def between(self, start: str | None, end: str | None) -> Game:
        """Returns the same game on another interval, with the same frozen scaler."""
        return replace(self, spans=self.market.spans(start, end))

    def during(self, intervals: Sequence[tuple[str | None, str | None]]) -> Game:
        """Returns the same game on several intervals; neighbouring ones are played as one."""
        return replace(self, spans=spans_of(self.market, intervals))

    def within(self, first: int, last: int) -> Game:
        """Returns the same game from bar `first` to bar `last` of one segment."""
        return replace(self, spans=np.array([[first, last]], np.int64))

    def make_reward(self) -> Reward:
        """Builds the reward afresh: rewards may remember, so no two batches share one."""
        return make_reward(self.reward, self.roots)

    def make_engine(
        self,
        accounts: int,
        buffers: int = 1,
        equity: float | None = None,
        *,
        indexed: bool = False,
    ) -> Engine:
        """Builds the engine for B accounts with this game's observations and starting equity.

        Args:
            accounts: how many, B.
            buffers: observation buffers that take turns.
            equity: cash of a fresh account; None is the settings' own.
            indexed: observe the number of the bar in place of the window that ends with it: one
                column, exact in float32 up to 2^24 bars.
        """
        features, window = self.features.values, self.layout.window
        if indexed:
            features, window = np.arange(self.market.bars, dtype=np.float32)[:, None], 1
        return Engine(
            self.prices,
            self.rules,
            accounts,
            start_equity=self.settings.equity if equity is None else equity,
            features=features,
            window=window,
            extras=self.layout.account,
            buffers=buffers,
        )


def build_game(
    settings: EnvSettings,
    *,
    market: Market | None = None,
    roots: Sequence[Path] = (),
    usable: Sequence[str] | None = None,
    start: str | None = None,
    end: str | None = None,
    during: Sequence[tuple[str | None, str | None]] | None = None,
    fit: tuple[str | None, str | None] | None = None,
    scaler: Scaler | None = None,
    reward: RewardLike | None = None,
) -> Game:
    """Builds the game that some settings describe.

    Args:
        settings: the environment's settings.
        market: bars to play on; None loads what the settings name.
        roots: where data and plug-in files are looked up after the current folder.
        usable: the action schemes that the agent can use, its natural one first; None is any:
            levels on one asset, a portfolio on several.
        start: first date of the interval that is played; None is the first bar.
        end: its last date, inclusive; None is the last bar.
        during: several intervals that are played, instead.
        fit: the interval that the scaler is fitted on; None is the one that is played.
        scaler: a scaler that is already fitted, instead.
        reward: replaces the settings' reward, as with a function from Python.

    Raises:
        UsageError: settings that do not fit the data or the agent.
        DataError: the data cannot be used.
    """
    market = load(settings.data, roots) if market is None else market
    specs = None if settings.features is None else parse_features(settings.features)
    raw = compute_features(market.adjusted, specs, roots)
    spans = spans_of(market, during or [(start, end)])
    fitted = None
    if scaler is None:
        fitted = spans if fit is None else market.spans(*fit)
        scaler = Scaler.fit(settings.scaler, raw, rows_of(fitted, market.bars))
        fitted = fitted if scaler.center is not None else None
    scheme = _choose_scheme(settings, market.assets, usable or _any_scheme(market.assets))
    on_change = settings.rebalance == "on_change" or (
        settings.rebalance is None and scheme.name in DISCRETE
    )
    rules = settings.rules(shorts=scheme.shorts, on_change=on_change)
    prices = market_prices(market, rules, benchmark_returns(settings.benchmark, market, roots))
    wanted = settings.reward if reward is None else reward
    make_reward(wanted, roots)
    layout = Layout(settings.window, market.symbols, raw.names, settings.account)
    game = Game(
        settings=settings,
        market=market,
        features=scaler.transform(raw),
        scaler=scaler,
        scheme=scheme,
        rules=rules,
        layout=layout,
        prices=prices,
        spans=spans,
        reward=wanted,
        roots=tuple(roots),
        fitted=fitted,
    )
    return game


def _any_scheme(assets: int) -> Sequence[str]:
    return SCHEMES if assets == 1 else tuple(reversed(SCHEMES))


def _choose_scheme(settings: EnvSettings, assets: int, usable: Sequence[str]) -> ActionScheme:
    name = settings.actions.scheme
    if name == "auto":
        name = usable[0]
    elif name not in usable:
        raise UsageError(
            f"actions: {name} does not suit this agent on {assets} asset(s)."
            f" It can use: {', '.join(usable)}; or write actions: auto."
        )
    return ActionScheme(name, assets, settings.actions.levels, settings.leverage)

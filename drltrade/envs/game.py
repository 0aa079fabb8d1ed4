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
from drltrade.envs.actions import DISCRETE, SCHEMES, ActionScheme
from drltrade.envs.layout import Layout
from drltrade.envs.rewards import Reward, RewardLike, make_reward
from drltrade.envs.settings import EnvSettings
from drltrade.errors import UsageError
from drltrade.features import Features, Scaler, compute_features, parse_features
from drltrade.sim import Engine, Prices, Rules

__all__ = ["Game", "build_game"]


@dataclass(frozen=True, eq=False)
class Game:
    """An environment without its accounts: everything that all of them share.

    Attributes:
        settings: what it was built from.
        market: the bars, including those before `first` that windows look back on.
        features: [T, N, F] scaled features of every bar.
        scaler: fitted once, on the train split.
        scheme: the action scheme, `auto` already decided.
        rules: fill, costs and limits.
        layout: the names of the observation's columns.
        prices: what accounts trade at.
        first: first bar of the interval that is played.
        last: its last bar.
        reward: what `make_reward` takes: a name, a weighted sum, or a callable.
        roots: where plug-in files are looked up.
        fitted: first and last bar that the scaler was fitted on; None where it was given or learns
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
    first: int
    last: int
    reward: RewardLike
    roots: tuple[Path, ...] = ()
    fitted: tuple[int, int] | None = None

    @cached_property
    def observation_space(self) -> gym.spaces.Box:
        """A flat float32 Box: the window, then the account.

        Scaled features lie within 10 scales; the bound only says that numbers are finite.
        """
        return gym.spaces.Box(-1e6, 1e6, (self.layout.size,), np.float32)

    @property
    def action_space(self) -> gym.Space[Any]:
        """The scheme's space for one account."""
        return self.scheme.space

    @cached_property
    def stretches(self) -> NDArray[np.int64]:
        """[S, 2] first decision and last bar of each playable stretch, at most one a segment.

        Raises:
            UsageError: no segment is long enough for the window and two bars.
        """
        segment = self.market.segment
        starts = np.flatnonzero(np.diff(segment, prepend=segment[0] - 1))
        ends = np.append(starts[1:], segment.size) - 1
        warm = starts + self.features.warmup + self.layout.window - 1
        found = np.stack([np.maximum(warm, self.first), np.minimum(ends, self.last)], axis=1)
        found = found[found[:, 0] < found[:, 1]]
        if not len(found):
            raise UsageError(
                f"{self.last - self.first + 1} bars are too few: the features need"
                f" {self.features.warmup} bars to warm up, the window {self.layout.window}, and an"
                " episode 2. Use more data, a shorter window or faster features."
            )
        return found.astype(np.int64)

    @property
    def first_decision(self) -> int:
        """The first bar of the interval after which an agent can act."""
        return int(self.stretches[0, 0])

    @property
    def strategy_rules(self) -> Rules:
        """The rules for target weights written by rule: each is an order, NaN is none."""
        return replace(self.rules, on_change=False)

    def between(self, start: str | None, end: str | None) -> Game:
        """Returns the same game on another interval, with the same frozen scaler."""
        first, last = self.market.locate(start, end)
        return replace(self, first=first, last=last)

    def make_reward(self) -> Reward:
        """Builds the reward afresh: rewards may remember, so no two batches share one."""
        return make_reward(self.reward, self.roots)

    def make_engine(self, accounts: int, buffers: int = 1) -> Engine:
        """Builds the engine for B accounts with this game's observations."""
        return Engine(
            self.prices,
            self.rules,
            accounts,
            start_equity=self.settings.equity,
            features=self.features.values,
            window=self.layout.window,
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
        fit: the interval that the scaler is fitted on; None is the one that is played.
        scaler: a scaler that is already fitted, instead.
        reward: replaces the settings' reward, as with a function from Python.

    Raises:
        UsageError: settings that do not fit the data or the agent.
        DataError: the data cannot be used.
    """
    market = load(settings.data, roots) if market is None else market
    specs = None if settings.features is None else parse_features(settings.features)
    raw = compute_features(market, specs, roots)
    first, last = market.locate(start, end)
    fitted = None
    if scaler is None:
        begin, end_of_fit = (first, last) if fit is None else market.locate(*fit)
        scaler = Scaler.fit(settings.scaler, raw, slice(begin, end_of_fit + 1))
        fitted = (begin, end_of_fit) if scaler.center is not None else None
    scheme = _choose_scheme(settings, market.assets, usable or _any_scheme(market.assets))
    on_change = settings.rebalance == "on_change" or (
        settings.rebalance is None and scheme.name in DISCRETE
    )
    rules = Rules(settings.fill, settings.costs, settings.leverage, scheme.shorts, on_change)
    prices = Prices(market.open, market.close)
    prices.check_fill(rules)
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
        first=first,
        last=last,
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

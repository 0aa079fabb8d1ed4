"""The card of a policy: all that it takes to act again on fresh bars, as plain JSON."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import gymnasium as gym
import numpy as np
from pydantic import Field

from drltrade.config import Settings
from drltrade.data.segments import periods_of
from drltrade.envs import Game
from drltrade.envs.layout import Layout
from drltrade.features import default_features, parse_features
from drltrade.plugins import is_plugin, load_plugin

__all__ = ["SCHEMA_VERSION", "ActionCard", "ObservationCard", "PolicyCard", "StartCard",
           "intervals_of", "versions"]  # fmt: skip

SCHEMA_VERSION = 2
"""Rises when a card of an older version can no longer be read."""
Interval = tuple[str, str]
"""First and last stamp, both inclusive."""


class ObservationCard(Settings):
    """What an observation consists of: a window of features, then the account."""

    window: int
    """Bars in the window, W."""
    symbols: tuple[str, ...]
    """The N assets, in the order of the columns."""
    features: tuple[str, ...]
    """The F feature columns of each asset."""
    account: tuple[str, ...] = ()
    """What follows the N drifted weights."""
    size: int
    """Number of columns in all."""

    def layout(self) -> Layout:
        """Names the columns."""
        return Layout(self.window, self.symbols, self.features, self.account)


class ActionCard(Settings):
    """What an action is and what it means."""

    scheme: str
    """The action scheme, `auto` already decided."""
    kind: Literal["Discrete", "MultiDiscrete", "Box"]
    """The Gymnasium space."""
    counts: tuple[int, ...] = ()
    """Number of choices, one entry for each index."""
    low: tuple[float, ...] = ()
    """Lower bounds of a Box."""
    high: tuple[float, ...] = ()
    """Upper bounds of a Box."""

    @classmethod
    def of(cls, scheme: str, space: gym.Space[Any]) -> ActionCard:
        """Describes a space that an action scheme has."""
        if isinstance(space, gym.spaces.Discrete):
            return cls(scheme=scheme, kind="Discrete", counts=(int(space.n),))
        if isinstance(space, gym.spaces.MultiDiscrete):
            counts = tuple(int(n) for n in space.nvec)
            return cls(scheme=scheme, kind="MultiDiscrete", counts=counts)
        bounds = {"low": space.low.tolist(), "high": space.high.tolist()}
        return cls(scheme=scheme, kind="Box", **bounds)

    def space(self) -> gym.Space[Any]:
        """Builds the space anew."""
        if self.kind == "Discrete":
            return gym.spaces.Discrete(self.counts[0])
        if self.kind == "MultiDiscrete":
            return gym.spaces.MultiDiscrete(np.array(self.counts))
        return gym.spaces.Box(
            np.array(self.low, np.float32), np.array(self.high, np.float32), dtype=np.float32
        )


class StartCard(Settings):
    """The policy that a training began with."""

    weights: str
    """SHA-256 of its weights."""
    agent: str
    """Who trained it."""
    data: str
    """The market that it was trained on."""
    seen_start: str
    """The first bar that it was trained or chosen on, or the weights that it began with."""
    seen_end: str
    """The last one."""
    freeze: bool = False
    """Whether its encoder was kept as it was."""


class PolicyCard(Settings):
    """What `policy.json` holds."""

    schema_version: int = SCHEMA_VERSION
    """The version of this format."""
    agent: str
    """The agent's name in the table."""
    settings: dict[str, Any]
    """The agent's settings, defaults included."""
    env: dict[str, Any]
    """The environment's settings, defaults included: data, features, fill, costs, reward."""
    observation: ObservationCard
    """What the policy sees."""
    action: ActionCard
    """What the policy does."""
    scaler: dict[str, Any]
    """The frozen scaler of the train interval."""
    reward: str
    """What was rewarded, in words."""
    reward_scale: float
    """What rewards were multiplied by in training."""
    data: str
    """The name of the market."""
    fingerprint: str
    """The SHA-256 of the market's content."""
    train: tuple[Interval, ...] = Field(min_length=1)
    """The intervals that were learnt from, in order of time."""
    valid: tuple[Interval, ...] = ()
    """The intervals that these weights were chosen on, if any."""
    seed: int
    """The seed of the training."""
    steps: int
    """Account-steps after which these weights were taken."""
    accounts: int
    """Accounts that were stepped at once."""
    score: float | None = None
    """The score that these weights were chosen by."""
    start: StartCard | None = None
    """The weights that the training began with; nothing where they were fresh."""
    plugins: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of each plug-in file, by the name that the user gave."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Versions of what trained it, and the number of torch threads."""
    weights: str = ""
    """SHA-256 of the file with the weights, filled in on saving."""

    @classmethod
    def of(
        cls,
        game: Game,
        agent: Mapping[str, Any],
        *,
        reward_scale: float,
        seed: int,
        steps: int,
        accounts: int,
        start_from: StartCard | None = None,
    ) -> PolicyCard:
        """Describes a policy that is trained on a game.

        Args:
            game: the market and rules on the train interval.
            agent: the agent's settings as a mapping, with its name.
            reward_scale: what rewards are multiplied by.
            seed: the seed of the training.
            steps: account-steps done.
            accounts: accounts stepped at once.
            start_from: which weights it began with, if not fresh ones.
        """
        layout, scheme = game.layout, game.scheme
        return cls(
            agent=str(agent["name"]),
            settings=dict(agent),
            env=_environment(game),
            observation=ObservationCard(
                window=layout.window,
                symbols=layout.symbols,
                features=layout.features,
                account=layout.account,
                size=layout.size,
            ),
            action=ActionCard.of(scheme.name, scheme.space),
            scaler=game.scaler.to_dict(),
            reward=_in_words(game.reward),
            reward_scale=reward_scale,
            data=game.market.name,
            fingerprint=game.market.fingerprint,
            train=intervals_of(game),
            seed=seed,
            steps=steps,
            accounts=accounts,
            plugins=_plugins(game, str(agent["name"])),
            start=start_from,
            versions=versions(),
        )

    @property
    def train_start(self) -> str:
        """The first bar that was learnt from."""
        return self.train[0][0]

    @property
    def train_end(self) -> str:
        """The last one."""
        return self.train[-1][1]

    @property
    def seen(self) -> Interval:
        """The first and the last bar that was learnt from or chosen on."""
        every = (*self.train, *self.valid)
        return min(start for start, _ in every), max(end for _, end in every)


def intervals_of(game: Game) -> tuple[Interval, ...]:
    """Names what a game is played on, to the second."""
    periods = periods_of(game.market, game.spans)
    texts = np.datetime_as_string(np.array(periods), unit="s")
    return tuple((str(first), str(last)) for first, last in texts)


def versions() -> dict[str, str]:
    """Names the versions of the libraries that decide what a training does."""
    import torch

    found = {"python": platform.python_version()}
    for package in ("drltrade", "torch", "stable-baselines3", "numpy", "gymnasium"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found | {"threads": str(torch.get_num_threads())}


def _environment(game: Game) -> dict[str, Any]:
    """The settings with every default written out, also which features were taken by default."""
    settings = game.settings
    if settings.features is None:
        specs = default_features(game.market)
    else:
        specs = parse_features(settings.features)
    plain = settings.model_copy(update={"features": [spec.raw for spec in specs]})
    return plain.model_dump(mode="json")


def _in_words(reward: Any) -> str:
    if isinstance(reward, str):
        return reward
    if isinstance(reward, Mapping):
        return " + ".join(f"{weight:g} {name}" for name, weight in reward.items())
    return str(getattr(reward, "__name__", type(reward).__name__))


def _plugins(game: Game, agent: str) -> dict[str, str]:
    """Hashes the files of the agent, features and rewards that are named as path.py:name."""
    names = [agent]
    if isinstance(game.reward, str | Mapping):
        names += [game.reward] if isinstance(game.reward, str) else list(game.reward)
    if game.settings.features is not None:
        names += [spec.name for spec in parse_features(game.settings.features)]
    return {name: load_plugin(name, game.roots).sha256 for name in names if is_plugin(name)}

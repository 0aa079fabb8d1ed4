"""Builds faces from a name, a file or settings, and registers the shipped ones with Gymnasium."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium as gym

from drltrade.config import merge, parse
from drltrade.data import DataSettings, Market, load_market
from drltrade.envs.game import Game, build_game
from drltrade.envs.settings import EnvSettings, read_env
from drltrade.envs.single import TradingEnv
from drltrade.envs.vector import VectorTradingEnv
from drltrade.errors import UsageError

__all__ = ["SHIPPED", "make_env", "make_vec_env", "register"]

SHIPPED = ("aapl-daily", "portfolio-4", "eurusd-hourly", "sp500-20", "sp500-each")
"""Environments of the shipped `envs/` folder, each with a Gymnasium id `drltrade/<name>-v0`."""

EnvLike = str | Path | Mapping[str, Any] | EnvSettings | Game


def make_env(env: EnvLike = "sample", *, render_mode: None = None, **overrides: Any) -> TradingEnv:
    """Builds a single-account environment.

    Args:
        env: `sample`, the name of a file in `envs/`, a YAML file, a mapping, settings or a game.
        overrides: settings to replace, nested ones in part, such as `window=32` or
            `costs={"commission": {"rate": 0.001}}`. `reward` may be a function of a Step and `data`
            a Market or a DataFrame. `start` and `end` name the interval that is played,
            `fit=(from, to)` the one that the scaler is fitted on: by default the interval that is
            played, which is right for training and wrong for testing.

        render_mode: None; nothing is drawn (a TypeError, as Gymnasium's callers expect).

    Raises:
        UsageError: an unknown name or setting.

    Example:
        >>> env = make_env("sample", window=8, reward="profit")
        >>> observation, info = env.reset(seed=1)
    """
    if render_mode is not None:
        raise TypeError(f"render_mode is {render_mode!r}; a trading environment draws nothing.")
    return TradingEnv(_game(env, overrides))


def make_vec_env(env: EnvLike = "sample", num_envs: int = 64, **overrides: Any) -> VectorTradingEnv:
    """Builds B accounts of one environment; see `make_env` for the arguments."""
    return VectorTradingEnv(_game(env, overrides), num_envs)


def _game(env: EnvLike, overrides: dict[str, Any]) -> Game:
    if isinstance(env, Game):
        if overrides:
            raise UsageError(
                f"A game is built already: {', '.join(overrides)} cannot be set on it. Set them"
                " where the game is built."
            )
        return env
    settings, roots = read_env(env)
    wanted = dict(overrides)
    start, end, fit = (wanted.pop(key, None) for key in ("start", "end", "fit"))
    reward = wanted.pop("reward") if callable(wanted.get("reward")) else None
    data = wanted.get("data")
    market = None
    if data is not None and not isinstance(data, str | Path | Mapping | list | DataSettings):
        market = data if isinstance(data, Market) else load_market(data)
        del wanted["data"]
    if wanted:
        content = merge(settings.model_dump(exclude_unset=True, mode="json"), wanted)
        settings = parse(EnvSettings, content, "make_env")
    return build_game(
        settings, market=market, roots=roots, start=start, end=end, fit=fit, reward=reward
    )


def register() -> None:
    """Registers `drltrade/Trading-v0`, whose `env` names what it plays, and the shipped envs.

    Example:
        `gymnasium.make("drltrade.envs:drltrade/aapl-daily-v0", window=32)`
    """
    names: dict[str, dict[str, str]] = {"Trading": {}} | {name: {"env": name} for name in SHIPPED}
    for name, kwargs in names.items():
        if f"drltrade/{name}-v0" not in gym.registry:
            gym.register(
                id=f"drltrade/{name}-v0",
                entry_point="drltrade.envs.make:make_env",
                vector_entry_point="drltrade.envs.make:make_vec_env",
                kwargs=kwargs,
            )

"""Says of a saved backtest how it was made, and does it again from that."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field

from drltrade.config import Settings, parse
from drltrade.errors import DrltradeError, UsageError
from drltrade.experiments.folders import is_done, read_json, write_json
from drltrade.experiments.jobs import code_hash, plugin_hashes, version
from drltrade.experiments.rebuilding import Markets, changed_versions, check_plugins, located_env
from drltrade.plugins import workspace_roots

if TYPE_CHECKING:
    from drltrade.experiments.backtests import Judged

__all__ = ["STORY", "is_backtest", "redo_backtest", "tell_backtest"]

STORY = "backtest.json"
"""What a saved backtest says of how it was made."""
_LIBRARIES = ("drltrade", "numpy", "numba", "TA-Lib")


class _Strategy(Settings):
    """What was backtested: its name, and whatever parameters were set."""

    model_config = ConfigDict(extra="allow")

    name: str


class _Story(Settings):
    """What a backtest is made from again; its folder may be a stranger's."""

    model_config = ConfigDict(extra="ignore")

    strategy: _Strategy
    env: dict[str, Any]
    start: str
    end: str
    data: str
    plugins: dict[str, str] = Field(default_factory=dict)
    roots: list[str] = Field(default_factory=list)
    version: str = ""
    versions: dict[str, str] = Field(default_factory=dict)


def is_backtest(folder: Path) -> bool:
    """Says whether a folder is a saved backtest's rather than a job's."""
    return is_done(folder) and not (folder / "job.json").is_file()


def tell_backtest(judged: Judged, folder: Path) -> None:
    """Writes `backtest.json` beside the record of a strategy; a policy has its own run."""
    strategy = judged.record.assumptions.get("strategy")
    if strategy is None:
        (folder / STORY).unlink(missing_ok=True)
        return
    content = {"strategy": strategy, "env": judged.game.settings.model_dump(mode="json")}
    stamps = [str(stamp) for stamp in judged.game.interval]
    write_json(
        folder / STORY,
        {
            **content,
            "start": stamps[0],
            "end": stamps[1],
            "data": judged.game.market.fingerprint,
            "plugins": plugin_hashes(content, judged.roots),
            "roots": [str(root) for root in (Path.cwd(), *judged.roots)],
            "version": _version(),
            "versions": {
                "python": platform.python_version(),
                **{name: importlib.metadata.version(name) for name in _LIBRARIES},
            },
        },
    )


def redo_backtest(folder: Path, scratch: Path) -> tuple[str, ...]:
    """Makes a saved backtest of a strategy again and writes its record into `scratch`.

    Plug-ins and data are taken as `rebuilding.rebuild` takes them.

    Returns:
        What is not as it was then.

    Raises:
        DrltradeError: the folder does not say how it was made, or something is missing or changed.
    """
    from drltrade.backtest.files import write_record
    from drltrade.envs import EnvSettings, build_game
    from drltrade.experiments.backtests import run_strategy

    story = _read(folder)
    content = {"strategy": story.strategy.model_dump(), "env": story.env}
    check_plugins(content, story.plugins, story.roots)
    markets, roots = Markets(), (Path.cwd(), *workspace_roots())
    env = located_env(story.env, story.roots, story.data, markets)
    params = content["strategy"]
    name = params.pop("name")
    game = build_game(
        parse(EnvSettings, env, "its env"),
        market=markets.load(env["data"], story.data),
        roots=roots,
        start=story.start,
        end=story.end,
    )
    write_record(run_strategy(name, game, roots, params), scratch)
    if story.version == _version():
        return ()
    return (changed_versions(story.versions) or "Other code: drltrade or a library was changed.",)


def _read(folder: Path) -> _Story:
    if not (folder / STORY).is_file():
        raise DrltradeError(
            f"There is no {STORY} in it that says how it was made. If it is the backtest of a"
            " trained policy, reproduce the run of that policy; else save it again with"
            " `drltrade backtest ... --out`."
        )
    try:
        return parse(_Story, read_json(folder / STORY), f"'{folder / STORY}'")
    except UsageError as error:
        raise DrltradeError(f"{error} The file is damaged.") from error


def _version() -> str:
    return f"{version()}+{code_hash()}"

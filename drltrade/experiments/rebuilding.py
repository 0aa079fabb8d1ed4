"""Rebuilds a job from what its folder says of it, and takes no code from there."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field

from drltrade.config import Settings, parse
from drltrade.errors import DrltradeError, UsageError
from drltrade.experiments.folders import job_folders, read_json
from drltrade.experiments.jobs import Job
from drltrade.experiments.results import known_runs
from drltrade.experiments.settings import Budget
from drltrade.plugins import find_file, plugins_named, workspace_roots

if TYPE_CHECKING:
    from drltrade.data.market import Market

__all__ = ["Markets", "Rebuilt", "changed_versions", "check_plugins", "located_env", "rebuild"]

_NEVER = 1e9
"""Seconds between two checkpoints of what is thrown away anyway."""


class _Span(Settings):
    """Some bars of a fold."""

    start: str
    end: str
    bars: int


class _Start(Settings):
    """The weights that a job began with."""

    weights: str
    freeze: str | None = None


class _Config(Settings):
    """What decides a job's result."""

    model_config = ConfigDict(extra="ignore")

    env: dict[str, Any]
    agent: dict[str, Any]
    splits: dict[Literal["train", "valid", "test"], list[_Span]] = Field(min_length=3)
    budget: Budget
    start: _Start | None = None


class _Story(Settings):
    """What of `job.json` a job is rebuilt from; its folder may be a stranger's."""

    model_config = ConfigDict(extra="ignore")

    id: str
    agent: str
    seed: int = Field(ge=0, le=2**31 - 1)
    fold: int = Field(0, ge=0)
    folds: int = Field(1, ge=1)
    config: _Config
    data: str
    plugins: dict[str, str] = Field(default_factory=dict)
    roots: list[str] = Field(default_factory=list)
    versions: dict[str, str] = Field(default_factory=dict)
    git: str | None = None
    device: str = "auto"


@dataclass(frozen=True)
class Rebuilt:
    """A job that can be done again.

    Attributes:
        job: what is to be done, in a folder of its own.
        notes: what is not as it was then, and may be why it comes out otherwise.
    """

    job: Job
    notes: tuple[str, ...]


class Markets:
    """Loads the data of several jobs, each once."""

    def __init__(self) -> None:
        self._known: dict[str, Market] = {}

    def load(self, data: Mapping[str, Any], fingerprint: str) -> Market:
        """Loads what the `data:` part of an environment describes.

        Raises:
            DrltradeError: it cannot be loaded, or is not what it was.
        """
        from drltrade.data import load
        from drltrade.data.settings import DataSettings

        key = json.dumps(data, sort_keys=True)
        if key not in self._known:
            self._known[key] = load(parse(DataSettings, data, "its data"), workspace_roots())
        market = self._known[key]
        if market.fingerprint != fingerprint:
            raise DrltradeError(
                f"The data of '{market.name}' have changed: SHA-256 {fingerprint[:12]} then,"
                f" {market.fingerprint[:12]} now. Restore the file."
            )
        return market


def rebuild(folder: Path, home: Path, markets: Markets) -> Rebuilt:
    """Makes a finished job ready to be done again.

    Plug-ins are those of the current folder and the shipped ones, and must have the content that
    the job states; data are looked up where they were, then here.

    Args:
        folder: the finished job.
        home: below this it is done again.
        markets: loads and keeps the data.

    Raises:
        DrltradeError: it cannot be done again: something is damaged, missing or has changed.
    """
    content = read_json(folder / "job.json")
    try:
        story = parse(_Story, content, f"'{folder / 'job.json'}'")
    except UsageError as error:
        raise DrltradeError(
            f"{error} The file is damaged, or another version of drltrade wrote it."
        ) from error
    check_plugins(content["config"], story.plugins, story.roots)
    config = dict(content["config"])
    config["env"] = located_env(config["env"], story.roots, story.data, markets)
    job = Job(
        agent=re.sub(r"[^\w-]", "-", story.agent)[:60],  # a part of a folder's name
        seed=story.seed,
        config=config,
        data=story.data,
        plugins=story.plugins,
        home=home,
        roots=(Path.cwd(), *workspace_roots()),
        fold=story.fold,
        folds=story.folds,
        device=story.device,
        start=_begun_with(story, folder),
        checkpoint_seconds=_NEVER,
        diagnostics=False,
    )
    return Rebuilt(job, tuple(_notes(story, content, job)))


def check_plugins(content: Any, stated: Mapping[str, str], roots: Sequence[str]) -> None:
    """Makes sure that every plug-in that settings name is the user's own, and what it was.

    Args:
        content: the settings.
        stated: the SHA-256 of each plug-in's file.
        roots: where they were looked up then.

    Raises:
        DrltradeError: one is missing, has changed, or lies where none may be.
    """
    from drltrade.agents.origins import check_origins

    trusted = workspace_roots()
    for ref in plugins_named(content):
        file = find_file(ref.rpartition(":")[0], trusted)
        if file is None:
            then = f" It was run in '{roots[0]}': go there, if that is yours." if roots else ""
            raise DrltradeError(f"The plug-in '{ref}' is not in this workspace.{then}")
        now = hashlib.sha256(file.read_bytes()).hexdigest()
        if stated.get(ref) != now:
            raise DrltradeError(
                f"The plug-in '{ref}' has changed: SHA-256 {str(stated.get(ref))[:12]} then,"
                f" {now[:12]} now. Restore the file."
            )
    check_origins(content, trusted, trusted)


def located_env(
    env: Mapping[str, Any], roots: Sequence[str], fingerprint: str, markets: Markets
) -> dict[str, Any]:
    """Names the data of an environment by where they are, so that no other root is needed.

    Args:
        env: the environment's settings.
        roots: where its files were looked up; from there data are taken, code never.
        fingerprint: what its data must be.
        markets: loads them.

    Raises:
        DrltradeError: the data are missing or have changed, or a setting is wrong.
    """
    from drltrade.envs import EnvSettings

    settings = parse(EnvSettings, env, "its env")
    content = settings.model_dump(mode="json")
    source = content["data"]["source"]
    if isinstance(source, list):
        content["data"]["source"] = [_located(each, roots) for each in source]
    elif source != "sample":
        content["data"]["source"] = _located(source, roots)
    market = markets.load(content["data"], fingerprint)
    benchmark = settings.benchmark
    if benchmark is not None and benchmark not in (*market.symbols, *market.columns):
        content["benchmark"] = _located(benchmark, roots)
    return content


def _located(name: str, roots: Sequence[str]) -> str:
    """Says where a file or folder of data is: where it was looked up then, else the name itself."""
    places = (Path(root) / name for root in roots)
    return next((str(place.resolve()) for place in places if place.exists()), name)


def _begun_with(story: _Story, folder: Path) -> Path | None:
    """Finds the policy that a job began with by the hash of its weights."""
    start = story.config.start
    if start is None:
        return None
    homes = list(dict.fromkeys((folder.resolve().parents[1], Path("runs").resolve())))
    for job in (job for home in homes for run in known_runs(home) for job in _jobs(run)):
        if _weights(job) == start.weights:
            return job
    raise DrltradeError(
        f"It began with the weights {start.weights[:12]} of another run (--from), which is not"
        f" below {' or '.join(str(home) for home in homes)}. Put that run back."
    )


def _jobs(run: Path) -> Iterator[Path]:
    yield run
    yield from job_folders(run)


def _weights(job: Path) -> str:
    try:
        return str(read_json(job / "policy.json").get("weights"))
    except DrltradeError:
        return ""


def _notes(story: _Story, content: Mapping[str, Any], job: Job) -> Iterator[str]:
    """Says what is not as it was then."""
    if job.device == "cuda":
        yield "It was trained on a GPU, where the same seed need not give the same weights."
    as_it_was = Job(
        agent=story.agent,
        seed=story.seed,
        config=content["config"],
        data=story.data,
        plugins=story.plugins,
        home=job.home,
        fold=story.fold,
        folds=story.folds,
    )
    if as_it_was.id == story.id:  # of which the hash of the code and of the libraries is a part
        return
    changed = changed_versions(story.versions)
    git = f" (git {story.git[:12]} then)" if story.git else ""
    yield changed or f"Other code: drltrade{git} or a library was changed, or job.json was edited."


def changed_versions(then: Mapping[str, str]) -> str:
    """Names the versions that are not what they were; empty where none is."""
    changed = [
        f"{name} {was} then, {now} now"
        for name, was in then.items()
        if (now := _version(name)) is not None and now != was
    ]
    return f"Other versions: {'; '.join(changed)}." if changed else ""


def _version(name: str) -> str | None:
    if name == "python":
        return platform.python_version()
    try:
        return importlib.metadata.version(name)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None

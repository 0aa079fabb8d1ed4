"""A trained policy: acts, is saved as JSON plus safetensors, and is rebuilt from the table."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drltrade.agents.card import SCHEMA_VERSION, PolicyCard, intervals_of
from drltrade.agents.origins import CARD_FILE, check_origins
from drltrade.agents.table import AGENTS, Agent, find_agent
from drltrade.agents.task import pick_device
from drltrade.config import merge, parse
from drltrade.data import Market, load
from drltrade.envs import EnvSettings, Game, build_game
from drltrade.errors import DrltradeError, UsageError
from drltrade.features import Scaler, parse_features
from drltrade.plugins import find_file, is_plugin, workspace_roots

if TYPE_CHECKING:
    import torch

__all__ = ["CARD_FILE", "WEIGHTS_FILE", "Policy", "load_policy"]

WEIGHTS_FILE = "policy.safetensors"

_FIXED = ("actions", "features", "window", "scaler", "account", "leverage")
"""Settings that decide what a policy sees and does: they are its own."""


class Policy:
    """The frozen thing that maps observations to actions.

    Attributes:
        card: everything known about it; see `PolicyCard`.
        network: the torch module that acts.
        roots: where data and plug-in files are looked up after the current folder.
    """

    def __init__(self, card: PolicyCard, network: Any, roots: Sequence[Path] = ()) -> None:
        self.card, self.network, self.roots = card, network.eval(), tuple(roots)

    def __repr__(self) -> str:
        card = self.card
        return f"<Policy {card.agent} seed {card.seed}, {card.steps} steps on {card.data}>"

    def chosen_on(self, game: Game, market: Market | None = None) -> None:
        """Notes on the card what these weights were chosen by.

        Args:
            game: the game on the bars whose score decided.
            market: the whole market, where the game is played on stretches cut from it.
        """
        whole = game.market if market is None else market
        told = {"valid": intervals_of(game), "fingerprint": whole.fingerprint}
        self.card = self.card.model_copy(update=told)

    def predict(
        self,
        obs: NDArray[np.float32],
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[Any], Any]:
        """Chooses actions, in Stable-Baselines3's signature.

        Args:
            obs: one observation [D] or a batch [B, D], float32.
            state: what the last call returned; memoryless policies hand it through.
            episode_start: [B], whether an episode begins here.
            deterministic: take the best action; otherwise draw one where the policy is random.

        Returns:
            The action or the batch of them, and the next state.

        Raises:
            UsageError: the observation has the wrong width.
        """
        batch = np.asarray(obs, dtype=np.float32)
        width = self.card.observation.size
        if batch.ndim not in (1, 2) or batch.shape[-1] != width:
            raise UsageError(
                f"The observation has shape {batch.shape}; this policy takes [{width}] or"
                f" [B, {width}]."
            )
        action, state = self.network.predict(batch, state, episode_start, deterministic)
        return np.asarray(action), state

    def game(
        self,
        market: Market | None = None,
        start: str | None = None,
        end: str | None = None,
        overrides: Mapping[str, Any] | None = None,
        roots: Sequence[Path] = (),
    ) -> Game:
        """Builds the game that it was trained for on other bars, with its own frozen scaler.

        Args:
            market: fresh bars; None loads the data that it was trained on.
            start: first date, None is the first bar.
            end: last date, inclusive, None is the last bar.
            overrides: settings of the environment to replace, nested as in its YAML, such as
                `{"costs": {"commission": {"rate": 0.001}}}`.
            roots: folders where plug-ins and data are looked up before the policy's own.

        Raises:
            UsageError: an override would change what the policy sees or does, the market has
                another number of assets, or a feature's plug-in is not the one it was trained with.
        """
        places = (*roots, *self.roots)
        changes = dict(overrides or {})
        for name in _FIXED:
            if name in changes:
                raise UsageError(
                    f"'env.{name}' cannot be changed for a trained policy: it decides what the"
                    " policy sees and does. Train again to change it."
                )
        content = merge(self.card.env, changes)
        content["actions"] = content["actions"] | {"scheme": self.card.action.scheme}
        settings = parse(EnvSettings, content, "the policy's environment")
        self._check_plugins(settings, places)
        market = load(settings.data, places) if market is None else market
        self._check_assets(market)
        game = build_game(
            settings,
            market=market,
            roots=places,
            usable=(self.card.action.scheme,),
            start=start,
            end=end,
            scaler=self.scaler,
        )
        self._check_layout(game)
        return game

    def save(self, folder: str | Path) -> Path:
        """Writes policy.safetensors and then policy.json, each beside its place and renamed.

        Returns:
            The folder, made if it was missing.
        """
        from safetensors.torch import save_model

        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        weights = place / WEIGHTS_FILE
        _write(weights, lambda path: save_model(self.network, str(path)))
        card = self.card.model_copy(update={"weights": _sha256(weights)})
        text = json.dumps(card.model_dump(mode="json"), indent=1, allow_nan=False)
        _write(place / CARD_FILE, lambda path: path.write_text(text + "\n", encoding="utf-8"))
        self.card = card
        return place

    @property
    def scaler(self) -> Scaler:
        """The frozen scaler of the interval that it was trained on.

        Raises:
            DrltradeError: the card's is damaged.
        """
        try:
            return Scaler.from_dict(self.card.scaler)
        except (KeyError, TypeError, ValueError) as error:
            raise DrltradeError(f"The policy's scaler cannot be read: {error}.") from error

    def _check_assets(self, market: Market) -> None:
        mine, theirs = self.card.observation.symbols, market.symbols
        if len(theirs) != len(mine):
            fix = " To judge it on each of them, set env.data.each=true." if len(mine) == 1 else ""
            raise UsageError(
                f"The policy trades {len(mine)} asset(s) ({', '.join(mine)}), but the data have"
                f" {len(theirs)} ({', '.join(theirs)}).{fix}"
            )

    def _check_layout(self, game: Game) -> None:
        seen, mine = game.layout, self.card.observation
        if seen.features != mine.features or seen.size != mine.size:
            raise UsageError(
                f"The policy was trained on the features {', '.join(mine.features)}; these data"
                f" give {', '.join(seen.features)}."
            )

    def _check_plugins(self, settings: EnvSettings, roots: Sequence[Path]) -> None:
        """A feature's file must be the one that was trained with; a reward's no longer matters."""
        wanted = {spec.name for spec in parse_features(settings.features or ["gap"])}
        for name, digest in self.card.plugins.items():
            file = find_file(name.rpartition(":")[0], roots) if name in wanted else None
            if file is not None and _sha256(file) != digest:
                raise UsageError(
                    f"The plug-in '{name}' has changed since the policy was trained with it."
                    " Restore the file or train again."
                )


def load_policy(
    folder: str | Path,
    *,
    device: str = "cpu",
    roots: Sequence[Path] | None = None,
    data_roots: Sequence[Path] = (),
) -> Policy:
    """Loads a policy from the folder that it was saved in.

    Args:
        folder: a run folder, or the path of its policy.json.
        device: cpu, cuda or auto.
        roots: where its data and plug-ins are looked up after the current folder; None takes the
            workspace.
        data_roots: where its data are looked up after that; no plug-in is taken from there.

    Raises:
        DrltradeError: a file is missing, damaged, foreign or of another version.
    """
    place = Path(folder)
    place = place.parent if place.name == CARD_FILE else place
    card = _read_card(place / CARD_FILE)
    trusted = tuple(workspace_roots() if roots is None else roots)
    found = tuple(dict.fromkeys((*trusted, *data_roots)))
    check_origins((card.agent, card.env, list(card.plugins)), trusted, found)
    network = _read_weights(card, place / WEIGHTS_FILE, found)
    return Policy(card, network.to(pick_device(device)), found)


def _read_card(file: Path) -> PolicyCard:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise DrltradeError(
            f"There is no policy in '{file.parent}': {file.name}: {reason}."
        ) from error
    except ValueError as error:
        raise DrltradeError(f"'{file}' is damaged: it is not JSON.") from error
    if not isinstance(content, dict) or "schema_version" not in content:
        raise DrltradeError(f"'{file}' is not a policy card of drltrade.")
    if content["schema_version"] != SCHEMA_VERSION:
        raise DrltradeError(
            f"'{file}' has schema version {content['schema_version']!r}; this drltrade reads"
            f" version {SCHEMA_VERSION}. Train again, or use the drltrade that wrote it."
        )
    try:
        return parse(PolicyCard, content, f"'{file}'")
    except UsageError as error:
        raise DrltradeError(f"The policy card is damaged. {error}") from error


def _read_weights(card: PolicyCard, file: Path, roots: Sequence[Path]) -> torch.nn.Module:
    from safetensors import SafetensorError
    from safetensors.torch import load_model

    from drltrade.agents.seeding import global_generators_kept

    agent = _agent_of(card, roots)
    if not file.is_file():
        raise DrltradeError(f"The policy's weights are missing: there is no '{file}'.")
    if card.weights != _sha256(file):
        raise DrltradeError(
            f"'{file}' is damaged or belongs to another policy: its SHA-256 is not the one that"
            f" {CARD_FILE} states."
        )
    try:
        settings = parse(agent.settings, card.settings, "the policy's agent")
    except UsageError as error:
        raise DrltradeError(f"The policy card is damaged: {error}") from error
    layout, space = card.observation.layout(), card.action.space()
    try:
        with global_generators_kept():
            network = agent.code().build_network(settings, layout, space)
        load_model(network, str(file))
    except (SafetensorError, RuntimeError, ValueError, KeyError, IndexError) as error:
        raise DrltradeError(
            f"The weights in '{file}' are not those of the network that its {CARD_FILE} describes."
        ) from error
    return network


def _agent_of(card: PolicyCard, roots: Sequence[Path]) -> Agent:
    """Finds the agent that trained a policy; a user's own only where its file is the same."""
    if is_plugin(card.agent):
        file = find_file(card.agent.rpartition(":")[0], roots)
        if file is None or _sha256(file) != card.plugins.get(card.agent):
            what = "is not here" if file is None else "has changed since"
            raise DrltradeError(
                f"The policy was trained by your own agent '{card.agent}', whose file {what}."
                " Restore the file or train again."
            )
    elif card.agent not in AGENTS:
        raise DrltradeError(
            f"The policy was trained by '{card.agent}', which this drltrade does not have."
            f" It has: {', '.join(AGENTS)}."
        )
    return find_agent(card.agent, roots)


def _write(file: Path, write: Callable[[Path], Any]) -> None:
    """Writes a file beside its place, flushes it, and renames it."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    os.close(handle)
    beside = Path(name)
    try:
        write(beside)
        with beside.open("rb+") as written:
            os.fsync(written.fileno())
        beside.chmod(0o644)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()

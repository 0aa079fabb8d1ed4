"""Backtests whatever a user names: a strategy, a plug-in or the policy of a run."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drltrade.config import override, parse
from drltrade.errors import UsageError, nearest
from drltrade.experiments.folders import read_json
from drltrade.experiments.noting import note_backtest
from drltrade.experiments.plan import Choice, resolve_env
from drltrade.experiments.reports import make_report
from drltrade.experiments.results import BASELINES, best_job, find_run, known_runs
from drltrade.experiments.splits import Fold
from drltrade.plugins import is_plugin, workspace_roots

if TYPE_CHECKING:
    from drltrade.agents.card import PolicyCard
    from drltrade.agents.ensemble import Ensemble
    from drltrade.agents.policy import Policy
    from drltrade.backtest.record import Record
    from drltrade.envs import Game

__all__ = [
    "DRAWS",
    "OUTSIDE",
    "Judged",
    "backtest_target",
    "baseline_scores",
    "card_warnings",
    "elsewhere",
    "fold_of",
    "in_words",
    "load_job",
    "policy_game",
    "policy_of",
    "run_baselines",
    "run_policy",
    "run_strategy",
    "save_backtest",
    "sort_sets",
    "story_of",
    "trained_on",
]

DRAWS = 20
"""Seeds of a baseline that draws lots: one draw would be one stroke of luck."""
OUTSIDE = ("fill", "costs", "equity")
"""What an environment decides about the world; the rest of it is a policy's own."""


@dataclass(frozen=True, eq=False)
class Judged:
    """A backtest with what one needs to judge others on the same bars.

    Attributes:
        record: the account, bar by bar.
        game: the market, the rules and the interval.
        note: where the policy came from, in a sentence; empty for a strategy.
        roots: where names are looked up.
    """

    record: Record
    game: Game
    note: str
    roots: tuple[Path, ...]


def backtest_target(
    target: str,
    *,
    env: str | None = None,
    choice: Choice | None = None,
    out: Path = Path("runs"),
) -> Judged:
    """Backtests a strategy or a reference by its name, `path.py:Name`, a run folder, or several.

    A strategy runs on the embedded sample unless an environment or data are named; a policy runs
    on the test interval of its own experiment unless dates or data are. `mean:RUN` and `rotate:RUN`
    are the policies of a run together; see `drltrade.experiments.ensembles`.

    Args:
        target: what to backtest.
        env: an environment: a name or a file.
        choice: data, symbols, dates and overrides on top of it.
        out: the folder that holds all runs.

    Raises:
        UsageError: there is no such target, or something set does not fit.
        DataError: the prices cannot be used.
    """
    from drltrade.agents.strategies import BY_NAME
    from drltrade.experiments.ensembles import is_ensemble, judge_ensemble

    choice = choice or Choice()
    if is_ensemble(target):
        return judge_ensemble(target, env, choice, out)
    if is_plugin(target) or target in BY_NAME:
        return _judge_strategy(target, env, choice)
    return _judge_policy(_run_named(target, out), env, choice)


def policy_of(target: str, out: Path = Path("runs")) -> Policy:
    """Loads the policy of a run folder; of an experiment's, the best by validation score.

    Raises:
        UsageError: there is no such run, or it holds no policy.
    """
    job, _ = best_job(_run_named(target, out))
    return load_job(job)


def _run_named(target: str, out: Path) -> Path:
    from drltrade.agents.strategies import BY_NAME

    if Path(target).exists() or (out / target).exists():
        return find_run(target, out)
    known = [*BY_NAME, *(folder.name for folder in known_runs(out))]
    raise UsageError(
        f"There is no strategy or run '{target}'.{nearest(target, known)} Name one of"
        f" {', '.join(known)}, a run folder, or path.py:Name."
    )


def load_job(job: Path) -> Policy:
    """Loads the policy of a job; its data are looked up where they were, its plug-ins are not."""
    from drltrade.agents import load_policy

    own = tuple(Path(root) for root in story_of(job).get("roots", ()))
    return load_policy(job, roots=workspace_roots(), data_roots=own)


def story_of(job: Path) -> dict[str, Any]:
    """Reads what a job says of itself; a policy folder without it says nothing."""
    return read_json(job / "job.json") if (job / "job.json").is_file() else {}


def run_strategy(
    name: str, game: Game, roots: Sequence[Path] = (), params: Mapping[str, Any] | None = None
) -> Record:
    """Rolls a strategy or a reference through a game; a plug-in goes by the name of its class."""
    from drltrade.agents.strategies import make_strategy
    from drltrade.backtest import run_backtest

    strategy = make_strategy(name, roots, **(params or {}))
    record = run_backtest(strategy, game, name=strategy.name)
    return replace(
        record, assumptions={**record.assumptions, "strategy": {"name": name, **(params or {})}}
    )


def run_baselines(names: Sequence[str], game: Game, roots: Sequence[Path] = ()) -> list[Record]:
    """Rolls the baselines of an experiment, one that draws lots with twenty seeds.

    A reference of which only a bound is known has no record.
    """
    from drltrade.agents.strategies import STRATEGIES
    from drltrade.agents.strategies.references import NoPath

    records = []
    for name in names:
        draws = name in STRATEGIES and "seed" in STRATEGIES[name].model_fields
        params = [{"seed": seed} for seed in range(DRAWS)] if draws else [{}]
        with contextlib.suppress(NoPath):
            records += [run_strategy(name, game, roots, each) for each in params]
    return records


def baseline_scores(
    names: Sequence[str], games: Sequence[Game], roots: Sequence[Path] = ()
) -> dict[str, float]:
    """Returns the mean Sharpe ratio of each strategy over games, and over its draws where it has.

    One that is undefined counts 0, as in `validation_score`: who sits a game out must not be judged
    by the others alone. NaN where none is defined. What knows the future has no score.
    """
    from drltrade.agents.strategies import REFERENCES
    from drltrade.backtest.metrics import METRICS

    scores = {}
    for name in (name for name in names if name not in REFERENCES):
        records = [record for game in games for record in run_baselines([name], game, roots)]
        found = np.array([METRICS["sharpe"].compute(record) for record in records])
        defined = np.isfinite(found)
        scores[name] = float(np.where(defined, found, 0.0).mean()) if defined.any() else math.nan
    return scores


def run_policy(policy: Policy, game: Game, name: str) -> Record:
    """Rolls a policy through a game, and warns of bars that it was trained or chosen on."""
    from drltrade.backtest import run_backtest

    record = run_backtest(policy, game, name=name)
    card = policy.card
    extra = {"agent": card.agent, "seed": card.seed, "reward": card.reward}
    assumptions = {**record.assumptions, **extra, **trained_on([card])}
    warnings = record.warnings + card_warnings(card, record.stamps, game)
    return replace(record, assumptions=assumptions, warnings=warnings)


def trained_on(cards: Sequence[PolicyCard]) -> dict[str, Any]:
    """States what policies learnt from; where that has gaps, each piece of it."""
    pieces = sorted({interval for card in cards for interval in card.train})
    if any(len(card.train) > 1 for card in cards):
        return {"train": "; ".join(f"{_day(start)} to {_day(end)}" for start, end in pieces)}
    return {"train_start": pieces[0][0], "train_end": max(end for _, end in pieces)}


def card_warnings(card: PolicyCard, stamps: NDArray[np.datetime64], game: Game) -> tuple[str, ...]:
    """Warns of bars that a policy was trained or chosen on, and of changed data.

    Args:
        card: what is known of the policy.
        stamps: the bars that it is judged on.
        game: where it is judged.
    """
    warnings = _overlap(stamps, card.train, "training", "memory, not skill")
    if game.market.name == card.data and game.market.fingerprint != card.fingerprint:
        warnings += (
            f"DATA: '{card.data}' is not what the policy was trained on: its prices, its symbols or"
            " its span have changed.",
        )
    warnings += _overlap(stamps, card.valid, "validation", "what it was chosen by")
    if card.start is not None:
        seen = [(card.start.seen_start, card.start.seen_end)]
        warnings += _overlap(stamps, seen, "starting run's", "memory, not skill")
    return warnings


def _overlap(
    stamps: NDArray[np.datetime64], intervals: Sequence[tuple[str, str]], role: str, shown: str
) -> tuple[str, ...]:
    met, count = [], 0
    for start, end in intervals:
        inside = (stamps >= np.datetime64(start)) & (stamps <= np.datetime64(end))
        if inside.any():
            met.append(f"{_day(start)} to {_day(end)}")
            count += int(inside.sum())
    if not met:
        return ()
    return (
        f"OVERLAP: {count:,} of {len(stamps):,} bars lie in the policy's {role}"
        f" interval ({', '.join(met)}); on these it shows {shown}.",
    )


def _day(stamp: str) -> str:
    return stamp.removesuffix("T00:00:00")


def sort_sets(sets: Sequence[str], kind: str = "strategy") -> tuple[list[str], dict[str, Any]]:
    """Parts `--set` into the environment's keys and the parameters of a target of some kind."""
    env: list[str] = []
    params: dict[str, Any] = {}
    example = {"strategy": "strategy.fast=10", "ensemble": "ensemble.every=21"}[kind]
    for assignment in sets:
        override({}, assignment)  # says what is wrong with its form
        head, _, rest = assignment.partition(".")
        if head == "env" and rest:
            env.append(rest)
        elif head == kind and rest:
            params = override(params, rest)
        else:
            raise UsageError(
                f"--set {assignment.partition('=')[0]} does not fit a backtest. Its keys start with"
                f" 'env.', as in env.costs.commission.rate=0.001, or with '{kind}.', as in"
                f" {example}."
            )
    return env, params


def _judge_strategy(target: str, env: str | None, choice: Choice) -> Judged:
    from drltrade.envs import build_game

    flags = replace(choice, start=None, end=None)  # here they are the interval that is judged
    sets, params = sort_sets(choice.sets)
    settings, roots = resolve_env(env or "sample", choice=flags, sets=sets, roots=workspace_roots())
    game = build_game(settings, roots=roots, start=choice.start, end=choice.end)
    return Judged(run_strategy(target, game, roots, params), game, "", roots)


def _judge_policy(folder: Path, env: str | None, choice: Choice) -> Judged:
    job, note = best_job(folder)
    story, policy = story_of(job), load_job(job)
    sets, params = sort_sets(choice.sets)
    if params:
        raise UsageError("--set strategy.KEY fits a strategy; the target is a trained policy.")
    game = policy_game(policy, replace(choice, env=env, sets=tuple(sets)))
    if story and elsewhere(env, choice) is None:
        tests = fold_of(story).intervals("test")
        game = game.during(tests)
        note += f" Judged on its test interval, {in_words(tests)}."
    label = f"{story.get('agent', policy.card.agent)} seed {policy.card.seed}"
    record = run_policy(policy, game, label)
    return Judged(record, game, f"{note} {note_backtest(record, job)}".rstrip(), policy.roots)


def elsewhere(env: str | None, choice: Choice) -> str | None:
    """What a command line names of other bars to judge on than the test interval; None if none."""
    return env or choice.data or choice.start or choice.end


def fold_of(story: Mapping[str, Any]) -> Fold:
    """Reads the spans of a job from what it says of itself."""
    return Fold.of(int(story["fold"]), story["config"]["splits"])


def in_words(intervals: Sequence[tuple[str, str]]) -> str:
    """Writes intervals one after the other."""
    return ", ".join(f"{start} to {end}" for start, end in intervals)


def policy_game(actor: Policy | Ensemble, choice: Choice) -> Game:
    """Builds the game of a policy, or of several, with another world around it: data, fill, costs.

    Args:
        actor: the policy, or the ensemble.
        choice: the environment, the data, the interval that is judged, and overrides of the
            environment's keys.
    """
    from drltrade.data import load
    from drltrade.data.settings import DataSettings
    from drltrade.envs import EnvSettings

    changes: dict[str, Any] = {}
    data: Mapping[str, Any] = actor.card.env["data"]
    if choice.env is not None:
        settings, _ = resolve_env(choice.env, choice=Choice(), roots=actor.roots)
        world = settings.model_dump(mode="json")
        changes = {key: world[key] for key in OUTSIDE}
        data = world["data"]
    if choice.data is not None:
        data = {"source": choice.data}
    if choice.symbols:
        data = {**data, "symbols": list(choice.symbols)}
    changes["data"] = dict(data)
    for assignment in choice.sets:
        changes = override(changes, assignment, EnvSettings)
    market = load(parse(DataSettings, changes["data"], "data"), actor.roots)
    return actor.game(market, choice.start, choice.end, changes)


def save_backtest(judged: Judged, folder: Path) -> Path:
    """Writes a backtest's tables and its page, beside buy-and-hold on the same bars.

    Returns:
        The page.
    """
    from drltrade.backtest.files import EQUITY, METRICS_FILE, TRADES, write_record
    from drltrade.experiments.saved import STORY, tell_backtest

    ours = {EQUITY, METRICS_FILE, TRADES, BASELINES, STORY, "report.html"}
    others = {path.name for path in folder.iterdir()} - ours if folder.is_dir() else set()
    if others:
        raise UsageError(
            f"'{folder}' already holds {min(others)}, which no backtest wrote. Name a new folder."
        )
    write_record(judged.record, folder)
    tell_backtest(judged, folder)
    if judged.record.name != "buy_and_hold":
        reference = run_strategy("buy_and_hold", judged.game)
        write_record(reference, folder / BASELINES / "buy_and_hold")
    return make_report(folder).page

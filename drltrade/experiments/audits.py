"""Audits whatever a user names: changes the future and shows that nothing before it moves."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drltrade.backtest.audit import audit_targets
from drltrade.backtest.findings import Finding, Watch
from drltrade.backtest.hints import hints_of, scaler_finding
from drltrade.backtest.replay import audit_actor, audit_env
from drltrade.backtest.worlds import choose_cuts
from drltrade.errors import UsageError
from drltrade.experiments.audited_worlds import (
    Asked,
    Audit,
    audit_features,
    audit_splits,
    audit_world,
    refusal,
    settings_of,
    watch_of,
)
from drltrade.experiments.plan import Choice
from drltrade.experiments.subjects import strategy_maker, target_subject
from drltrade.experiments.targets import kind_of

if TYPE_CHECKING:
    from drltrade.envs import Game

__all__ = ["Audit", "audit_target"]

_ORDER = ("LEAK", "failed", "warning", "ok")


def audit_target(
    target: str,
    *,
    kind: str | None = None,
    env: str | None = None,
    choice: Choice | None = None,
    out: Path = Path("runs"),
    cuts: int = 5,
    seed: int = 0,
) -> Audit:
    """Audits an env, a feature, a reward, a strategy, an experiment file or a run folder.

    Args:
        target: a name, a YAML file, `path.py:Name` or a run folder.
        kind: one of `targets.KINDS`; None finds out.
        env: the env that a feature, a reward or a strategy is looked at in; the sample by default.
        choice: data, symbols, dates and overrides on top of it.
        out: the folder that holds all runs.
        cuts: how many bars over the clock the future begins after.
        seed: what cuts, garbage and random actions are drawn from.

    Raises:
        UsageError: there is no such target, or something set does not fit.
        DataError: the prices cannot be used.
    """
    began = time.perf_counter()
    asked = Asked(target, env, choice or Choice(), out, cuts, seed)
    audit = Audit(target, kind_of(target, kind, out))
    if env is not None and audit.kind in ("env", "experiment"):
        raise UsageError(f"--env does not fit '{target}', which names its env itself.")
    _AUDITS[audit.kind](audit, asked)
    audit.findings.sort(key=lambda finding: _ORDER.index(finding.level))
    audit.checked["seconds"] = round(time.perf_counter() - began, 2)
    return audit


def _audit_env(audit: Audit, asked: Asked) -> None:
    settings, roots, _ = settings_of(asked, asked.target)
    audit_world(audit, asked, settings, roots)


def _audit_feature(audit: Audit, asked: Asked) -> None:
    settings, roots, params = settings_of(asked, asked.env or "sample", "feature")
    raw = {asked.target: params} if params else asked.target
    audit_world(audit, asked, settings.model_copy(update={"features": [raw]}), roots)


def _audit_reward(audit: Audit, asked: Asked) -> None:
    from drltrade.envs import PENALTIES

    settings, roots, _ = settings_of(asked, asked.env or "sample")
    reward = {asked.target: -1.0} if asked.target in PENALTIES else asked.target
    audit_world(audit, asked, settings.model_copy(update={"reward": reward}), roots)


def _audit_strategy(audit: Audit, asked: Asked) -> None:
    settings, roots, params = settings_of(asked, asked.env or "sample", "strategy")
    maker = strategy_maker(asked.target, roots, params)
    name = maker().name
    game = audit_world(audit, asked, settings, roots)
    if game is None:
        return
    first, last = int(game.spans[0, 0]), int(game.spans[-1, 1])
    cuts = choose_cuts(game.market, asked.cuts, asked.seed, first, last)
    world = Watch(game.market, cuts, asked.seed)
    subject = target_subject(asked.target, roots, params, first)
    if subject is not None:
        found = audit_targets(subject, world, first)
        audit.findings += found
        if any(finding.bad for finding in found):
            audit.skipped.append("Fills and equity of the strategy: its orders leak.")
            return
    _act(audit, game, maker, name, world)


def _act(audit: Audit, game: Game, maker: Callable[[], Any], name: str, world: Watch) -> None:
    """Backtests the actor; what it refuses to do for looking ahead is a finding too."""
    try:
        audit.findings += audit_actor(game, maker, name, world)
    except UsageError as error:
        audit.findings.append(refusal(error, "targets"))


def _audit_experiment(audit: Audit, asked: Asked) -> None:
    from drltrade.config import parse
    from drltrade.data import load
    from drltrade.experiments.plan import read_experiment
    from drltrade.experiments.settings import ExperimentSettings
    from drltrade.experiments.splits import resolve_splits

    content, roots = read_experiment(asked.target)
    experiment = parse(ExperimentSettings, content, f"experiment '{content['name']}'")
    settings, roots, _ = settings_of(asked, experiment.env, roots=roots)
    market = load(settings.data, roots)
    try:
        splits = resolve_splits(experiment.splits, market).to_dict()
    except UsageError as error:
        if "learnt from" not in str(error):
            raise
        audit.findings.append(
            Finding("splits", "LEAK", str(error), "Let each split start after the one before.")
        )
        splits = None
    train = None if splits is None else audit_splits(audit, splits, market)["train"]
    audit_world(audit, asked, settings, roots, market, train)


def _audit_run(audit: Audit, asked: Asked) -> None:
    from drltrade.experiments.audited_runs import open_run

    run = open_run(asked.target, asked.env, asked.choice, asked.out)
    world = watch_of(audit, asked, run.market)
    _, leaking = audit_features(audit, run.settings, run.market, run.roots, world)
    audit.findings += run.findings
    spans = {} if run.splits is None else audit_splits(audit, run.splits, run.market)
    if run.refused is not None and not leaking:
        audit.findings.append(refusal(run.refused, "features"))
    if run.game is None or leaking:
        audit.skipped.append("The policy's orders, fills and equity: a feature leaks.")
        return
    game = run.game
    train = spans.get("train", run.train)
    if train is None:
        audit.skipped.append("The scaler: these are not the data that it was fitted on.")
    else:
        audit.findings.append(scaler_finding(game, train, asked.seed))
    audit.findings += hints_of(game)
    audit.findings += audit_env(game, world, run.actions)
    _act(audit, game, lambda: run.policy, run.name, world)


_AUDITS: Mapping[str, Callable[[Audit, Asked], None]] = {
    "env": _audit_env,
    "feature": _audit_feature,
    "reward": _audit_reward,
    "strategy": _audit_strategy,
    "experiment": _audit_experiment,
    "run": _audit_run,
}

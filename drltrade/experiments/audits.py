"""Audits whatever a user names: changes the future and shows that nothing before it moves."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from drltrade.backtest.audit import audit_columns
from drltrade.backtest.findings import Finding
from drltrade.errors import UsageError
from drltrade.experiments.audited_runs import audit_run
from drltrade.experiments.audited_worlds import Audit
from drltrade.experiments.plan import Choice
from drltrade.experiments.subjects import target_subject
from drltrade.experiments.targets import kind_of

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
    found = kind_of(target, kind, out)
    audit = Audit(target, found, env, choice or Choice(), out, cuts, seed)
    if env is not None and audit.kind in ("env", "experiment"):
        raise UsageError(f"--env does not fit '{target}', which names its env itself.")
    _AUDITS[audit.kind](audit)
    audit.findings.sort(key=lambda finding: _ORDER.index(finding.level))
    audit.checked["seconds"] = round(time.perf_counter() - began, 2)
    return audit


def _audit_env(audit: Audit) -> None:
    settings, roots, _ = audit.settings(audit.target)
    audit.world(settings, roots)


def _audit_feature(audit: Audit) -> None:
    settings, roots, params = audit.settings(audit.env or "sample", "feature")
    raw = {audit.target: params} if params else audit.target
    audit.world(settings.model_copy(update={"features": [raw]}), roots)


def _audit_reward(audit: Audit) -> None:
    from drltrade.envs import PENALTIES

    settings, roots, _ = audit.settings(audit.env or "sample")
    reward = {audit.target: -1.0} if audit.target in PENALTIES else audit.target
    audit.world(settings.model_copy(update={"reward": reward}), roots)


def _audit_strategy(audit: Audit) -> None:
    from drltrade.agents.strategies import make_strategy

    settings, roots, params = audit.settings(audit.env or "sample", "strategy")
    strategy = make_strategy(audit.target, roots, **params)
    game = audit.world(settings, roots)
    if game is None:
        return
    first, last = int(game.spans[0, 0]), int(game.spans[-1, 1])
    subject = target_subject(strategy, params, game.market, first)
    if subject is not None:
        world = audit.watch(game.market, first, last)
        findings, leaking = audit_columns([subject], world, "targets")
        audit.findings += findings
        if leaking:
            audit.skipped.append("Fills and equity of the strategy: its orders leak.")
            return
    audit.act(game, lambda: make_strategy(audit.target, roots, **params), strategy.name)


def _audit_experiment(audit: Audit) -> None:
    from drltrade.config import parse
    from drltrade.data import load
    from drltrade.experiments.plan import read_experiment
    from drltrade.experiments.settings import ExperimentSettings
    from drltrade.experiments.splits import resolve_folds

    content, roots = read_experiment(audit.target)
    experiment = parse(ExperimentSettings, content, f"experiment '{content['name']}'")
    settings, roots, _ = audit.settings(experiment.env, roots=roots)
    market, train = load(settings.data, roots), None
    try:
        train = audit.splits(resolve_folds(experiment.splits, market), market)
    except UsageError as error:
        if "learnt from" not in str(error):
            raise
        fix = "Let each split start after the one before."
        audit.findings.append(Finding("splits", "LEAK", str(error), fix))
    audit.world(settings, roots, market, train)


_AUDITS: Mapping[str, Callable[[Audit], None]] = {
    "env": _audit_env,
    "feature": _audit_feature,
    "reward": _audit_reward,
    "strategy": _audit_strategy,
    "experiment": _audit_experiment,
    "run": audit_run,
}

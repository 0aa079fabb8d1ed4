"""Audits a trained run: its features, splits, scaler, env, and what its policy does."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from drltrade.backtest.findings import Finding
from drltrade.config import parse
from drltrade.data.segments import spans_of
from drltrade.errors import UsageError
from drltrade.experiments.audited_worlds import Audit
from drltrade.experiments.backtests import (
    Judged,
    backtest_target,
    fold_of,
    policy_of,
    sort_sets,
)
from drltrade.experiments.ensembles import ensemble_of, is_ensemble
from drltrade.experiments.folders import read_json
from drltrade.experiments.results import best_job, find_run
from drltrade.experiments.subjects import refuses_look_ahead

if TYPE_CHECKING:
    from drltrade.agents.policy import Policy
    from drltrade.backtest.record import Record
    from drltrade.data.market import Market

__all__ = ["audit_run"]


def audit_run(audit: Audit) -> None:
    """Audits the policy of a run on what it is judged on, and the splits that it came from.

    Raises:
        UsageError: there is no such run, or it holds no policy.
    """
    from drltrade.data import load
    from drltrade.envs import EnvSettings

    if is_ensemble(audit.target):
        _audit_ensemble(audit)
        return
    policy = policy_of(audit.target, audit.out)
    settings = parse(EnvSettings, policy.card.env, "the policy's environment")
    judged, refused = _judged(audit)
    market = load(settings.data, policy.roots) if judged is None else judged.game.market
    leaks = audit.features(settings, market, policy.roots) != settings.features
    if judged is None or leaks:
        if refused is not None and not leaks:
            audit.refusal(refused, "features")
        audit.skipped.append("The policy's orders, fills and equity: a feature leaks.")
        return
    own = market.fingerprint == policy.card.fingerprint
    audit.findings += [_data_finding(policy, market, own), *_overlap(judged.record)]
    job, _ = best_job(find_run(audit.target, audit.out))
    story = read_json(job / "job.json") if (job / "job.json").is_file() else {}
    if own and story:
        audit.splits([fold_of(story)], market)
    train = spans_of(market, policy.card.train) if own else None
    audit.game(judged.game, train)
    audit.act(judged.game, lambda: policy, judged.record.name)


def _audit_ensemble(audit: Audit) -> None:
    """Audits what several policies do together; each one's run is a target of its own."""
    judged, refused = _judged(audit)
    if judged is None:
        if refused is not None:
            audit.refusal(refused, "features")
        return
    audit.findings += _overlap(judged.record)
    audit.skipped.append("The members' features, scalers and splits: audit each one's run.")
    _, params = sort_sets(audit.choice.sets, "ensemble")
    make = partial(ensemble_of, audit.target, audit.out, params)
    audit.act(judged.game, make, judged.record.name)


def _judged(audit: Audit) -> tuple[Judged | None, UsageError | None]:
    """Rolls the policy through what it is judged on; or says which look-ahead is refused."""
    try:
        judged = backtest_target(audit.target, env=audit.env, choice=audit.choice, out=audit.out)
    except UsageError as error:
        if not refuses_look_ahead(error):
            raise
        return None, error
    return judged, None


def _data_finding(policy: Policy, market: Market, own: bool) -> Finding:
    if own:
        return Finding("data", "ok", f"The data of '{market.name}' are those of the training.")
    message = (
        f"The data of '{market.name}' are not those that the policy was trained on"
        f" ('{policy.card.data}'): its splits and its scaler cannot be checked on them."
    )
    fix = "Leave out --data, --symbols and --env, or see whether the file has changed."
    return Finding("data", "warning", message, fix)


def _overlap(record: Record) -> list[Finding]:
    told = [warning for warning in record.warnings if warning.startswith("OVERLAP")]
    fix = "Judge it on bars after its training: --start, --end."
    if told:
        return [Finding("overlap", "warning", sentence, fix) for sentence in told]
    message = f"None of the {len(record.stamps):,} bars that it is judged on lies in its training"
    return [Finding("overlap", "ok", f"{message} interval.")]

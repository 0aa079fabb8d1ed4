"""Opens a trained run for an audit: its policy, its data, its splits and what it was judged on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drltrade.config import parse
from drltrade.errors import UsageError
from drltrade.experiments.backtests import backtest_target, policy_of
from drltrade.experiments.folders import read_json
from drltrade.experiments.plan import Choice
from drltrade.experiments.results import best_job, find_run
from drltrade.experiments.subjects import refuses_look_ahead

if TYPE_CHECKING:
    from drltrade.agents.policy import Policy
    from drltrade.backtest.findings import Finding
    from drltrade.backtest.record import Record
    from drltrade.data.market import Market
    from drltrade.envs import EnvSettings, Game

__all__ = ["AuditedRun", "open_run"]


@dataclass(frozen=True, eq=False)
class AuditedRun:
    """A policy with all that an audit looks at.

    Attributes:
        policy: what acts.
        name: what to call it.
        settings: the env that it was trained in.
        market: the data of the audit.
        roots: where names are looked up.
        game: the interval that it is judged on; None where a feature is refused.
        splits: start and end of train, valid and test; None where the run does not say, or other
            data are looked at.
        train: [S, 2] spans of the train interval on these data, where they hold it.
        actions: what it did after each bar of that interval; None where that is several segments.
        findings: what opening it brought up.
        refused: why a feature is refused, where one is.
    """

    policy: Policy
    name: str
    settings: EnvSettings
    market: Market
    roots: tuple[Path, ...]
    game: Game | None
    splits: Mapping[str, Any] | None
    train: NDArray[np.int64] | None
    actions: Mapping[int, Any] | None
    findings: tuple[Finding, ...]
    refused: UsageError | None = None


def open_run(target: str, env: str | None, choice: Choice, out: Path) -> AuditedRun:
    """Finds the policy of a run and rolls it once through what it is judged on.

    Raises:
        UsageError: there is no such run, or it holds no policy.
    """
    from drltrade.data import load
    from drltrade.envs import EnvSettings

    policy = policy_of(target, out)
    job, _ = best_job(find_run(target, out))
    story = read_json(job / "job.json") if (job / "job.json").is_file() else {}
    settings = parse(EnvSettings, policy.card.env, "the policy's environment")
    name = f"{story.get('agent', policy.card.agent)} seed {policy.card.seed}"
    try:
        judged = backtest_target(target, env=env, choice=choice, out=out)
    except UsageError as error:
        if not refuses_look_ahead(error):
            raise
        market = load(settings.data, policy.roots)
        return AuditedRun(
            policy, name, settings, market, policy.roots, None, None, None, None, (), error
        )
    game = judged.game
    market = game.market
    own = market.fingerprint == policy.card.fingerprint
    return AuditedRun(
        policy=policy,
        name=name,
        settings=settings,
        market=market,
        roots=policy.roots,
        game=game,
        splits=story["config"]["splits"] if own and story else None,
        train=_train(policy, market) if own else None,
        actions=_actions(judged.record, game),
        findings=_data_finding(policy, market, own) + _overlap(judged.record),
    )


def _train(policy: Policy, market: Market) -> NDArray[np.int64]:
    return market.spans(policy.card.train_start, policy.card.train_end)


def _actions(record: Record, game: Game) -> dict[int, Any] | None:
    """The recorded actions in the form that the env takes them."""
    if record.actions is None or len(game.spans) > 1:
        return None
    space = game.action_space
    rows = record.actions[game.first_decision - game.first :]
    shaped = [np.asarray(row, space.dtype).reshape(space.shape) for row in rows]
    return {game.first_decision + at: action for at, action in enumerate(shaped)}


def _data_finding(policy: Policy, market: Market, own: bool) -> tuple[Finding, ...]:
    from drltrade.backtest.findings import Finding

    if own:
        return (Finding("data", "ok", f"The data of '{market.name}' are those of the training."),)
    return (
        Finding(
            "data",
            "warning",
            f"The data of '{market.name}' are not those that the policy was trained on"
            f" ('{policy.card.data}'): its splits and its scaler cannot be checked on them.",
            "Leave out --data, --symbols and --env, or see whether the file has changed.",
        ),
    )


def _overlap(record: Record) -> tuple[Finding, ...]:
    from drltrade.backtest.findings import Finding

    told = [warning for warning in record.warnings if warning.startswith("OVERLAP")]
    fix = "Judge it on bars after its training: --start, --end."
    if told:
        return tuple(Finding("overlap", "warning", sentence, fix) for sentence in told)
    bars = len(record.stamps)
    message = f"None of the {bars:,} bars that it is judged on lies in its training interval."
    return (Finding("overlap", "ok", message),)

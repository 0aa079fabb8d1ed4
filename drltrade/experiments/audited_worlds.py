"""Audits the part that all targets share: data, features, scaler, env and splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.audit import audit_columns
from drltrade.backtest.findings import Finding, Watch
from drltrade.backtest.hints import hints_of, scaler_finding
from drltrade.backtest.replay import audit_env
from drltrade.backtest.worlds import CHANGES, choose_cuts
from drltrade.config import override
from drltrade.data.dates import show
from drltrade.data.segments import rows_of
from drltrade.errors import UsageError
from drltrade.experiments.plan import Choice, resolve_env
from drltrade.experiments.subjects import feature_subjects, refuses_look_ahead
from drltrade.plugins import workspace_roots

if TYPE_CHECKING:
    from drltrade.data.market import Market
    from drltrade.envs import EnvSettings, Game

__all__ = [
    "Asked",
    "Audit",
    "audit_features",
    "audit_splits",
    "audit_world",
    "refusal",
    "settings_of",
    "watch_of",
]

_TRAIN = 0.6
"""Share of an env's bars that its scaler is fitted on where no split is named, as in training."""


@dataclass
class Audit:
    """What came of an audit.

    Attributes:
        target: what was named.
        kind: what it is.
        findings: the answers, the worst first once it is done.
        checked: how it was checked, as plain values.
        skipped: what was not checked, and why, one sentence each.
    """

    target: str
    kind: str
    findings: list[Finding] = field(default_factory=list)
    checked: dict[str, Any] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing leaks and everything could be shown."""
        return not any(finding.bad for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON content."""
        return {
            "target": self.target,
            "kind": self.kind,
            "passed": self.passed,
            "findings": [finding.to_dict() for finding in self.findings],
            "checked": self.checked,
            "skipped": self.skipped,
        }


@dataclass(frozen=True)
class Asked:
    """What the command line says: the target, and where it is to be looked at."""

    target: str
    env: str | None
    choice: Choice
    out: Path
    cuts: int
    seed: int


def settings_of(
    asked: Asked, env: Any, params_of: str = "", roots: Sequence[Path] | None = None
) -> tuple[EnvSettings, tuple[Path, ...], dict[str, Any]]:
    """Resolves the env with the flags on top; parts off what `--set` says of the target."""
    sets: list[str] = []
    params: dict[str, Any] = {}
    for assignment in asked.choice.sets:
        override({}, assignment)  # says what is wrong with its form
        head, _, rest = assignment.partition(".")
        if head == "env" and rest:
            sets.append(rest)
        elif params_of and head == params_of and rest:
            params = override(params, rest)
        else:
            also = f" or with '{params_of}.'" if params_of else ""
            raise UsageError(
                f"--set {assignment.partition('=')[0]} does not fit this audit. Its keys start with"
                f" 'env.', as in env.costs.commission.rate=0.001{also}."
            )
    flags = replace(asked.choice, start=None, end=None)  # here they are the interval
    found = workspace_roots() if roots is None else roots
    settings, places = resolve_env(env, choice=flags, sets=sets, roots=found)
    return settings, places, params


def audit_world(
    audit: Audit,
    asked: Asked,
    settings: EnvSettings,
    roots: tuple[Path, ...],
    market: Market | None = None,
    train: NDArray[np.int64] | None = None,
) -> Game | None:
    """Audits features, scaler, env and assumptions; returns the game without what leaks."""
    from drltrade.data import load
    from drltrade.envs import build_game

    market = load(settings.data, roots) if market is None else market
    spans = market.spans(asked.choice.start, asked.choice.end)
    world = watch_of(audit, asked, market)
    settings = _without_leaks(audit, settings, market, roots, world)
    if settings.features == []:
        audit.skipped.append("Observations, rewards and equity: no feature is left to see by.")
        return None
    train = _early(market, spans) if train is None else train
    stamps = market.stamps[train]
    start, end = str(stamps.min()), str(stamps.max())
    try:
        game = build_game(settings, market=market, roots=roots, start=start, end=end)
    except UsageError as error:
        audit.findings.append(refusal(error, "features"))
        return None
    game = replace(game, spans=spans)
    audit.findings.append(scaler_finding(game, train, asked.seed))
    audit.findings += hints_of(game)
    audit.findings += audit_env(game, world)
    return game


def _early(market: Market, spans: NDArray[np.int64]) -> NDArray[np.int64]:
    """The spans of the first part of the time that some spans cover, as in training."""
    clock = np.unique(market.stamps[rows_of(spans, market.bars)])
    return market.spans(clock[0], clock[int(_TRAIN * (len(clock) - 1))])


def _without_leaks(
    audit: Audit,
    settings: EnvSettings,
    market: Market,
    roots: tuple[Path, ...],
    world: Watch,
) -> EnvSettings:
    kept, leaking = audit_features(audit, settings, market, roots, world)
    return settings.model_copy(update={"features": kept}) if leaking else settings


def audit_features(
    audit: Audit,
    settings: EnvSettings,
    market: Market,
    roots: tuple[Path, ...],
    world: Watch,
) -> tuple[list[Any], bool]:
    """Audits every feature; returns those that do not leak, and whether some do."""
    asked = feature_subjects(settings.features, market, roots)
    findings, leaking = audit_columns(asked.subjects, asked.names, world)
    audit.findings += findings
    kept = [spec.raw for at, spec in enumerate(asked.specs) if at not in leaking]
    return kept, bool(leaking)


def refusal(error: UsageError, check: str) -> Finding:
    """Turns the refusal of a plug-in that looks ahead into a finding; raises any other error."""
    if not refuses_look_ahead(error):
        raise error
    return Finding(check, "LEAK", str(error), "Let row t use bars up to t only.")


def watch_of(audit: Audit, asked: Asked, market: Market) -> Watch:
    """Draws the cuts and writes down how the audit is done."""
    cuts = choose_cuts(market, asked.cuts, asked.seed)
    audit.checked.update(
        data=market.name,
        symbols=list(market.symbols),
        bars=market.bars,
        start=show(market.start),
        end=show(market.end),
        changes=CHANGES,
        cuts=[show(market.stamps[cut]) for cut in cuts.all],
        seed=asked.seed,
    )
    return Watch(market, cuts, asked.seed)


def audit_splits(
    audit: Audit, splits: Mapping[str, Any], market: Market
) -> dict[str, NDArray[np.int64]]:
    """Counts the bars that two splits share."""
    spans = {role: market.spans(part["start"], part["end"]) for role, part in splits.items()}
    rows = {role: rows_of(found, market.bars) for role, found in spans.items()}
    told = ", ".join(f"{role} {splits[role]['start']} to {splits[role]['end']}" for role in spans)
    shared = []
    roles = list(spans)
    for at, one in enumerate(roles):
        for two in roles[at + 1 :]:
            count = int((rows[one] & rows[two]).sum())
            if count:
                shared.append(f"{one} and {two} share {count:,} bars")
    if shared:
        fix = "Move the splits apart and train again: a bar that was learnt from cannot judge."
        audit.findings.append(Finding("splits", "LEAK", f"{'; '.join(shared)} ({told}).", fix))
    else:
        audit.findings.append(Finding("splits", "ok", f"No bar has two roles: {told}."))
    return spans

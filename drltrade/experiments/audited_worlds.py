"""Audits the part that all targets share: data, features, scaler, env and splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.audit import audit_actor, audit_columns, audit_env
from drltrade.backtest.findings import Finding, Watch
from drltrade.backtest.hints import hints_of, scaler_finding
from drltrade.backtest.worlds import CHANGES, choose_cuts
from drltrade.config import override
from drltrade.data.dates import show
from drltrade.data.segments import rows_of, spans_of
from drltrade.errors import UsageError
from drltrade.experiments.plan import Choice, resolve_env
from drltrade.experiments.splits import ROLES, Fold
from drltrade.experiments.subjects import feature_subjects, refuses_look_ahead
from drltrade.plugins import workspace_roots

if TYPE_CHECKING:
    from collections.abc import Callable

    from drltrade.data.market import Market
    from drltrade.envs import EnvSettings, Game

__all__ = ["Audit"]

_TRAIN = 0.6
"""Share of an env's bars that its scaler is fitted on where no split is named, as in training."""


@dataclass
class Audit:
    """What an audit was asked, and what came of it.

    Attributes:
        target: what was named.
        kind: what it is.
        env: the env that a feature, a reward or a strategy is looked at in.
        choice: data, symbols, dates and overrides on top of it.
        out: the folder that holds all runs.
        cuts: how many bars over the clock the future begins after.
        seed: what cuts, garbage and random actions are drawn from.
        findings: the answers, the worst first once it is done.
        checked: how it was checked, as plain values.
        skipped: what was not checked, and why, one sentence each.
    """

    target: str
    kind: str
    env: str | None
    choice: Choice
    out: Path
    cuts: int
    seed: int
    findings: list[Finding] = field(default_factory=list)
    checked: dict[str, Any] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing leaks and everything could be shown."""
        return not any(finding.bad for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON content."""
        findings = [finding.to_dict() for finding in self.findings]
        named = {"target": self.target, "kind": self.kind, "passed": self.passed}
        return {**named, "findings": findings, "checked": self.checked, "skipped": self.skipped}

    def settings(
        self, env: Any, params_of: str = "", roots: Sequence[Path] | None = None
    ) -> tuple[EnvSettings, tuple[Path, ...], dict[str, Any]]:
        """Resolves an env with the flags on top; parts off what `--set` says of the target.

        Args:
            env: its name, file or content.
            params_of: the kind of a target that has parameters of its own.
            roots: where names are looked up; None is the workspace.
        """
        sets: list[str] = []
        params: dict[str, Any] = {}
        for assignment in self.choice.sets:
            override({}, assignment)  # says what is wrong with its form
            head, _, rest = assignment.partition(".")
            if head == "env" and rest:
                sets.append(rest)
            elif params_of and head == params_of and rest:
                params = override(params, rest)
            else:
                also = f" or with '{params_of}.'" if params_of else ""
                raise UsageError(
                    f"--set {assignment.partition('=')[0]} does not fit this audit. Its keys start"
                    f" with 'env.', as in env.costs.commission.rate=0.001{also}."
                )
        flags = replace(self.choice, start=None, end=None)  # here they are the interval
        found = workspace_roots() if roots is None else roots
        return (*resolve_env(env, choice=flags, sets=sets, roots=found), params)

    def world(
        self,
        settings: EnvSettings,
        roots: tuple[Path, ...],
        market: Market | None = None,
        train: NDArray[np.int64] | None = None,
    ) -> Game | None:
        """Audits features, scaler, env and assumptions; returns the game without what leaks."""
        from drltrade.data import load
        from drltrade.envs import build_game

        market = load(settings.data, roots) if market is None else market
        spans = market.spans(self.choice.start, self.choice.end)
        kept = self.features(settings, market, roots)
        if kept == []:
            self.skipped.append("Observations, rewards and equity: no feature is left to see by.")
            return None
        settings = settings.model_copy(update={"features": kept})
        train = _early(market, spans) if train is None else train
        start, end = (str(stamp) for stamp in np.sort(market.stamps[train], axis=None)[[0, -1]])
        try:
            game = build_game(settings, market=market, roots=roots, start=start, end=end)
        except UsageError as error:
            self.refusal(error, "features")
            return None
        game = replace(game, spans=spans)
        self.game(game, train)
        return game

    def game(self, game: Game, train: NDArray[np.int64] | None) -> None:
        """Audits a game: its scaler where the train split is known, its assumptions, its env."""
        if train is None:
            told = "The scaler: these are not the data that it was fitted on."
            self.skipped.append(told)
        else:
            self.findings.append(scaler_finding(game, train))
        self.findings += hints_of(game)
        self.findings += audit_env(game, self.watch(game.market))

    def features(
        self, settings: EnvSettings, market: Market, roots: tuple[Path, ...]
    ) -> list[Any] | None:
        """Audits every feature; returns those that do not leak, as the settings write them."""
        specs, subjects = feature_subjects(settings.features, market, roots)
        findings, leaking = audit_columns(subjects, self.watch(market))
        self.findings += findings
        if not leaking:
            return settings.features
        return [spec.raw for at, spec in enumerate(specs) if at not in leaking]

    def act(self, game: Game, make_actor: Callable[[], Any], name: str) -> None:
        """Backtests an actor; what it refuses to do for looking ahead is a finding too."""
        try:
            self.findings += audit_actor(game, make_actor, name, self.watch(game.market))
        except UsageError as error:
            self.refusal(error, "targets")

    def refusal(self, error: UsageError, check: str) -> None:
        """Notes the refusal of a plug-in that looks ahead; raises any other error."""
        if not refuses_look_ahead(error):
            raise error
        self.findings.append(Finding(check, "LEAK", str(error), "Let row t use bars up to t only."))

    def watch(self, market: Market, first: int = 0, last: int | None = None) -> Watch:
        """Draws the cuts of an interval, and writes down how the audit is done."""
        cuts = choose_cuts(market, self.cuts, self.seed, first, last)
        self.checked = {
            "data": market.name,
            "symbols": list(market.symbols),
            "bars": market.bars,
            "start": show(market.start),
            "end": show(market.end),
            "changes": CHANGES,
            "cuts": [show(market.stamps[cut]) for cut in cuts.all],
            "seed": self.seed,
        } | self.checked
        return Watch(market, cuts, self.seed)

    def splits(self, folds: Sequence[Fold], market: Market) -> NDArray[np.int64]:
        """Counts the bars that two roles of a fold share; returns what fold 0 learns from."""
        shared = []
        for fold in folds:
            rows = {
                role: rows_of(spans_of(market, fold.intervals(role)), market.bars) for role in ROLES
            }
            for one, two in combinations(ROLES, 2):
                count = int((rows[one] & rows[two]).sum())
                where = f" in fold {fold.number}" if len(folds) > 1 else ""
                if count:
                    shared.append(f"{one} and {two} share {count:,} bars{where}")
        told = ", ".join(
            f"{role} {' and '.join(f'{start} to {end}' for start, end in folds[0].intervals(role))}"
            for role in ROLES
        )
        told = told if len(folds) == 1 else f"{len(folds)} folds, the first of them {told}"
        if shared:
            fix = "Move the splits apart and train again: a bar that was learnt from cannot judge."
            self.findings.append(Finding("splits", "LEAK", f"{'; '.join(shared)} ({told}).", fix))
        else:
            self.findings.append(Finding("splits", "ok", f"No bar has two roles: {told}."))
        return spans_of(market, folds[0].intervals("train"))


def _early(market: Market, spans: NDArray[np.int64]) -> NDArray[np.int64]:
    """The spans of the first part of the time that some spans cover, as in training."""
    clock = np.unique(market.stamps[rows_of(spans, market.bars)])
    return market.spans(clock[0], clock[int(_TRAIN * (len(clock) - 1))])

"""Judges an experiment: whether an agent shows skill out of sample, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.backtest.evidence.bootstrap import Interval, intervals, paired_intervals
from drltrade.backtest.evidence.evidence import (
    AgentEvidence,
    Contender,
    Evidence,
    Skill,
    Spread,
)
from drltrade.backtest.evidence.figures import annual_figures
from drltrade.backtest.evidence.overfitting import overfitting
from drltrade.backtest.evidence.runs import (
    interquartile_mean,
    performance_profile,
    probability_of_improvement,
)
from drltrade.backtest.evidence.sharpe import (
    deflated_sharpe,
    minimum_backtest_length,
    minimum_track_record,
    moments,
    probabilistic_sharpe,
)
from drltrade.backtest.evidence.superiority import superior
from drltrade.backtest.files import stamp_text
from drltrade.backtest.metrics import METRICS
from drltrade.backtest.record import Record

__all__ = ["LEVEL", "judge"]

Floats = NDArray[np.float64]

LEVEL = 0.05
"""Chance of crying skill where there is none."""
_GRID = tuple(np.round(np.arange(-1.0, 3.01, 0.25), 2).tolist())
_NAN = math.nan


def judge(
    agents: Sequence[Contender],
    rules: Sequence[Contender],
    scores: Mapping[str, float],
    *,
    trials: Mapping[str, Any],
    folds: Sequence[str] = (),
    seed: int = 0,
    draws: int = 2000,
) -> Evidence:
    """Judges agents against cash and against the rule that did best on validation.

    Args:
        agents: the family that is tested, seeds averaged.
        rules: baselines on the same bars.
        scores: validation score of each rule, by label; those without one are not chosen.
        trials: `test` and `valid` counts, and `variance` of the per-bar Sharpe ratios of those on
            test.
        folds: what the test bars of each fold are called.
        seed: of the bootstrap: the same records give the same numbers.
        draws: bootstrap draws.
    """
    baseline, score = _chosen(rules, scores)
    rivals = {"cash": np.zeros_like(agents[0].mean)}
    if baseline is not None:
        rivals[baseline.label] = baseline.mean
    skill = _skill(agents, rivals, seed, draws)
    record = agents[0].records[0]
    years = len(record.returns) / record.periods_per_year
    found = {
        agent.label: _evidence(agent, baseline, rivals, trials, seed, draws) for agent in agents
    }
    return Evidence(
        level=LEVEL,
        interval={
            "start": stamp_text(record.stamps[0]),
            "end": stamp_text(record.stamps[-1]),
            "bars": len(record.returns),
            "years": years,
        },
        trials={"test": int(trials["test"]), "valid": int(trials["valid"])},
        baseline={"label": "cash" if baseline is None else baseline.label, "score": score},
        skill=skill,
        agents=found,
        folds=tuple(_fold_rows([*agents, *rules], folds)),
        overfitting=_overfitting(agents),
        profile=_profile(agents),
        warnings=tuple(_warnings(len(record.returns), years, int(trials["test"]))),
    )


def _chosen(
    rules: Sequence[Contender], scores: Mapping[str, float]
) -> tuple[Contender | None, float]:
    """The rule with the best validation score; one that draws lots is no rule to choose."""
    able = [
        rule
        for rule in rules
        if rule.label != "cash"
        and len(rule.records) == 1
        and math.isfinite(scores.get(rule.label, _NAN))
    ]
    best = max(able, key=lambda rule: scores[rule.label], default=None)
    return best, _NAN if best is None else scores[best.label]


def _skill(
    agents: Sequence[Contender], rivals: Mapping[str, Floats], seed: int, draws: int
) -> Skill:
    models = {agent.label: agent.mean for agent in agents}
    found = {
        name: superior(rival, models, seed=seed, draws=draws) for name, rival in rivals.items()
    }
    p = max(each.p for each in found.values())
    beaten = [set(each.winners) for each in found.values()]
    winners = tuple(label for label in models if all(label in won for won in beaten))
    against = {name: each.p for name, each in found.items()}
    return Skill(p < LEVEL, p, against, tuple(models), winners)


def _evidence(
    agent: Contender,
    baseline: Contender | None,
    rivals: Mapping[str, Floats],
    trials: Mapping[str, Any],
    seed: int,
    draws: int,
) -> AgentEvidence:
    mean, per_year = moments(agent.mean), agent.records[0].periods_per_year
    deflated = deflated_sharpe(mean, int(trials["test"]), float(trials["variance"]))
    return AgentEvidence(
        seeds=agent.seeds,
        spread="interval" if agent.enough else "range",
        figures=_figures(agent, seed, draws),
        against={
            name: _differences(agent, returns, seed, draws) for name, returns in rivals.items()
        },
        psr=probabilistic_sharpe(mean),
        deflated={
            "trials": deflated.trials,
            "threshold": deflated.threshold * math.sqrt(per_year),
            "probability": deflated.probability,
        },
        track_record={"bars": mean.bars, "needed": minimum_track_record(mean)},
        improvement=_improvement(agent, baseline, seed),
        interquartile_mean=_across(agent, seed),
        achievable=_achievable(agent, baseline),
        gap=agent.gap,
        paths=agent.paths,
    )


_HEADLINES = ("total_return", "cagr", "sharpe", "sortino", "volatility", "max_drawdown")
_COMPARED = ("sharpe", "cagr")
_ABOVE_CASH = ("sharpe", "sortino")


def _figures(agent: Contender, seed: int, draws: int) -> dict[str, Spread]:
    """Headline metrics: medians over seeds, with an interval or the range."""
    known = annual_figures(agent.records[0].periods_per_year)
    each = {}
    for name in _HEADLINES:
        values = np.array([METRICS[name].compute(record) for record in agent.records])
        # Whoever never traded counts with a ratio of 0: else the others alone would be the agent.
        returns = agent.excess if name in _ABOVE_CASH else agent.returns
        each[name] = np.where(np.isfinite(values), values, known[name](returns))
    if not agent.enough:
        return {name: _range(values) for name, values in each.items()}
    found: dict[str, Interval] = {}
    for names, returns in (
        (_ABOVE_CASH, agent.excess),
        ([name for name in _HEADLINES if name not in _ABOVE_CASH], agent.returns),
    ):
        chosen = {name: known[name] for name in names}
        found |= intervals(chosen, returns, seed=seed, draws=draws, paths=agent.paths)
    return {
        name: Spread(found[name].low, _median(each[name]), found[name].high) for name in _HEADLINES
    }


def _differences(agent: Contender, rival: Floats, seed: int, draws: int) -> dict[str, Spread]:
    """By how much more than a rival's an agent's figures are on the same bars, above cash."""
    known = annual_figures(agent.records[0].periods_per_year)
    figures = {name: known[name] for name in _COMPARED}
    if agent.enough:
        found = paired_intervals(
            figures, agent.excess, rival, seed=seed, draws=draws, paths=agent.paths
        )
        return {name: Spread(each.low, each.middle, each.high) for name, each in found.items()}
    return {name: _range(figure(agent.excess) - figure(rival)) for name, figure in figures.items()}


def _improvement(agent: Contender, baseline: Contender | None, seed: int) -> dict[str, Spread]:
    if baseline is None or not agent.folds.size or not baseline.folds.size:
        return {}
    between = probability_of_improvement(agent.folds, baseline.folds, seed=seed, paths=agent.paths)
    return {baseline.label: _sure(agent, between)}


def _across(agent: Contender, seed: int) -> Spread | None:
    if agent.folds.size < 4:  # a quarter of the runs is cut from each end
        return None
    return _sure(agent, interquartile_mean(agent.folds, seed=seed, paths=agent.paths))


def _sure(agent: Contender, between: Interval) -> Spread:
    """A figure that has an interval, unless the seeds are too few for one."""
    low, high = (between.low, between.high) if agent.enough else (_NAN, _NAN)
    return Spread(low, between.middle, high)


def _achievable(agent: Contender, baseline: Contender | None) -> float:
    """Where between the baseline and hindsight the agent came to, by log growth; the median."""
    if baseline is None or any(record.hindsight is None for record in agent.records):
        return _NAN
    base, shares = _growth(baseline.records[0]), []
    for record in agent.records:
        best = _NAN if record.hindsight is None else record.hindsight.best.growth
        shares.append((_growth(record) - base) / (best - base) if best > base else _NAN)
    return _median(np.array(shares))


def _growth(record: Record) -> float:
    """Log growth as hindsight counts it: of several segments the sum over their accounts."""
    if record.hindsight is not None:
        return record.hindsight.earned
    return math.log(float(record.equity[-1] / record.equity[0]))


def _fold_rows(contenders: Sequence[Contender], folds: Sequence[str]) -> list[dict[str, Any]]:
    rows = []
    for number, test in enumerate(folds):
        known = [each for each in contenders if number < each.folds.shape[1]]
        sharpe = {each.label: _median(each.folds[:, number]) for each in known}
        rows.append({"number": number, "test": test, "sharpe": sharpe})
    return rows


def _overfitting(agents: Sequence[Contender]) -> dict[str, float] | None:
    """Whether to pick the best run tells anything about the bars that it was not picked on."""
    runs = np.concatenate([agent.excess for agent in agents])  # [runs, T]
    runs = runs[runs.std(axis=1) > 0.0]
    if len(runs) < 2 or runs.shape[1] < 4 * _BLOCKS:
        return None
    found = overfitting(runs.T, blocks=_BLOCKS)
    return {"probability": found.probability, "configurations": len(runs)}


_BLOCKS = 16


def _profile(agents: Sequence[Contender]) -> dict[str, tuple[float, ...]] | None:
    able = [agent for agent in agents if agent.folds.size > 1]
    if not able:
        return None
    shares = {
        agent.label: tuple(each.middle for each in performance_profile(agent.folds, _GRID))
        for agent in able
    }
    return {"thresholds": _GRID, **shares}


_FEW_BARS = 100
"""On fewer the resampled test says p < 0.05 of noise too often: of five agents on 20 bars in 23 of
100 cases, on 80 bars in 12, on 120 in 6."""


def _warnings(bars: int, years: float, trials: int) -> Iterator[str]:
    if bars < _FEW_BARS:
        yield (
            f"Few bars: on {bars} of them luck alone comes out as skill more often than the level"
            f" says; from {_FEW_BARS} on it does not."
        )
    needed = minimum_backtest_length(trials) if trials > 1 else 0.0
    if years < needed:
        yield (
            f"Short test: {trials:,} policies were judged on these bars, and of so many without any"
            f" skill the best reaches a Sharpe ratio of 1 on less than {needed:.1f} years; these"
            f" are {years:.1f}."
        )


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else _NAN


def _range(values: Floats) -> Spread:
    known = values[np.isfinite(values)]
    if not known.size:
        return Spread(_NAN, _NAN, _NAN)
    return Spread(float(known.min()), float(np.median(known)), float(known.max()))

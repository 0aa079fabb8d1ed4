"""What a policy would have earned had trading cost less or more than assumed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drltrade.agents.ensemble import Ensemble
from drltrade.backtest.accounts import roll_accounts
from drltrade.backtest.diagnostics.stage import Stage, sharpes
from drltrade.envs import Game
from drltrade.errors import UsageError
from drltrade.sim import Costs, Impact, Slippage

__all__ = ["MULTIPLIERS", "break_even", "cost_curve"]

Floats = NDArray[np.float64]

MULTIPLIERS = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0)
"""Of commission (rate, minimum and for each share), slippage and impact."""


def cost_curve(actor: Any, stage: Stage) -> dict[str, Any]:
    """Lets the policy trade again at other costs, on the same ledger, deciding anew at each.

    A policy sees its account, so it may act otherwise where costs are others. At 1 the figures are
    the record's own.

    Returns:
        `multipliers`; for each `sharpe` and `total_return`, None where undefined or where the
        ledger refuses such costs; `break_even`: the multiplier at which no more is left than idle
        cash earns, in a line between two multipliers, None where there is no gain at no costs or
        some is left at the highest.
    """
    games = {each: game for each in MULTIPLIERS if (game := _at(stage.game, each)) is not None}
    equity = {1.0: stage.record.equity}
    others = [each for each in games if each != 1.0]
    rolled = _rolled(actor, stage, [games[each] for each in others])
    equity |= {each: rolled[:, column] for column, each in enumerate(others)}
    nothing = np.full_like(stage.record.equity, np.nan)
    table = np.stack([equity.get(each, nothing) for each in MULTIPLIERS], axis=1)
    totals = table[-1] / table[0] - 1.0
    gains = totals - (np.prod(1.0 + stage.record.cash_returns) - 1.0)
    free = stage.game.rules.costs.free
    return {
        "multipliers": list(MULTIPLIERS),
        "sharpe": sharpes(table, stage.record).tolist(),
        "total_return": totals.tolist(),
        "break_even": None if free else break_even(np.array(MULTIPLIERS), gains),
    }


def break_even(multipliers: Floats, gains: Floats) -> float | None:
    """Where gains first fall to nothing; None where they begin there or never do."""
    known = np.isfinite(gains)
    multipliers, gains = multipliers[known], gains[known]
    lost = np.flatnonzero(gains <= 0.0)
    if not lost.size or lost[0] == 0:
        return None
    at = int(lost[0])
    share = gains[at - 1] / (gains[at - 1] - gains[at])
    return float(multipliers[at - 1] + share * (multipliers[at] - multipliers[at - 1]))


def _at(game: Game, multiplier: float) -> Game | None:
    """The same game with every cost multiplied; None where the ledger refuses it."""
    costs = game.rules.costs
    commission = costs.commission
    try:
        dearer = Costs(
            replace(
                commission,
                rate=multiplier * commission.rate,
                minimum=multiplier * commission.minimum,
                per_share=multiplier * commission.per_share,
            ),
            Slippage(multiplier * costs.slippage.rate),
            Impact(multiplier * costs.impact.coefficient, costs.impact.window),
        )
        rules = replace(game.rules, costs=dearer)
    except UsageError:
        return None
    settings = game.settings.model_copy(update={"costs": dearer})
    return replace(game, rules=rules, settings=settings)


def _rolled(actor: Any, stage: Stage, games: list[Game]) -> Floats:
    """[T, K] the pooled equity of the actor in K games that differ by their rules alone."""
    if hasattr(actor, "predict") and not isinstance(actor, Ensemble):
        return _acting(actor, stage, games)
    played = []
    for game in games:
        rolled, _ = roll_accounts(actor, game, stage.record.name)
        played.append(stage.padded([path.equity for path, _ in rolled]))
    return stage.pooled(np.stack(played, axis=1))


def _acting(policy: Any, stage: Stage, games: list[Game]) -> Floats:
    """Lets a policy act in all games together: one prediction a bar."""
    spans, scheme = len(stage.orders), stage.game.scheme
    engines = [game.make_engine(spans, equity=stage.stake) for game in games]
    for engine in engines:
        stage.reset(engine)
    begins, lengths = (
        np.tile(each, len(games)) for each in (stage.begins, [len(own) for own in stage.orders])
    )
    equity = np.empty((stage.rows + 1, len(games), spans))
    equity[0] = stage.stake
    state: Any = None
    for row in range(stage.rows):
        seen = np.concatenate([engine.observations for engine in engines])
        over = np.concatenate([engine.current.terminated for engine in engines])
        acts = (row >= begins) & (row < lengths) & ~over
        targets = np.full((len(acts), stage.game.market.assets), np.nan)
        if acts.any():
            seen[~acts] = 0.0  # nobody looks there, and a window before the data is NaN
            action, state = policy.predict(seen, state, row == begins, deterministic=True)
            targets[acts] = scheme.targets(action)[acts]
        for game, engine in enumerate(engines):
            own = slice(game * spans, (game + 1) * spans)
            equity[row + 1, game] = engine.step(targets[own]).equity
    return stage.pooled(equity)

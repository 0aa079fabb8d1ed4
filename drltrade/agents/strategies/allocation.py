"""Strategies that spread all of the equity by how assets move together: skfolio's optimisers.

Both look at returns alone and expect nothing of them: what they earn is owed to diversification.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from drltrade.agents.strategies.base import Floats, Rule

if TYPE_CHECKING:
    from drltrade.data.market import Market

__all__ = ["MinVariance", "RiskParity"]


class Allocation(Rule):
    """Fits long-only weights that sum to 1, anew every few bars; what the two below share.

    Until there are `look` returns, nothing is ordered. An asset whose price stood still over all of
    them gets nothing; where no asset moved, or the optimiser fails, there is no order. A single
    asset gets everything.
    """

    look: int = Field(252, ge=2)
    """Bars whose returns the weights are fitted to."""
    every: int = Field(21, ge=1)
    """Bars between two fits, counted from the first."""

    def _orders(self, market: Market, first: int) -> Floats:
        orders = np.full(market.close.shape, np.nan)
        returns = market.close[1:] / market.close[:-1] - 1.0
        # By name, so that the solver's last digits do not depend on the order of the columns.
        named = np.argsort(np.array(market.symbols))
        for bar in range(max(first, self.look), market.bars, self.every):
            orders[bar, named] = self._weights(returns[bar - self.look : bar, named])
        return orders

    def _weights(self, returns: Floats) -> Floats:
        """Returns [N] weights for returns [look, N], NaN where there is no answer."""
        moving = returns.max(axis=0) > returns.min(axis=0)
        weights = np.zeros(returns.shape[1])
        if moving.sum() < 2:
            return np.where(moving, 1.0, 0.0) if moving.any() else np.full_like(weights, np.nan)
        # Neither answer depends on the scale, but a solver's last digits do.
        seen = np.ascontiguousarray(returns[:, moving] / returns[:, moving].std())
        # Assets that move as one are no mistake, nor is a fit that fails.
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            found = self._optimiser().fit(seen).weights_
        if found is None:
            return np.full_like(weights, np.nan)
        weights[moving] = np.maximum(found, 0.0)
        return np.asarray(weights / weights.sum())

    def _optimiser(self) -> Any:
        """Makes skfolio's estimator; with returns it gives `weights_`, None where it fails."""
        raise NotImplementedError


class MinVariance(Allocation):
    """Holds the long-only portfolio whose past variance was the least, fitted anew every few bars.

    Source: Markowitz (1952), Portfolio Selection; skfolio's `MeanRisk`.
    """

    name: ClassVar[str] = "min_variance"

    def _optimiser(self) -> Any:
        from skfolio.optimization import MeanRisk

        return MeanRisk(raise_on_failure=False)


class RiskParity(Allocation):
    """Holds each asset so that all add the same to the past variance, fitted anew every few bars.

    Source: Maillard, Roncalli and Teiletche (2010), The Properties of Equally Weighted Risk
    Contribution Portfolios; skfolio's `RiskBudgeting`.
    """

    name: ClassVar[str] = "risk_parity"

    def _optimiser(self) -> Any:
        from skfolio.optimization import RiskBudgeting

        return RiskBudgeting(raise_on_failure=False)

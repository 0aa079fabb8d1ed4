"""Sizes and prices the orders of B accounts in torch: the section "The fill" of LEDGER.md."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from drltrade.sim.rules import Rules

__all__ = ["Filled", "Filler", "Tariff", "total"]

_TOLERANCES = {torch.float64: (1e-9, 1e-12), torch.float32: (1e-6, 1e-6)}
"""The page's smallest trade and its slack; in float32 no less than what rounding blurs."""

_MOST_STEPS = 100  # a root by bisection alone; Newton's method needs 3 to 6


def total(per_asset: Tensor) -> Tensor:
    """Sums [B, N] over the assets; a view where there is one."""
    return per_asset.squeeze(-1) if per_asset.shape[-1] == 1 else per_asset.sum(-1)


class Tariff:
    """What a trade costs: commission, slippage, impact."""

    def __init__(self, rules: Rules) -> None:
        costs = rules.costs
        self.rate, self.slip, self.both = costs.commission.rate, costs.slippage.rate, costs.rate
        self.minimum, self.per_share = costs.commission.minimum, costs.commission.per_share
        self.impacted = costs.impact.coefficient > 0
        self.linear = not (self.minimum or self.per_share or self.impacted)

    def commission(self, size: Tensor, price: Tensor, orders: Tensor | None = None) -> Tensor:
        """Fees [B, N] of trades of notional `size`; `orders` pay the minimum, else size > 0."""
        fee = self.rate * size
        if self.minimum:
            pays = size > 0 if orders is None else orders
            fee = torch.where(pays, fee.clamp(min=self.minimum), 0.0)
        if self.per_share:
            fee = fee + self.per_share * size / price
        return fee

    def impact(self, size: Tensor, price: Tensor, impact: Tensor | None) -> Tensor:
        """The square-root law [B, N]; 0 without a coefficient."""
        return torch.zeros_like(size) if impact is None else impact * size**1.5 / price.sqrt()

    def cost(
        self, trade: Tensor, price: Tensor, impact: Tensor | None, orders: Tensor | None = None
    ) -> Tensor:
        """All costs [B] of signed trades [B, N]."""
        size = trade.abs()
        if self.linear:
            return self.both * total(size)
        cost = self.commission(size, price, orders) + self.slip * size
        if impact is not None:
            cost = cost + self.impact(size, price, impact)
        return total(cost)

    def marginal(self, size: Tensor, price: Tensor, impact: Tensor | None) -> Tensor | float:
        """Cost of one more unit of notional."""
        if self.linear:
            return self.both
        rate: Tensor | float = self.rate
        if self.minimum:
            rate = self.rate * (self.rate * size > self.minimum).to(size.dtype)
        rate = rate + self.slip
        if self.per_share:
            rate = rate + self.per_share / price
        return rate if impact is None else rate + 1.5 * impact * (size / price).sqrt()


class Filled(NamedTuple):
    """What a fill did: signed notional, new shares, last ordered weights, and the costs [B]."""

    trade: Tensor
    shares: Tensor
    ordered: Tensor
    cost: Tensor


class _Sizing(NamedTuple):
    """The orders of each account as the equation for V' sees them."""

    equity: Tensor  # [B] V
    held: Tensor  # [B, N] h
    wanted: Tensor  # [B, N]
    sized: Tensor  # [B, N] bool: the orders whose trade depends on V'
    fixed: Tensor | float  # [B, N] trades at their cap, 0 elsewhere
    price: Tensor
    impact: Tensor | None
    kept: Tensor | None = None  # [B] K; None for one asset: nothing is kept beside a single order
    asked: Tensor | None = None  # [B] O

    def summed(self) -> _Sizing:
        """Adds K and O."""
        if self.held.shape[-1] == 1:
            return self
        kept = torch.where(self.sized, 0.0, self.held + self.fixed).abs().sum(-1)
        asked = torch.where(self.sized, self.wanted, 0.0).abs().sum(-1)
        return self._replace(kept=kept, asked=asked)


class Filler:
    """Turns target weights into trades under some rules.

    Post-cost equity V' is found without a graph; its gradient comes from one Newton step from the
    root, which is the implicit function theorem: d V' = - (df / d theta) / (df / d V').
    """

    def __init__(self, rules: Rules, assets: int, dtype: torch.dtype) -> None:
        self.rules, self.tariff = rules, Tariff(rules)
        self.smallest, self.slack = _TOLERANCES[dtype]
        # One asset at costs in proportion: the equation has a closed form.
        self.alone = assets == 1 and self.tariff.linear
        capped, paced = rules.participation.rate is not None, rules.limits.change is not None
        self.resends = assets > 1 or capped or paced or rules.band > 0

    def fill(
        self,
        equity: Tensor,
        held: Tensor,
        shares: Tensor,
        price: Tensor,
        targets: Tensor,
        ordered: Tensor,
        alive: Tensor,
        halted: Tensor | None,
        impact: Tensor | None,
        cap: Tensor | None,
    ) -> Filled:
        """Trades living accounts towards their targets.

        Args:
            equity: [B] V at the fill prices.
            held: [B, N] h, what is held at the fill prices.
            shares: [B, N].
            price: [B, N] fill prices.
            targets: [B, N] weights, NaN is no order.
            ordered: [B, N] the last ordered weights.
            alive: [B] the others trade nothing.
            halted: [B, N] bool, None where nothing ever is.
            impact: [B, N] coefficients of the fill bar, None where there is no impact.
            cap: [B, N] shares, None where there is no cap.
        """
        wanted, order, again = self._wanted(equity, held, targets, ordered, alive)
        live = order
        if halted is not None:
            live = live & ~halted
            again = _either(again, order & halted)
        if self.rules.band > 0:
            near = (wanted - held / equity[:, None]).abs() <= self.rules.band + self.slack
            again = _either(again, order & near)
            live = live & ~near
        least = self.smallest * equity[:, None]
        if self.tariff.minimum:
            live = live & ((wanted * equity[:, None] - held).abs() > least)
        sizing = _Sizing(equity, held, wanted, live, 0.0, price, impact)
        size = self._size_alone if self.alone else self._size
        trade, turned, more = size(sizing, cap)
        traded = live & (trade.detach().abs() > least)
        if turned is not None:
            traded = traded & ~turned
        trade = torch.where(traded, trade, 0.0)
        shares = torch.where(traded, (held + trade) / price, shares)
        again = _either(again, more)
        if self.rules.on_change or self.resends or halted is not None:
            asked = targets.detach()
            if again is not None:
                asked = torch.where(again, torch.nan, asked)
            ordered = torch.where(order, asked, ordered)
        return Filled(trade, shares, ordered, self.tariff.cost(trade, price, impact))

    def _wanted(
        self, equity: Tensor, held: Tensor, targets: Tensor, ordered: Tensor, alive: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Rules 1 to 3: wanted weights, which are orders, which of them are sent again."""
        rules, again = self.rules, None
        order = (targets == targets) & alive[:, None]  # NaN is no order
        wanted = torch.where(order, targets, 0.0)
        if rules.on_change:
            order = order & (targets != ordered)
        if not rules.shorts:
            wanted = wanted.clamp(min=0.0)
        if rules.limits.weight is not None:
            wanted = wanted.clamp(-rules.limits.weight, rules.limits.weight)
        if rules.limits.change is not None:
            weight = held / equity[:, None]
            change = (wanted - weight).detach()
            again = order & (change.abs() > rules.limits.change + self.slack)
            furthest = weight + rules.limits.change * change.sign()
            wanted = torch.where(again, furthest, wanted)
        limit = rules.leverage
        if wanted.shape[-1] == 1:
            return wanted.clamp(-limit, limit), order, again
        # On the limit itself the gradient is the inner one, so that a target can leave it.
        beyond = torch.relu(wanted.abs().sum(-1, keepdim=True) - limit)
        return wanted * (limit / (limit + beyond)), order, again

    def _size_alone(
        self, sizing: _Sizing, cap: Tensor | None
    ) -> tuple[Tensor, None, Tensor | None]:
        """Rules 6 and 7 for one asset whose costs are in proportion."""
        held, wanted, value = sizing.held, sizing.wanted, sizing.equity[:, None]
        tilt = self.tariff.both * (wanted * value - held).detach().sign()
        trade = wanted * ((value + tilt * held) / (1.0 + tilt * wanted)).clamp(min=0.0) - held
        if cap is None:
            return trade, None, None
        over, most = self._over(trade, cap, sizing)
        return torch.where(over, most, trade), None, over

    def _over(self, trade: Tensor, cap: Tensor, sizing: _Sizing) -> tuple[Tensor, Tensor]:
        """Which trades exceed their cap, and the trade at the cap."""
        most, trade = cap * sizing.price, trade.detach()
        slack = self.slack * sizing.equity[:, None]
        over = sizing.sized & (trade.abs() > most * (1.0 + self.slack) + slack)
        return over, torch.copysign(most, trade)

    def _size(
        self, sizing: _Sizing, cap: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Rules 6 to 8: trades; which turned round on the way to V'; which are sent again."""
        orders = sizing.sized
        with torch.no_grad():
            value, slope = self._root(sizing.summed())
            while cap is not None:
                trade = self._trade(sizing.summed(), value)
                over, most = self._over(trade, cap, sizing)
                if not bool(over.any()):
                    break
                # First those that leave more than is wanted: others may not spend what they hold.
                slow = over & ((sizing.held + most).abs() > (sizing.held + trade).abs())
                over = torch.where(slow.any(-1, keepdim=True), slow, over)
                fixed = torch.where(over, most, sizing.fixed)
                sizing = sizing._replace(sized=sizing.sized & ~over, fixed=fixed)
                value, slope = self._root(sizing.summed())
        sizing = sizing.summed()
        step = self._balance(sizing, value)[0] / slope
        value = torch.where(value > 0, value - step, 0.0)
        trade = self._trade(sizing, value)
        turned, again = None, None
        if self.tariff.minimum:
            unit = self._unit(sizing, sizing.equity)[0]
            asked = (sizing.wanted * unit[:, None] - sizing.held).detach()
            idle = asked.abs() <= self.smallest * sizing.equity[:, None]
            turned = sizing.sized & (idle | (asked.sign() != trade.detach().sign()))
        if sizing.kept is not None:
            squeezed = ~self._unit(sizing, value.detach())[2]
            again = sizing.sized & (sizing.wanted != 0) & squeezed[:, None]
        if cap is not None:
            again = _either(again, orders & ~sizing.sized)
        return trade, turned, again

    def _unit(self, sizing: _Sizing, value: Tensor) -> tuple[Tensor, Tensor | float, Tensor]:
        """Notional per unit of weight at equity `value`; its slope; whether it is the value."""
        if sizing.kept is None or sizing.asked is None:
            return value, 1.0, torch.ones_like(value, dtype=torch.bool)
        room = self.rules.leverage * value - sizing.kept
        free = room >= sizing.asked * value * (1.0 - self.slack)
        asked = torch.where(sizing.asked > 0, sizing.asked, 1.0)
        rise = torch.where(room > 0, self.rules.leverage / asked.detach(), 0.0)
        unit = torch.where(free, value, torch.relu(room) / asked)
        return unit, torch.where(free, 1.0, rise), free

    def _trade(self, sizing: _Sizing, value: Tensor) -> Tensor:
        unit = self._unit(sizing, value)[0]
        return torch.where(sizing.sized, sizing.wanted * unit[:, None] - sizing.held, sizing.fixed)

    def _balance(self, sizing: _Sizing, value: Tensor) -> tuple[Tensor, Tensor]:
        """f(V') = V' - V + F + sum cost(x), which is 0 at V', and its slope."""
        unit, rise, _ = self._unit(sizing, value)
        sized, price, impact = sizing.sized, sizing.price, sizing.impact
        trade = torch.where(sized, sizing.wanted * unit[:, None] - sizing.held, sizing.fixed)
        pays = sized | (trade.detach() != 0) if self.tariff.minimum else None
        cost = self.tariff.cost(trade, price, impact, pays)
        with torch.no_grad():
            marginal = self.tariff.marginal(trade.abs(), price, impact)
            towards = torch.where(sized, trade.sign() * sizing.wanted, 0.0)
            slope = 1.0 + total(marginal * towards) * rise
        return value - sizing.equity + cost, slope

    def _root(self, sizing: _Sizing) -> tuple[Tensor, Tensor]:
        """The largest root V' >= 0 of the balance, 0 where there is none, and the slope there.

        Newton's method from V downwards, held inside a bracket as soon as one is known. A step
        below 0 tries 0: either that closes the bracket or there is no root.
        """
        value = slope = highest = sizing.equity
        lowest = torch.zeros_like(value)
        bracketed = torch.zeros_like(value, dtype=torch.bool)
        close = 4 * torch.finfo(value.dtype).eps * value
        for _ in range(_MOST_STEPS):
            gap, slope = self._balance(sizing, value)
            below = gap <= 0
            bracketed = bracketed | below
            lowest = torch.where(below, value, lowest)
            highest = torch.where(below, highest, value)
            step = value - gap / slope
            astray = (slope <= 0) | (step < lowest) | (step > highest)
            halfway = torch.where(bracketed, (lowest + highest) / 2, 0.0)
            previous, value = value, torch.where(astray, halfway, step)
            if bool(((value - previous).abs() <= close).all()):
                break
        return value, slope


def _either(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    if first is None or second is None:
        return second if first is None else first
    return first | second

"""How orders become trades: wanted weights, the size that pays its own costs, the fill."""

# mypy: disable-error-code="no-untyped-def"
# numba infers the types of every argument; the engine is the typed door.
from __future__ import annotations

import numpy as np

from drltrade.sim.compiling import inlined, seldom
from drltrade.sim.holding import charges
from drltrade.sim.rows import (
    CAP,
    CAPPED,
    FILL_PRICE,
    FILLED,
    HALT,
    HALTED,
    HELD,
    IMPACT,
    IN_BAND,
    LIMITED,
    NO_ORDER,
    NOTHING,
    ORDERED,
    PARTIAL,
    ROUNDED,
    SCALED,
    SHARES,
    SHORT_REFUSED,
    SMALLEST_TRADE,
    SOLVER_STEPS,
    TARGETS,
    TOO_SMALL,
    TRADED,
    UNKNOWN_SLOPE,
    WANTED,
)

__all__ = ["fill", "standing"]


@inlined
def standing(weight, last, asked):
    """The target that stands: the new one, or the last one while its order is unfinished."""
    return asked if (weight != weight) & (last != last) else weight


@inlined
def _read(b, book, status, targets, table, bar, column, rules, equity):
    """Writes down what is wanted of each asset: (how many orders, the sum of |weights|)."""
    asked, count = 0.0, 0
    every_bar = not rules.on_change
    for i in range(book.shape[2]):
        weight, last = targets[b, i], book[b, ORDERED, i]
        weight = standing(weight, last, book[b, TARGETS, i])
        asks = weight == weight
        fresh = asks & (every_bar | (weight != last))
        wanted, code, ordered = weight if asks else 0.0, FILLED, weight
        if not rules.shorts:
            code = SHORT_REFUSED if wanted < 0.0 else code
            wanted = max(wanted, 0.0)
        if rules.weight < np.inf:
            code = LIMITED if abs(wanted) > rules.weight else code
            wanted = min(max(wanted, -rules.weight), rules.weight)
        if rules.change < np.inf and fresh:
            held = book[b, SHARES, i] * table[bar, column, i] / equity
            if abs(wanted - held) > rules.change + NOTHING:
                wanted = held + np.copysign(rules.change, wanted - held)
                code, ordered = LIMITED, np.nan
        status[b, i] = code if fresh else NO_ORDER
        book[b, TARGETS, i] = weight
        book[b, TRADED, i] = 0.0
        book[b, ORDERED, i] = ordered if fresh else last
        book[b, WANTED, i] = wanted if fresh else 0.0
        count += fresh
        asked += abs(wanted)
    return count, asked


@inlined
def _is_kept(b, book, status, events, bar, i, wanted, held, price, rules, equity):
    """Whether an order is not carried out: halted, within the band, or asking for nothing."""
    if rules.halts and events[bar, i, HALTED] > 0.0:
        status[b, i] = HALT
        book[b, ORDERED, i] = np.nan
        return True
    if rules.band > 0.0 and abs(wanted - held / equity) <= rules.band + NOTHING:
        status[b, i] = IN_BAND
        book[b, ORDERED, i] = np.nan
        return True
    if rules.coarse and _asks_nothing(b, book, i, wanted, held, price, rules, equity):
        if abs(wanted * equity - held) > NOTHING * equity:
            status[b, i] = TOO_SMALL
        return True
    return False


@inlined
def _sort(b, book, status, table, events, bar, column, rules, equity, scale):
    """Parts the holdings that are kept from those that are traded: (notional kept, |weights|).

    Of an asset that is kept, `WANTED` and `HELD` become 0: it asks for a trade of nothing.
    """
    kept, ordered = 0.0, 0.0
    for i in range(book.shape[2]):
        price = table[bar, column, i]
        held = book[b, SHARES, i] * price
        wanted = book[b, WANTED, i] * scale
        keep = status[b, i] == NO_ORDER
        if scale < 1.0:
            status[b, i] = SCALED if wanted != 0.0 else status[b, i]
        if rules.choosy and not keep:
            keep = _is_kept(b, book, status, events, bar, i, wanted, held, price, rules, equity)
        kept += abs(held) if keep else 0.0
        ordered += 0.0 if keep else abs(wanted)
        book[b, WANTED, i] = 0.0 if keep else wanted
        book[b, HELD, i] = 0.0 if keep else held
    return kept, ordered


@inlined
def _whole_lots(shares, lot):
    """Shares rounded toward zero to a multiple of the lot; a billionth of a lot is forgiven."""
    return np.trunc(shares / lot + np.copysign(1e-9, shares)) * lot


@seldom
def _asks_nothing(b, book, i, wanted, held, price, rules, equity):
    """Whether an order asks for no change before costs."""
    aim = wanted * equity
    nothing = abs(aim - held) <= SMALLEST_TRADE * equity
    if rules.lot > 0.0:
        lots = _whole_lots(aim / price, rules.lot)
        nothing = nothing or abs(lots - book[b, SHARES, i]) <= 1e-9 * rules.lot
    return nothing


@inlined
def _stretch(value, kept, ordered, leverage):
    """Notional per unit of wanted weight at equity `value`, and how it grows with `value`.

    It is `value` itself while the gross limit leaves room beside the holdings that are kept.
    """
    room = leverage * value - kept
    if room >= ordered * value * (1.0 - 1e-12):
        return value, 1.0
    if room <= 0.0:
        return 0.0, 0.0
    return room / ordered, leverage / ordered


@inlined
def _plain_costs(b, book, rules, unit):
    """Costs in proportion to the trades, and how they grow with the unit."""
    traded, slope = 0.0, 0.0
    for i in range(book.shape[2]):
        wanted = book[b, WANTED, i]
        trade = wanted * unit - book[b, HELD, i]
        traded += abs(trade)
        slope += np.copysign(wanted, trade * wanted)
    return rules.rate * traded, rules.rate * slope


@inlined
def _all_costs(b, book, table, events, bar, column, rules, unit):
    """Costs of every kind, and how they grow with the unit."""
    costs, slope = 0.0, 0.0
    for i in range(book.shape[2]):
        wanted, held = book[b, WANTED, i], book[b, HELD, i]
        trade = wanted * unit - held
        size = abs(trade)
        if wanted != 0.0 or held != 0.0:  # an order of nothing, too, would pay a minimum
            impact = events[bar, i, IMPACT] if rules.impact else 0.0
            commission, moved, marginal = charges(size, table[bar, column, i], impact, rules)
            costs += commission + moved + rules.slippage * size
            slope += np.copysign(marginal, trade) * wanted
    return costs, slope


@inlined
def _newton(value, gap, slope, low, high):
    """The next equity to try within a bracket, and whether it is Newton's own step."""
    step = value - gap / (1.0 + slope)
    if max(low, 0.0) <= step <= high:
        return step, True
    return (0.5 * (low + high) if low >= 0.0 else 0.0), False


@inlined
def _solve_plain(b, book, rules, equity, kept, ordered):
    """V' where costs are in proportion: the equation is piecewise linear.

    Two equal slopes and no gap mean that the last step was taken on the root's own piece and landed
    on the root.
    """
    low, high = -1.0, equity  # below 0 until equity 0 itself was tried
    value, last_slope = equity, np.inf
    for _ in range(SOLVER_STEPS):
        unit, unit_slope = _stretch(value, kept, ordered, rules.leverage)
        costs, slope = _plain_costs(b, book, rules, unit)
        slope *= unit_slope
        gap = value - equity + costs
        if slope == last_slope and abs(gap) <= 1e-14 * equity:
            break
        if gap <= 0.0:
            low = value
        elif value <= 0.0:
            break  # even closing everything costs more than there is
        else:
            high = value
        step, own = _newton(value, gap, slope, low, high)
        last_slope = slope if own else np.inf
        if abs(step - value) <= 1e-16 * equity:
            break
        value = step
    return value


@inlined
def _solve(b, book, table, events, bar, column, rules, equity, kept, ordered):
    """V' under costs of every kind.

    A step is the last where what the slope may still change over it is nothing.
    """
    low, high = -1.0, equity
    value, last_slope = equity, UNKNOWN_SLOPE
    for _ in range(SOLVER_STEPS):
        unit, unit_slope = _stretch(value, kept, ordered, rules.leverage)
        costs, slope = _all_costs(b, book, table, events, bar, column, rules, unit)
        slope *= unit_slope
        gap = value - equity + costs
        if gap <= 0.0:
            low = value
        elif value <= 0.0:
            break
        else:
            high = value
        step, own = _newton(value, gap, slope, low, high)
        far, turn = abs(step - value), abs(slope - last_slope)
        value, last_slope = step, slope if own else UNKNOWN_SLOPE
        if far <= 1e-6 * equity and far * turn <= 1e-16 * equity:
            break
    return value


@inlined
def _equity_after_costs(b, book, table, events, bar, column, rules, equity, kept, ordered):
    """Solves V' = V - sum cost(x_i(V')) by Newton's method inside a bracket."""
    if rules.plain:
        value = _solve_plain(b, book, rules, equity, kept, ordered)
    else:
        value = _solve(b, book, table, events, bar, column, rules, equity, kept, ordered)
    return value if value > NOTHING * equity else 0.0


@inlined
def _is_sent(trade, asked, rules, equity):
    """Whether a trade is worth sending, and not made or turned by its own minimum fee."""
    large = abs(trade) > SMALLEST_TRADE * equity
    if rules.minimum > 0.0:
        return large and abs(asked) > SMALLEST_TRADE * equity and trade * asked > 0.0
    return large


@seldom
def _cap(b, book, status, table, events, bar, column, rules, equity, unit, slow):
    """Fixes trades beyond the participation cap: (how many, their notional, |weights|, costs).

    With `slow`, only those that leave more than is wanted: what they do not free, others may not
    spend.
    """
    count, kept, ordered, fixed = 0, 0.0, 0.0, 0.0
    for i in range(book.shape[2]):
        price = table[bar, column, i]
        wanted, held = book[b, WANTED, i], book[b, HELD, i]
        trade = wanted * unit - held
        cap = events[bar, i, CAP]
        if abs(trade) <= cap * price * (1.0 + 1e-12) + NOTHING * equity:
            continue
        if rules.lot > 0.0:
            cap = _whole_lots(cap, rules.lot)
        trade = np.copysign(cap * price, trade)
        if slow and abs(held + trade) <= abs(wanted * unit):
            continue
        sent = abs(trade) > SMALLEST_TRADE * equity
        status[b, i] = CAPPED if sent or abs(trade) <= NOTHING * equity else TOO_SMALL
        book[b, TRADED, i] = trade if sent else 0.0
        book[b, WANTED, i] = book[b, HELD, i] = 0.0
        book[b, ORDERED, i] = np.nan
        count += 1
        ordered += abs(wanted)
        kept += abs(held + trade)
        if cap > 0.0:
            impact = events[bar, i, IMPACT] if rules.impact else 0.0
            commission, moved, _ = charges(cap * price, price, impact, rules)
            fixed += commission + moved + rules.slippage * cap * price
    return count, kept, ordered, fixed


@inlined
def _trade(b, book, status, i, price, rules, equity, value, unit, free_unit):
    """One asset's trade and the shares that it leaves; 0 where it is too small to be sent."""
    if status[b, i] == CAPPED:
        trade = book[b, TRADED, i]
        return trade, book[b, SHARES, i] + trade / price
    wanted, held = book[b, WANTED, i], book[b, HELD, i]
    if unit < value and wanted != 0.0:
        status[b, i] = PARTIAL
        book[b, ORDERED, i] = np.nan  # asked again although the target is unchanged
    trade, shares = wanted * unit - held, wanted * unit / price
    if rules.lot > 0.0:
        lots = _whole_lots(shares, rules.lot)
        if abs(lots - shares) > 1e-9 * rules.lot:
            status[b, i] = ROUNDED
        trade, shares = lots * price - held, lots
    sent = _is_sent(trade, wanted * free_unit - held, rules, equity)
    if not sent and abs(trade) > NOTHING * equity:
        status[b, i] = TOO_SMALL
    return trade if sent else 0.0, shares


@inlined
def fill(b, accounts, book, status, targets, table, events, bar, column, rules, equity):
    """Trades one account to its targets at the fill price; returns the equity left after costs."""
    account = accounts[b]
    count, asked = _read(b, book, status, targets, table, bar, column, rules, equity)
    if count == 0:
        book[b, FILL_PRICE] = np.nan
        return equity
    scale = rules.leverage / asked if asked > rules.leverage * (1.0 + 1e-12) else 1.0
    kept, ordered = _sort(b, book, status, table, events, bar, column, rules, equity, scale)
    left = equity
    while True:
        value = _equity_after_costs(b, book, table, events, bar, column, rules, left, kept, ordered)
        unit, _ = _stretch(value, kept, ordered, rules.leverage)
        if not rules.capped:
            break
        capped, more, less, fixed = _cap(
            b, book, status, table, events, bar, column, rules, equity, unit, True
        )
        if capped == 0:
            capped, more, less, fixed = _cap(
                b, book, status, table, events, bar, column, rules, equity, unit, False
            )
        if capped == 0:
            break
        kept, ordered, left = kept + more, ordered - less, left - fixed
    free_unit, _ = _stretch(equity, kept, ordered, rules.leverage)
    bought, notional, commission, moved = 0.0, 0.0, 0.0, 0.0
    for i in range(book.shape[2]):
        price = table[bar, column, i]
        trade, shares = _trade(b, book, status, i, price, rules, equity, value, unit, free_unit)
        traded = trade != 0.0
        book[b, TRADED, i] = trade
        book[b, SHARES, i] = shares if traded else book[b, SHARES, i]
        book[b, FILL_PRICE, i] = price if traded else np.nan
        size = abs(trade)
        bought += trade
        notional += size
        if not rules.plain and traded:
            impact = events[bar, i, IMPACT] if rules.impact else 0.0
            fee, extra, _ = charges(size, price, impact, rules)
            commission += fee
            moved += extra
    account.commission = rules.commission * notional if rules.plain else commission
    account.slippage = rules.slippage * notional
    account.impact = moved
    account.turnover = notional / account.equity_before
    costs = account.commission + account.slippage + account.impact
    account.cash -= bought + costs
    return equity - costs

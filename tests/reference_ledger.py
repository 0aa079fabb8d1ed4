"""The ledger once more, in plain Python and by other means: the oracle of the kernel's tests.

Post-cost equity is found by bisection on the defining equation, not by Newton steps on its slope;
every account is one dictionary, every asset one loop; nothing is shared with `drltrade.sim`.
"""

import math


def post_cost_equity(equity, holdings, wanted, rate, leverage, kept):
    """Bisects V' - V + rate * sum |x_i(V') - h_i| = 0; `wanted` maps asset to weight."""
    gross = sum(abs(w) for w in wanted.values())

    def trades(value):
        room = max(0.0, min(leverage * value - kept, gross * value))
        scale = room / gross if gross > 0 else 0.0
        return {i: w * scale for i, w in wanted.items()}

    def gap(value):
        aims = trades(value)
        return value - equity + rate * sum(abs(aims[i] - holdings[i]) for i in wanted)

    low, high = -1000 * equity, equity
    for _ in range(400):
        middle = (low + high) / 2
        if gap(middle) > 0:
            high = middle
        else:
            low = middle
    return high, trades(high)


def run(open_, close, targets, *, fill, commission, slippage, leverage, shorts, on_change,
        first, last, start, ruin=1e-4):  # fmt: skip
    """Runs one account; returns one dictionary a bar, the first before any order."""
    assets = range(len(close[0]))
    cash, shares, ordered = start, [0.0 for _ in assets], [0.0 for _ in assets]
    equity = peak = start
    rows = [{"equity": start, "cash": start, "shares": list(shares), "commission": 0.0,
             "slippage": 0.0, "gap_pnl": 0.0, "bar_pnl": 0.0, "shortfall": 0.0, "turnover": 0.0,
             "drawdown": 0.0, "exposure": 0.0}]  # fmt: skip
    dead = False
    for t in range(first, last):
        row = dict.fromkeys(rows[0], 0.0)
        before = equity
        if not dead:
            price = {"next_open": open_[t + 1], "next_close": close[t + 1], "same_close": close[t]}
            p = price[fill]
            row["gap_pnl"] = math.fsum(shares[i] * (p[i] - close[t][i]) for i in assets)
            worth = cash + math.fsum(shares[i] * p[i] for i in assets)
            if worth <= ruin * start:
                row["shortfall"], dead = ruin * start - worth, True
            else:
                asked = {i: targets[t][i] for i in assets if not math.isnan(targets[t][i])}
                legal = {i: 0.0 if w < 0 and not shorts else w for i, w in asked.items()}
                total = math.fsum(abs(w) for w in legal.values())
                if total > leverage:
                    legal = {i: w * leverage / total for i, w in legal.items()}
                orders = {i: w for i, w in legal.items()
                          if not (on_change and asked[i] == ordered[i])}  # fmt: skip
                kept = math.fsum(abs(shares[i] * p[i]) for i in assets if i not in orders)
                holdings = [shares[i] * p[i] for i in assets]
                value, aims = post_cost_equity(
                    worth, holdings, orders, commission + slippage, leverage, kept
                )
                gross = math.fsum(abs(w) for w in orders.values())
                squeezed = leverage * value - kept < gross * value * (1 - 1e-12)
                notional = 0.0
                for i in orders:
                    ordered[i] = asked[i]
                    if squeezed and legal[i] != 0:
                        ordered[i] = math.nan
                    trade = aims[i] - holdings[i]
                    if abs(trade) > 1e-9 * worth:
                        shares[i] = aims[i] / p[i]
                        cash -= trade
                        notional += abs(trade)
                row["commission"], row["slippage"] = commission * notional, slippage * notional
                row["turnover"] = notional / before
                cash -= row["commission"] + row["slippage"]
                left = cash + math.fsum(shares[i] * p[i] for i in assets)
                if left <= ruin * start:
                    row["shortfall"], dead = ruin * start - left, True
                else:
                    row["bar_pnl"] = math.fsum(shares[i] * (close[t + 1][i] - p[i]) for i in assets)
                    equity = cash + math.fsum(shares[i] * close[t + 1][i] for i in assets)
                    if equity <= ruin * start:
                        row["shortfall"], dead = ruin * start - equity, True
            if dead:
                cash = equity = ruin * start
                shares = [0.0 for _ in assets]
            peak = max(peak, equity)
        gross = math.fsum(abs(shares[i] * close[t + 1][i]) for i in assets)
        row |= {"equity": equity, "cash": cash, "shares": list(shares),
                "drawdown": 1 - equity / peak, "exposure": gross / equity}  # fmt: skip
        rows.append(row)
    return rows, dead

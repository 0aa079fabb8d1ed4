"""The ledger once more, in plain Python and by other means: the oracle of the kernel's tests.

An independent writing of `drltrade/sim/LEDGER.md`: every asset one loop, every account one
dictionary, post-cost equity by bisection on the page's own equation. Nothing is shared with
`drltrade.sim` but the names of the settings, which are read off a Rules-like object.
"""

import math

NAN = math.nan
MONEY = ("equity", "cash", "commission", "slippage", "impact", "interest", "borrow", "funding",
         "dividends", "haircut", "gap_pnl", "bar_pnl", "shortfall", "turnover", "drawdown",
         "exposure")  # fmt: skip
PER_ASSET = ("open", "high", "low", "close", "halted", "delisted", "split", "dividend", "funding")


def run(market, targets, rules, first, last, start):
    """Runs one account; returns one dictionary a bar, the first before any order.

    `market` holds plain lists: by bar and asset under the names of `PER_ASSET` and `volume` (None:
    not known), by bar under `days` and `segment`.
    """
    bars, n = what_bars_know(market, rules), len(market["close"][0])
    account = {"cash": start, "shares": [0.0] * n, "ordered": [0.0] * n, "equity": start,
               "peak": start, "floor": rules.ruin * start, "dead": False,
               "targets": [NAN] * n}  # fmt: skip
    rows = [blank(n, start)]
    for t in range(first, last):
        row = blank(n, account["equity"])
        if not account["dead"]:
            live_one_bar(account, row, bars[t], bars[t + 1], targets[t], rules)
        account["peak"] = max(account["peak"], account["equity"])
        worth = [s * p for s, p in zip(account["shares"], bars[t + 1]["close"], strict=True)]
        row["equity"], row["cash"] = account["equity"], account["cash"]
        row["shares"] = list(account["shares"])
        row["drawdown"] = 1 - account["equity"] / account["peak"]
        row["exposure"] = math.fsum(map(abs, worth)) / account["equity"]
        row["terminated"] = account["dead"]
        row["truncated"] = t + 1 == last and not account["dead"]
        rows.append(row)
    return rows


def blank(n, equity):
    row = dict.fromkeys(MONEY, 0.0) | {"equity": equity, "cash": equity, "liquidated": False,
                                       "terminated": False, "truncated": False}  # fmt: skip
    lists = {name: [0.0] * n for name in ("shares", "traded", "closed")}
    lists |= {name: [NAN] * n for name in ("fill_price", "exit_price")}
    return row | lists | {"status": ["no_order"] * n}


# What a bar knows ---------------------------------------------------------------------------


def what_bars_know(market, rules):
    """Returns one dictionary a bar: effective prices, events, halts, impact and cap."""
    volume, n, bars = market["volume"], len(market["close"][0]), []
    for t in range(len(market["close"])):
        bar = {name: list(market[name][t]) for name in PER_ASSET}
        bar["days"], bar["impact"], bar["cap"] = market["days"][t], [0.0] * n, [math.inf] * n
        bar["halted"] = [bool(x) for x in bar["halted"]]
        seam = t == 0 or market["segment"][t] != market["segment"][t - 1]
        start = t if seam else bars[-1]["start"]
        bar["start"] = start
        for i in range(n):
            gone = any(market["delisted"][k][i] for k in range(start, t + 1))
            silent = (volume is not None and volume[t][i] == 0
                      and any(volume[k][i] > 0 for k in range(start, t)))  # fmt: skip
            bar["halted"][i] = bar["halted"][i] or silent or gone
            if bar["halted"][i] and t > start:
                # The page says "the last close before"; a split meanwhile divides it, or the
                # holder of a halted asset would be twice as rich.
                for name in ("open", "high", "low", "close"):
                    bar[name][i] = bars[t - 1]["close"][i] / bar["split"][i]
        bars.append(bar)
        for i in range(n):
            if volume is not None:
                measure_liquidity(bars[start:], volume[start : t + 1], i, rules)
    return bars


def measure_liquidity(bars, volume, i, rules):
    """Sets impact and cap of asset i in the last of these bars, from the bars before it."""
    impact, share, t = rules.costs.impact, rules.participation, len(bars) - 1
    returns, volumes, ratio = [], [], bars[t]["split"][i]
    for k in range(t - 1, -1, -1):  # backwards, in the shares of the last bar
        volumes.append(volume[k][i] * ratio)
        ratio *= bars[k]["split"][i]
        if k > 0:
            worth = bars[k]["close"][i] * bars[k]["split"][i]
            returns.append(worth / bars[k - 1]["close"][i] - 1)
    if share.rate is not None:
        recent = volumes[: share.window]
        bars[t]["cap"][i] = share.rate * math.fsum(recent) / max(1, len(recent))
    returns, recent = returns[: impact.window], volumes[: impact.window]
    if impact.coefficient > 0:
        bars[t]["impact"][i] = None  # not known
    if len(returns) >= 2 and math.fsum(recent) > 0:
        mean = math.fsum(returns) / len(returns)
        sigma = math.sqrt(math.fsum((r - mean) ** 2 for r in returns) / (len(returns) - 1))
        usual = math.fsum(recent) / len(recent)
        bars[t]["impact"][i] = 2 / 3 * impact.coefficient * sigma / math.sqrt(usual)


# One bar ------------------------------------------------------------------------------------


def live_one_bar(account, row, now, after, targets, rules):
    """From the close of `now` to the close of `after`, in the order that the fill rule sets."""
    pending = zip(targets, account["ordered"], account["targets"], strict=True)
    standing = [old if math.isnan(new) and math.isnan(last) else new for new, last, old in pending]
    account |= {"base": list(now["close"]), "book": "gap_pnl", "before": account["equity"],
                "rules": rules, "targets": standing}  # fmt: skip
    steps = {
        "next_open": (carry, events, check_open, fill, extremes),
        "next_close": (carry, events, check_open, extremes, fill),
        "same_close": (fill, carry, events, check_open, extremes),
    }
    for step in steps[rules.fill]:
        step(account, row, now, after)
        if account["dead"]:
            row["turnover"] = turnover(account, row)
            return
    earn(account, row, after["close"])
    account["equity"] = worth(account, after["close"])
    row["turnover"] = turnover(account, row)


def turnover(account, row):
    return math.fsum(abs(x) for x in row["traded"] + row["closed"]) / account["before"]


def worth(account, prices):
    held = zip(account["shares"], prices, strict=True)
    return account["cash"] + math.fsum(s * p for s, p in held)


def gross(account, prices):
    return math.fsum(abs(s) * p for s, p in zip(account["shares"], prices, strict=True))


def earn(account, row, prices):
    """Books what the shares earned since the price they were last valued at."""
    pairs = zip(account["shares"], prices, account["base"], strict=True)
    row[account["book"]] += math.fsum(s * (p - base) for s, p, base in pairs)
    account["base"] = list(prices)


def carry(account, row, now, after):
    rules, cash, years = account["rules"], account["cash"], after["days"] / 365
    held = [s * p for s, p in zip(account["shares"], now["close"], strict=True)]
    short = math.fsum(-h for h in held if h < 0)
    free = cash - short
    row["interest"] = years * (rules.carry.cash if free > 0 else rules.carry.debit) * free
    row["borrow"] = rules.carry.borrow * short * years
    row["funding"] = -math.fsum(h * f for h, f in zip(held, after["funding"], strict=True))
    account["cash"] += row["interest"] - row["borrow"] + row["funding"]


def events(account, row, now, after):
    shares = account["shares"]
    for i, split in enumerate(after["split"]):
        shares[i] *= split
        account["base"][i] = now["close"][i] / split
        if not after["delisted"][i]:
            row["dividends"] += shares[i] * after["dividend"][i]
        if after["delisted"][i] and shares[i] != 0:
            value = shares[i] * account["base"][i]
            row["haircut"] += account["rules"].delisting.haircut * abs(value)
            row["exit_price"][i] = account["base"][i]
            account["cash"] += value
            shares[i] = 0.0
    account["cash"] += row["dividends"] - row["haircut"]


def fails(account, prices):
    equity, maintenance = worth(account, prices), account["rules"].margin.maintenance
    return equity < maintenance * gross(account, prices) or equity <= account["floor"]


def check_open(account, row, _, after):
    if fails(account, after["open"]):
        close_out(account, row, after["open"], after["impact"])


def extremes(account, row, _, after):
    start, shares = after["open"], account["shares"]
    end = [after["low"][i] if s >= 0 else after["high"][i] for i, s in enumerate(shares)]
    if fails(account, start):
        close_out(account, row, start, after["impact"])
    elif fails(account, end):
        maintenance, floor = account["rules"].margin.maintenance, account["floor"]

        def slack(prices):
            equity = worth(account, prices)
            return equity - maintenance * gross(account, prices), equity - floor

        # Both slacks are linear on the way, so one that ends below zero is zero at one point.
        ends = zip(slack(start), slack(end), strict=True)
        way = min(a / (a - b) if b <= 0 and a > b else 1.0 for a, b in ends)
        stop = [a + way * (b - a) for a, b in zip(start, end, strict=True)]
        close_out(account, row, stop, after["impact"])


def close_out(account, row, prices, impact):
    """Sells and covers everything at these prices; each position pays as an order of its size."""
    if account["book"] == "gap_pnl":  # no fill came before
        for i, asked in enumerate(account["targets"]):
            if not math.isnan(asked):
                row["status"][i] = "closed_out"
    earn(account, row, prices)
    for i, held in enumerate(account["shares"]):
        if held != 0:
            pay(account, row, costs(held * prices[i], prices[i], impact[i], account["rules"]))
    end(account, row, prices)


def end(account, row, prices):
    """Turns the book into cash at these prices, for good, and lifts it to the floor."""
    for i, held in enumerate(account["shares"]):
        if held != 0:
            row["closed"][i], row["exit_price"][i] = -held * prices[i], prices[i]
    left, floor = worth(account, prices), account["floor"]
    row["liquidated"] = left > floor * (1 + 1e-9)
    row["shortfall"] = max(0.0, floor - left)
    account["cash"] = account["equity"] = max(left, floor)
    account["shares"], account["dead"] = [0.0] * len(prices), True


# The fill -----------------------------------------------------------------------------------


def fill(account, row, now, after):
    """Trades towards the targets at the price of the fill rule."""
    bar = now if account["rules"].fill == "same_close" else after
    prices = bar["open" if account["rules"].fill == "next_open" else "close"]
    earn(account, row, prices)
    account["book"] = "bar_pnl"
    equity, shares = worth(account, prices), account["shares"]
    held = [s * p for s, p in zip(shares, prices, strict=True)]
    orders = wanted_weights(account, row, held, equity)
    drop_what_cannot_trade(account, row, orders, bar, prices, held, equity)
    new = sized_positions(account, row, orders, bar, prices, held, equity)
    for i, position in new.items():
        trade = (position - shares[i]) * prices[i]
        row["traded"][i], row["fill_price"][i] = trade, prices[i]
        shares[i] = position
        account["cash"] -= trade
        pay(account, row, costs(trade, prices[i], bar["impact"][i], account["rules"]))
    if worth(account, prices) <= account["floor"]:
        end(account, row, prices)


def wanted_weights(account, row, held, equity):
    """Rules 1 to 3: the wanted weight of every asset that is ordered."""
    rules, limits, orders, total = account["rules"], account["rules"].limits, {}, 0.0
    for i, asked in enumerate(account["targets"]):
        if math.isnan(asked):
            continue
        wanted, code, again = asked, "filled", asked
        if asked < 0 and not rules.shorts:
            wanted, code = 0.0, "short_refused"
        if limits.weight is not None and abs(wanted) > limits.weight:
            wanted, code = math.copysign(limits.weight, wanted), "limited"
        if rules.on_change and asked == account["ordered"][i]:
            total += abs(wanted)
            continue
        if limits.change is not None:
            now = held[i] / equity
            if abs(wanted - now) > limits.change + 1e-12:  # a tie is not cut
                wanted = now + math.copysign(limits.change, wanted - now)
                code, again = "limited", NAN
        orders[i], row["status"][i], account["ordered"][i] = wanted, code, again
        total += abs(wanted)
    if total > rules.leverage * (1 + 1e-12):
        for i, wanted in orders.items():
            if wanted != 0:
                orders[i], row["status"][i] = wanted * rules.leverage / total, "scaled"
    return orders


def drop_what_cannot_trade(account, row, orders, bar, prices, held, equity):
    """Rules 4 and 5: takes out the orders whose positions are kept."""
    rules, shares = account["rules"], account["shares"]
    for i, wanted in list(orders.items()):
        change = wanted * equity - held[i]
        aim = in_lots(wanted * equity / prices[i], rules.lot)
        same = rules.lot > 0 and abs(aim - shares[i]) <= 1e-9 * rules.lot
        if bar["halted"][i] or bar["impact"][i] is None:
            row["status"][i], account["ordered"][i] = "halted", NAN
        elif rules.band > 0 and abs(wanted - held[i] / equity) <= rules.band + 1e-12:
            row["status"][i], account["ordered"][i] = "in_band", NAN
        elif (rules.lot > 0 or rules.costs.commission.minimum > 0) and (
            same or abs(change) <= 1e-9 * equity
        ):
            if abs(change) > 1e-12 * equity:
                row["status"][i] = "too_small"
        else:
            continue
        del orders[i]


def sized_positions(account, row, orders, bar, prices, held, equity):
    """Rules 6 to 10: the new position, in shares, of every asset that trades."""
    rules, shares, rest, capped = account["rules"], account["shares"], dict(orders), {}
    again = True
    while again:
        kept = [abs(h) for i, h in enumerate(held) if i not in orders]
        kept += [abs(shares[i] + x) * prices[i] for i, x in capped.items()]
        fixed = [part for i, x in capped.items() if x != 0
                 for part in costs(x * prices[i], prices[i], bar["impact"][i], rules)]  # fmt: skip
        sizing = Sizing(rest, math.fsum(kept), held, prices, bar["impact"], rules)
        value = sizing.post_cost_equity(equity - math.fsum(fixed))
        unit, again = sizing.unit(value), False
        over = {}
        for i, wanted in rest.items():
            trade, cap = wanted * unit - held[i], bar["cap"][i]
            if abs(trade) > cap * prices[i] * (1 + 1e-12) + 1e-12 * equity:
                over[i] = math.copysign(in_lots(cap, rules.lot), trade)
        slow = {i: x for i, x in over.items()
                if abs(shares[i] + x) * prices[i] > abs(rest[i] * unit)}  # fmt: skip
        for i, change in (slow or over).items():
            capped[i], again = change, True
            row["status"][i], account["ordered"][i] = "capped", NAN
            del rest[i]
    new = {i: shares[i] + change for i, change in capped.items()}
    for i, wanted in rest.items():
        if unit < value and wanted != 0:
            row["status"][i], account["ordered"][i] = "partial", NAN
        exact = wanted * unit / prices[i]
        new[i] = in_lots(exact, rules.lot)
        if abs(new[i] - exact) > 1e-9 * rules.lot:
            row["status"][i] = "rounded"
    for i, position in list(new.items()):
        trade = (position - shares[i]) * prices[i]
        before = orders[i] * sizing.unit(equity) - held[i]
        turned = i in rest and (abs(before) <= 1e-9 * equity or trade * before < 0)
        if abs(trade) <= 1e-9 * equity or (turned and rules.costs.commission.minimum > 0):
            if abs(trade) > 1e-12 * equity:
                row["status"][i] = "too_small"
            del new[i]
    return new


def in_lots(shares, lot):
    """Rounds toward zero to whole lots, forgiving a billionth of one."""
    if lot == 0:
        return shares
    return math.copysign(math.floor(abs(shares) / lot + 1e-9) * lot, shares)


class Sizing:
    """V' - (V - F) + sum cost(wanted u(V') - h) = 0."""

    def __init__(self, orders, kept, held, prices, impact, rules):
        self.orders, self.kept, self.held, self.rules = orders, kept, held, rules
        self.prices, self.impact = prices, impact
        self.gross = math.fsum(map(abs, orders.values()))

    def unit(self, value):
        """u(V'): notional for one unit of weight."""
        room = self.rules.leverage * value - self.kept
        if room >= self.gross * value * (1 - 1e-12):
            return value
        return max(0.0, room) / self.gross if self.gross > 0 else 0.0

    def excess(self, value, budget):
        unit = self.unit(value)
        paid = [part for i, wanted in self.orders.items()
                for part in costs(wanted * unit - self.held[i], self.prices[i], self.impact[i],
                                  self.rules)]  # fmt: skip
        return value - budget + math.fsum(paid)

    def post_cost_equity(self, budget):
        """The largest root by bisection; 0 where there is none."""
        low, high = 0.0, budget
        if budget <= 0:
            return 0.0
        if self.excess(budget, budget) <= 1e-14 * budget:  # nothing to trade, nothing to pay
            return budget
        if self.excess(0.0, budget) > 0:
            steps = [budget * k / 200 for k in range(200)]
            below = [value for value in steps if self.excess(value, budget) <= 0]
            if not below:
                return 0.0
            low = below[-1]
        while low < (middle := (low + high) / 2) < high:
            low, high = (low, middle) if self.excess(middle, budget) > 0 else (middle, high)
        return high if high > 1e-12 * budget else 0.0


def costs(trade, price, impact, rules):
    """Commission, slippage and impact of one trade of this notional."""
    size, commission = abs(trade), rules.costs.commission
    return (
        max(commission.minimum, commission.rate * size) + commission.per_share * size / price,
        rules.costs.slippage.rate * size,
        (impact or 0.0) * size**1.5 / math.sqrt(price),
    )


def pay(account, row, parts):
    for name, amount in zip(("commission", "slippage", "impact"), parts, strict=True):
        row[name] += amount
        account["cash"] -= amount

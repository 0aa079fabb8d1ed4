"""Mistakes in what keeps an order from being filled as asked: halts, caps, lots, limits."""

from honesty.mutated_library import Mutant

ORDERS = "sim/orders.py"

LIMITS_MUTANTS = (
    Mutant(
        "a halted asset is filled",
        ORDERS,
        "if rules.halts and events[bar, i, HALTED] > 0.0:",
        "if False:",
        (
            "a_halted_asset_is_not_filled",
            "every_rule_that_alters_an_order_says_so",
        ),
    ),
    Mutant(
        "an order that met a halt is forgotten",
        ORDERS,
        ("status[b, i] = HALT\n        book[b, ORDERED, i] = np.nan"),
        "status[b, i] = HALT",
        ("an_order_that_met_a_halt_is_sent_again",),
    ),
    Mutant(
        "a halted order says nothing",
        ORDERS,
        "status[b, i] = HALT",
        "pass",
        (
            "a_halted_asset_is_not_filled",
            "every_rule_that_alters_an_order_says_so",
        ),
    ),
    Mutant(
        "what is halted leaves its room to others",
        ORDERS,
        "kept += abs(held) if keep else 0.0",
        "kept += abs(held) if keep and status[b, i] != HALT else 0.0",
        ("a_halted_holding_keeps_its_room",),
    ),
    Mutant(
        "an order that is asked for once is tried once",
        ORDERS,
        "return asked if (weight != weight) & (last != last) else weight",
        "return weight",
        ("an_unfinished_order_stands_though_nothing_new_is_asked",),
    ),
    Mutant(
        "cap ignored",
        ORDERS,
        "if not rules.capped:",
        "if True:",
        (
            "an_order_takes_no_more_than_its_share_of_the_volume",
            "a_cap_limits_sales_like_purchases",
        ),
    ),
    Mutant(
        "cap on purchases alone",
        ORDERS,
        "if abs(trade) <= cap * price * (1.0 + 1e-12) + NOTHING * equity:",
        "if trade <= cap * price * (1.0 + 1e-12) + NOTHING * equity:",
        ("a_cap_limits_sales_like_purchases",),
    ),
    Mutant(
        "capped sales leave purchases what they do not free",
        ORDERS,
        "if slow and abs(held + trade) <= abs(wanted * unit):",
        "if slow:",
        ("what_a_capped_sale_does_not_free_is_not_spent",),
    ),
    Mutant(
        "the rest of a capped order is forgotten",
        ORDERS,
        ("book[b, ORDERED, i] = np.nan\n        count += 1"),
        "count += 1",
        ("the_rest_of_a_capped_order_is_sent_again",),
    ),
    Mutant(
        "capped in silence",
        ORDERS,
        "status[b, i] = CAPPED if sent or abs(trade) <= NOTHING * equity else TOO_SMALL",
        "status[b, i] = FILLED",
        ("every_rule_that_alters_an_order_says_so",),
    ),
    Mutant(
        "impact recorded but never taken",
        ORDERS,
        "costs = account.commission + account.slippage + account.impact",
        "costs = account.commission + account.slippage",
        ("impact_is_charged_and_grows_faster_than_the_order",),
    ),
    Mutant(
        "impact argument never used",
        ORDERS,
        "moved += extra",
        "moved += 0.0",
        ("impact_is_charged_and_grows_faster_than_the_order",),
    ),
    Mutant(
        "one minimum fee for all orders of a bar",
        ORDERS,
        "commission += fee",
        "commission = max(commission, fee)",
        ("every_order_pays_the_minimum_fee_and_no_other_bar_does",),
    ),
    Mutant(
        "minimum fee in every bar",
        ORDERS,
        "    if count == 0:",
        (
            "    if count == 0:\n"
            "        account.commission = rules.minimum\n"
            "        account.cash -= rules.minimum"
        ),
        ("every_order_pays_the_minimum_fee_and_no_other_bar_does",),
    ),
    Mutant(
        "lots rounded up",
        ORDERS,
        "return np.trunc(shares / lot + np.copysign(1e-9, shares)) * lot",
        "return np.copysign(np.ceil(abs(shares) / lot), shares) * lot",
        ("lots_are_whole_and_never_more_than_was_asked_for",),
    ),
    Mutant(
        "lots rounded down, shorts away from nothing",
        ORDERS,
        "return np.trunc(shares / lot + np.copysign(1e-9, shares)) * lot",
        "return np.floor(shares / lot + 1e-9) * lot",
        ("lots_are_whole_and_never_more_than_was_asked_for",),
    ),
    Mutant(
        "lots ignored",
        ORDERS,
        ("    if rules.lot > 0.0:\n        lots = _whole_lots(shares, rules.lot)\n        if abs"),
        (
            "    if rules.minimum < 0.0:\n"
            "        lots = _whole_lots(shares, rules.lot)\n"
            "        if abs"
        ),
        ("lots_are_whole_and_never_more_than_was_asked_for",),
    ),
    Mutant(
        "rounded in silence",
        ORDERS,
        "status[b, i] = ROUNDED",
        "pass",
        ("every_rule_that_alters_an_order_says_so",),
    ),
    Mutant(
        "too small for a lot in silence",
        ORDERS,
        ("            status[b, i] = TOO_SMALL\n        return True"),
        ("            pass\n        return True"),
        ("every_rule_that_alters_an_order_says_so",),
    ),
    Mutant(
        "band ignored",
        ORDERS,
        "if rules.band > 0.0 and abs",
        "if rules.band < 0.0 and abs",
        (
            "a_target_within_the_band_is_no_order",
            "every_rule_that_alters_an_order_says_so",
        ),
    ),
    Mutant(
        "an order in the band says nothing",
        ORDERS,
        "status[b, i] = IN_BAND",
        "pass",
        (
            "a_target_within_the_band_is_no_order",
            "every_rule_that_alters_an_order_says_so",
        ),
    ),
    Mutant(
        "scaled in silence",
        ORDERS,
        "status[b, i] = SCALED if wanted != 0.0 else status[b, i]",
        "pass",
        (
            "no_order_is_altered_in_silence",
            "every_rule_that_alters_an_order_says_so",
        ),
    ),
    Mutant(
        "weight limit ignored",
        ORDERS,
        "if rules.weight < np.inf:",
        "if False:",
        (
            "no_asset_is_asked_to_weigh_more_than_its_limit",
            "every_rule_that_alters_an_order_says_so",
        ),
    ),
    Mutant(
        "weight limit on longs alone",
        ORDERS,
        "wanted = min(max(wanted, -rules.weight), rules.weight)",
        "wanted = min(wanted, rules.weight)",
        ("no_asset_is_asked_to_weigh_more_than_its_limit",),
    ),
    Mutant(
        "cut to the weight limit in silence",
        ORDERS,
        "code = LIMITED if abs(wanted) > rules.weight else code",
        "pass",
        (
            "no_asset_is_asked_to_weigh_more_than_its_limit",
            "every_rule_that_alters_an_order_says_so",
        ),
    ),
    Mutant(
        "change limit ignored",
        ORDERS,
        "if rules.change < np.inf and fresh:",
        "if False:",
        (
            "no_weight_changes_faster_than_its_limit_and_the_rest_follows",
            "every_rule_that_alters_an_order_says_so",
        ),
    ),
    Mutant(
        "the rest of a limited change is forgotten",
        ORDERS,
        "code, ordered = LIMITED, np.nan",
        "code = LIMITED",
        ("no_weight_changes_faster_than_its_limit_and_the_rest_follows",),
    ),
    Mutant(
        "cut to the change limit in silence",
        ORDERS,
        "code, ordered = LIMITED, np.nan",
        "ordered = np.nan",
        (
            "no_weight_changes_faster_than_its_limit_and_the_rest_follows",
            "every_rule_that_alters_an_order_says_so",
        ),
    ),
)

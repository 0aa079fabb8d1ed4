"""Mistakes in sizing, filling and charging orders, and what must notice each of them."""

from honesty.mutated_library import Mutant

ORDERS = "sim/orders.py"

ORDERS_MUTANTS = (
    Mutant(
        "fees left out of the sizing",
        ORDERS,
        "unit, _ = _stretch(value, kept, ordered, rules.leverage)",
        "unit, _ = _stretch(left, kept, ordered, rules.leverage)",
        (
            "cash_never_goes_negative_because_fees_were_left_out_of_the_sizing",
            "a_fee_is_charged_once_on_each_leg",
        ),
    ),
    Mutant(
        "fee on the buying leg alone",
        ORDERS,
        "notional += size",
        "notional += max(trade, 0.0)",
        ("a_fee_is_charged_once_on_each_leg",),
    ),
    Mutant(
        "fee on the selling leg alone",
        ORDERS,
        "notional += size",
        "notional += max(-trade, 0.0)",
        ("a_fee_is_charged_once_on_each_leg",),
    ),
    Mutant(
        "fee taken twice from cash",
        ORDERS,
        "account.cash -= bought + costs",
        "account.cash -= bought + 2.0 * costs",
        (
            "a_fee_is_charged_once_on_each_leg",
            "cash_never_goes_negative_because_fees_were_left_out_of_the_sizing",
        ),
    ),
    Mutant(
        "fee recorded but never taken",
        ORDERS,
        "account.cash -= bought + costs",
        "account.cash -= bought",
        (
            "a_fee_is_charged_once_on_each_leg",
            "the_commission_argument_is_used",
        ),
    ),
    Mutant(
        "fee on the cash leg",
        ORDERS,
        "account.commission = rules.commission * notional if rules.plain else commission",
        "account.commission = rules.commission * (notional + abs(account.cash))",
        ("no_fee_is_charged_on_the_cash_leg",),
    ),
    Mutant(
        "commission argument never used",
        ORDERS,
        "account.commission = rules.commission * notional if rules.plain else commission",
        "account.commission = rules.slippage * notional",
        ("the_commission_argument_is_used",),
    ),
    Mutant(
        "slippage argument never used",
        ORDERS,
        "account.slippage = rules.slippage * notional",
        "account.slippage = 0.0",
        ("the_slippage_argument_is_used",),
    ),
    Mutant(
        "slippage as zero-mean noise",
        ORDERS,
        "account.slippage = rules.slippage * notional",
        "account.slippage = rules.slippage * notional * np.random.default_rng().normal()",
        ("slippage_is_a_cost_at_every_trade_and_never_noise",),
    ),
    Mutant(
        "slippage as repeatable zero-mean noise",
        ORDERS,
        "account.slippage = rules.slippage * notional",
        "account.slippage = rules.slippage * notional * np.sin(1e6 * notional)",
        (
            "slippage_is_a_cost_at_every_trade_and_never_noise",
            "higher_fees_never_make_anyone_richer",
        ),
    ),
    Mutant(
        "higher commission makes richer",
        ORDERS,
        "costs = account.commission + account.slippage + account.impact",
        "costs = account.slippage + account.impact - account.commission",
        (
            "higher_fees_never_make_anyone_richer",
            "churning_on_a_flat_market_is_paid_with_its_costs",
        ),
    ),
    Mutant(
        "inverted shorts",
        ORDERS,
        "book[b, SHARES, i] = shares",
        "book[b, SHARES, i] = abs(shares)",
        (
            "shorts_earn_when_prices_fall_and_lose_when_they_rise",
            "the_first_level_is_a_short_and_the_last_a_long",
        ),
    ),
    Mutant(
        "short proceeds forgotten",
        ORDERS,
        "bought += trade",
        "bought += abs(trade)",
        ("shorts_earn_when_prices_fall_and_lose_when_they_rise",),
    ),
    Mutant(
        "short refused is sold all the same",
        ORDERS,
        "wanted = max(wanted, 0.0)",
        "pass",
        ("a_game_without_shorts_never_holds_one",),
    ),
    Mutant(
        "short refused in silence",
        ORDERS,
        "code = SHORT_REFUSED if wanted < 0.0 else code",
        "pass",
        (
            "no_order_is_altered_in_silence",
            "every_rule_that_alters_an_order_says_so",
        ),
    ),
    Mutant(
        "gross limit ignored",
        ORDERS,
        "room = leverage * value - kept",
        "room = np.inf",
        ("a_holding_that_grew_leaves_less_room_and_is_no_reason_to_borrow",),
    ),
    Mutant(
        "a position cut for want of room is not sent again",
        ORDERS,
        "book[b, ORDERED, i] = np.nan  # asked again although the target is unchanged",
        "pass",
        ("an_order_that_found_too_little_room_is_sent_again",),
    ),
    Mutant(
        "an order cut for want of room in silence",
        ORDERS,
        "status[b, i] = PARTIAL",
        "pass",
        ("a_holding_that_grew_leaves_less_room_and_is_no_reason_to_borrow",),
    ),
    Mutant(
        "targets over the limit not scaled",
        ORDERS,
        "scale = rules.leverage / asked if asked > rules.leverage * (1.0 + 1e-12) else 1.0",
        "scale = 1.0",
        ("no_order_is_altered_in_silence",),
    ),
    Mutant(
        "an unchanged target at every bar is re-traded",
        ORDERS,
        "fresh = asks & (every_bar | (weight != last))",
        "fresh = asks",
        ("an_unchanged_level_pays_once",),
    ),
    Mutant(
        "every fill waits for a changed target",
        ORDERS,
        "fresh = asks & (every_bar | (weight != last))",
        "fresh = asks & (weight != last)",
        ("a_target_of_every_bar_is_gone_back_to",),
    ),
    Mutant(
        "a short that is kept leaves room",
        ORDERS,
        "kept += abs(held) if keep else 0.0",
        "kept += held if keep else 0.0",
        ("shorts_count_against_the_gross_limit_like_longs",),
    ),
    Mutant(
        "longs and shorts that are ordered cancel out",
        ORDERS,
        "ordered += 0.0 if keep else abs(wanted)",
        "ordered += 0.0 if keep else wanted",
        ("shorts_count_against_the_gross_limit_like_longs",),
    ),
)

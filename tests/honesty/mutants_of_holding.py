"""Mistakes in carry, events, margin and fees, and what must notice each of them."""

from honesty.mutated_library import Mutant

HOLDING = "sim/holding.py"

HOLDING_MUTANTS = (
    Mutant(
        "borrow interest that never accumulates",
        HOLDING,
        "account.cash += account.interest - account.borrow + funding",
        "account.cash += account.interest + funding",
        (
            "borrow_interest_accumulates_bar_by_bar",
            "every_change_of_equity_is_explained_whatever_the_rules",
        ),
    ),
    Mutant(
        "interest recorded but never paid",
        HOLDING,
        "account.cash += account.interest - account.borrow + funding",
        "account.cash += funding - account.borrow",
        ("debit_interest_is_paid_on_borrowed_cash_and_on_the_interest_itself",),
    ),
    Mutant(
        "borrow fee paid once",
        HOLDING,
        "account.borrow = days * rules.borrow_rate * shorts",
        "account.borrow = days * rules.borrow_rate * shorts * (account.cash >= 2000)",
        ("borrow_interest_accumulates_bar_by_bar",),
    ),
    Mutant(
        "debit interest forgotten",
        HOLDING,
        "rules.debit_rate * max(-free, 0.0)",
        "rules.debit_rate * 0.0",
        ("debit_interest_is_paid_on_borrowed_cash_and_on_the_interest_itself",),
    ),
    Mutant(
        "debit interest earned",
        HOLDING,
        "(earned - rules.debit_rate *",
        "(earned + rules.debit_rate *",
        ("debit_interest_is_paid_on_borrowed_cash_and_on_the_interest_itself",),
    ),
    Mutant(
        "cash interest on the proceeds of a short sale",
        HOLDING,
        "free = account.cash - shorts",
        "free = account.cash",
        ("the_proceeds_of_a_short_sale_earn_no_interest",),
    ),
    Mutant(
        "carry by bars instead of calendar days",
        HOLDING,
        "days = clock[t + 1, DAYS]",
        "days = 1.0",
        (
            "interest_runs_by_calendar_days_and_not_by_bars",
            "a_weekend_is_three_nights_of_interest",
        ),
    ),
    Mutant(
        "carry for the night before the last",
        HOLDING,
        "days = clock[t + 1, DAYS]",
        "days = clock[t, DAYS]",
        (
            "interest_runs_by_calendar_days_and_not_by_bars",
            "a_weekend_is_three_nights_of_interest",
        ),
    ),
    Mutant(
        "carry at the prices of tomorrow",
        HOLDING,
        ("worth = book[b, SHARES, i] * table[t, CLOSE, i]\n        shorts"),
        ("worth = book[b, SHARES, i] * table[t + 1, OPEN, i]\n        shorts"),
        ("carry_is_counted_at_the_last_close",),
    ),
    Mutant(
        "funding with the wrong sign",
        HOLDING,
        "funding -= worth * events[t + 1, i, FUNDING]",
        "funding += worth * events[t + 1, i, FUNDING]",
        ("longs_pay_funding_and_shorts_receive_it",),
    ),
    Mutant(
        "funding paid by both sides",
        HOLDING,
        "funding -= worth * events[t + 1, i, FUNDING]",
        "funding -= abs(worth) * events[t + 1, i, FUNDING]",
        ("longs_pay_funding_and_shorts_receive_it",),
    ),
    Mutant(
        "funding of the bar before",
        HOLDING,
        "funding -= worth * events[t + 1, i, FUNDING]",
        "funding -= worth * events[t, i, FUNDING]",
        ("longs_pay_funding_and_shorts_receive_it",),
    ),
    Mutant(
        "a dividend is paid to shorts",
        HOLDING,
        "account.dividends += shares * events[t + 1, i, DIVIDEND]",
        "account.dividends += abs(shares) * events[t + 1, i, DIVIDEND]",
        ("a_long_earns_the_dividend_and_a_short_pays_it",),
    ),
    Mutant(
        "a short owes no dividend",
        HOLDING,
        "account.dividends += shares * events[t + 1, i, DIVIDEND]",
        "account.dividends += max(shares, 0.0) * events[t + 1, i, DIVIDEND]",
        ("a_long_earns_the_dividend_and_a_short_pays_it",),
    ),
    Mutant(
        "a dividend on the shares before the split",
        HOLDING,
        "account.dividends += shares * events[t + 1, i, DIVIDEND]",
        "account.dividends += book[b, SHARES, i] * events[t + 1, i, DIVIDEND]",
        ("a_dividend_is_paid_on_the_shares_after_the_split",),
    ),
    Mutant(
        "a dividend is paid a bar late",
        HOLDING,
        "account.dividends += shares * events[t + 1, i, DIVIDEND]",
        "account.dividends += shares * events[t, i, DIVIDEND]",
        (
            "a_long_earns_the_dividend_and_a_short_pays_it",
            "who_buys_on_the_ex_date_gets_no_dividend",
        ),
    ),
    Mutant(
        "a dividend recorded but never paid",
        HOLDING,
        "account.cash += account.dividends + left - account.haircut",
        "account.cash += left - account.haircut",
        (
            "a_long_earns_the_dividend_and_a_short_pays_it",
            "every_change_of_equity_is_explained_whatever_the_rules",
        ),
    ),
    Mutant(
        "a split of prices without shares",
        HOLDING,
        "shares = book[b, SHARES, i] * events[t + 1, i, SPLIT]",
        "shares = book[b, SHARES, i]",
        ("a_split_makes_nobody_richer_or_poorer",),
    ),
    Mutant(
        "a split the wrong way round",
        HOLDING,
        "shares = book[b, SHARES, i] * events[t + 1, i, SPLIT]",
        "shares = book[b, SHARES, i] / events[t + 1, i, SPLIT]",
        ("a_split_makes_nobody_richer_or_poorer",),
    ),
    Mutant(
        "delisting at full value",
        HOLDING,
        "account.haircut += rules.haircut * abs(shares * price)",
        "pass",
        ("a_delisting_costs_its_haircut",),
    ),
    Mutant(
        "the haircut is paid to shorts",
        HOLDING,
        "account.haircut += rules.haircut * abs(shares * price)",
        "account.haircut += rules.haircut * shares * price",
        ("a_short_pays_the_haircut_of_a_delisting_too",),
    ),
    Mutant(
        "a delisted position is written off",
        HOLDING,
        "account.haircut += rules.haircut * abs(shares * price)",
        "account.haircut += abs(shares * price)",
        (
            "a_delisting_costs_its_haircut",
            "a_short_pays_the_haircut_of_a_delisting_too",
        ),
    ),
    Mutant(
        "a delisted position stays",
        HOLDING,
        (
            "account.haircut += rules.haircut * abs(shares * price)\n"
            "            book[b, EXIT_PRICE, i] = price\n"
            "            shares = 0.0"
        ),
        (
            "account.haircut += rules.haircut * abs(shares * price)\n"
            "            book[b, EXIT_PRICE, i] = price"
        ),
        ("a_position_leaves_with_its_asset",),
    ),
    Mutant(
        "a delisting paid at a price of after it",
        HOLDING,
        "price = table[t, CLOSE, i] / events[t + 1, i, SPLIT]",
        "price = table[min(t + 2, len(table) - 1), CLOSE, i] * 1.01",
        ("a_delisting_costs_its_haircut",),
    ),
    Mutant(
        "margin checked at the close alone",
        HOLDING,
        ("extreme = table[bar, LOW, i] if shares > 0.0 else table[bar, HIGH, i]\n        opened"),
        ("extreme = table[bar, CLOSE, i]\n        opened"),
        (
            "margin_is_checked_inside_the_bar_and_not_at_its_close_alone",
            "an_account_that_is_ruined_inside_a_bar_does_not_see_its_close",
        ),
    ),
    Mutant(
        "margin checked at the favourable extreme",
        HOLDING,
        ("extreme = table[bar, LOW, i] if shares > 0.0 else table[bar, HIGH, i]\n        opened"),
        ("extreme = table[bar, HIGH, i] if shares > 0.0 else table[bar, LOW, i]\n        opened"),
        (
            "margin_is_checked_inside_the_bar_and_not_at_its_close_alone",
            "a_position_is_tried_at_the_end_of_the_bar_that_hurts_it",
        ),
    ),
    Mutant(
        "a short is tried at the low",
        HOLDING,
        ("extreme = table[bar, LOW, i] if shares > 0.0 else table[bar, HIGH, i]\n        opened"),
        ("extreme = table[bar, LOW, i]\n        opened"),
        ("a_position_is_tried_at_the_end_of_the_bar_that_hurts_it",),
    ),
    Mutant(
        "one side of a hedged account is tried",
        HOLDING,
        "at_extreme += worst",
        "at_extreme += worst if shares < 0.0 else opened",
        ("a_hedged_account_is_tried_with_both_sides_at_their_worst",),
    ),
    Mutant(
        "margin inside the bar not checked",
        HOLDING,
        "if extreme_margin < 0.0:",
        "if False:",
        (
            "margin_is_checked_inside_the_bar_and_not_at_its_close_alone",
            "an_account_below_its_maintenance_margin_is_closed_out",
        ),
    ),
    Mutant(
        "ruin inside the bar not checked",
        HOLDING,
        "if extreme_equity <= floor:",
        "if False:",
        ("an_account_that_is_ruined_inside_a_bar_does_not_see_its_close",),
    ),
    Mutant(
        "liquidation at the better of trigger and open",
        HOLDING,
        "price = start + way * (extreme - start)",
        "price = max(start, start + way * (extreme - start)) if shares > 0.0 else start",
        ("a_liquidation_takes_place_at_the_trigger_and_not_at_the_better_open",),
    ),
    Mutant(
        "liquidation at the close before the gap",
        HOLDING,
        "price = start + way * (extreme - start)",
        "price = start + way * (extreme - start) if way > 0.0 else table[bar - 1, CLOSE, i]",
        (
            "a_gap_through_the_trigger_is_paid_in_full",
            "margin_is_checked_at_the_open_before_anything_is_filled",
        ),
    ),
    Mutant(
        "liquidation at the end of the bar",
        HOLDING,
        "price = start + way * (extreme - start)",
        "price = table[bar, CLOSE, i]",
        (
            "an_account_that_is_ruined_inside_a_bar_does_not_see_its_close",
            "a_liquidation_takes_place_at_the_trigger_and_not_at_the_better_open",
        ),
    ),
    Mutant(
        "liquidation without costs",
        HOLDING,
        "account.cash -= commission + rules.slippage * size + moved",
        "pass",
        ("a_liquidation_pays_what_an_order_pays",),
    ),
    Mutant(
        "the costs of a liquidation go unrecorded",
        HOLDING,
        "account.commission += commission",
        "pass",
        ("a_liquidation_pays_what_an_order_pays",),
    ),
    Mutant(
        "a liquidation is no turnover",
        HOLDING,
        "account.turnover += notional / account.equity_before",
        "pass",
        ("what_is_closed_out_is_turnover",),
    ),
    Mutant(
        "liquidated in silence",
        HOLDING,
        "account.liquidated = equity > floor * (1.0 + 1e-9)",
        "pass",
        (
            "an_account_below_its_maintenance_margin_is_closed_out",
            "a_liquidation_terminates_and_is_no_truncation",
        ),
    ),
    Mutant(
        "ruin that goes on",
        HOLDING,
        "account.terminated = True",
        "pass",
        (
            "ruin_terminates_and_is_no_truncation",
            "nothing_moves_after_ruin",
        ),
    ),
    Mutant(
        "ruin paid with reward 0",
        HOLDING,
        "account.shortfall = max(floor - equity, 0.0)",
        (
            "account.shortfall = max(floor - equity, 0.0)\n"
            "    account.equity_before = max(equity, floor)"
        ),
        ("ruin_is_paid_with_the_loss_of_everything",),
    ),
    Mutant(
        "ruin hides what it forgave",
        HOLDING,
        "account.shortfall = max(floor - equity, 0.0)",
        "account.shortfall = 0.0",
        ("nothing_moves_after_ruin",),
    ),
    Mutant(
        "a ruined account keeps its shares",
        HOLDING,
        "        book[b, SHARES, i] = 0.0",
        "        pass",
        ("nothing_moves_after_ruin",),
    ),
    Mutant(
        "ruin leaves a debt",
        HOLDING,
        "account.cash = account.equity = max(equity, floor)",
        "account.cash = account.equity = equity",
        ("nothing_moves_after_ruin",),
    ),
    Mutant(
        "holdings valued at the open",
        HOLDING,
        "at_close += shares * table[bar, CLOSE, i]",
        "at_close += shares * table[bar, OPEN, i]",
        (
            "the_benchmark_of_a_bar_is_that_of_the_same_bar",
            "a_portfolio_can_be_all_cash_or_all_in_one_asset",
        ),
    ),
    Mutant(
        "minimum fee ignored",
        HOLDING,
        "if commission < rules.minimum:",
        "if False:",
        ("every_order_pays_the_minimum_fee_and_no_other_bar_does",),
    ),
    Mutant(
        "minimum fee on top of the rate",
        HOLDING,
        ("if commission < rules.minimum:\n        commission, marginal = rules.minimum, 0.0"),
        "commission += rules.minimum",
        ("every_order_pays_the_minimum_fee_and_no_other_bar_does",),
    ),
    Mutant(
        "per-share fee on the money",
        HOLDING,
        "commission += rules.per_share / price * size",
        "commission += rules.per_share * size",
        ("a_fee_for_each_share_depends_on_the_shares_and_not_on_the_money",),
    ),
    Mutant(
        "per-share fee ignored",
        HOLDING,
        "if rules.per_share > 0.0:",
        "if False:",
        ("a_fee_for_each_share_depends_on_the_shares_and_not_on_the_money",),
    ),
    Mutant(
        "impact in proportion to the order",
        HOLDING,
        "moved = impact * root * size",
        "moved = impact * size",
        ("impact_is_charged_and_grows_faster_than_the_order",),
    ),
)

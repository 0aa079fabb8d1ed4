"""Mistakes in the money arithmetic and what must notice each of them."""

from honesty.mutated_library import KERNEL, Mutant

KERNEL_MUTANTS = (
    Mutant(
        "fees left out of the sizing",
        KERNEL,
        "value -= (value - equity + rate * costs) / (1.0 + rate * slope)",
        "value = equity",
        (
            "cash_never_goes_negative_because_fees_were_left_out_of_the_sizing",
            "a_fee_is_charged_once_on_each_leg",
        ),
    ),
    Mutant(
        "fee on the buying leg alone",
        KERNEL,
        "notional += abs(trade)",
        "notional += max(trade, 0.0)",
        ("a_fee_is_charged_once_on_each_leg",),
    ),
    Mutant(
        "fee on the selling leg alone",
        KERNEL,
        "notional += abs(trade)",
        "notional += max(-trade, 0.0)",
        ("a_fee_is_charged_once_on_each_leg",),
    ),
    Mutant(
        "fee taken twice from cash",
        KERNEL,
        "account.cash -= account.commission + account.slippage",
        "account.cash -= 2.0 * (account.commission + account.slippage)",
        (
            "a_fee_is_charged_once_on_each_leg",
            "cash_never_goes_negative_because_fees_were_left_out_of_the_sizing",
        ),
    ),
    Mutant(
        "fee recorded but never taken",
        KERNEL,
        "account.cash -= account.commission + account.slippage",
        "pass",
        ("a_fee_is_charged_once_on_each_leg", "the_commission_argument_is_used"),
    ),
    Mutant(
        "fee on the cash leg",
        KERNEL,
        "account.commission = rules.commission * notional",
        "account.commission = rules.commission * (notional + abs(account.cash))",
        ("no_fee_is_charged_on_the_cash_leg",),
    ),
    Mutant(
        "commission argument never used",
        KERNEL,
        "account.commission = rules.commission * notional",
        "account.commission = rules.slippage * notional",
        ("the_commission_argument_is_used",),
    ),
    Mutant(
        "slippage argument never used",
        KERNEL,
        "account.slippage = rules.slippage * notional",
        "account.slippage = 0.0",
        ("the_slippage_argument_is_used",),
    ),
    Mutant(
        "slippage as zero-mean noise",
        KERNEL,
        "account.slippage = rules.slippage * notional",
        "account.slippage = rules.slippage * notional * np.random.default_rng().normal()",
        ("slippage_is_a_cost_at_every_trade_and_never_noise",),
    ),
    Mutant(
        "slippage as repeatable zero-mean noise",
        KERNEL,
        "account.slippage = rules.slippage * notional",
        "account.slippage = rules.slippage * notional * np.sin(1e6 * notional)",
        (
            "slippage_is_a_cost_at_every_trade_and_never_noise",
            "higher_fees_never_make_anyone_richer",
        ),
    ),
    Mutant(
        "higher commission makes richer",
        KERNEL,
        "account.cash -= account.commission + account.slippage",
        "account.cash -= account.slippage - account.commission",
        (
            "higher_fees_never_make_anyone_richer",
            "churning_on_a_flat_market_is_paid_with_its_costs",
        ),
    ),
    Mutant(
        "inverted shorts",
        KERNEL,
        "book[b, SHARES, i] = aim / price",
        "book[b, SHARES, i] = abs(aim) / price",
        (
            "shorts_earn_when_prices_fall_and_lose_when_they_rise",
            "the_first_level_is_a_short_and_the_last_a_long",
        ),
    ),
    Mutant(
        "short proceeds forgotten",
        KERNEL,
        "account.cash -= trade",
        "account.cash -= abs(trade)",
        ("shorts_earn_when_prices_fall_and_lose_when_they_rise",),
    ),
    Mutant(
        "filled at the close of t whatever the rule",
        KERNEL,
        ("price_bar = t if rules.fill == SAME_CLOSE else t + 1\n    floor"),
        ("price_row, price_bar = CLOSE_ROW, t\n    floor"),
        (
            "what_was_decided_on_bar_t_is_not_filled_at_the_close_of_t",
            "no_order_is_decided_on_a_bar_and_filled_inside_it",
        ),
    ),
    Mutant(
        "next_open filled at the next close",
        KERNEL,
        "price_row = OPEN_ROW if rules.fill == NEXT_OPEN else CLOSE_ROW",
        "price_row = CLOSE_ROW",
        (
            "what_was_decided_on_bar_t_is_not_filled_at_the_close_of_t",
            "no_order_is_decided_on_a_bar_and_filled_inside_it",
        ),
    ),
    Mutant(
        "next_close filled at the next open",
        KERNEL,
        "price_row = OPEN_ROW if rules.fill == NEXT_OPEN else CLOSE_ROW",
        "price_row = OPEN_ROW",
        ("what_was_decided_on_bar_t_is_not_filled_at_the_close_of_t",),
    ),
    Mutant(
        "the gap from close to open is nobody's",
        KERNEL,
        (
            "equity = account.cash\n"
            "    for i in range(assets):\n"
            "        price = prices[price_row, price_bar, i]"
        ),
        (
            "equity = account.cash\n"
            "    for i in range(assets):\n"
            "        price = prices[CLOSE_ROW, t, i]"
        ),
        ("cash_never_goes_negative_because_fees_were_left_out_of_the_sizing",),
    ),
    Mutant(
        "data end reported as terminated",
        KERNEL,
        "account.truncated = not account.terminated and account.bar >= account.last",
        "account.terminated = account.terminated or account.bar >= account.last",
        (
            "the_end_of_the_data_truncates_and_never_terminates",
            "the_end_of_the_data_is_told_to_sb3_as_truncation",
        ),
    ),
    Mutant(
        "ruin reported as truncated",
        KERNEL,
        "account.truncated = not account.terminated and account.bar >= account.last",
        (
            "account.truncated, account.terminated = account.terminated or account.bar >= "
            "account.last, False"
        ),
        ("ruin_terminates_and_is_no_truncation",),
    ),
    Mutant(
        "ruin that goes on",
        KERNEL,
        "account.terminated = True",
        "account.start = floor",
        ("ruin_terminates_and_is_no_truncation", "nothing_moves_after_ruin"),
    ),
    Mutant(
        "ruin paid with reward 0",
        KERNEL,
        "account.shortfall = floor - equity",
        ("account.shortfall = floor - equity\n    account.equity_before = floor"),
        ("ruin_is_paid_with_the_loss_of_everything",),
    ),
    Mutant(
        "final reward paid again at every later step",
        KERNEL,
        ("account.equity_before = account.equity\n    drawdown_before"),
        (
            "if not account.truncated:\n"
            "        account.equity_before = account.equity\n"
            "    drawdown_before"
        ),
        ("an_account_whose_episode_is_over_earns_nothing_more",),
    ),
    Mutant(
        "accounts trade on after the end",
        KERNEL,
        ("if account.terminated or account.truncated:\n        account.benchmark"),
        ("if account.terminated:\n        account.benchmark"),
        ("an_account_whose_episode_is_over_earns_nothing_more",),
    ),
    Mutant(
        "a new episode keeps the shares",
        KERNEL,
        "book[b] = 0.0",
        "book[b, TRADED] = 0.0",
        ("a_new_episode_carries_nothing_of_the_last_one",),
    ),
    Mutant(
        "a new episode keeps the cash",
        KERNEL,
        "account.cash = account.equity = account.start = account.peak = start",
        "account.equity = account.start = account.peak = start",
        ("a_new_episode_carries_nothing_of_the_last_one",),
    ),
    Mutant(
        "a new episode keeps the drawdown",
        KERNEL,
        "account.drawdown = account.drawdown_change = account.exposure = 0.0",
        "account.drawdown_change = account.exposure = 0.0",
        ("a_new_episode_carries_nothing_of_the_last_one",),
    ),
    Mutant(
        "position missing from the observation",
        KERNEL,
        "observations[b, size + i] = book[b, WEIGHTS, i]",
        "observations[b, size + i] = 0.0",
        ("the_position_is_part_of_the_observation",),
    ),
    Mutant(
        "observation holds the last target for the position",
        KERNEL,
        "observations[b, size + i] = book[b, WEIGHTS, i]",
        "observations[b, size + i] = np.nan_to_num(book[b, TARGETS, i])",
        ("the_position_is_part_of_the_observation",),
    ),
    Mutant(
        "window reaches into tomorrow",
        KERNEL,
        "end = (account.bar + 1) * row_width",
        "end = (min(account.bar, len(features) // row_width - 2) + 2) * row_width",
        (
            "a_window_ends_at_the_bar_that_was_just_completed",
            "tomorrow_changes_nothing_that_was_seen_earned_or_filled_until_today",
        ),
    ),
    Mutant(
        "window ends yesterday",
        KERNEL,
        "end = (account.bar + 1) * row_width",
        "end = account.bar * row_width",
        ("a_window_ends_at_the_bar_that_was_just_completed",),
    ),
    Mutant(
        "peak follows equity down",
        KERNEL,
        "account.peak = max(account.peak, account.equity)",
        "account.peak = account.equity",
        ("a_deeper_drawdown_is_dearer_and_a_new_peak_costs_nothing",),
    ),
    Mutant(
        "short refused is sold all the same",
        KERNEL,
        "refused = weight < 0.0 and not rules.shorts",
        "refused = False",
        ("a_game_without_shorts_never_holds_one",),
    ),
    Mutant(
        "short refused in silence",
        KERNEL,
        "status[b, i] = SHORT_REFUSED if refused else FILLED",
        "status[b, i] = SHORT_REFUSED if refused and rules.on_change is None else FILLED",
        ("no_order_is_altered_in_silence",),
    ),
    Mutant(
        "gross limit ignored",
        KERNEL,
        "room = leverage * value - kept",
        "room = np.inf",
        ("a_holding_that_grew_leaves_less_room_and_is_no_reason_to_borrow",),
    ),
    Mutant(
        "targets over the limit not scaled",
        KERNEL,
        "scale = rules.leverage / asked if asked > rules.leverage * (1.0 + 1e-12) else 1.0",
        "scale = 1.0",
        ("no_order_is_altered_in_silence",),
    ),
    Mutant(
        "benchmark of the bar before",
        KERNEL,
        "account.benchmark_return = benchmark[t + 1]",
        "account.benchmark_return = benchmark[t]",
        ("the_benchmark_of_a_bar_is_that_of_the_same_bar",),
    ),
    Mutant(
        "an unchanged target at every bar is re-traded",
        KERNEL,
        "unchanged = rules.on_change and weight == book[b, ORDERED, i]",
        "unchanged = False",
        ("an_unchanged_level_pays_once",),
    ),
    Mutant(
        "holdings valued at the open",
        KERNEL,
        "close = prices[CLOSE_ROW, t + 1, i]",
        "close = prices[OPEN_ROW, t + 1, i]",
        (
            "the_benchmark_of_a_bar_is_that_of_the_same_bar",
            "a_portfolio_can_be_all_cash_or_all_in_one_asset",
        ),
    ),
    Mutant(
        "every fill waits for a changed target",
        KERNEL,
        "unchanged = rules.on_change and weight == book[b, ORDERED, i]",
        "unchanged = weight == book[b, ORDERED, i]",
        ("the_gross_limit_holds_after_every_fill",),
    ),
    Mutant(
        "the gap is not recorded",
        KERNEL,
        "account.gap_pnl += book[b, SHARES, i] * (price - prices[CLOSE_ROW, t, i])",
        "pass",
        ("every_change_of_equity_is_explained",),
    ),
    Mutant(
        "the gain of a bar is measured from the last close",
        KERNEL,
        "account.bar_pnl += book[b, SHARES, i] * (close - prices[price_row, price_bar, i])",
        "account.bar_pnl += book[b, SHARES, i] * (close - prices[CLOSE_ROW, t, i])",
        ("every_change_of_equity_is_explained",),
    ),
    Mutant(
        "a short is no exposure",
        KERNEL,
        "account.exposure += abs(weight)",
        "account.exposure += weight",
        ("shorts_count_against_the_gross_limit_like_longs",),
    ),
    Mutant(
        "a short that is kept leaves room",
        KERNEL,
        "kept += abs(book[b, SHARES, i] * prices[price_row, price_bar, i])",
        "kept += book[b, SHARES, i] * prices[price_row, price_bar, i]",
        ("shorts_count_against_the_gross_limit_like_longs",),
    ),
    Mutant(
        "longs and shorts that are ordered cancel out",
        KERNEL,
        "ordered += abs(weight) * scale",
        "ordered += weight * scale",
        ("shorts_count_against_the_gross_limit_like_longs",),
    ),
    Mutant(
        "ruin hides what it forgave",
        KERNEL,
        "account.shortfall = floor - equity",
        "account.shortfall = 0.0",
        ("nothing_moves_after_ruin",),
    ),
    Mutant(
        "a ruined account keeps its shares",
        KERNEL,
        "        book[b, SHARES, i] = 0.0",
        "        book[b, TRADED, i] = 0.0",
        ("nothing_moves_after_ruin",),
    ),
    Mutant(
        "a deeper drawdown is paid",
        KERNEL,
        "account.drawdown_change = account.drawdown - drawdown_before",
        "account.drawdown_change = drawdown_before - account.drawdown",
        ("a_deeper_drawdown_is_dearer_and_a_new_peak_costs_nothing",),
    ),
    Mutant(
        "log equity is measured from one",
        KERNEL,
        "np.log(account.equity / account.start)",
        "np.log(account.equity)",
        ("what_an_observation_tells_of_the_account_is_true",),
    ),
    Mutant(
        "what follows the drawdown overwrites it",
        KERNEL,
        ("            observations[b, at] = account.drawdown\n            at += 1"),
        "            observations[b, at] = account.drawdown",
        ("what_an_observation_tells_of_the_account_is_true",),
    ),
    Mutant(
        "the first whole window counts as torn",
        KERNEL,
        "if end < size:",
        "if end <= size:",
        ("the_first_whole_window_is_seen",),
    ),
)

"""Mistakes in the order of a bar, in ends, resets and observations, and what must notice each."""

from honesty.mutated_library import Mutant

KERNEL = "sim/kernel.py"

KERNEL_MUTANTS = (
    Mutant(
        "filled at the close of t whatever the rule",
        KERNEL,
        (
            "bar = account.bar if same_close else account.bar + 1\n"
            "        column = OPEN if rules.fill == NEXT_OPEN else CLOSE"
        ),
        "bar, column = account.bar, CLOSE",
        (
            "what_was_decided_on_bar_t_is_not_filled_at_the_close_of_t",
            "no_order_is_decided_on_a_bar_and_filled_inside_it",
        ),
    ),
    Mutant(
        "next_open filled at the next close",
        KERNEL,
        "column = OPEN if rules.fill == NEXT_OPEN else CLOSE",
        "column = CLOSE",
        (
            "what_was_decided_on_bar_t_is_not_filled_at_the_close_of_t",
            "no_order_is_decided_on_a_bar_and_filled_inside_it",
        ),
    ),
    Mutant(
        "next_close filled at the next open",
        KERNEL,
        "column = OPEN if rules.fill == NEXT_OPEN else CLOSE",
        "column = OPEN",
        ("what_was_decided_on_bar_t_is_not_filled_at_the_close_of_t",),
    ),
    Mutant(
        "the gap from close to open is nobody's",
        KERNEL,
        "worth, gross = value_at(b, book, table, t + 1, OPEN)",
        "worth, gross = value_at(b, book, table, t, CLOSE)",
        ("cash_never_goes_negative_because_fees_were_left_out_of_the_sizing",),
    ),
    Mutant(
        "data end reported as terminated",
        KERNEL,
        "account.truncated = not account.terminated and t >= account.last",
        "account.terminated = account.terminated or t >= account.last",
        (
            "the_end_of_the_data_truncates_and_never_terminates",
            "the_end_of_the_data_is_told_to_sb3_as_truncation",
        ),
    ),
    Mutant(
        "ruin reported as truncated",
        KERNEL,
        "account.truncated = not account.terminated and t >= account.last",
        (
            "account.truncated = account.terminated or t >= account.last\n"
            "    account.terminated = False"
        ),
        (
            "ruin_terminates_and_is_no_truncation",
            "a_liquidation_terminates_and_is_no_truncation",
        ),
    ),
    Mutant(
        "a liquidation reported as truncated",
        KERNEL,
        "account.truncated = not account.terminated and t >= account.last",
        (
            "account.truncated = account.liquidated or t >= account.last\n"
            "    account.terminated = account.terminated and not account.liquidated"
        ),
        ("a_liquidation_terminates_and_is_no_truncation",),
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
        "end = (account.bar + 1) * world[ROW]",
        "end = (min(account.bar, world[BARS] - 2) + 2) * world[ROW]",
        (
            "a_window_ends_at_the_bar_that_was_just_completed",
            "tomorrow_changes_nothing_that_was_seen_earned_or_filled_until_today",
        ),
    ),
    Mutant(
        "window ends yesterday",
        KERNEL,
        "end = (account.bar + 1) * world[ROW]",
        "end = account.bar * world[ROW]",
        ("a_window_ends_at_the_bar_that_was_just_completed",),
    ),
    Mutant(
        "the first whole window counts as torn",
        KERNEL,
        "if end < size:",
        "if end <= size:",
        ("the_first_whole_window_is_seen",),
    ),
    Mutant(
        "peak follows equity down",
        KERNEL,
        "account.peak = max(account.peak, account.equity)",
        "account.peak = account.equity",
        ("a_deeper_drawdown_is_dearer_and_a_new_peak_costs_nothing",),
    ),
    Mutant(
        "a deeper drawdown is paid",
        KERNEL,
        "account.drawdown_change = account.drawdown - drawdown_before",
        "account.drawdown_change = drawdown_before - account.drawdown",
        ("a_deeper_drawdown_is_dearer_and_a_new_peak_costs_nothing",),
    ),
    Mutant(
        "benchmark of the bar before",
        KERNEL,
        "account.benchmark_return = clock[t, BENCHMARK]",
        "account.benchmark_return = clock[t - 1, BENCHMARK]",
        ("the_benchmark_of_a_bar_is_that_of_the_same_bar",),
    ),
    Mutant(
        "benchmark of the bar after",
        KERNEL,
        "account.benchmark_return = clock[t, BENCHMARK]",
        "account.benchmark_return = clock[min(t + 1, len(clock) - 1), BENCHMARK]",
        ("the_benchmark_of_a_bar_is_that_of_the_same_bar",),
    ),
    Mutant(
        "the gap is not recorded",
        KERNEL,
        "account.gap_pnl = worth - before",
        "pass",
        (
            "every_change_of_equity_is_explained",
            "every_change_of_equity_is_explained_whatever_the_rules",
        ),
    ),
    Mutant(
        "the gain of a bar is measured from the last close",
        KERNEL,
        "            before = opened",
        "            before, _ = value_at(b, book, table, t, CLOSE)",
        (
            "every_change_of_equity_is_explained",
            "every_change_of_equity_is_explained_whatever_the_rules",
        ),
    ),
    Mutant(
        "a short is no exposure",
        KERNEL,
        "exposure += abs(weight)",
        "exposure += weight",
        ("shorts_count_against_the_gross_limit_like_longs",),
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
        ("            observations[b, column] = account.drawdown\n            column += 1"),
        "            observations[b, column] = account.drawdown",
        ("what_an_observation_tells_of_the_account_is_true",),
    ),
    Mutant(
        "margin not checked at the open",
        KERNEL,
        "way = 0.0 if equity < rules.maintenance * gross or equity <= floor else 2.0",
        "way = 0.0 if equity <= floor else 2.0",
        (
            "margin_is_checked_at_the_open_before_anything_is_filled",
            "an_order_that_came_too_late_for_a_closed_out_account_says_so",
        ),
    ),
    Mutant(
        "orders of a closed-out account vanish",
        KERNEL,
        "status[b, i] = CLOSED_OUT if",
        "status[b, i] = NO_ORDER if",
        ("an_order_that_came_too_late_for_a_closed_out_account_says_so",),
    ),
    Mutant(
        "carry on what was bought today",
        KERNEL,
        ("        if equity <= floor:\n            _ruin"),
        (
            "        import drltrade.sim.holding as held\n"
            "        if rules.carry and not same_close:\n"
            "            held.carry(b, accounts, book, table, events, clock, rules, account.bar)\n"
            "        if equity <= floor:\n"
            "            _ruin"
        ),
        ("what_is_bought_today_pays_no_carry_for_the_night_before",),
    ),
    Mutant(
        "fees that eat the account are forgiven",
        KERNEL,
        ("        if equity <= floor:\n            _ruin"),
        ("        if equity <= -np.inf:\n            _ruin"),
        ("fees_that_eat_the_account_are_ruin_too",),
    ),
)

"""Mistakes in what an environment rewards, and what must notice each of them."""

from honesty.mutated_library import Mutant

REWARDS_MUTANTS = (
    Mutant(
        "reward from prices instead of equity",
        "sim/step.py",
        "return float(np.log(numbers[_EQUITY] / numbers[_BEFORE]))",
        'return float(np.log1p(numbers[PLACES["benchmark_return"] // 8]))',
        ("a_reward_is_no_portfolio_level", "churning_on_a_flat_market_is_paid_with_its_costs"),
    ),
    Mutant(
        "rewards of many accounts from prices instead of equity",
        "sim/step.py",
        "return np.log(self.equity / self.equity_before)",
        "return np.log1p(self.benchmark_return)",
        ("the_final_reward_is_paid_once_where_episodes_follow_each_other_by_themselves",),
    ),
    Mutant(
        "reward is the portfolio level",
        "envs/rewards.py",
        "    return step.log_return\n",
        "    return step.equity / step.start\n",
        ("a_reward_is_no_portfolio_level", "the_final_reward_of_an_episode_is_paid_once"),
    ),
    Mutant(
        "reward is money",
        "envs/rewards.py",
        "return (step.equity - step.equity_before) / step.start",
        "return step.equity - step.equity_before",
        ("a_reward_does_not_know_how_much_money_there_is",),
    ),
    Mutant(
        "profit is the portfolio level",
        "envs/rewards.py",
        "return (step.equity - step.equity_before) / step.start",
        "return step.equity / step.start - 1.0",
        ("a_reward_is_no_portfolio_level",),
    ),
    Mutant(
        "reward before costs",
        "envs/rewards.py",
        "    return step.log_return\n",
        "    return np.log1p((step.gap_pnl + step.bar_pnl) / step.equity_before)\n",
        ("churning_on_a_flat_market_is_paid_with_its_costs",),
    ),
    Mutant(
        "churning is rewarded",
        "envs/rewards.py",
        "    return step.log_return\n",
        "    return step.log_return + 0.01 * step.turnover\n",
        (
            "churning_on_a_flat_market_is_paid_with_its_costs",
            "no_built_in_reward_prefers_churning_to_keeping_still",
        ),
    ),
    Mutant(
        "holding earns 0, only trades are rewarded",
        "envs/rewards.py",
        "    return step.log_return\n",
        "    return np.where(step.turnover > 0, step.log_return, 0.0)\n",
        ("buying_and_holding_a_doubling_market_is_rewarded_with_its_gain",),
    ),
    Mutant(
        "ruin clipped away",
        "envs/rewards.py",
        "    return step.log_return\n",
        "    return np.clip(step.log_return, -0.5, 0.5)\n",
        ("ruin_is_paid_with_the_loss_of_everything",),
    ),
    Mutant(
        "ruin paid with reward 0 by the reward",
        "envs/rewards.py",
        "    return step.log_return\n",
        "    return step.log_return * (step.equity > 1e-3 * step.start)\n",
        ("ruin_is_paid_with_the_loss_of_everything",),
    ),
    Mutant(
        "differential Sharpe remembers the last episode",
        "envs/rewards.py",
        "self._mean[rows] = self._square[rows] = 0.0",
        "pass",
        ("a_reward_with_memory_starts_afresh_in_every_episode",),
    ),
    Mutant(
        "differential Sortino remembers the last episode",
        "envs/rewards.py",
        "self._mean[rows] = self._downside[rows] = 0.0",
        "pass",
        ("a_reward_with_memory_starts_afresh_in_every_episode",),
    ),
    Mutant(
        "cvar remembers the last episode",
        "envs/rewards.py",
        "self._quantile[rows] = self._size[rows] = 0.0",
        "pass",
        ("a_reward_with_memory_starts_afresh_in_every_episode",),
    ),
    Mutant(
        "no reward is told of a reset",
        "envs/batch.py",
        "self.reward.reset(rows)",
        (
            "if not hasattr(self, 'told'):\n"
            "            self.reward.reset(rows)\n"
            "        self.told = True"
        ),
        ("a_reward_with_memory_starts_afresh_in_every_episode",),
    ),
    Mutant(
        "weights of a sum ignored",
        "envs/rewards.py",
        "total += value * weight",
        "total += value",
        ("each_term_of_a_sum_is_paid_with_its_weight",),
    ),
    Mutant(
        "weights of a sum ignored for many accounts",
        "envs/rewards.py",
        "total = values * weight if total is None else total + values * weight",
        "total = values if total is None else total + values",
        ("each_term_of_a_sum_is_paid_with_its_weight",),
    ),
    Mutant(
        "the last term of a sum replaces the others",
        "envs/rewards.py",
        "total += value * weight",
        "total = value * weight",
        ("each_term_of_a_sum_is_paid_with_its_weight",),
    ),
    Mutant(
        "the last term of a sum replaces the others for many accounts",
        "envs/rewards.py",
        "total = values * weight if total is None else total + values * weight",
        "total = values * weight",
        ("each_term_of_a_sum_is_paid_with_its_weight",),
    ),
    Mutant(
        "the excess forgets the benchmark",
        "envs/rewards.py",
        "return step.log_return - np.log1p(step.benchmark_return)",
        "return step.log_return",
        ("the_benchmark_of_a_bar_is_that_of_the_same_bar",),
    ),
)

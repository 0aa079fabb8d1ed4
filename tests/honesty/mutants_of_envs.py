"""Mistakes in the engine, the faces, the actions and the game, and what must notice each."""

from honesty.mutated_library import Mutant

ENVS_MUTANTS = (
    Mutant(
        "an indicator of 1.0 blocks trade",
        "envs/single.py",
        "held.advance()",
        (
            "if held.observation[0] == 1.0:\n"
            "            held.targets[:] = np.nan\n"
            "        held.advance()"
        ),
        ("an_indicator_equal_to_one_blocks_no_trade",),
    ),
    Mutant(
        "one observation buffer for all steps",
        "sim/engine.py",
        "self._turn = (self._turn + 1) % len(self._worlds)",
        "pass",
        ("an_observation_that_an_agent_keeps_does_not_change_under_its_hands",),
    ),
    Mutant(
        "single: reset(seed) ignored",
        "envs/single.py",
        "self._batch.rng = self.np_random",
        "pass",
        ("reset_with_a_seed_is_obeyed_by_every_face",),
    ),
    Mutant(
        "vector: reset(seed) ignored",
        "envs/vector.py",
        "self._batch.rng = self.np_random",
        "pass",
        ("reset_with_a_seed_is_obeyed_by_every_face",),
    ),
    Mutant(
        "sb3: seed ignored",
        "envs/sb3.py",
        "self.batch.rng = np.random.default_rng(self._seeds[0])",
        "pass",
        ("reset_with_a_seed_is_obeyed_by_every_face",),
    ),
    Mutant(
        "every seed the same",
        "envs/single.py",
        "super().reset(seed=seed)",
        "super().reset(seed=0)",
        ("reset_with_a_seed_is_obeyed_by_every_face",),
    ),
    Mutant(
        "every episode at the same bar",
        "envs/batch.py",
        "offset = (draws[1] * self._starts[stretch]).astype(np.int64)",
        "offset = np.zeros(rows.size, dtype=np.int64)",
        ("reset_with_a_seed_is_obeyed_by_every_face",),
    ),
    Mutant(
        "starts drawn from the global generator",
        "envs/batch.py",
        "draws = self.rng.random((2, rows.size))",
        "draws = np.random.random((2, rows.size))",
        ("no_face_touches_the_global_generator", "reset_with_a_seed_is_obeyed_by_every_face"),
    ),
    Mutant(
        "observation as a list",
        "envs/single.py",
        "return held.observation.copy(), reward, terminated, truncated, info",
        "return held.observation.tolist(), reward, terminated, truncated, info",
        ("observations_are_float32_arrays_inside_their_space_on_every_face",),
    ),
    Mutant(
        "first observation as float64",
        "envs/single.py",
        "return self._held.observation.copy(), self._info()",
        "return self._held.observation.astype(float), self._info()",
        ("observations_are_float32_arrays_inside_their_space_on_every_face",),
    ),
    Mutant(
        "vector: observations as float64",
        "envs/vector.py",
        "return self._batch.observations.copy(), rewards, terminated, truncated, infos",
        "return self._batch.observations.astype(float), rewards, terminated, truncated, infos",
        ("observations_are_float32_arrays_inside_their_space_on_every_face",),
    ),
    Mutant(
        "observation handed out without a copy",
        "envs/vector.py",
        "return self._batch.observations.copy(), {}",
        "return self._batch.observations, {}",
        ("an_observation_that_an_agent_keeps_does_not_change_under_its_hands",),
    ),
    Mutant(
        "ends swapped",
        "envs/single.py",
        "return held.observation.copy(), reward, terminated, truncated, info",
        "return held.observation.copy(), reward, truncated, terminated, info",
        (
            "the_end_of_the_data_truncates_and_never_terminates",
            "ruin_terminates_and_is_no_truncation",
        ),
    ),
    Mutant(
        "last reward replaced by the sum of all",
        "envs/single.py",
        ("info = self._info()\n        info["),
        (
            "if self._over:\n"
            "            start = held.numbers[PLACES['start'] // 8]\n"
            "            reward = float(np.log(held.numbers[EQUITY] / start))\n"
            "        info = self._info()\n"
            "        info["
        ),
        ("the_last_reward_is_that_of_the_last_bar_and_no_discounted_sum",),
    ),
    Mutant(
        "final reward paid twice by the vector env",
        "envs/vector.py",
        ("self._batch.restart(rows)\n        return"),
        ("self._batch.restart(rows)\n            rewards[rows] *= 2.0\n        return"),
        ("the_final_reward_is_paid_once_where_episodes_follow_each_other_by_themselves",),
    ),
    Mutant(
        "final reward paid twice by the sb3 env",
        "envs/sb3.py",
        "scaled = (rewards * self.reward_scale).astype(np.float32)",
        "scaled = (rewards * self.reward_scale * (1 + done)).astype(np.float32)",
        ("the_final_reward_is_paid_once_where_episodes_follow_each_other_by_themselves",),
    ),
    Mutant(
        "sb3 is told nothing of truncation",
        "envs/sb3.py",
        '"TimeLimit.truncated": bool(truncated[row]),',
        '"TimeLimit.truncated": False,',
        ("the_end_of_the_data_is_told_to_sb3_as_truncation",),
    ),
    Mutant(
        "sb3 episode sums run on",
        "envs/sb3.py",
        ("self._returns[rows] = 0.0\n        self._lengths[rows] = 0"),
        "self._lengths[rows] = 0",
        ("the_final_reward_is_paid_once_where_episodes_follow_each_other_by_themselves",),
    ),
    Mutant(
        "no fresh episode after an end",
        "envs/vector.py",
        ("            self._batch.restart(rows)\n        return"),
        "        return",
        ("a_new_episode_carries_nothing_of_the_last_one",),
    ),
    Mutant(
        "a finished env steps on",
        "envs/single.py",
        "self._over = terminated or truncated",
        "pass",
        ("an_episode_that_is_over_takes_no_further_step",),
    ),
    Mutant(
        "observations of the new episode given as final",
        "envs/vector.py",
        (
            "final[rows] = list(self._batch.observations[rows].copy())\n"
            '            infos |= {"final_obs": final, "_final_obs": done.copy()}\n'
            "            self._batch.restart(rows)"
        ),
        (
            "self._batch.restart(rows)\n"
            "            final[rows] = list(self._batch.observations[rows].copy())\n"
            '            infos |= {"final_obs": final, "_final_obs": done.copy()}'
        ),
        ("a_new_episode_carries_nothing_of_the_last_one",),
    ),
    Mutant(
        "softmax confines the weights",
        "envs/actions.py",
        "return unit / np.maximum(1.0, unit.sum(axis=1, keepdims=True)) * self.leverage",
        "return np.exp(unit) / np.exp(unit).sum(axis=1, keepdims=True) * self.leverage",
        ("a_portfolio_can_be_all_cash_or_all_in_one_asset",),
    ),
    Mutant(
        "weights that always sum to one",
        "envs/actions.py",
        "return unit / np.maximum(1.0, unit.sum(axis=1, keepdims=True)) * self.leverage",
        "return unit / np.maximum(1e-9, unit.sum(axis=1, keepdims=True)) * self.leverage",
        ("the_position_is_part_of_the_observation",),
    ),
    Mutant(
        "levels upside down",
        "envs/actions.py",
        "table = np.asarray(self.levels, dtype=np.float64)[:, None]",
        "table = -np.asarray(self.levels, dtype=np.float64)[:, None]",
        ("the_first_level_is_a_short_and_the_last_a_long",),
    ),
    Mutant(
        "continuous actions upside down",
        "envs/actions.py",
        "return (low + unit * (high - low)) * self.leverage",
        "return (high - unit * (high - low)) * self.leverage",
        ("a_continuous_action_of_minus_one_is_a_short",),
    ),
    Mutant(
        "continuous actions without a short side",
        "envs/actions.py",
        "return (low + unit * (high - low)) * self.leverage",
        "return np.maximum(low + unit * (high - low), 0.0) * self.leverage",
        ("a_continuous_action_of_minus_one_is_a_short",),
    ),
    Mutant(
        "game fits its scaler on every bar",
        "envs/game.py",
        "if scaler is None:",
        (
            "if scaler is None:\n"
            "        scaler = Scaler.fit(settings.scaler, raw, slice(None))\n"
            "    if scaler is None:"
        ),
        ("the_scaler_is_fitted_on_the_train_split_and_on_nothing_else",),
    ),
    Mutant(
        "refitted on the interval that is judged",
        "envs/game.py",
        "return replace(self, spans=self.market.spans(start, end))",
        (
            "raw = compute_features(self.market, None, self.roots)\n"
            "        spans = self.market.spans(start, end)\n"
            "        rows = rows_of(spans, self.market.bars)\n"
            "        fitted = Scaler.fit(self.scaler.kind, raw, rows)\n"
            "        return replace(self, spans=spans, scaler=fitted, "
            "features=fitted.transform(raw))"
        ),
        ("the_test_split_is_scaled_with_what_the_train_split_knew",),
    ),
    Mutant(
        "strategies filled at the close they saw",
        "envs/game.py",
        "return replace(self.rules, on_change=False",
        'return replace(self.rules, fill="same_close", on_change=False',
        ("a_strategy_pays_the_fees_and_the_fill_of_its_environment",),
    ),
    Mutant(
        "strategies trade for free",
        "envs/game.py",
        "return replace(self.rules, on_change=False",
        (
            "from drltrade.sim import Commission, Costs, Slippage\n\n"
            "        free = Costs(Commission(0.0), Slippage(0.0))\n"
            "        return replace(self.rules, costs=free, on_change=False"
        ),
        ("a_strategy_pays_the_fees_and_the_fill_of_its_environment",),
    ),
    Mutant(
        "orders shifted by a bar",
        "sim/path.py",
        "used = np.ascontiguousarray(targets[first:last], dtype=np.float64)",
        "used = np.ascontiguousarray(targets[first + 1 : last + 1], dtype=np.float64)",
        ("a_strategy_pays_the_fees_and_the_fill_of_its_environment",),
    ),
    Mutant(
        "fill at the close of t by default",
        "envs/settings.py",
        'fill: Fill = "next_open"',
        'fill: Fill = "same_close"',
        ("the_next_open_is_the_default_fill_and_a_fill_at_the_close_of_t_says_look_ahead",),
    ),
    Mutant(
        "no costs by default",
        "sim/costs.py",
        "    rate: float = 5e-4\n\n",
        "    rate: float = 0.0\n\n",
        ("a_default_environment_charges_ten_basis_points_a_side",),
    ),
    Mutant(
        "all episodes of the vector env are one",
        "envs/batch.py",
        "draws = self.rng.random((2, rows.size))",
        "draws = np.repeat(self.rng.random((2, 1)), rows.size, axis=1)",
        ("reset_with_a_seed_is_obeyed_by_every_face",),
    ),
    Mutant(
        "continuous actions ignore the leverage",
        "envs/actions.py",
        "return (low + unit * (high - low)) * self.leverage",
        "return low + unit * (high - low)",
        ("the_leverage_limit_stretches_every_action_scheme",),
    ),
    Mutant(
        "portfolios ignore the leverage",
        "envs/actions.py",
        "unit.sum(axis=1, keepdims=True)) * self.leverage",
        "unit.sum(axis=1, keepdims=True))",
        ("the_leverage_limit_stretches_every_action_scheme",),
    ),
    Mutant(
        "a step tells its commission alone",
        "envs/single.py",
        "numbers[COMMISSION] + numbers[SLIPPAGE] + numbers[IMPACT]",
        "numbers[COMMISSION]",
        ("the_costs_that_a_step_tells_are_all_that_it_charged",),
    ),
)

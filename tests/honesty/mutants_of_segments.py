"""Mistakes in playing many markets as segments of one, and what must notice each."""

from honesty.mutated_library import Mutant

SEGMENTS_MUTANTS = (
    Mutant(
        "windows reach into the market before",
        "envs/game.py",
        "warm = starts + self.features.warmup + self.layout.window - 1",
        "warm = starts + self.features.warmup",
        ("no_window_shows_bars_of_another_market",),
    ),
    Mutant(
        "an episode runs on into the next market",
        "envs/batch.py",
        "length = self._episode[stretch]",
        "length = self._stretches[-1, 1] - first",
        ("no_episode_leaves_its_market",),
    ),
    Mutant(
        "the first market is played alone",
        "envs/batch.py",
        "first = self._stretches[stretch, 0] + offset",
        "first = self._stretches[0, 0] + offset",
        ("every_market_is_played",),
    ),
    Mutant(
        "features of one market continue in the next",
        "features/compute.py",
        "block = [_float32(source.compute(part)) for part in parts]",
        (
            "block = [_float32(source.compute(part)) for part in parts]\n"
            "    for before, values in zip(block, block[1:]):\n"
            "        gap = _leading_gap(values)\n"
            "        values[:gap] = before[-gap:] if gap else values[:0]"
        ),
        ("no_feature_looks_back_on_another_market",),
    ),
    Mutant(
        "every account of a pool has all the money",
        "backtest/accounts.py",
        "equity = game.settings.equity / len(game.spans)",
        "equity = game.settings.equity",
        ("the_accounts_of_many_markets_share_the_money_of_one",),
    ),
    Mutant(
        "weights of a pool are those of each account",
        "backtest/pool.py",
        "weight * (own / equity)[:, None]",
        "weight",
        (
            "the_accounts_of_many_markets_share_the_money_of_one",
            "the_equity_of_many_markets_is_what_their_positions_are_worth",
        ),
    ),
    Mutant(
        "closes of a pool in another order",
        "backtest/runner.py",
        "close=np.concatenate(closes, axis=1)",
        "close=np.concatenate(closes[::-1], axis=1)",
        ("the_equity_of_many_markets_is_what_their_positions_are_worth",),
    ),
    Mutant(
        "many markets are cut at other dates than one",
        "experiments/splits.py",
        "clock = np.unique(market.stamps)",
        "clock = np.unique(market.stamps)[int(market.segment[-1]) :]",
        ("every_market_is_cut_at_the_same_dates",),
    ),
    Mutant(
        "one draw of luck for all markets",
        "agents/strategies/passive.py",
        "np.random.default_rng([self.seed, *label.encode()])",
        "np.random.default_rng(self.seed)",
        ("luck_is_not_the_same_in_every_market",),
    ),
)

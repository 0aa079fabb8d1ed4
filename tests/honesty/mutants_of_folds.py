"""Mistakes in folds and in handing one account from policy to policy, and what must notice each."""

from honesty.mutated_library import Mutant

_ROLES = ("no_bar_of_a_fold_has_two_roles_and_what_is_to_be_dropped_has_none",)
_REACH = ("what_is_tested_reaches_nothing_that_is_learnt",)
_ACCOUNT = ("there_is_one_account_and_a_newcomer_s_first_level_is_an_order",)

FOLDS_MUTANTS = (
    Mutant(
        "a walk-forward purges nothing before its test",
        "experiments/splits.py",
        '"valid": (valid, test - wanted.purge)}',
        '"valid": (valid, test)}',
        _ROLES,
    ),
    Mutant(
        "a walk-forward purges nothing before it validates",
        "experiments/splits.py",
        '{"train": (train, valid - wanted.purge),',
        '{"train": (train, valid),',
        _ROLES,
    ),
    Mutant(
        "no embargo",
        "experiments/splits.py",
        "embargo_size=wanted.embargo",
        "embargo_size=0",
        _ROLES,
    ),
    Mutant(
        "validation is learnt from",
        "experiments/splits.py",
        "train = run[: max(len(run) - count - wanted.purge, 0)]",
        "train = run",
        _ROLES,
    ),
    Mutant(
        "every path goes by the first fold that tests a group",
        "experiments/splits.py",
        "[(found[path], span) for span, found in ordered]",
        "[(path, span) for span, found in ordered]",
        ("every_bar_is_tested_once_on_each_path",),
    ),
    Mutant(
        "windows look back into a test",
        "experiments/training.py",
        "        market = market.cut(fold.stretches)\n",
        "        pass\n",
        _REACH,
    ),
    Mutant(
        "stretches around a test are joined",
        "experiments/splits.py",
        "if joined and not any(joined[-1][1] < test < start for test in tests):",
        "if joined:",
        _REACH,
    ),
    Mutant(
        "the scaler of a fold is fitted on its validation bars",
        "experiments/training.py",
        'return _game(job, market, "train", scaler)',
        'return _game(job, market, "valid", scaler)',
        ("the_scaler_of_a_fold_sees_its_train_bars_alone",),
    ),
    Mutant(
        "the test has a scaler of its own",
        "experiments/training.py",
        "return _game(job, market, role, game.scaler)",
        "return _game(job, market, role, None)",
        ("the_scaler_of_a_fold_sees_its_train_bars_alone",),
    ),
    Mutant(
        "a card knows the first and the last bar alone",
        "data/segments.py",
        "if joined and first <= joined[-1][1]:",
        "if joined:",
        ("bars_between_those_that_were_learnt_from_are_no_overlap_and_those_are",),
    ),
    Mutant(
        "a repeated level is no order at a hand-over",
        "sim/engine.py",
        "        self._book[:, rows.ORDERED] = np.nan\n        self._bind_worlds()\n",
        "        self._bind_worlds()\n",
        _ACCOUNT,
    ),
    Mutant(
        "the newcomer looks through its predecessor's scaler",
        "backtest/accounts.py",
        "engine.hand_over(seen.values)",
        "engine.hand_over(sight.values)",
        ("each_policy_of_a_relay_sees_through_its_own_scaler",),
    ),
    Mutant(
        "the newcomer first sees what its predecessor saw",
        "sim/engine.py",
        "kernel.observe_rows(self._worlds[self._turn], np.arange(self.accounts))",
        "pass",
        ("each_policy_of_a_relay_sees_through_its_own_scaler",),
    ),
)

"""The ledger counts every chance that luck had, once, whatever happens while it is written."""

import json
import math
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from drltrade.experiments.trials import LEDGER, Trial, note_trial, read_trials, trials_on

ONE = Trial("test", "data", "2011-01-03", "2011-12-30", "ppo", "early", 0, 0.05, 252)
YEAR = ("data", "2011-01-01", "2011-12-31")


def count(out, *trials, on=YEAR, kind="test"):
    note_trial(out, *trials)
    return trials_on(out, *on, kind).count


def test_averaged_seeds_are_one_trial_and_configurations_are_several(tmp_path):
    seeds = [replace(ONE, seed=seed) for seed in range(5)]
    assert count(tmp_path, *seeds) == 1
    assert count(tmp_path, replace(ONE, policy="dqn")) == 2


def test_only_the_same_data_and_intervals_that_overlap_count(tmp_path):
    apart = [
        replace(ONE, data="other"),
        replace(ONE, policy="before", end="2010-12-31", start="2010-01-01"),
        replace(ONE, policy="after", start="2012-01-01", end="2012-12-31"),
        replace(ONE, policy="touching", start="2011-12-31", end="2012-12-31"),
        replace(ONE, policy="around", start="2000-01-01", end="2020-12-31"),
    ]
    assert count(tmp_path, *apart) == 2
    assert trials_on(tmp_path, "data", "2010-06-01", "2010-06-01").count == 2
    assert trials_on(tmp_path, "nothing", "2010-06-01", "2010-06-01").count == 0


def test_a_date_at_the_end_means_all_of_that_day(tmp_path):
    hourly = replace(ONE, start="2011-12-31T15:00:00", end="2011-12-31T20:00:00")
    assert count(tmp_path, hourly) == 1


def test_folds_that_follow_each_other_are_one_trial_and_rival_train_intervals_are_several(tmp_path):
    walk = [
        replace(ONE, learnt=f"fold {year}", start=f"{year}-01-01", end=f"{year}-12-31")
        for year in range(2005, 2012)
    ]
    assert count(tmp_path, *walk, on=("data", "2005-01-01", "2011-12-31")) == 1
    rivals = [replace(ONE, learnt=f"from {year}") for year in range(1990, 2000)]
    assert count(tmp_path, *rivals, on=("data", "2005-01-01", "2011-12-31")) == 11


def test_combinatorial_folds_are_as_many_trials_as_they_make_paths(tmp_path):
    # 4 groups, 2 of them tested at a time: 6 folds, 2/4 * 6 = 3 paths (Lopez de Prado 2018).
    folds = [(a, b) for a in range(4) for b in range(a + 1, 4)]
    trials = [
        replace(ONE, learnt=f"all but {fold}", start=f"201{group}-01-01", end=f"201{group}-12-31")
        for fold in folds
        for group in fold
    ]
    assert count(tmp_path, *trials, on=("data", "2010-01-01", "2013-12-31")) == 3


def test_a_policy_that_is_judged_again_is_the_same_trial(tmp_path):
    parts = [replace(ONE, start=f"2011-0{month}-01") for month in range(1, 10)]
    assert count(tmp_path, ONE, *parts) == 1


def test_on_validation_seeds_and_checkpoints_count(tmp_path):
    valid = replace(ONE, kind="valid")
    chosen = [
        replace(valid, policy=policy, seed=seed, checkpoint=steps)
        for policy in ("reward a", "reward b")
        for seed in range(3)
        for steps in (1000, 2000, 3000, 4000)
    ]
    assert count(tmp_path, *chosen, kind="valid") == 2 * 3 * 4
    assert trials_on(tmp_path, *YEAR).count == 0


def test_the_variance_is_that_of_the_seeds_means(tmp_path):
    for policy, sharpes in {"a": [0.01, 0.03], "b": [0.05], "c": [0.08, 0.12]}.items():
        for seed, sharpe in enumerate(sharpes):
            note_trial(tmp_path, replace(ONE, policy=policy, seed=seed, sharpe=sharpe))
    # Means .02, .05, .10: their mean is .17/3, the squares 0.0129 - 3 * (.17/3)^2 over 2.
    expected = (0.0129 - 0.17**2 / 3) / 2
    assert trials_on(tmp_path, *YEAR).variance == pytest.approx(expected, abs=1e-15)
    note_trial(tmp_path, replace(ONE, policy="flat", sharpe=None))
    found = trials_on(tmp_path, *YEAR)
    assert found.count == 4
    assert found.variance == pytest.approx(expected, abs=1e-15)


def test_below_two_trials_the_variance_is_that_of_chance(tmp_path):
    assert math.isnan(trials_on(tmp_path, *YEAR).variance)
    note_trial(tmp_path, ONE)
    assert trials_on(tmp_path, *YEAR).variance == 1 / 252
    # Simulated: the ratio of a policy without skill over 252 bars varies that much.
    returns = np.random.default_rng(0).normal(size=(20_000, 252))
    ratios = returns.mean(axis=1) / returns.std(axis=1, ddof=1)
    assert ratios.var() == pytest.approx(1 / 252, rel=0.03)


def test_each_line_is_written_once_and_reads_as_promised(tmp_path):
    note_trial(tmp_path, ONE, ONE)
    note_trial(tmp_path, ONE)
    (line,) = (tmp_path / LEDGER).read_text().splitlines()
    assert {"kind", "data", "start", "end", "policy", "seed", "sharpe", "bars"} <= set(
        json.loads(line)
    )
    assert read_trials(tmp_path) == [ONE]


@pytest.mark.parametrize(
    "damage",
    [
        b'{"kind": "test", "da',
        b"\xff\xfe\n",
        b"[1, 2]\n",
        b'{"kind": "test"}\n',
        b"\n\n",
        json.dumps({**vars(ONE), "start": "someday"}).encode() + b"\n",
        json.dumps({**vars(ONE), "sharpe": "high"}).encode() + b"\n",
        b"[" * 100_000,
    ],
)
def test_a_torn_or_foreign_line_is_left_out_and_hurts_no_other(tmp_path, damage):
    note_trial(tmp_path, ONE)
    with (tmp_path / LEDGER).open("ab") as ledger:
        ledger.write(damage)
    assert count(tmp_path, replace(ONE, policy="dqn")) == 2
    assert len(read_trials(tmp_path)) == 2


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from drltrade.experiments.trials import Trial, note_trial
one = Trial("test", "data", "2011-01-03", "2011-12-30", sys.argv[2], "early", 0, 0.05, 252)
for seed in range(int(sys.argv[3])):
    assert note_trial(Path(sys.argv[1]), replace(one, seed=seed)) == ""
"""


def writer(out, policy, trials):
    return subprocess.Popen([sys.executable, "-c", WRITER, str(out), policy, str(trials)])


def test_a_bar_more_in_the_file_is_no_new_history(tmp_path):
    """The data have another fingerprint then; the symbols and the tested bars are the same."""
    before = [replace(ONE, policy=name, symbols=("AAPL", "IBM")) for name in "abc"]
    note_trial(tmp_path, *before, replace(ONE, data="grown", symbols=("AAPL", "IBM")))
    assert trials_on(tmp_path, "grown", *YEAR[1:]).count == 1
    assert trials_on(tmp_path, "grown", *YEAR[1:], symbols=("IBM", "AAPL")).count == 4
    assert trials_on(tmp_path, "grown", *YEAR[1:], symbols=("AAPL",)).count == 1
    assert trials_on(tmp_path, "else", "2013-01-01", "2013-12-31", symbols=("AAPL",)).count == 0


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    writers = [writer(tmp_path, f"p{at}", 50) for at in range(3)]
    assert [each.wait(60) for each in writers] == [0, 0, 0]
    assert len(read_trials(tmp_path)) == 150
    assert trials_on(tmp_path, *YEAR).count == 3


def test_a_killed_writer_leaves_a_ledger_that_others_go_on_with(tmp_path):
    killed = writer(tmp_path, "killed", 10**9)
    while len(read_trials(tmp_path)) < 20:
        assert killed.poll() is None
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    assert note_trial(tmp_path, ONE) == ""
    assert ONE in read_trials(tmp_path)


def test_a_ledger_that_cannot_be_written_is_told_once_and_stops_nothing(tmp_path):
    (tmp_path / LEDGER).mkdir()
    told = note_trial(tmp_path, ONE)
    assert "cannot be written" in told
    assert LEDGER in told
    assert note_trial(tmp_path, ONE) == ""
    assert trials_on(tmp_path, *YEAR).count == 0
    (tmp_path / "file").touch()
    assert "cannot be written" in note_trial(tmp_path / "file", ONE)


def test_folders_of_runs_have_ledgers_of_their_own(tmp_path):
    note_trial(tmp_path / "here", ONE)
    assert trials_on(tmp_path / "here", *YEAR).count == 1
    assert trials_on(tmp_path / "there", *YEAR).count == 0

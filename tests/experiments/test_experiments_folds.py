"""Folds of a market's clock: nobody is tested on what it learnt from, in whatever way one cuts."""

from collections import Counter
from itertools import combinations, pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skfolio.model_selection import WalkForward as Reference

from drltrade.config import parse
from drltrade.data import Market, load_market, stack
from drltrade.data.segments import rows_of, spans_of
from drltrade.errors import UsageError
from drltrade.experiments.settings import ExperimentSettings, SplitSettings
from drltrade.experiments.splits import ROLES, Fold, paths_of, resolve_folds, whole_test

DAY = np.timedelta64(1, "D")


def market(bars: int, start: str = "2000-01-01", name: str = "market") -> Market:
    stamps = np.datetime64(start, "ns") + np.arange(bars) * DAY
    return Market.build(np.ones(bars), stamps=stamps, name=name)


def folds_of(source: Market, **splits) -> tuple[Fold, ...]:
    return resolve_folds(parse(SplitSettings, splits, "splits"), source)


def rows(source: Market, fold: Fold) -> dict[str, np.ndarray]:
    """The bar indices of each role."""
    return {
        role: np.flatnonzero(rows_of(spans_of(source, fold.intervals(role)), source.bars))
        for role in ROLES
    }


def gaps(earlier: np.ndarray, later: np.ndarray) -> list[int]:
    """How many bars lie before each stretch of `later` that comes after one of `earlier`."""
    starts = later[np.flatnonzero(np.diff(later, prepend=-9) > 1)]
    ends = [earlier[earlier < start].max(initial=-(10**6)) for start in starts]
    return [int(start - end - 1) for start, end in zip(starts, ends, strict=True) if end >= 0]


SIZES = st.integers(2, 60)
DROPPED = st.integers(0, 9)


@settings(max_examples=60, deadline=None)
@given(st.integers(150, 400), SIZES, SIZES, SIZES, DROPPED, st.booleans())
def test_a_walk_forward_moves_on_by_its_tests(bars, train, valid, test, purge, expanding):
    source = market(bars)
    wanted = {"train": train, "valid": valid, "test": test, "purge": purge}
    folds = folds_of(source, walk_forward={**wanted, "expanding": expanding})
    reference = Reference(
        test_size=test, train_size=train + valid + purge, purged_size=purge,
        expand_train=expanding, reduce_test=True,
    )  # fmt: skip
    theirs = [test_ for _, test_ in reference.split(np.zeros((bars, 1)))]
    theirs = [each for each in theirs if len(each) >= test / 2 and len(each) >= 2]
    assert len(folds) == len(theirs)
    for fold, expected in zip(folds, theirs, strict=True):
        found = rows(source, fold)
        assert found["test"].tolist() == expected.tolist()
        assert max(Counter(np.concatenate(list(found.values())).tolist()).values()) == 1
        assert len(found["valid"]) == valid
        assert found["valid"][0] - found["train"][-1] - 1 == purge
        assert found["test"][0] - found["valid"][-1] - 1 == purge
        assert found["train"][0] == 0 if expanding else len(found["train"]) == train
    for one, two in pairwise(rows(source, fold)["test"] for fold in folds):
        assert two[0] == one[-1] + 1
    assert [fold.number for fold in folds] == list(range(len(folds)))


def test_a_last_test_that_the_data_cut_short_stands_if_half_of_it_is_there():
    wanted = {"train": 50, "valid": 20, "test": 20}
    for bars, tests in ((120, [20, 20, 10]), (119, [20, 20])):
        folds = folds_of(market(bars), walk_forward=wanted)
        assert [fold.test[0].bars for fold in folds] == tests
    years = {"train": "1 year", "valid": "6 months", "test": "2 months"}
    tests = [fold.test[0] for fold in folds_of(market(641), walk_forward=years)]
    assert [(span.start, span.bars) for span in tests] == [("2001-07-01", 62), ("2001-09-01", 32)]
    assert len(folds_of(market(640), walk_forward=years)) == 1


def test_calendar_sizes_are_years_and_months_of_the_calendar():
    source = load_market("sample", symbols=["AAPL"])
    wanted = {"train": "4 years", "valid": "1 year", "test": "2 years"}
    folds = folds_of(source, walk_forward=wanted)
    assert [fold.intervals("test")[0] for fold in folds] == [
        ("2005-03-01", "2007-02-28"), ("2007-03-01", "2009-02-27"),
        ("2009-03-02", "2011-02-28"), ("2011-03-01", "2013-02-28"),
    ]  # fmt: skip
    assert [fold.intervals("train")[0] for fold in folds][:2] == [
        ("2000-03-01", "2004-02-27"), ("2002-03-01", "2006-02-28"),
    ]  # fmt: skip
    assert folds[0].intervals("valid") == [("2004-03-01", "2005-02-28")]
    grown = folds_of(source, walk_forward={**wanted, "expanding": True, "purge": 5})
    assert {fold.train[0].start for fold in grown} == {"2000-03-01"}
    assert [fold.test for fold in grown] == [fold.test for fold in folds]
    for fold, plain in zip(grown, folds, strict=True):
        assert fold.valid[0].bars == plain.valid[0].bars - 5


@settings(max_examples=50, deadline=None)
@given(
    st.integers(3, 7), st.data(), st.integers(0, 4), st.integers(0, 4), st.floats(0.1, 0.6),
    st.integers(40, 70),
)  # fmt: skip
def test_combinatorial_folds_test_every_choice_of_groups(groups, data, purge, embargo, valid, size):
    tested = data.draw(st.integers(2, groups - 1))
    source = market(groups * size + data.draw(st.integers(0, groups - 1)))
    wanted = {"groups": groups, "test_groups": tested, "valid": valid}
    folds = folds_of(source, combinatorial={**wanted, "purge": purge, "embargo": embargo})
    assert len(folds) == comb(groups, tested)
    spans = Counter(span for fold in folds for span in fold.test)
    assert set(spans.values()) == {comb(groups - 1, tested - 1)}
    assert len(spans) == groups
    assert sum(span.bars for span in spans) == source.bars == whole_test(folds).bars
    choices = {frozenset(span.start for span in fold.test) for fold in folds}
    assert len(choices) == len(folds)
    for fold in folds:
        found = rows(source, fold)
        for one, two in combinations(ROLES, 2):
            assert not set(found[one]) & set(found[two])
        learnt = np.sort(np.concatenate([found["train"], found["valid"]]))
        assert min(gaps(learnt, found["test"]), default=purge) >= purge
        assert min(gaps(found["test"], learnt), default=purge + embargo) >= purge + embargo
        assert min(gaps(found["train"], found["valid"])) == purge
        assert len(fold.train) == len(fold.valid) == len(fold.stretches)


@pytest.mark.parametrize("groups", [3, 5, 6])
def test_every_path_tests_every_bar_once_and_every_test_is_on_one_path(groups):
    folds = folds_of(market(60 * groups), combinatorial={"groups": groups, "test_groups": 2})
    paths = paths_of(folds)
    assert len(paths) == groups - 1 == 2 * comb(groups, 2) // groups
    for path in paths:
        assert sum(span.bars for _, span in path) == 60 * groups
        assert [span.start for _, span in path] == sorted(span.start for _, span in path)
    steps = Counter((at, span) for path in paths for at, span in path)
    assert set(steps.values()) == {1}
    assert set(steps) == {(at, span) for at, fold in enumerate(folds) for span in fold.test}


def test_a_walk_forward_has_one_path():
    folds = folds_of(market(200), walk_forward={"train": 50, "valid": 20, "test": 40})
    assert paths_of(folds) == [[(at, fold.test[0]) for at, fold in enumerate(folds)]]


def test_several_segments_are_cut_at_the_same_dates_in_every_fold():
    source = stack([market(200, name="one"), market(150, start="2000-02-20", name="two")])
    for splits in (
        {"walk_forward": {"train": 60, "valid": 20, "test": 30}},
        {"combinatorial": {"groups": 4}},
    ):
        for fold in folds_of(source, **splits):
            stamps = {role: source.stamps[index] for role, index in rows(source, fold).items()}
            for one, two in combinations(ROLES, 2):
                assert not np.isin(stamps[one], stamps[two]).any()


def test_a_fold_survives_json():
    for fold in folds_of(market(200), combinatorial={"groups": 4}):
        assert Fold.of(fold.number, fold.to_dict()) == fold


@pytest.mark.parametrize(
    ("bars", "splits", "told"),
    [
        (100, {"walk_forward": {"train": 90, "valid": 10, "test": 10}},
         r"'market' has 100 bars \(2000-01-01 to 2000-04-09\), too few for one walk-forward fold"
         r" of train 90, valid 10, test 10"),
        (300, {"walk_forward": {"train": "1 year", "valid": "1 month", "test": "1 month"}},
         "too few for one walk-forward fold of train 1 years"),
        (300, {"walk_forward": dict.fromkeys(ROLES, "5 days") | {"purge": 4}},
         "The train split holds 1 of the 300 bars"),
        (40, {"combinatorial": {"groups": 8, "purge": 2}}, "each of 8 groups holds 5"),
        (300, {"combinatorial": {"groups": 6, "embargo": 49}}, "fewer splits.combinatorial.groups"),
    ],
)  # fmt: skip
def test_data_that_are_too_short_are_told_with_what_is_there(bars, splits, told):
    with pytest.raises(UsageError, match=told):
        folds_of(market(bars), **splits)


@pytest.mark.parametrize(
    ("splits", "told"),
    [
        ({"walk_forward": {"train": "4 yeers"}}, "4 years, 6 months, 2 weeks or 30 days"),
        ({"walk_forward": {"train": 1}}, "at least 2"),
        ({"walk_forward": {"train": "4 years"}}, "all as bars or all as spans of time"),
        ({"walk_forward": {"embargo": 3}}, "nothing is"),
        ({"walk_forward": {"trian": 3}}, "Did you mean 'train'"),
        ({"walk_forward": {}, "combinatorial": {}}, "give one of walk_forward, combinatorial"),
        ({"walk_forward": {}, "train": 0.5}, "give one of train, walk_forward"),
        ({"combinatorial": {"groups": 4, "test_groups": 4}}, "4 of 4 groups"),
        ({"combinatorial": {"test_groups": 1}}, "test_groups"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(splits, told):
    with pytest.raises(UsageError, match=told):
        parse(ExperimentSettings, {"splits": splits}, "x")

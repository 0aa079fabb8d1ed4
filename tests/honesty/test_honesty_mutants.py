"""The honesty tests notice what they are there to notice: each fails on its deliberate mistake."""

import pytest
from honesty.mutants_of_envs import ENVS_MUTANTS
from honesty.mutants_of_evidence import EVIDENCE_MUTANTS
from honesty.mutants_of_kernel import KERNEL_MUTANTS
from honesty.mutants_of_segments import SEGMENTS_MUTANTS
from honesty.mutated_library import KERNEL, LIBRARY, Mutant, fails, files_by_test, library

MUTANTS = (*KERNEL_MUTANTS, *ENVS_MUTANTS, *EVIDENCE_MUTANTS, *SEGMENTS_MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_deliberate_mistake_is_noticed(mutant, tmp_path):
    with library(mutant.file, mutant.source):
        noticed = [name for name in mutant.caught_by if fails(name, tmp_path / name[:40])]
    assert noticed == list(mutant.caught_by)


@pytest.mark.parametrize("file", [KERNEL, "envs/single.py"])
def test_a_copy_without_a_mistake_passes(file, tmp_path):
    # Otherwise the copying itself, and no mistake, would be what the tests notice.
    source = (LIBRARY / file).read_text(encoding="utf-8")
    mutants = KERNEL_MUTANTS if file == KERNEL else MUTANTS
    names = {name for mutant in mutants for name in mutant.caught_by}
    with library(file, source):
        assert not [name for name in sorted(names) if fails(name, tmp_path / name[:40])]


def test_a_mistake_whose_place_has_moved_is_an_error():
    for text in ("a line that is nowhere", "account.cash"):
        lost = Mutant("lost", KERNEL, text, "pass", ())
        with pytest.raises(LookupError, match="write the mutant anew"):
            _ = lost.source


def test_every_mistake_has_its_own_name_and_names_tests_that_exist():
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names) >= 100
    for mutant in MUTANTS:
        assert mutant.caught_by
        assert set(mutant.caught_by) <= set(files_by_test())

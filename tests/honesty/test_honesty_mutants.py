"""The honesty tests notice what they are there to notice: each fails on its deliberate mistake."""

import pytest
from honesty.mutants import MUTANTS, OF_THE_KERNEL, listing
from honesty.mutated_library import LIBRARY, Mutant, fails, files_by_test, library


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_deliberate_mistake_is_noticed(mutant, tmp_path):
    with library(mutant.file, mutant.source):
        noticed = [name for name in mutant.caught_by if fails(name, tmp_path / name[:40])]
    assert noticed == list(mutant.caught_by)


@pytest.mark.parametrize("file", ["sim/kernel.py", "envs/single.py"])
def test_a_copy_without_a_mistake_passes(file, tmp_path):
    # Otherwise the copying itself, and no mistake, would be what the tests notice.
    source = (LIBRARY / file).read_text(encoding="utf-8")
    mutants = OF_THE_KERNEL if file == "sim/kernel.py" else MUTANTS
    names = {name for mutant in mutants for name in mutant.caught_by}
    with library(file, source):
        assert not [name for name in sorted(names) if fails(name, tmp_path / name[:40])]


def test_a_mistake_whose_place_has_moved_is_an_error():
    for text in ("a line that is nowhere", "account.cash"):
        lost = Mutant("lost", "sim/kernel.py", text, "pass", ())
        with pytest.raises(LookupError, match="write the mutant anew"):
            _ = lost.source


def test_every_mistake_has_its_own_name_and_names_tests_that_exist():
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names) >= 250
    for mutant in MUTANTS:
        assert mutant.caught_by
        assert set(mutant.caught_by) <= set(files_by_test())


def test_every_mistake_is_on_the_printed_list():
    lines = listing().splitlines()
    assert len(lines) == 2 * len(MUTANTS)
    assert all(mutant.name in line for mutant, line in zip(MUTANTS, lines[::2], strict=True))

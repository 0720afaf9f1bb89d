"""The mutants are of the code as it stands."""

import pytest

from tests.mutants.__main__ import ROOT
from tests.mutants.catalogue import HISTORIES, MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_mutant_replaces_stands_once_in_its_file(mutant: Mutant) -> None:
    for edit in mutant.edits:
        assert 1 == (ROOT / edit.file).read_text("utf-8").count(edit.old), edit.file
        assert edit.old != edit.new
    assert mutant.found_by == HISTORIES or (ROOT / mutant.found_by).exists()


def test_every_mutant_has_a_name_of_its_own() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names)
    assert len(names) >= 18

"""The lists of mutation testing: which files are mutated, and which mutants no test could kill."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.mutate.areas import AREAS, files
from tests.mutate.report import EQUIVALENT

HOME = Path(__file__).parents[2]


@pytest.mark.parametrize("area", AREAS)
def test_every_pattern_of_an_area_finds_files_that_no_earlier_area_has(area):
    own = [HOME / name for name in files(HOME, area)]

    assert [one for one in AREAS[area] if not set(HOME.glob(one)) & set(own)] == []


def test_a_mutant_that_no_test_could_kill_is_listed_once_and_its_file_is_there():
    listed = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutant"]
    ids = [mutant["id"] for mutant in listed]

    assert sorted(ids) == sorted(set(ids))
    assert [mutant["path"] for mutant in listed if not (HOME / mutant["path"]).is_file()] == []

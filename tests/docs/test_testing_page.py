"""docs/testing.md names the test that holds each promise, and each of them is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.named import is_there

HOME = Path(__file__).parents[2]
PAGE = (HOME / "docs/testing.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (.+?) \| `(\S+?::test_\w+)` \|$", PAGE, re.MULTILINE)


def test_the_page_names_a_test_in_every_row_of_its_tables():
    lines = PAGE.partition("## Which test holds which promise")[2].splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.endswith("| test |")]

    assert len(ROWS) == len(rows) > 100


@pytest.mark.parametrize(("promise", "test"), ROWS)
def test_a_promise_has_a_test(promise, test):
    assert is_there(test), promise


def test_no_promise_stands_twice():
    promises = [promise for promise, _ in ROWS]

    assert sorted(promises) == sorted(set(promises))

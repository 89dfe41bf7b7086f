"""docs/testing.md names the test that holds each promise, and each of them is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2]
PAGE = (HOME / "docs/testing.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (.+?) \| `(\S+?)::(test_\w+)` \|$", PAGE, re.MULTILINE)


@cache
def names_in(path: str) -> frozenset[str]:
    """The tests that a file defines, those of its classes included."""
    tree = ast.parse((HOME / "tests" / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_the_page_names_a_test_in_every_row_of_its_tables():
    lines = PAGE.partition("## Which test holds which promise")[2].splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.endswith("| test |")]

    assert len(ROWS) == len(rows) > 100


@pytest.mark.parametrize(("promise", "path", "test"), ROWS)
def test_a_promise_has_a_test(promise, path, test):
    assert test in names_in(path), promise


def test_no_promise_stands_twice():
    promises = [promise for promise, *_ in ROWS]

    assert sorted(promises) == sorted(set(promises))

"""The tests that a page or a table names as ``path::name``, from ``tests`` on: whether they are there."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent


def is_there(test: str) -> bool:
    """Whether there is a test of this name in this file."""
    path, _, name = test.partition("::")
    return name in _names_in(path)


@cache
def _names_in(path: str) -> frozenset[str]:
    """The functions that a file defines, those of its classes included."""
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))

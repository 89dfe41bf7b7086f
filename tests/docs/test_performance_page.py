"""docs/performance.md and what ``make bench`` measures."""

from __future__ import annotations

import ast
import re

from stack.processes import HOME

PAGE = (HOME / "docs" / "performance.md").read_text(encoding="utf-8")


def bounds() -> dict[str, str]:
    """What each key is to reach; keys that are put together as the bench runs are left out."""
    found = {}
    for path in (HOME / "bench").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "figure":
                key, _, reach = node.args[:3]
                if isinstance(key, ast.Constant) and isinstance(reach, ast.Constant):
                    found[key.value] = reach.value
    return {key: reach for key, reach in found.items() if reach != "report"}


def test_the_page_says_of_each_key_what_it_is_to_reach():
    rows = dict(re.findall(r"^\| `(\w+)` .*\| ([^|]*) \|$", PAGE, re.MULTILINE))
    written = {
        key: reach.replace("≤", "<=").replace("≥", ">=").replace(",", "")
        for key, reach in rows.items()
    }
    asked = bounds()

    assert len(asked) > 10
    assert {key: written.get(key) for key in asked} == asked

"""Mutants of Lua scripts, by operators on their text: the scripts have no long strings or comments.

Operators: comparison, constant, logic, arithmetic, dropped call, swapped key, branch skipped, branch
always taken, early return dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.mutate.mutant import Mutant

#: what is code on a line: not its strings, not its comment
_CODE = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|--.*""")

#: operator → what is looked for in code → what takes its place
_SWAPS: dict[str, tuple[tuple[str, str], ...]] = {
    "comparison": (
        (r"<=", "<"),
        (r"(?<![<>=~])<(?!=)", "<="),
        (r">=", ">"),
        (r"(?<![<>=~])>(?!=)", ">="),
        (r"==", "~="),
        (r"~=", "=="),
    ),
    "logic": ((r"\band\b", "or"), (r"\bor\b", "and"), (r"\bnot\b ?", "")),
    "arithmetic": (
        (r"(?<=\w )\+(?= )", "-"),
        (r"(?<=[\w)] )-(?= )", "+"),
        (r"(?<=[\w)] )\*(?= )", "/"),
        (r"(?<=[\w)] )/(?= )", "*"),
        (r"math\.min", "math.max"),
        (r"math\.max", "math.min"),
    ),
    "constant": ((r"(?<![\w.'])\d+(?![\w.'])", "+1"),),
}
_BRANCH = re.compile(r"^(\s*(?:else)?if )(.+)( then\b.*)$")
_CALL = re.compile(r"^\s*(?:redis\.call|[a-z_]+)\(")
_KEY = re.compile(r"key\('([a-z_]+)'")
_RETURN = re.compile(r"^(\s*)return(?: [^{]*)?$|( then) return .* end$")


def mutants(root: Path, path: str) -> Iterator[Mutant]:
    """Yield every mutant of one script."""
    lines = (root / path).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        for operator, start, stop, new in _changes(lines, number):
            yield Mutant(
                path, number + 1, operator, line.strip(), partial(_changed, lines, start, stop, new)
            )


def _changed(lines: list[str], start: int, stop: int, new: str) -> str:
    return "\n".join([*lines[:start], new, *lines[stop:]]) + "\n"


def _changes(lines: list[str], number: int) -> Iterator[tuple[str, int, int, str]]:
    """Yield (operator, first line, line after the last, what stands there instead)."""
    line = lines[number]
    code = _CODE.sub(lambda match: "\0" * len(match[0]), line)
    if not code.strip("\0 "):
        return
    for operator, swaps in _SWAPS.items():
        for pattern, new in swaps:
            for found in re.finditer(pattern, code):
                text = str(int(found[0]) + 1) if new == "+1" else new
                yield (
                    operator,
                    number,
                    number + 1,
                    line[: found.start()] + text + line[found.end() :],
                )
    if branch := _BRANCH.match(line):
        for operator, word in (("branch skipped", "false"), ("branch always taken", "true")):
            yield operator, number, number + 1, branch[1] + word + branch[3]
    for found in _KEY.finditer(line):
        swapped = line[: found.start(1)] + "mutant_" + line[found.start(1) :]
        yield "swapped key", number, number + 1, swapped
    if _CALL.match(line) and _is_statement(lines, number):
        yield "dropped call", number, _end_of_call(lines, number), "do end"
    if _RETURN.match(line) and number + 1 < len(lines) and lines[number + 1].strip() == "end":
        yield "dropped return", number, number + 1, "do end"


def _is_statement(lines: list[str], number: int) -> bool:
    """Return whether a line begins a statement, and is not the rest of the one above it."""
    above = next((line for line in reversed(lines[:number]) if line.strip()), "")
    return not above.rstrip().endswith((",", "(", "=", "and", "or", "..", "+", "return"))


def _end_of_call(lines: list[str], number: int) -> int:
    depth = 0
    for at in range(number, len(lines)):
        code = _CODE.sub("", lines[at])
        depth += code.count("(") - code.count(")")
        if depth <= 0:
            return at + 1
    return len(lines)

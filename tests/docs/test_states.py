"""The diagrams and lists of states, held against what they tell of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import limner
from limner.moves import MOVES

PAGE = (Path(__file__).parents[2] / "docs/architecture.md").read_text(encoding="utf-8")
SCRIPTS = {
    path.stem: path.read_text(encoding="utf-8")
    for path in Path(limner.__file__).parent.rglob("*.lua")
}
#: the field → who writes it, as the outbox's library lists them
LISTED = {
    field: set(writers.split())
    for field, writers in re.findall(r"^--   (\w+) .* – ([\w ]+)$", SCRIPTS["lib_outbox"], re.M)
}
#: of a script on out:<job>, which most call state
WRITES = re.compile(
    r"redis\.call\('(?:HSET|HDEL|HINCRBY)', (?:state|key\('out', id\)),((?:[^()]|\([^()]*\))*)\)"
)
#: names that stand for one of two fields
EITHER = {"counter": ("tried", "retried")}
OUTBOX = [name for name in SCRIPTS if name != "lib_fates" and "'out', id" in SCRIPTS[name]]


def test_the_diagram_of_a_jobs_states_has_the_arrows_of_the_table_and_no_other():
    diagram = PAGE.partition("stateDiagram-v2")[2].partition("```")[0]
    drawn = set(re.findall(r"^ *(\[\*\]|\w+) --> (\w+):", diagram, re.M))

    assert drawn == {
        (move.before.value if move.before else "[*]", move.after.value)
        for move in MOVES
        if move.before is not move.after
    }


def written_by(script: str) -> set[str]:
    """Return the fields of out:<job> that a script sets or drops: of all the words of its calls."""
    fields: set[str] = set()
    for arguments in WRITES.findall(re.sub(r"--.*", "", SCRIPTS[script])):
        fields.update(word for word in re.findall(r"'(\w+)'", arguments) if len(word) > 1)
        for name, either in EITHER.items():
            fields.update(either if re.search(rf"\b{name}\b", arguments) else ())
    return fields


@pytest.mark.parametrize("script", OUTBOX)
def test_whoever_writes_the_outboxs_state_is_listed_with_what_it_writes(script):
    listed = {field for field, writers in LISTED.items() if script in writers}

    assert written_by(script) == listed


def test_no_writer_is_listed_that_there_is_not():
    assert LISTED
    assert set().union(*LISTED.values()) <= set(OUTBOX)

"""The schemas that the data in Redis have had, and the step from each to the next.

A schema is new when a Limner of the version before could not make use of what this one writes, or this one
needs what that one did not write. To add one, add a step at the end, with its entry in CHANGELOG.md and a
frozen store of the last release (``tests/recorded/frozen``).

A step only adds, and its Limner copes with what a neighbour of the schema before goes on writing: for as long
as an upgrade takes, both run. It may be run again at any point, after a crash, a rewound Redis or a roll-back:
what it finds done it leaves alone. It works in batches of well under ``LOCK_S``, and calls ``go_on`` before each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from redis import Redis

from limner.store.scripts import Scripts

#: how long a process that migrates is waited for after its last sign of life
LOCK_S = 10.0


@dataclass(frozen=True, slots=True)
class Hand:
    """What a step works with."""

    redis: Redis
    prefix: str
    scripts: Scripts
    #: keeps the lock for another ``LOCK_S``; raises StaleLease if another process has it
    go_on: Callable[[], None]


def _nothing(_hand: Hand) -> None:
    """Change nothing: what is there can be used as it is."""


@dataclass(frozen=True, slots=True)
class SchemaStep:
    """One schema, and how the data come to it from the one before."""

    schema: int
    #: the first release that has it
    since: str
    about: str
    #: the oldest schema whose Limner may use the data once they have this one; never falls
    readable_from: int
    forward: Callable[[Hand], None] = _nothing
    #: takes back what a Limner of the schema before would stumble over
    back: Callable[[Hand], None] = _nothing


STEPS = (
    SchemaStep(1, "0.1.0", "what Limner 0.1.0 writes, without a mark", readable_from=1),
    SchemaStep(2, "0.2.0", "the data carry the mark of their schema", readable_from=1),
)

"""One mutant: a file with one thing changed, under a name that outlives moved lines."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change to one file."""

    #: from the repository's root
    path: str
    #: from 1
    line: int
    operator: str
    #: the line as it stands, stripped
    before: str
    #: returns the whole file with the change made
    text: Callable[[], str]
    #: ten hex digits; `named` gives them
    id: str = ""


def named(mutants: Iterable[Mutant]) -> Iterator[Mutant]:
    """Give each mutant its id: from file, operator, the line's text, and which of its like it is."""
    alike: Counter[tuple[str, str, str]] = Counter()
    for mutant in mutants:
        what = (mutant.path, mutant.operator, mutant.before)
        text = "\n".join([*what, str(alike[what])])
        alike[what] += 1
        yield replace(mutant, id=hashlib.sha1(text.encode()).hexdigest()[:10])

"""Recordings as files, and how what is told now is held against what was told then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.recorded.house import Step

#: a refusal's sentences by field: here, a new key is a new complaint
STRICT = frozenset({"errors"})


def as_text(steps: list[Step]) -> str:
    """Return a recording as JSON, a line for what was asked and one for what was told."""
    lines = [
        f'{{"do": {_json(step["do"])}, "with": {_json(step["with"])},\n "told": {_json(step["told"])}}}'
        for step in steps
    ]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def read(path: Path) -> list[Step]:
    """Return the steps of a recording."""
    steps: list[Step] = json.loads(path.read_text(encoding="utf-8"))
    return steps


def without_new_keys(now: Any, then: Any) -> Any:
    """Return ``now`` with the keys of ``then`` alone, in their order, so that marks are met in that order."""
    if isinstance(now, dict) and isinstance(then, dict):
        return {
            name: now[name] if name in STRICT else without_new_keys(now[name], value)
            for name, value in then.items()
            if name in now
        }
    if isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        return [without_new_keys(*pair) for pair in zip(now, then, strict=True)]
    return now


def differences(now: Any, then: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield where ``now`` says something else than ``then``, and what."""
    if isinstance(now, dict) and isinstance(then, dict):
        for name in [*then, *(now.keys() - then.keys())]:
            there = f"{place}.{name}" if place else name
            if name not in now:
                yield there, f"was {_json(then[name])}, is gone"
            elif name not in then:
                yield there, f"was not there, is {_json(now[name])}"
            else:
                yield from differences(now[name], then[name], there)
    elif isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        for number, pair in enumerate(zip(now, then, strict=True)):
            yield from differences(*pair, f"{place}[{number}]")
    # As JSON, or 1 would be the same as true and as 1.0.
    elif _json(now) != _json(then):
        yield place, f"was {_json(then)}, is {_json(now)}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

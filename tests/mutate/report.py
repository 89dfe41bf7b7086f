"""Keep the results as they come, and add them up by area."""

from __future__ import annotations

import json
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

EQUIVALENT = Path(__file__).with_name("equivalent.toml")
NOTICED = ("killed", "timeout")


class Results:
    """A file of JSON lines, one a mutant; what is there already is not tried again."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.rows: dict[str, dict[str, Any]] = {}
        if file.exists():
            rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
            self.rows = {row["id"]: row for row in rows}

    def add(self, row: dict[str, Any]) -> None:
        """Keep one result."""
        self.rows[row["id"]] = row
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def equivalent() -> dict[str, str]:
    """Return the mutants that no test could kill: id → the reason."""
    if not EQUIVALENT.exists():
        return {}
    told = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))
    return {mutant["id"]: mutant["reason"] for mutant in told.get("mutant", ())}


def summary(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the report: a line an area, then the surviving mutants by file."""
    known = equivalent()
    rows = list(rows)
    yield f"{'area':<18} {'mutants':>7} {'killed':>7} {'equivalent':>10} {'score':>7}"
    for area in dict.fromkeys(row["area"] for row in rows):
        yield _line(area, [row for row in rows if row["area"] == area], known)
    yield _line("all", rows, known)
    survivors = defaultdict(list)
    for row in rows:
        if row["outcome"] not in NOTICED and row["id"] not in known:
            survivors[row["path"]].append(row)
    for path, mutants in sorted(survivors.items()):
        yield f"\n{path}"
        for row in sorted(mutants, key=lambda row: int(row["line"])):
            unseen = " (no test runs this line)" if row["outcome"] == "unseen" else ""
            yield f"  {row['id']}  {row['line']:>4}  {row['operator']}: {row['before']}{unseen}"


def _line(area: str, rows: list[dict[str, Any]], known: dict[str, str]) -> str:
    noticed = Counter(row["outcome"] in NOTICED for row in rows)
    alike = sum(row["id"] in known and row["outcome"] not in NOTICED for row in rows)
    total = len(rows) - alike
    score = f"{100 * noticed[True] / total:.0f} %" if total else "-"
    return f"{area:<18} {len(rows):>7} {noticed[True]:>7} {alike:>10} {score:>7}"

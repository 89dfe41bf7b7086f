"""Benchmark Limner: ``python -m bench [part …]``, or ``make bench`` for all parts.

Prints a table and writes ``bench.json`` with the machine, the versions and each figure's spread.
Parts: accept door slots dispatch callbacks inflight behind pool pictures.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import accept, behind, callbacks, dispatch, door, inflight, pictures, pool, slots
from bench.place import Figure

PARTS = {
    "accept": accept.measure,
    "door": door.measure,
    "slots": slots.measure,
    "dispatch": dispatch.measure,
    "callbacks": callbacks.measure,
    "inflight": inflight.measure,
    "behind": behind.measure,
    "pool": pool.measure,
    "pictures": pictures.measure,
}
LIBRARIES = ("celery", "kombu", "redis", "flask", "marshmallow", "gunicorn", "requests")


def main(wanted: list[str]) -> int:
    """Run the named parts, or all, and return the exit code: 1 if a figure misses its bound."""
    for name in wanted:
        if name not in PARTS:
            sys.stderr.write(f"bench: there is no part {name!r}; there are {', '.join(PARTS)}\n")
            return 2
    began = time.monotonic()
    figures = [figure for name in wanted or PARTS for figure in PARTS[name]()]
    minutes = (time.monotonic() - began) / 60
    sys.stdout.write(_table(figures) + f"\n{minutes:.1f} minutes\n")
    Path("bench.json").write_text(json.dumps(_report(figures, minutes), indent=2) + "\n")
    return 0 if all(_reached(figure) for figure in figures) else 1


def _table(figures: list[Figure]) -> str:
    lines = [f"{'figure':24} {'median':>10} {'min':>10} {'max':>10}  {'reach':10}"]
    for each in figures:
        low, high = each.spread
        mark = "" if _reached(each) else "MISSED"
        lines.append(
            f"{each.key:24} {each.value:10.3f} {low:10.3f} {high:10.3f}"
            f"  {each.reach:10} {mark:6} {each.note}".rstrip()
        )
    return "\n".join(lines)


def _reached(figure: Figure) -> bool:
    sign, _, bound = figure.reach.partition(" ")
    if sign == ">=":
        return figure.value >= float(bound)
    return figure.value <= float(bound) if sign == "<=" else True


def _report(figures: list[Figure], minutes: float) -> dict[str, object]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "minutes": round(minutes, 1),
        "machine": {
            "cpu": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            "system": platform.platform(),
        },
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
        "figures": {figure.key: asdict(figure) for figure in figures},
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""``python -m tests.mutate [--area NAME] [--sample N] [--seconds S]``: see docs/testing.md."""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from tests.mutate import lua, python
from tests.mutate.areas import AREAS, files
from tests.mutate.judge import Judge
from tests.mutate.mutant import Mutant, named
from tests.mutate.report import Results, summary
from tests.mutate.seen import PACKAGES, TARGET, Seen

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "mutate"
ROOMS = ("tests/unit", "tests/contract", "tests/api", "tests/workers")


def main() -> int:
    """Record what tests see, try the mutants that were not tried, and print the report."""
    options = _options()
    BUILD.mkdir(parents=True, exist_ok=True)
    state = _digest(*PACKAGES, "tests")
    seen_file, results_file = BUILD / f"seen-{state}.json", BUILD / f"results-{state}.jsonl"
    if not seen_file.exists():
        _record(seen_file)
    asked = list(_asked(options))
    todo = [(area, m) for area, m in asked if m.id not in Results(results_file).rows]
    children = []
    for job in range(options.jobs):
        if child := os.fork():
            children.append(child)
            continue
        _try(todo[job :: options.jobs], Seen.read(ROOT, seen_file), Results(results_file), options)
        os._exit(0)
    for child in children:
        os.waitpid(child, 0)
    rows = Results(results_file).rows
    done = [rows[mutant.id] for _, mutant in asked if mutant.id in rows]
    if len(done) < len(asked):
        _say(f"The time is up; {len(asked) - len(done)} mutants are left for the next run.")
    text = "\n".join(summary(done))
    (BUILD / "report.txt").write_text(text + "\n", encoding="utf-8")
    _say(text)
    return 0


def _try(
    todo: list[tuple[str, Mutant]], seen: Seen, results: Results, options: argparse.Namespace
) -> None:
    """Try one mutant after another until the time is up."""
    deadline = time.monotonic() + options.seconds
    judge = Judge(ROOT, BUILD / f"tree-{os.getpid()}", options.limit)
    for area, mutant in todo:
        if time.monotonic() > deadline:
            break
        verdict = judge.judge(mutant, seen.of(mutant.path, mutant.line))
        about = {
            name: getattr(mutant, name) for name in ("id", "path", "line", "operator", "before")
        }
        results.add({**about, "area": area, **asdict(verdict)})
        _say(f"{verdict.outcome} {mutant.id} {mutant.path}:{mutant.line} {mutant.operator}")
    judge.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutate")
    parser.add_argument("--area", action="append", choices=AREAS, help="only this (repeatable)")
    parser.add_argument("--sample", type=int, help="so many mutants an area, drawn by --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3600, help="time for all")
    parser.add_argument("--limit", type=float, default=120, help="seconds for one mutant")
    parser.add_argument("--jobs", type=int, default=2, help="mutants tried at a time")
    parser.add_argument("--only", nargs="+", help="ids of mutants")
    return parser.parse_args()


def _asked(options: argparse.Namespace) -> Iterator[tuple[str, Mutant]]:
    for area in options.area or AREAS:
        made = list(named(mutant for path in files(ROOT, area) for mutant in _mutants(path)))
        if options.only:
            made = [mutant for mutant in made if mutant.id in options.only]
        elif options.sample:
            # Drawn by id, so that a line that moves does not change the draw of all others.
            draw = random.Random(f"{options.seed} {area}")
            made = draw.sample(sorted(made, key=lambda m: m.id), min(options.sample, len(made)))
        yield from ((area, mutant) for mutant in made)


def _mutants(path: str) -> Iterator[Mutant]:
    return (lua if path.endswith(".lua") else python).mutants(ROOT, path)


def _record(file: Path) -> None:
    _say("Recording which tests see what (once for each state of the tree; some minutes)")
    command = ["-m", "pytest", "-q", "-m", "not slow", "-p", "tests.mutate.seen", "-p", "no:xdist"]
    subprocess.run(
        [sys.executable, *command, *ROOMS],
        cwd=ROOT,
        env={**os.environ, TARGET: str(file)},
        check=False,
    )


def _digest(*folders: str) -> str:
    """Return a digest of every source under these folders."""
    digest = hashlib.sha1()
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".lua") and "mutate" not in path.parts:
                digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

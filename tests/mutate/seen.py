"""Which tests see what: recorded once, so that a mutant meets only tests that could notice it.

A pytest plugin (``-p tests.mutate.seen``) that runs the quick tests under coverage, one context a
test, and notes each script that a test calls; and the reader of what it wrote.
"""

from __future__ import annotations

import ast
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import coverage
import pytest

#: names the file that the plugin writes
TARGET = "MUTATE_SEEN"
PACKAGES = ("api", "cli", "engines", "limner", "net", "schemas", "stack", "workers")


class Seen:
    """What was recorded: tests by script and by line, and how long each takes."""

    def __init__(self, root: Path, written: dict[str, Any]) -> None:
        self._root = root
        self._tests: list[str] = written["tests"]
        self._seconds: list[float] = written["seconds"]
        self._scripts: dict[str, list[int]] = written["scripts"]
        self._lines: dict[str, dict[str, list[int]]] = written["lines"]

    @classmethod
    def read(cls, root: Path, file: Path) -> Seen:
        """Read what the plugin wrote."""
        return cls(root, json.loads(file.read_text(encoding="utf-8")))

    def of(self, path: str, line: int) -> list[str]:
        """Return the tests that can see this line of a file, quick ones first."""
        found = self._of_script(path) if path.endswith(".lua") else self._of_line(path, line)
        return [self._tests[n] for n in sorted(found, key=lambda n: self._seconds[n])]

    def _of_script(self, path: str) -> set[int]:
        name = Path(path).stem
        library = name.removeprefix("lib_")
        found = set(self._scripts.get(name, ()))
        if library == name:
            return found
        for script in (self._root / "limner/store").rglob("*.lua"):
            first = script.read_text(encoding="utf-8").partition("\n")[0]
            if library in first.removeprefix("-- uses:").split():
                found |= set(self._scripts.get(script.stem, ()))
        return found

    def _of_line(self, path: str, line: int) -> set[int]:
        lines = self._lines.get(path, {})
        found = lines.get(str(self._statement(path, line)))
        # A constant, a default, a decorator: run at import, and seen by whoever uses the module.
        return set(found) if found else {n for tests in lines.values() for n in tests}

    def _statement(self, path: str, line: int) -> int:
        """Return where the smallest statement begins that this line belongs to."""
        tree = ast.parse((self._root / path).read_text(encoding="utf-8"))
        around = (
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)
        )
        return max((node.lineno for node in around), default=line)


class Recorder:
    """Writes down what each test runs through."""

    def __init__(self, root: Path, file: Path) -> None:
        self._root, self._file = root, file
        self._coverage = coverage.Coverage(
            data_file=None, source=[str(root / name) for name in PACKAGES], config_file=False
        )
        self._now: str | None = None
        self._seconds: dict[str, float] = {}
        self._scripts: dict[str, set[str]] = defaultdict(set)

    def pytest_sessionstart(self) -> None:
        """Begin before anything of ours is imported."""
        self._coverage.start()
        from limner.store.scripts import Scripts

        call = Scripts.__call__

        def noted(scripts: Scripts, name: str, *args: Any) -> Any:
            if self._now:
                self._scripts[name].add(self._now)
            return call(scripts, name, *args)

        Scripts.__call__ = noted  # type: ignore[method-assign]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Give each test a context of its own."""
        self._now = item.nodeid
        self._coverage.switch_context(item.nodeid)
        began = time.monotonic()
        try:
            return (yield)
        finally:
            self._seconds[item.nodeid] = round(time.monotonic() - began, 3)
            self._now = None

    def pytest_sessionfinish(self) -> None:
        """Write it all down."""
        self._coverage.stop()
        data = self._coverage.get_data()
        number = {test: n for n, test in enumerate(self._seconds)}
        lines = {
            Path(file).relative_to(self._root).as_posix(): {
                line: [number[test] for test in tests if test in number]
                for line, tests in data.contexts_by_lineno(file).items()
            }
            for file in data.measured_files()
        }
        written = {
            "tests": list(number),
            "seconds": list(self._seconds.values()),
            "scripts": {
                name: sorted(number[test] for test in tests if test in number)
                for name, tests in self._scripts.items()
            },
            "lines": lines,
        }
        self._file.write_text(json.dumps(written), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Record, where a file to write to is named."""
    if target := os.environ.get(TARGET):
        config.pluginmanager.register(Recorder(config.rootpath, Path(target)))

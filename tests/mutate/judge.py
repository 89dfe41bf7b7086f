"""Run the tests that can see a mutant, in a copy of the tree, until one fails.

A child is forked for each mutant from a process that has the libraries loaded, and none of ours: what
a test run costs is then little more than its tests.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.mutate.mutant import Mutant

Outcome = Literal["killed", "survived", "timeout", "unseen"]

QUIET = ("-q", "--no-header", "--tb=no", "-o", "addopts=", "--import-mode=importlib")
#: libraries are loaded before pytest could rewrite their asserts, and theirs are not looked at
WARNINGS = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
PLUGINS_OFF = ("-p", "no:xdist", "-p", "no:randomly", "-p", "no:cacheprovider")
#: the share of the models' examples that a mutant meets (tests/conftest.py): it survives most of them
EXAMPLES = "0.25"
#: all tests that see one file, without a mutant
BASELINE_LIMIT_S = 900.0
#: what tests import besides ours, and what takes long to load
LIBRARIES = (
    *("celery", "flask", "fsspec", "hypothesis", "kombu", "marshmallow", "numpy", "PIL.Image"),
    *("prometheus_client", "pytest", "redis", "requests", "urllib3"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one mutant fared."""

    outcome: Outcome
    tests: int
    seconds: float


class Judge:
    """A copy of the tree in which mutants are tried, one after another."""

    def __init__(self, root: Path, copy: Path, limit_s: float) -> None:
        self._copy, self._limit_s = copy, limit_s
        self._passed = copy.with_suffix(".passed")
        self._passes: dict[str, bool] = {}
        shutil.rmtree(copy, ignore_errors=True)
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            capture_output=True,
            check=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (root / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, copy / name)
        for library in LIBRARIES:
            __import__(library)

    def judge(self, mutant: Mutant, tests: list[str]) -> Verdict:
        """Try one mutant; the copy is as it was afterwards."""
        tests = self._trusted(tests)
        if not tests:
            return Verdict("unseen", 0, 0.0)
        file = self._copy / mutant.path
        whole = file.read_text(encoding="utf-8")
        began = time.monotonic()
        try:
            file.write_text(mutant.text(), encoding="utf-8")
            outcome = self._outcome(tests, limit_s=self._limit_s)
        finally:
            file.write_text(whole, encoding="utf-8")
        return Verdict(outcome, len(tests), round(time.monotonic() - began, 2))

    def close(self) -> None:
        """Drop the copy."""
        shutil.rmtree(self._copy, ignore_errors=True)
        for suffix in (".passed", ".log"):
            self._copy.with_suffix(suffix).unlink(missing_ok=True)

    def _trusted(self, tests: list[str]) -> list[str]:
        """Return the tests that pass here without any mutant; each is asked once."""
        new = [test for test in tests if test not in self._passes]
        if new:
            self._passed.write_text("", encoding="utf-8")
            self._outcome(new, limit_s=BASELINE_LIMIT_S, first_failure_ends=False)
            passed = set(self._passed.read_text(encoding="utf-8").splitlines())
            self._passes |= {test: test in passed for test in new}
        return [test for test in tests if self._passes[test]]

    def _outcome(
        self, tests: list[str], *, limit_s: float, first_failure_ends: bool = True
    ) -> Outcome:
        child = os.fork()
        if child == 0:
            self._run(tests, ["-x"] if first_failure_ends else [])
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return "survived" if os.waitstatus_to_exitcode(status) == 0 else "killed"
            time.sleep(0.02)
        _kill(child)
        return "timeout"

    def _run(self, tests: list[str], options: list[str]) -> None:
        """Run the tests in this forked process, and end it."""
        code = 70
        try:
            with self._passed.with_suffix(".log").open("w", encoding="utf-8") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            os.chdir(self._copy)
            os.environ["MUTATE_EXAMPLES"] = EXAMPLES
            sys.path.insert(0, str(self._copy))
            sys.dont_write_bytecode = True
            for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
                del sys.modules[name]
            import pytest

            command = [
                *QUIET,
                *WARNINGS,
                *PLUGINS_OFF,
                *options,
                "--rootdir",
                str(self._copy),
                *tests,
            ]
            code = int(pytest.main(command, plugins=[_Passed(self._passed)]))
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
        finally:
            # Without Python's own end: what the parent has open is not this process's to close.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


class _Passed:
    """A pytest plugin that writes down which tests passed, each as it ends."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._failed: set[str] = set()

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note a test once its set-up, its body and its tear-down have gone well."""
        if not report.passed:
            self._failed.add(report.nodeid)
        if report.when == "teardown" and report.nodeid not in self._failed:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(report.nodeid + "\n")


def _kill(pid: int) -> None:
    """End a process; ``tests.leftovers`` ends all that it has started."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

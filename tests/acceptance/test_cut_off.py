"""A run of tests that is cut off, in whatever way, leaves no process and no folder behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from stack import processes
from tests.conftest import wait_until
from tests.leftovers import MARK, processes_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

VICTIM = "tests/acceptance/cut_off_victim.py"


class Run:
    """Pytest over the victim, with all that it starts."""

    def __init__(self, *options: str, seconds: float = 600) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cut-"))
        ready = self.folder.with_suffix(".ready")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, VICTIM],
            cwd=processes.HOME,
            env=os.environ
            | {"TMPDIR": str(self.folder), MARK: str(self.folder)}
            | {"CUT_OFF_READY": str(ready), "CUT_OFF_S": str(seconds)},
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(lambda: ready.exists() or self.process.poll() is not None, 180, "the victim")
        began = ready.exists()
        ready.unlink(missing_ok=True)
        if not began:
            self.end()
            pytest.fail(f"pytest ended before the victim began: {self.process.returncode}")

    def left(self) -> list[psutil.Process]:
        return processes_of(MARK, self.folder)

    def testers(self) -> list[psutil.Process]:
        """The processes that xdist has started to run tests."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if "exec(eval(" in " ".join(child.cmdline())]

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for process in self.left():
            process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def run():
    runs: list[Run] = []

    def run(*options: str, **settings: float) -> Run:
        runs.append(Run(*options, **settings))
        return runs[-1]

    yield run
    for each in runs:
        each.end()


def nothing_left(run: Run) -> None:
    wait_until(lambda: not run.left(), 240, "the end of all processes")
    wait_until(lambda: list(run.folder.glob("run-*")) == [], what="the end of its folder")


def servers(run: Run) -> int:
    return sum(process.name() == "valkey-server" for process in run.left())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=str)
def test_nothing_is_left_of_a_run_that_got_a_signal(run, number):
    cut = run()
    assert servers(cut) == 2

    cut.process.send_signal(number)
    cut.process.wait(240)

    nothing_left(cut)


def test_nothing_is_left_of_a_run_over_several_testers_that_was_killed(run):
    cut = run("-n", "1")
    assert servers(cut) == 2

    cut.process.kill()
    cut.process.wait()

    nothing_left(cut)


def test_nothing_is_left_of_a_tester_that_was_killed(run):
    cut = run("-n", "1", "--max-worker-restart", "0")
    (tester,) = cut.testers()
    assert servers(cut) == 2

    tester.kill()

    wait_until(lambda: servers(cut) == 0, 240, "the end of the tester's servers")
    assert cut.process.wait(240) != 0
    nothing_left(cut)


def test_nothing_is_left_of_a_test_that_took_too_long(run):
    cut = run(seconds=1)

    assert cut.process.wait(120) != 0

    nothing_left(cut)

"""One process follows another under the supervisor: side by side, in place, and never restarted after."""

from __future__ import annotations

import os
import signal

import pytest

from stack import supervisor as module
from stack.readiness import VARIABLE
from stack.supervisor import Supervisor
from tests.conftest import wait_until
from tests.unit.test_supervisor import SLEEPER, STUBBORN, gone, look_until, program

READY = f"import os, time; os.write(int(os.environ['{VARIABLE}']), b'.'); time.sleep(60)"
#: at SIGUSR2 it finishes when a file appears, at SIGTERM at once
FINISHING = (
    "import os, signal, sys, time\n"
    "signal.signal(signal.SIGUSR2, lambda *a: os.write(1, b'finishing\\n'))\n"
    "signal.signal(signal.SIGTERM, lambda *a: (os.write(1, b'hurried\\n'), sys.exit(0)))\n"
    "os.write(1, b'there\\n')\n"
    "while not os.path.exists({path!r}): time.sleep(0.02)\n"
)


@pytest.fixture
def lines():
    return []


@pytest.fixture
def supervisor(lines):
    supervisor = Supervisor(lambda name, line: lines.append(line), first_restart_s=0.05)
    yield supervisor
    supervisor.kill()
    supervisor.stop()


def test_a_process_is_ready_once_it_says_so_and_not_after_its_end(supervisor):
    supervisor.start(program("silent", SLEEPER, tells=True))
    supervisor.start(program("one", READY, tells=True))
    wait_until(lambda: supervisor.ready(["one"]))
    assert not supervisor.ready(["one", "silent"])
    pid = supervisor.pids()["one"]
    os.kill(pid, signal.SIGKILL)
    look_until(supervisor, lambda: supervisor.pids().get("one", pid) != pid)
    wait_until(lambda: supervisor.ready(["one"]), what="the next one's own word")


def test_one_that_ends_without_a_word_was_never_ready(supervisor):
    supervisor.start_heir(program("one", "pass", tells=True))
    wait_until(lambda: supervisor.dead_heir())
    assert not supervisor.heirs_ready()
    assert supervisor.dead_heir() == ("one", 0)


def test_a_former_process_finishes_beside_its_heir_and_is_not_started_again(
    supervisor, lines, tmp_path
):
    supervisor.start(program("one", FINISHING.format(path=str(tmp_path / "done"))))
    wait_until(lambda: lines == ["there"])
    former = supervisor.pids()["one"]
    supervisor.start_heir(program("one", READY, tells=True))
    wait_until(supervisor.heirs_ready)
    assert supervisor.pids()["one"] == former, "until it is put in place"

    supervisor.succeed("one", signal.SIGUSR2, 600)

    look_until(supervisor, lambda: lines[-1] == "finishing")
    assert supervisor.pids()["one"] != former
    assert supervisor.leaving() == ("one",)
    (tmp_path / "done").touch()
    look_until(supervisor, lambda: supervisor.leaving() == ())
    assert gone(former)
    assert supervisor.deaths == [], "its end is no death"


def test_a_former_process_that_takes_too_long_is_told_to_hurry_and_then_killed(supervisor, lines):
    code = STUBBORN.replace("SIGTERM,", "SIGUSR2, signal.SIG_IGN); signal.signal(signal.SIGTERM,")
    supervisor.start(program("one", code, grace_s=0.2))
    wait_until(lambda: lines)
    former = supervisor.pids()["one"]
    supervisor.start_heir(program("one", SLEEPER))

    supervisor.succeed("one", signal.SIGUSR2, 0.0)

    look_until(supervisor, lambda: supervisor.leaving() == ())
    assert gone(former)


def test_of_too_many_generations_the_oldest_hurries(supervisor, lines, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "FORMER_MOST", 1)
    supervisor.start(program("one", FINISHING.format(path=str(tmp_path / "never"))))
    for said in (1, 2):
        wait_until(lambda said=said: lines.count("there") == said)
        supervisor.start_heir(program("one", FINISHING.format(path=str(tmp_path / "never"))))
        wait_until(lambda said=said: lines.count("there") == said + 1)
        supervisor.succeed("one", signal.SIGUSR2, 600)
    look_until(supervisor, lambda: len(supervisor.leaving()) == 1)
    assert lines.count("hurried") == 1


def test_heirs_that_are_not_wanted_leave_the_others_alone(supervisor, lines):
    supervisor.start(program("one", SLEEPER))
    before = supervisor.pids()
    supervisor.start_heir(program("one", "print('heir', flush=True);" + SLEEPER))
    wait_until(lambda: lines)
    supervisor.disinherit()
    supervisor.look()
    assert supervisor.pids() == before
    assert supervisor.dead_heir() is None
    assert supervisor.leaving() == ()


def test_stopping_ends_heirs_and_those_that_leave_too(supervisor, lines, tmp_path):
    finishing = program("one", FINISHING.format(path=str(tmp_path / "never")), grace_s=5)
    supervisor.start(finishing)
    wait_until(lambda: lines == ["there"])
    former = supervisor.pids()["one"]
    supervisor.start_heir(program("one", SLEEPER))
    supervisor.succeed("one", signal.SIGUSR2, 600)
    supervisor.start_heir(finishing)
    wait_until(lambda: lines.count("there") == 2)

    supervisor.stop()

    assert gone(former)
    assert lines.count("hurried") == 2
    assert supervisor.leaving() == ()


def test_what_cannot_run_side_by_side_is_followed(supervisor):
    supervisor.start(program("one", SLEEPER))
    before = supervisor.pids()["one"]
    supervisor.restart(program("one", SLEEPER))
    assert gone(before)
    assert supervisor.pids()["one"] != before
    assert supervisor.deaths == []


@pytest.mark.parametrize("reloads", [True, False], ids=["a service", "on a terminal"])
def test_a_hang_up_asks_to_reload_where_no_terminal_can_have_gone(supervisor, reloads):
    supervisor.hangup_reloads = reloads
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        with supervisor.signals():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (supervisor.reload_asked, supervisor.stopping) == (reloads, not reloads)

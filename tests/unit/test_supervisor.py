"""The supervisor, with small real processes: restarts, order of stopping, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from stack import supervisor as module
from stack.supervisor import Program, Supervisor, describe_exit
from tests.conftest import wait_until

SLEEPER = "import time; time.sleep(60)"
#: says that it is there, and ignores SIGTERM
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('there', flush=True); time.sleep(60)"
)
#: starts a child of its own and tells its pid
PARENT = (
    "import subprocess, sys, time; "
    f"print(subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]).pid, flush=True); time.sleep(60)"
)


def program(name: str, code: str, **options) -> Program:
    return Program(name, [sys.executable, "-ISc", code], **options)


def gone(pid: int) -> bool:
    """A zombie counts as gone: whoever adopted it may take its time to reap it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def lines():
    return []


@pytest.fixture
def supervisor(lines):
    supervisor = Supervisor(lambda name, line: lines.append((name, line)), first_restart_s=0.05)
    yield supervisor
    supervisor.kill()
    supervisor.stop()


def look_until(supervisor: Supervisor, holds) -> None:
    def looked() -> bool:
        supervisor.look()
        return holds()

    wait_until(looked)


def test_output_is_told_line_by_line_under_the_name_of_its_process(supervisor, lines):
    supervisor.start(
        program("one", "import sys; print('out'); print('err', file=sys.stderr); print('\\xff')")
    )
    wait_until(lambda: len(lines) == 3)
    assert {name for name, _ in lines} == {"one"}
    assert sorted(line for _, line in lines)[:2] == ["err", "out"]


def test_a_process_that_dies_is_started_again_and_its_exit_code_is_kept(supervisor, lines):
    supervisor.start(program("one", "print('hello'); raise SystemExit(3)"))
    look_until(supervisor, lambda: len(supervisor.deaths) >= 2)
    assert supervisor.deaths[0] == ("one", 3)
    assert lines.count(("one", "hello")) >= 2


def test_restarts_wait_longer_each_time_up_to_a_bound(supervisor, monkeypatch):
    now = 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    supervisor.first_restart_s = 1.0
    supervisor.start(program("one", "raise SystemExit(1)"))
    waits = []
    for _ in range(7):
        supervisor._children["one"].process.wait()
        supervisor.look()
        died_at, deaths = now, len(supervisor.deaths)
        while "one" not in supervisor.pids():
            now += 0.5
            supervisor.look()
        assert len(supervisor.deaths) == deaths
        waits.append(now - died_at)
    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_a_healthy_minute_makes_the_next_restart_quick_again(supervisor, monkeypatch):
    now = 0.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    supervisor.start(program("one", SLEEPER))
    supervisor._children["one"].failures = 5
    now = module.HEALTHY_S + 1
    os.kill(supervisor.pids()["one"], signal.SIGKILL)
    supervisor._children["one"].process.wait()
    supervisor.look()
    assert supervisor._children["one"].start_at == pytest.approx(now + supervisor.first_restart_s)


def test_stages_stop_one_after_the_other(supervisor, lines):
    says = (
        "import signal, sys, time; "
        "signal.signal(signal.SIGTERM, lambda *a: (time.sleep(0.2), print('bye'), sys.exit(0))); "
        "print('there', flush=True); time.sleep(60)"
    )
    for name, stage in (("last", 2), ("first", 0), ("second", 1)):
        supervisor.start(program(name, says, stage=stage))
    wait_until(lambda: len(lines) == 3)
    supervisor.stop()
    assert [name for name, line in lines if line == "bye"] == ["first", "second", "last"]


def test_whoever_does_not_stop_in_time_is_killed(supervisor, lines):
    supervisor.start(program("one", STUBBORN, grace_s=0.3))
    wait_until(lambda: lines)
    pid = supervisor.pids()["one"]
    begun_at = time.monotonic()
    supervisor.stop()
    assert gone(pid)
    assert time.monotonic() - begun_at > 0.2


def test_grandchildren_go_with_their_parent(supervisor, lines):
    supervisor.start(program("one", PARENT))
    wait_until(lambda: lines)
    grandchild = int(lines[0][1])
    assert not gone(grandchild)
    supervisor.stop()
    wait_until(lambda: gone(grandchild))


def test_a_parent_that_dies_alone_takes_its_group_along_before_it_is_restarted(supervisor, lines):
    supervisor.start(program("one", PARENT))
    wait_until(lambda: lines)
    os.kill(supervisor.pids()["one"], signal.SIGKILL)
    look_until(supervisor, lambda: len(lines) == 2)
    assert gone(int(lines[0][1]))
    assert not gone(int(lines[1][1]))


#: a supervisor in a process of its own, whose children ignore SIGTERM where asked to
OUTER = f"""
import sys
from stack.supervisor import Program, Supervisor
supervisor = Supervisor(lambda name, line: print(line, flush=True))
with supervisor.signals():
    supervisor.start(Program("one", [sys.executable, "-c", {PARENT!r}], grace_s=30))
    supervisor.start(Program("two", [sys.executable, "-c", {STUBBORN!r}], grace_s=30))
    supervisor.run()
    print("stopping", flush=True)
    supervisor.stop()
    print("stopped", flush=True)
"""


@pytest.fixture
def outer():
    process = subprocess.Popen([sys.executable, "-c", OUTER], stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def started(outer) -> list[psutil.Process]:
    said = {outer.stdout.readline().strip() for _ in range(2)}
    assert "there" in said
    family = psutil.Process(outer.pid).children(recursive=True)
    assert len(family) == 4  # two programs, one's child, the watchdog
    return family


def test_a_supervisor_killed_with_9_leaves_no_process_behind(outer):
    family = started(outer)
    outer.kill()
    wait_until(lambda: all(gone(each.pid) for each in family), 20, "the end of every process")


def test_a_second_signal_kills_at_once(outer):
    family = started(outer)
    outer.send_signal(signal.SIGTERM)
    assert outer.stdout.readline() == "stopping\n"
    outer.send_signal(signal.SIGINT)
    assert outer.wait(10) == 0
    assert all(gone(each.pid) for each in family)


def test_a_watchdog_that_was_killed_is_replaced_and_knows_the_groups(outer):
    family = started(outer)
    (watchdog,) = (each for each in family if any("watchdog" in part for part in each.cmdline()))
    # All that it writes from here on is the new one's list.
    written = psutil.Process(outer.pid).io_counters().write_count
    watchdog.kill()

    def newcomers() -> set[psutil.Process]:
        return set(psutil.Process(outer.pid).children()) - set(family)

    wait_until(newcomers)
    wait_until(lambda: psutil.Process(outer.pid).io_counters().write_count > written)
    family += newcomers()
    outer.kill()
    wait_until(lambda: all(gone(each.pid) for each in family), 20, "the end of every process")


@pytest.mark.parametrize(
    ("code", "words"), [(0, "0"), (3, "3"), (-9, "SIGKILL"), (-15, "SIGTERM"), (-99, "signal 99")]
)
def test_exit_codes_are_said_as_people_read_them(code, words):
    assert describe_exit(code) == words


@pytest.mark.parametrize("ignored", [True, False], ids=["under nohup", "on a terminal"])
def test_a_hang_up_that_was_ignored_stays_so_in_us_and_in_children(supervisor, lines, ignored):
    wanted = signal.SIG_IGN if ignored else signal.SIG_DFL
    before = signal.signal(signal.SIGHUP, wanted)
    says = "import signal; print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN, flush=True)"
    try:
        with supervisor.signals():
            os.kill(os.getpid(), signal.SIGHUP)
            assert supervisor.stopping is not ignored
            supervisor.start(program("child", says))
            look_until(supervisor, lambda: lines)
        assert signal.getsignal(signal.SIGHUP) == wanted
    finally:
        signal.signal(signal.SIGHUP, before)
    assert lines[0] == ("child", str(ignored))

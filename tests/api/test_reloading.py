"""What becomes of a trial of new settings that itself goes wrong: the API is told why, and goes on."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import warnings

import psutil
import pytest

from api.server import reloading, trial
from limner.settings import Settings, in_force
from stack import processes

#: tries settings with a socket that listens, and says its port and which process tries them
MASTER = """
import os, socket, time
from api.server import trial
from limner.settings import Settings
door = socket.create_server(("127.0.0.1", 0))
port = door.getsockname()[1]
def hangs(_):
    print(port, os.getpid(), flush=True)
    time.sleep(600)
trial._trial, trial.TRIAL_S, trial.ALONE_S = hangs, 1.0, 1
# So that only the alarm can end it.
trial._heard = lambda *_: time.sleep(600)
trial.tried(Settings(), [door], lambda: False)
"""


@pytest.fixture(autouse=True)
def forked_beside_threads(monkeypatch):
    """Gunicorn's master has one thread and the log's, and this process has others' too."""
    monkeypatch.setattr(in_force, "_held", Settings())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def why_not(monkeypatch, of, listening=(), given_up=lambda: False) -> str:
    monkeypatch.setattr(trial, "_trial", of)
    return trial.tried(Settings(), listening, given_up)


def own_files() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


class Server:
    """What is asked of gunicorn's arbiter: it queues signals, and at SIGHUP waits for former workers."""

    LISTENERS = ()

    def __init__(self) -> None:
        self.queued: list[int] = []
        self.reloads = self.reaped = 0
        self.told_of_at: int | None = None
        reloading.reload_what_is_right(self)

    def signal(self, number, frame) -> None:
        self.queued.append(number)

    def handle_hup(self) -> None:
        self.reloads += 1
        # In gunicorn as long as former workers have requests.
        while self.reaped < 10:
            self.reap_workers()

    def reap_workers(self) -> None:
        self.reaped += 1
        if self.reaped == self.told_of_at:
            signal.raise_signal(signal.SIGTERM)


@pytest.fixture
def server():
    """One that has the signals of this process, as gunicorn's master has."""
    server = Server()
    before = {number: signal.signal(number, server.signal) for number in reloading.ENDS}
    yield server
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_trial_that_ends_well_says_nothing(monkeypatch):
    assert why_not(monkeypatch, lambda _: trial._WELL) == ""


def test_a_trial_that_breaks_says_by_what(monkeypatch):
    def breaks(_):
        raise SystemExit(7)

    assert why_not(monkeypatch, breaks) == "SystemExit: 7"


def test_a_trial_that_dies_is_no_good_one(monkeypatch):
    assert "without a word" in why_not(monkeypatch, lambda _: os._exit(0))


def test_a_trial_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr(trial, "TRIAL_S", 0.2)
    before = set(psutil.Process().children())

    assert "within 0.2 s" in why_not(monkeypatch, lambda _: time.sleep(600))

    assert set(psutil.Process().children()) <= before


def test_a_trial_has_no_socket_of_the_masters_and_ends_by_itself_if_nobody_ends_it(monkeypatch):
    def says_what_it_has(_):
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
        return f"descriptor {door.fileno()}, {signal.alarm(0)} s"

    with socket.create_server(("127.0.0.1", 0)) as door:
        said = why_not(monkeypatch, says_what_it_has, [door])
        assert door.fileno() != -1, "the master's stays"

    assert said == f"descriptor -1, {trial.TRIAL_S + trial.ALONE_S:g} s"


def test_a_trial_whose_master_is_killed_leaves_the_address_and_ends(tmp_path):
    master = subprocess.Popen(
        [sys.executable, "-c", MASTER],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "LIMNER_DATA_DIR": str(tmp_path)},
        cwd=processes.HOME,
    )
    with master:
        port, pid = map(int, master.stdout.readline().split())
        master.kill()
    left = psutil.Process(pid)
    try:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=30).close()
        left.wait(60)
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            left.kill()


def test_where_there_can_be_no_process_nothing_is_left_open(monkeypatch):
    def none() -> int:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(os, "fork", none)
    before = own_files()

    with pytest.raises(BlockingIOError):
        why_not(monkeypatch, lambda _: trial._WELL)

    assert own_files() == before


def test_a_trial_that_the_kernel_does_not_let_go_of_is_left_to_the_master(monkeypatch):
    monkeypatch.setattr(trial, "TRIAL_S", 0.1)
    monkeypatch.setattr(trial, "END_S", 0.1)
    killed: list[int] = []
    kill = os.kill
    monkeypatch.setattr(os, "kill", lambda process, _: killed.append(process))
    try:
        assert "within 0.1 s" in why_not(monkeypatch, lambda _: time.sleep(600))
    finally:
        (process,) = killed
        kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


@pytest.mark.parametrize("number", reloading.ENDS, ids=lambda number: number.name)
def test_a_master_that_is_told_to_end_ends_the_trial_and_does_not_reload(
    monkeypatch, caplog, server, number
):
    """The trial itself tells it, so it goes on: only the signal ends it before the test's time is up."""

    def tells_and_hangs(_):
        os.kill(os.getppid(), number)
        time.sleep(600)

    monkeypatch.setattr(trial, "TRIAL_S", 600.0)
    monkeypatch.setattr(trial, "_trial", tells_and_hangs)
    before = set(psutil.Process().children())

    server.handle_hup()

    assert server.queued == [number]
    assert server.reloads == 0
    assert [record.limner_fields["why"] for record in caplog.records] == ["the API is about to end"]
    assert set(psutil.Process().children()) <= before


def test_a_master_that_was_told_to_end_before_does_not_reload(monkeypatch, server):
    monkeypatch.setattr(trial, "TRIAL_S", 600.0)
    monkeypatch.setattr(trial, "_trial", lambda _: time.sleep(600))
    signal.raise_signal(signal.SIGTERM)

    server.handle_hup()

    assert server.reloads == 0


@pytest.mark.parametrize(("told_of_at", "reaped"), [(None, 10), (3, 3)])
def test_a_master_that_is_told_to_end_does_not_wait_for_former_workers(
    monkeypatch, server, told_of_at, reaped
):
    monkeypatch.setattr(trial, "_trial", lambda _: trial._WELL)
    server.told_of_at = told_of_at

    server.handle_hup()

    assert (server.reloads, server.reaped) == (1, reaped)
    # What comes after is gunicorn's again.
    server.reap_workers()
    assert server.reaped == reaped + 1


@pytest.mark.parametrize("error", [OSError("no folder"), KeyError("a bug of ours")])
def test_whatever_goes_wrong_gunicorn_does_not_reload(monkeypatch, caplog, server, error):
    def breaks(*_):
        raise error

    monkeypatch.setattr(reloading.Reloads, "_read_anew", breaks)

    server.handle_hup()

    assert server.reloads == 0
    assert "gateway.not_reloaded" in caplog.text

"""What every room of tests shares: an embedded Redis of our own, a store on it, a clock to move."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from limner.errors import StoreDown
from limner.settings import redis_socket
from limner.store import Store
from stack import embedded
from tests.leftovers import MARK, guard, processes_of

#: Options for a server that a test kills, where all must be kept that it answered: with ``everysec`` that
#: is in its memory alone while the disk is slow with what came before.
WRITTEN_FIRST = ("--appendfsync", "always")

# Two shared cores: how long an example takes says nothing about the code.
hypothesis_settings.register_profile(
    "limner", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("limner")

Returned = TypeVar("Returned")


def pytest_configure() -> None:
    """Have all that this run starts end with it, however it ends, and let Ctrl-C reach it."""
    guard()
    # A shell has what it starts with `&` ignore it, and every process would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


#: rooms of long tests, which begin first: what is begun last ends soon, and no tester is left alone with it
LONG_FIRST = ("acceptance", "console", "clients", "workers", "contract")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the rooms; within each, all stays in its order by chance."""
    order = {room: number for number, room in enumerate(LONG_FIRST)}
    items.sort(key=lambda item: order.get(item.path.parent.name, len(order)))


def examples(count: int) -> int:
    """Return how many examples a model shall run: fewer where a mutant meets it again and again."""
    return max(1, round(count * float(os.environ.get("MUTATE_EXAMPLES", "1"))))


class MovingClock:
    """Milliseconds since 1970 that pass only when a test says so."""

    def __init__(self, now_ms: int = 1_800_000_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def pass_s(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)


def free_port() -> int:
    """Return a port of loopback that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def wait_until(holds, timeout_s: float = 60.0, what: str = "the condition") -> None:
    """Return as soon as ``holds()`` is true; fail the test if it never is."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not hold within {timeout_s:g} s")
        time.sleep(0.02)


def json_lines(path: Path) -> list[Any]:
    """Return what a file of JSON lines holds, up to the line that is being written; nothing without it."""
    if not path.exists():
        return []
    *whole, _ = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in whole]


def run_apart(coroutine: Coroutine[Any, Any, Returned]) -> Returned:
    """Run it in a thread of its own: what drives a browser leaves a loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def answers(store: Store) -> bool:
    with contextlib.suppress(StoreDown):
        store.ping()
        return True
    return False


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Fail the run if a test leaves a process behind, even one that our end would end."""
    yield
    run = Path(os.environ[MARK])
    with contextlib.suppress(pytest.fail.Exception):
        wait_until(lambda: not left_behind(run))
    assert left_behind(run) == []


def left_behind(run: Path) -> list[str]:
    """Return the command lines of the run's processes, but for Python's own, which ends with us."""
    commands = []
    for process in processes_of(MARK, run):
        with contextlib.suppress(psutil.Error):
            commands.append(" ".join(process.cmdline()))
    return [line for line in commands if "multiprocessing.resource_tracker" not in line]


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Give every test the logging it expects, whatever a process's own set-up did in another."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(autouse=True)
def umask_as_it_was() -> Iterator[None]:
    """Give every test the umask it expects: commands that are run in this process set their own."""
    before = os.umask(0)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A server for the whole session, on a socket in a folder that goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="limner-test-"))
    server = embedded.start(folder)
    try:
        url = redis_socket.socket_url(folder)
        store = Store(url)
        wait_until(lambda: answers(store), what="the embedded server")
        store.close()
        yield url
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def a_while_later(store: Store, clock: MovingClock, seconds: float, messages) -> None:
    """Let time pass while other processes look after the lanes, as they do all the time."""
    while seconds > 0:
        step = min(seconds, 5.0)
        clock.pass_s(step)
        store.lanes.sweep(messages)
        seconds -= step


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def store(redis_url: str, clock: MovingClock) -> Iterator[Store]:
    """A store on an empty server, whose clock the test moves."""
    store = Store(redis_url, clock=clock)
    store.redis.flushall()
    yield store
    store.close()


@pytest.fixture
def spans():
    """The spans that this process makes, kept in memory."""
    # Not at the top: few tests need it, and OpenTelemetry takes a while to import.
    from tests.collector import kept

    with kept() as spans:
        yield spans

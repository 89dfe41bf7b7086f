"""Where the bench runs: a Limner in a temporary folder, and its baselines beside it on the same Redis."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil

from bench.load import post
from limner.settings import Settings
from limner.settings.broker import broker_url, redis_url
from stack import processes
from tests.acceptance import load
from tests.acceptance.house import House
from tests.conftest import free_port, wait_until

CALLBACK_URL = "http://receiver.example/hook"
BODY = {
    "promptEn": "a lighthouse on a cliff at dusk, waves below",
    "prompt": "悬崖上的灯塔",
    "fast": True,
    "ar": "3:2",
    "chaos": 10,
    "stylize": 250,
    "callBackUrl": CALLBACK_URL,
    "extra": "order 4711",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: what came out, over how many rounds, and what was to be reached."""

    key: str
    value: float
    spread: tuple[float, float]
    reach: str
    note: str = ""


def figure(key: str, values: list[float], reach: str, note: str = "") -> Figure:
    """Return the median of ``values`` as a figure."""
    return Figure(key, statistics.median(values), (min(values), max(values)), reach, note)


@contextlib.contextmanager
def limner(
    seconds: float = 0.0,
    steps: int = 0,
    slots: int = 8,
    *,
    engines: str = "",
    **settings: object,
) -> Iterator[House]:
    """Run Redis, and whatever else the bench starts, in a folder that goes with the block.

    ``engines``: tables that stand instead of one rehearsal engine.
    """
    settings = {"waiting_cap": load.WAITING_CAP, "log_level": "warning", "lease_s": 15} | settings
    tables = engines or load.stage(seconds, steps, fast=slots, relaxed=1)
    with House(tables, **settings) as house:
        yield house


@dataclass(frozen=True, slots=True)
class Served:
    """A server to POST to: its port, the process that started all of its processes, its requests."""

    port: int
    pid: int
    make: Callable[[int], bytes]

    def cpu_s(self) -> float:
        """Return the CPU seconds that its processes have taken so far."""
        times = [member.cpu_times() for member in _family(self.pid)]
        return sum(each.user + each.system for each in times)


@contextlib.contextmanager
def baseline(house: House, name: str) -> Iterator[Served]:
    """Serve ``bench.plain:<name>`` under the very server and settings of the API."""
    port = free_port()
    settings = Settings.load({"LIMNER_PORT": str(port), "LIMNER_DATA_DIR": str(house.folder)})
    command = processes.api(settings)
    command[command.index("api.wsgi:app")] = f"bench.plain:{name}"
    # Ours patches only sockets, and kombu's locks would stop it; this is the same worker, with all patched.
    command[command.index("--worker-class") + 1] = "gevent"
    # Our log has a thread and its lock, which do not live through the patching of all; and a baseline logs nothing.
    # What else our configuration says is said here.
    hooks = command.index("--config")
    command[hooks : hooks + 2] = (
        *("--workers", str(settings.api_workers)),
        *("--worker-connections", str(settings.api_connections)),
        *("--keep-alive", str(settings.api_keepalive_s)),
    )
    with _serve(house, command, port) as served:
        yield served


@contextlib.contextmanager
def stock(house: House) -> Iterator[Served]:
    """Serve the plain app as people deploy it: gunicorn's threads, and its defaults."""
    port = free_port()
    command = processes.python(
        "gunicorn",
        "bench.plain:app",
        *("--bind", f"127.0.0.1:{port}"),
        *("--worker-class", "gthread", "--threads", "16", "--workers", "1"),
        # It would be in the home folder of whoever runs the bench.
        "--no-control-socket",
        *("--log-level", "warning"),
    )
    with _serve(house, command, port) as served:
        yield served


@contextlib.contextmanager
def _serve(house: House, command: list[str], port: int) -> Iterator[Served]:
    process = subprocess.Popen(command, cwd=processes.HOME, env=plain_environment(house))
    try:
        wait_until(lambda: _listens(port), what=f"{' '.join(command)} to listen")
        yield Served(port, process.pid, plain_request)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            for member in _family(process.pid):
                member.kill()
            process.wait()


def served(house: House) -> Served:
    """Return the API of ``house``."""
    return Served(house.settings.port, house.running["api"].pid, limner_request(house))


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process and those that it started, MB."""
    return load.rss_bytes(pid) / 1e6


def _family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def plain_environment(house: House) -> dict[str, str]:
    """Return the environment in which the baselines find the bench's Redis."""
    return {
        **os.environ,
        "BENCH_REDIS_URL": redis_url(house.settings),
        "BENCH_BROKER_URL": broker_url(house.settings),
    }


def plain_request(_number: int) -> bytes:
    """Return one POST to a baseline."""
    body = json.dumps(BODY | {"tag": uuid.uuid4().hex}).encode()
    return post("/imagine", body, {"Content-Type": "application/json"})


def limner_request(house: House) -> Callable[[int], bytes]:
    """Return what makes one POST to the API."""

    def make(_number: int) -> bytes:
        body = json.dumps(BODY | {"tag": uuid.uuid4().hex}).encode()
        headers = {"Content-Type": "application/json", "token": house.token}
        return post("/draw/midjourney/imagine", body, headers)

    return make


def accept_many(house: House, count: int, prompt: str = "a lighthouse") -> list[str]:
    """Put so many fast jobs with callbacks into the store, and return their ids."""
    return load.accept_many(house, count, prompt, callback_url=CALLBACK_URL, extra="order 4711")


def empty(house: House) -> None:
    """Forget every job; clients stay."""
    redis = house.store.redis
    for pattern in ("limner:job:*", "limner:tag:*", "plain:*"):
        batch = []
        for key in redis.scan_iter(pattern, count=5000):
            batch.append(key)
            if len(batch) == 5000:
                redis.unlink(*batch)
                batch.clear()
        if batch:
            redis.unlink(*batch)
    redis.unlink(
        "fast",
        "relaxed",
        "callbacks",
        "plain:queue",
        "celery",
        "limner:jobs:ann",
        "limner:waits:ann",
        "limner:waiting:fast",
        "limner:due",
        "limner:wake",
    )


def say(text: str) -> None:
    """Tell whoever waits how far the bench is."""
    sys.stderr.write(f"  {text}\n")
    sys.stderr.flush()


def _listens(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False
    return True

"""Where the benchmarks run: a Limner in a temporary folder, and the baselines on the same Redis."""

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
    """One line of the table: the median, the least and the greatest value, and the bound to reach."""

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
    """Run Redis, and whatever else a benchmark starts, in a folder that is deleted after the block.

    ``engines``: the ``[[engine]]`` tables; empty: one rehearsal engine.
    """
    settings = {"waiting_cap": load.WAITING_CAP, "log_level": "warning", "lease_s": 15} | settings
    tables = engines or load.stage(seconds, steps, fast=slots, relaxed=1)
    with House(tables, **settings) as house:
        yield house


@contextlib.contextmanager
def baseline(house: House, name: str) -> Iterator[int]:
    """Serve ``bench.plain:<name>`` with the API's own gunicorn settings, and yield its port."""
    port = free_port()
    command = processes.api(
        Settings.load({"LIMNER_PORT": str(port), "LIMNER_DATA_DIR": str(house.folder)})
    )
    command[command.index("api.wsgi:app")] = f"bench.plain:{name}"
    process = subprocess.Popen(command, cwd=processes.HOME, env=plain_environment(house))
    try:
        wait_until(lambda: _listens(port), what=f"the baseline {name}")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def plain_environment(house: House) -> dict[str, str]:
    """Return an environment that leads the baselines to the benchmark's Redis."""
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
    """Return a function that builds one POST to the API."""

    def make(_number: int) -> bytes:
        body = json.dumps(BODY | {"tag": uuid.uuid4().hex}).encode()
        headers = {"Content-Type": "application/json", "token": house.token}
        return post("/draw/midjourney/imagine", body, headers)

    return make


def accept_many(house: House, count: int, prompt: str = "a lighthouse") -> list[str]:
    """Accept ``count`` fast jobs with callbacks, past the API, and return their ids."""
    return load.accept_many(house, count, prompt, callback_url=CALLBACK_URL, extra="order 4711")


def empty(house: House) -> None:
    """Delete every job; keep the clients."""
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
    """Report progress on standard error."""
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

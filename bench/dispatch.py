"""From accept to the engine on an idle lane, beside a plain Celery task's start; and at depth."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import uuid

from bench.place import (
    Figure,
    accept_many,
    figure,
    limner,
    plain_environment,
    say,
)
from limner import processes
from tests.acceptance.house import House
from tests.conftest import wait_until

JOBS, ROUNDS = 40, 5
WAITING = 100_000
#: jobs that hold the lane while the depth is measured: on its engine, one at a time
BUSY_S = 0.05


def measure() -> list[Figure]:
    """Return the figures of the dispatch."""
    ratios, ours_all = [], []
    with limner(seconds=0.0, steps=0, slots=8) as house:
        house.start_worker("fast")
        with _plain_worker(house):
            _ours(house, 10)
            _plain(house, 10)
            for number in range(ROUNDS):
                ours, plain = _ours(house, JOBS), _plain(house, JOBS)
                ratios.append(ours / plain)
                ours_all.append(ours)
                say(
                    f"dispatch {number + 1}/{ROUNDS}: {ours * 1000:.1f} ms,"
                    f" plain {plain * 1000:.1f} ms"
                )
    return [
        figure(
            "dispatch_vs_plain",
            ratios,
            "<= 1.5",
            f"accept to engine, p50 {statistics.median(ours_all) * 1000:.1f} ms",
        ),
        *_at_depth(),
    ]


def _ours(house: House, jobs: int) -> float:
    """Return the median seconds from the accept's call to the engine's start, one job at a time."""
    house.ledger.write_text("")
    called = {}
    for _ in range(jobs):
        began = time.time()
        (job_id,) = accept_many(house, 1)
        called[job_id] = began
        wait_until(lambda: house.store.jobs.running_count("ann") == 0, 30, "the job's end")
        wait_until(lambda: house.store.jobs.waiting_count("ann") == 0, 30, "the job's end")
    starts = {line["job"]: line["at"] for line in house.drawn() if line["what"] == "start"}
    return float(statistics.median(starts[job_id] - called[job_id] for job_id in called))


def _plain(house: House, jobs: int) -> float:
    """Return the median seconds from ``apply_async`` to the task's first line."""
    code = (
        "import sys, json, time, uuid\n"
        "from bench.plain import draw, store\n"
        "took = []\n"
        "draw.apply_async((uuid.uuid4().hex,)); time.sleep(0.3)\n"
        f"for _ in range({jobs}):\n"
        "    job = uuid.uuid4().hex; began = time.time(); draw.apply_async((job,))\n"
        "    while not (at := store.get(f'plain:began:{job}')): time.sleep(0.002)\n"
        "    took.append(float(at) - began)\n"
        "print(json.dumps(took))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=processes.HOME,
        env=plain_environment(house),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return float(statistics.median(json.loads(done.stdout)))


class _plain_worker:  # noqa: N801 - reads as the block it is
    """A Celery worker with threads for the plain task."""

    def __init__(self, house: House) -> None:
        self._command = processes.celery(
            *("-A", "bench.plain:celery", "worker", "--pool", "threads", "--concurrency", "16"),
            *("-n", f"plain-{uuid.uuid4().hex[:6]}@%h", "--without-mingle", "--without-gossip"),
        )
        self._environment = plain_environment(house)

    def __enter__(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            cwd=processes.HOME,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)


def _at_depth() -> list[Figure]:
    """Compare how quickly a lane drains with nothing behind it and with 100,000 jobs behind."""
    with limner(seconds=BUSY_S, steps=0, slots=8) as house:
        house.start_worker("fast")
        accept_many(house, 20)
        wait_until(lambda: house.store.jobs.waiting_count("ann") == 0, 60, "the warm-up")
        few = [_drain(house, 200) for _ in range(ROUNDS)]
        accept_many(house, WAITING)
        many = [_started_per_s(house) for _ in range(ROUNDS)]
    say(f"dispatch: {max(few):.0f} starts/s, with {WAITING} waiting {max(many):.0f}/s")
    ratios = [f / m for f, m in zip(few, many, strict=True)]
    return [figure("dispatch_at_100k", ratios, "<= 1.2")]


def _drain(house: House, jobs: int) -> float:
    accept_many(house, jobs)
    return _started_per_s(house)


def _started_per_s(house: House) -> float:
    """Return how many drawings began a second while the lane was not empty."""
    house.ledger.write_text("")
    wait_until(lambda: len(house.ledger.read_bytes().splitlines()) >= 200, 120, "200 lines")
    starts = [line["at"] for line in house.drawn() if line["what"] == "start"]
    return float((len(starts) - 1) / (starts[-1] - starts[0]))

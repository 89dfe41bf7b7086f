"""Latency from accept to the engine: on an idle lane, compared with a plain Celery task, and on a full one.

One job at a time, alternating with a plain task, so that both find the machine in the same state.
"""

from __future__ import annotations

import itertools
import os
import statistics
import subprocess
import time
import uuid

from bench.place import Figure, accept_many, figure, limner, plain_environment, say
from stack import processes
from tests.acceptance.house import House
from tests.acceptance.load import wait_for_all
from tests.conftest import wait_until

JOBS, ROUNDS = 40, 5
WAITING = 100_000
#: On a full lane: how long the one slot is idle between two drawings of this many seconds.
#: Slow enough that composing the pictures does not saturate the machine.
DRAWING_S, DRAWINGS = 0.1, 40


def measure() -> list[Figure]:
    """Measure dispatching."""
    return [_from_idle(), _at_depth()]


def _from_idle() -> Figure:
    ratios, ours_all = [], []
    with limner(seconds=0.0, steps=0, slots=8) as house:
        house.start_worker("fast")
        with _plain_worker(house):
            _round(house, 10)
            for number in range(ROUNDS):
                ours, plain = _round(house, JOBS)
                ratios.append(ours / plain)
                ours_all.append(ours)
                say(
                    f"dispatch {number + 1}/{ROUNDS}: {ours * 1000:.1f} ms,"
                    f" plain {plain * 1000:.1f} ms"
                )
    note = f"accept to engine, p50 {statistics.median(ours_all) * 1000:.1f} ms"
    return figure("dispatch_vs_plain", ratios, "<= 1.3", note)


def _round(house: House, jobs: int) -> tuple[float, float]:
    """Return the median seconds from the call to the start, of our jobs and of plain tasks."""
    os.environ.update(plain_environment(house))
    # The module reads the environment when it is imported.
    from bench import plain

    house.ledger.write_text("")
    ours_called, plain_took = {}, []
    for _ in range(jobs):
        began = time.time()
        (job_id,) = accept_many(house, 1)
        ours_called[job_id] = began
        wait_for_all(house)
        key = f"plain:began:{uuid.uuid4().hex}"
        began = time.time()
        plain.draw.apply_async((key.rpartition(":")[2],))
        wait_until(lambda key=key: plain.store.exists(key), 30, "the task's start")
        plain_took.append(float(plain.store.get(key)) - began)
    starts = {line["job"]: line["at"] for line in house.drawn() if line["what"] == "start"}
    ours_took = [starts[job_id] - began for job_id, began in ours_called.items()]
    return statistics.median(ours_took), statistics.median(plain_took)


class _plain_worker:  # noqa: N801 - used as a `with` block
    """A Celery worker with a thread pool for the plain task."""

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


def _at_depth() -> Figure:
    """Compare the idle time between two drawings with few and with 100,000 jobs waiting."""
    with limner(seconds=DRAWING_S, steps=0, slots=1) as house:
        house.start_worker("fast")
        accept_many(house, 20)
        wait_for_all(house)
        few = []
        for _ in range(ROUNDS):
            house.ledger.write_text("")
            accept_many(house, DRAWINGS)
            few.append(_between(house))
            wait_for_all(house)
        accept_many(house, WAITING)
        many = []
        for _ in range(ROUNDS):
            house.ledger.write_text("")
            many.append(_between(house))
    ms = [statistics.median(each) * 1000 for each in (few, many)]
    say(f"dispatch: {ms[0]:.1f} ms between two drawings, with {WAITING} waiting {ms[1]:.1f} ms")
    ratios = [m / f for f, m in zip(few, many, strict=True)]
    return figure("dispatch_at_100k", ratios, "<= 1.1", f"{ms[1]:.1f} ms between two drawings")


def _between(house: House) -> float:
    """Return the median seconds from a drawing's end to the next one's start on the one slot."""
    lines = 2 * DRAWINGS - 2
    wait_until(lambda: len(house.ledger.read_bytes().splitlines()) >= lines, 120, "the drawings")
    ledger = house.drawn()
    pairs = itertools.pairwise(ledger)
    gaps = [b["at"] - a["at"] for a, b in pairs if (a["what"], b["what"]) == ("end", "start")]
    return statistics.median(gaps)

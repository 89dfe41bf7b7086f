"""The cost of a POST: compared with the obvious app and with the floor, and with 100,000 jobs waiting."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.load import run
from bench.place import (
    Figure,
    accept_many,
    baseline,
    empty,
    figure,
    limner,
    limner_request,
    plain_request,
    say,
)
from tests.acceptance.house import House

CONNECTIONS, REQUESTS, ROUNDS = 16, 1500, 5
WAITING = 100_000


def measure() -> list[Figure]:
    """Measure accepting."""
    # With a log line per job, as in production; the baselines write none.
    with limner(log_level="info") as house:
        house.start_api()
        port, ours = house.settings.port, limner_request(house)
        with baseline(house, "app") as plain, baseline(house, "floor") as floor:
            for warm, make in ((port, ours), (plain, plain_request), (floor, plain_request)):
                run(warm, make, CONNECTIONS, 300)
            vs_plain, vs_floor, per_s = [], [], []
            for number in range(ROUNDS):
                mine = run(port, ours, CONNECTIONS, REQUESTS)
                theirs = run(plain, plain_request, CONNECTIONS, REQUESTS)
                least = run(floor, plain_request, CONNECTIONS, REQUESTS)
                vs_plain.append(mine.per_s / theirs.per_s)
                vs_floor.append(mine.per_s / least.per_s)
                per_s.append(mine.per_s)
                say(
                    f"accept {number + 1}/{ROUNDS}: {mine.per_s:.0f}/s (p50 {mine.p50_ms:.1f} ms),"
                    f" plain {theirs.per_s:.0f}/s, floor {least.per_s:.0f}/s"
                )
                empty(house)
        before_bytes = _memory(house)
        few = _rounds(port, ours)
        empty(house)
        filling = time.perf_counter()
        accept_many(house, WAITING)
        say(f"{WAITING} jobs wait, after {time.perf_counter() - filling:.0f} s")
        bytes_each = (_memory(house) - before_bytes) / WAITING
        many = _rounds(port, ours)
    at_many = [f / m for f, m in zip(few, many, strict=True)]
    return [
        figure("accept_vs_plain", vs_plain, ">= 1.6", f"{max(per_s):.0f} accepts/s at best"),
        figure("accept_vs_floor", vs_floor, "report"),
        figure("accept_at_100k", at_many, "<= 1.2"),
        figure("bytes_per_waiting_job", [bytes_each], "<= 3072"),
    ]


def _rounds(port: int, make: Callable[[int], bytes]) -> list[float]:
    return [run(port, make, CONNECTIONS, 800).per_s for _ in range(ROUNDS)]


def _memory(house: House) -> int:
    return int(house.store.redis.info("memory")["used_memory"])

"""What a POST costs: beside the obvious app and the least one, on a busy machine, and at depth.

The obvious app runs twice: under the server that Limner runs under, and as people deploy it.
"""

from __future__ import annotations

import contextlib
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.busy import busy
from bench.load import run
from bench.place import (
    Figure,
    Served,
    accept_many,
    baseline,
    empty,
    figure,
    limner,
    limner_request,
    say,
    served,
    stock,
)
from tests.acceptance.house import House

CONNECTIONS, REQUESTS, ROUNDS = 16, 1500, 5
WAITING = 100_000
#: processes that compute beside, and requests a round among them
BUSY, BUSY_REQUESTS = 12, 600
#: a round among them ends after this time
BUSY_S = 10.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What a round of POSTs to one server showed."""

    per_s: float
    p50_ms: float
    cpu_us: float


def measure() -> list[Figure]:
    """Return the figures of the accept."""
    # With its log line a job, as it is run: the baselines write none.
    with limner(log_level="info") as house:
        house.start_api()
        beside = _beside(house)
        port, ours = house.settings.port, limner_request(house)
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
        *beside,
        figure("accept_at_100k", at_many, "<= 1.2"),
        figure("bytes_per_waiting_job", [bytes_each], "<= 3072"),
    ]


def _beside(house: House) -> list[Figure]:
    """Compare with the baselines, by turns: on the machine as it is, and on a busy one."""
    with contextlib.ExitStack() as stack:
        servers = {
            "limner": served(house),
            "plain": stack.enter_context(baseline(house, "app")),
            "floor": stack.enter_context(baseline(house, "floor")),
            "stock": stack.enter_context(stock(house)),
        }
        for server in servers.values():
            run(server.port, server.make, CONNECTIONS, 300)
        rounds = []
        for number in range(ROUNDS):
            rounds.append({name: _cost(server) for name, server in servers.items()})
            say(f"accept {number + 1}/{ROUNDS}: {_told(rounds[-1])}")
            empty(house)
        stack.enter_context(busy(BUSY))
        among = []
        for number in range(ROUNDS):
            among.append({x: _cost(servers[x], BUSY_REQUESTS, BUSY_S) for x in ("limner", "stock")})
            say(f"accept, busy, {number + 1}/{ROUNDS}: {_told(among[-1])}")
            empty(house)
    best = {name: max(each[name].per_s for each in rounds) for name in servers}
    cpu_us = {name: statistics.median(each[name].cpu_us for each in rounds) for name in servers}
    others = ", ".join(f"{name} {us:.0f}" for name, us in cpu_us.items() if name != "limner")
    busiest = ", ".join(f"{x} {max(e[x].per_s for e in among):.0f}/s" for x in among[0])
    return [
        figure(
            "accept_vs_plain", _ratios(rounds, "plain"), ">= 2.0", f"{best['limner']:.0f}/s at best"
        ),
        figure("accept_vs_floor", _ratios(rounds, "floor"), ">= 0.95"),
        figure(
            "accept_vs_stock", _ratios(rounds, "stock"), ">= 3.5", f"{best['stock']:.0f}/s at best"
        ),
        figure("accept_cpu_us", [each["limner"].cpu_us for each in rounds], "report", others),
        figure("accept_vs_stock_busy", _ratios(among, "stock"), ">= 1", f"at best {busiest}"),
    ]


def _cost(server: Served, requests: int = REQUESTS, at_most_s: float = math.inf) -> Cost:
    before_s = server.cpu_s()
    ran = run(server.port, server.make, CONNECTIONS, requests, at_most_s)
    return Cost(ran.per_s, ran.p50_ms, (server.cpu_s() - before_s) / ran.answered * 1e6)


def _ratios(rounds: list[dict[str, Cost]], other: str) -> list[float]:
    return [each["limner"].per_s / each[other].per_s for each in rounds]


def _told(costs: dict[str, Cost]) -> str:
    return ", ".join(
        f"{name} {each.per_s:.0f}/s (p50 {each.p50_ms:.1f} ms, {each.cpu_us:.0f} µs)"
        for name, each in costs.items()
    )


def _rounds(port: int, make: Callable[[int], bytes]) -> list[float]:
    return [run(port, make, CONNECTIONS, 800).per_s for _ in range(ROUNDS)]


def _memory(house: House) -> int:
    return int(house.store.redis.info("memory")["used_memory"])

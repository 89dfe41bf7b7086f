"""What a POST costs beside strangers at the door and beside event streams, and how late an event is.

Each round measures the same POSTs with nobody beside and then with the crowd. Everything ends in bounded
time: a round in which POSTs were left unanswered is the last one, and they count as answered then.
"""

from __future__ import annotations

import uuid
from typing import Any

from bench import crowd
from bench.load import Ran, run
from bench.place import Figure, figure, limner, limner_request, memory_mb, say
from limner.request import Lane, Request
from tests.acceptance.house import House
from tests.acceptance.load import WAITING_CAP, messages_of

CONNECTIONS, REQUESTS, ROUNDS = 8, 6000, 4
#: a run of POSTs ends after this time
RUN_S = 20.0
SILENT, HALF, BAD_DRIPS, GOOD_DRIPS = 1000, 200, 200, 64
STREAMS, STREAM_CLIENTS, CHANGES_PER_S = 1000, 4, 50
WORKER = "bench-1-0"


def measure() -> list[Figure]:
    """Return the figures of the front door."""
    crowd.many_files()
    return [_idle(), *_streams()]


def _idle() -> Figure:
    with limner(log_level="info") as house:
        house.start_api()
        good = house.store.clients.add("bob").token
        asked = {
            "port": house.settings.port,
            "silent": SILENT,
            "half": HALF,
            "drips": [("lim_" + "x" * 40, BAD_DRIPS), (good, GOOD_DRIPS)],
        }
        ratios, quiets, besides = [], [], []
        _quiet(house)  # warm-up
        for number in range(ROUNDS):
            quiet = _quiet(house)
            with crowd.held("bench.strangers", asked) as strangers:
                beside = _beside(house)
            ratios.append(beside.p99_ms / quiet.p99_ms)
            quiets.append(quiet.p99_ms)
            besides.append(beside.p99_ms)
            say(
                f"door_idle {number + 1}/{ROUNDS}: p99 {quiet.p99_ms:.1f} ms, with strangers"
                f" {_told(beside)}; {strangers.ended}"
            )
            if not beside.whole:
                break
    return figure("door_idle", ratios, "<= 1.5", _note(quiets, besides, "with strangers"))


def _streams() -> list[Figure]:
    with limner(slots=STREAMS, lease_s=600, log_level="info") as house:
        house.start_api()
        asked: dict[str, Any] = {
            "port": house.settings.port,
            "config": str(house.folder / "limner.toml"),
            "per_s": CHANGES_PER_S,
            "first": 0,
            "streams": _drawn(house),
        }
        ratios, quiets, besides, lags, grown, here = [], [], [], [], [], []
        _quiet(house)  # warm-up
        for number in range(ROUNDS):
            quiet = _quiet(house)
            before = memory_mb(house.running["api"].pid)
            with crowd.held("bench.readers", asked) as readers:
                beside = _beside(house)
                grown.append(memory_mb(house.running["api"].pid) - before)
            told = readers.ended
            lags_ms = told.pop("lags_ms")
            asked["first"] += len(lags_ms)
            here.append(float(min(readers.gathered["here"], told["here"])))
            ratios.append(beside.p99_ms / quiet.p99_ms)
            quiets.append(quiet.p99_ms)
            besides.append(beside.p99_ms)
            lags.append(_p99(lags_ms))
            say(
                f"door_streams {number + 1}/{ROUNDS}: p99 {quiet.p99_ms:.1f} ms, with"
                f" {here[-1]:.0f} streams {_told(beside)}; {len(lags_ms)} changes,"
                f" lag p99 {lags[-1]:.0f} ms, {grown[-1]:.0f} MB; {told}"
            )
            if not beside.whole:
                break
    return [
        figure("door_streams", ratios, "<= 2", _note(quiets, besides, "with streams")),
        figure("door_streams_held", here, ">= 1000"),
        figure(
            "door_stream_lag_ms", lags, "<= 250", f"{told['unseen']} not told in the last round"
        ),
        # What the first round allocates is used again by the next ones.
        figure("door_streams_mb", [max(grown)], "report"),
    ]


def _quiet(house: House) -> Ran:
    ran = run(house.settings.port, limner_request(house), CONNECTIONS, REQUESTS, RUN_S)
    if not ran.whole:
        raise RuntimeError(f"{REQUESTS} POSTs with nobody beside took more than {RUN_S:g} s")
    return ran


def _beside(house: House) -> Ran:
    try:
        return run(house.settings.port, limner_request(house), CONNECTIONS, REQUESTS, RUN_S)
    except (OSError, RuntimeError) as error:
        # Refused or hung up on: no better than unanswered.
        say(f"door: {error}")
        return Ran(0.0, [RUN_S] * CONNECTIONS, CONNECTIONS)


def _drawn(house: House) -> list[tuple[str, str, str]]:
    """Have a worker that does not exist draw a job for each stream, of several clients by turns.

    Return each one's id, the worker's token for it, and its client's token.
    """
    store, templates = house.store, messages_of(house)
    clients = {f"reader{n}": store.clients.add(f"reader{n}").token for n in range(STREAM_CLIENTS)}
    store.engines.register(house.settings.engines)
    store.lanes.renew(WORKER, Lane.FAST, ["stage"], {})
    streams = []
    for number in range(STREAMS):
        name = f"reader{number % STREAM_CLIENTS}"
        job_id, owner = uuid.uuid4().hex, uuid.uuid4().hex
        request = Request(prompt_en="a lighthouse", lane=Lane.FAST, tag=uuid.uuid4().hex)
        store.jobs.accept(job_id, name, request, (1, 2, 3, 4), templates, waiting_cap=WAITING_CAP)
        taken = store.lanes.take(job_id, owner, WORKER, templates, begin=True)
        assert taken.state == "granted", taken
        streams.append((job_id, owner, clients[name]))
    return streams


def _p99(values: list[float]) -> float:
    return sorted(values)[len(values) * 99 // 100] if values else float("inf")


def _told(ran: Ran) -> str:
    return f"{ran.p99_ms:.1f} ms" + ("" if ran.whole else f", stopped after {RUN_S:g} s")


def _note(quiets: list[float], besides: list[float], what: str) -> str:
    return f"p99 {min(quiets):.1f}-{max(quiets):.1f} ms, {what} {min(besides):.1f}-{max(besides):.1f} ms"

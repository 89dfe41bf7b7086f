"""How many drawings one worker process can hold for each kind of server; called by ``bench.inflight``.

The stand-ins run in this process. They count the drawings that they hold, and finish none while these
are counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psutil

from bench.place import Figure, accept_many, figure, limner, say
from tests.conftest import wait_until
from tests.standins.comfyui import Comfy
from tests.standins.loopback import Asked, Loopback
from tests.standins.mjproxy import MjServer
from tests.standins.openai import OpenAIServer
from tests.standins.sdapi import Sdapi
from workers.descriptors import raise_limit

LIMIT_S = 40.0
#: wait this long before measuring, so that every poller and socket has been active
SETTLE_S = 4.0
CELLS = 4

TABLE = """
[[engine]]
name = "server"
driver = "{driver}"
{options}
fast = {{ slots = {slots} }}
"""


class Patient(OpenAIServer):
    """Holds more than a thousand connections without polling each fifty times a second."""

    def pause(self, seconds: float, asked: Asked | None = None) -> bool:
        return not self.closing.wait(seconds)


def _hold_comfyui(server: Any) -> None:
    server.seconds = 3600.0


def _hold_mjproxy(server: Any) -> None:
    server.held.set()


def _hang(server: Any) -> None:
    server.faults.add("hang")


@dataclass(frozen=True, slots=True)
class ServerKind:
    """One kind of server: its stand-in, how to make it hold its drawings, and how to count them."""

    driver: str
    options: str
    build: Callable[[], Loopback]
    hold: Callable[[Any], None]
    count: Callable[[Any], int]
    slots: int
    reach: str


KINDS = (
    ServerKind(
        "comfyui",
        'url = "{url}"\ncheckpoint = "sd15.safetensors"',
        Comfy,
        _hold_comfyui,
        lambda server: len(server.pending) + (server.running is not None),
        520,
        ">= 500",
    ),
    ServerKind(
        "mjproxy",
        'url = "{url}"\npoll_s = 1',
        MjServer,
        _hold_mjproxy,
        # The warm-up is done.
        lambda server: len(server.tasks) - 1,
        520,
        ">= 500",
    ),
    ServerKind(
        "sdapi",
        'url = "{url}"',
        Sdapi,
        _hang,
        lambda server: len(server._waiting) + bool(server._running),
        320,
        ">= 300",
    ),
    ServerKind(
        "openai",
        'base_url = "{url}/v1"\nmodel = "gpt-image"',
        Patient,
        _hang,
        lambda server: server.at_once // CELLS,
        320,
        ">= 300",
    ),
)


def over_servers() -> Iterator[Figure]:
    """Measure the drawings in flight for each kind of server."""
    raise_limit()
    for kind in KINDS:
        yield _measured(kind)


def _measured(kind: ServerKind) -> Figure:
    with kind.build() as server:
        options = kind.options.format(url=server.url)
        table = TABLE.format(driver=kind.driver, options=options, slots=kind.slots)
        with limner(engines=table, worker_threads=kind.slots) as house:
            name = house.start_worker("fast")
            (first,) = accept_many(house, 1)
            wait_until(lambda: house.store.jobs.get(first).finished_at, 60, "the warm-up")
            process = psutil.Process(house.running[name].pid)
            before = process.memory_info().rss
            kind.hold(server)
            began = time.monotonic()
            accept_many(house, kind.slots)
            most, deadline = 0, began + LIMIT_S
            while time.monotonic() < deadline and most < kind.slots:
                time.sleep(0.1)
                most = max(most, min(kind.count(server), house.store.jobs.running_count("ann")))
            took_s = time.monotonic() - began
            time.sleep(SETTLE_S)
            left = min(kind.count(server), house.store.jobs.running_count("ann"))
            each = (process.memory_info().rss - before) / max(left, 1) / 1024
            files, threads = process.num_fds(), process.num_threads()
    note = (
        f"{each:.0f} KiB each, {files} descriptors, {threads} threads, all there in {took_s:.0f} s"
    )
    say(f"in flight over {kind.driver}: {left} (most {most}), {note}")
    # What is still there after settling counts, not the peak.
    return figure(f"inflight_{kind.driver}", [float(left)], kind.reach, note)

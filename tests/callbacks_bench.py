"""How fast callbacks leave, beside a bare ``requests.Session``, and what dead receivers cost others.

``python -m tests.callbacks_bench [--json FILE]``: about a minute. Compare rows of one run only: the
absolute figures are the machine's. The receiver, the dispatcher and the load are three processes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import multiprocessing.connection
import os
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

import requests

from limner import log
from limner.settings import Settings, redis_socket
from limner.store import Store
from stack import embedded
from tests.callback_doubles import a_job, emit
from tests.conftest import answers, wait_until
from workers.posting.dispatcher import Dispatcher
from workers.posting.letters import event_body

THREADS = 32
BARE_S, JOBS, EVENTS = 4.0, 700, 3
HEALTHY_S, HEALTHY_PER_S = 8.0, 60
DEAD_HOSTS, DEAD_JOBS = 16, 800

Pipe = multiprocessing.connection.Connection
fork = multiprocessing.get_context("spawn")


# -- the receiver: answers at once, keeps when each job was heard of ----------------------------


def receive(pipe: Pipe) -> None:
    heard: dict[str, float] = {}
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
                count += 1
                if b"webhook-id: " in head:
                    name = head.partition(b"webhook-id: ")[2].partition(b"\r\n")[0].decode()
                    heard[name] = time.time()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        while True:
            await asyncio.sleep(0.02)
            while pipe.poll():
                match pipe.recv():
                    case "count":
                        pipe.send(count)
                    case "heard":
                        pipe.send(heard)
                    case "stop":
                        return

    asyncio.run(main())


def dispatch(redis_url: str, pipe: Pipe) -> None:
    # Every attempt is logged, as in production, to nowhere.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    log.set_up("json", "info")
    store = Store(redis_url)
    settings = Settings(callback_threads=THREADS, callback_allow="127.0.0.0/8:*")
    dispatcher = Dispatcher(store, settings)
    pipe.recv()
    dispatcher.start()
    pipe.recv()
    dispatcher.stop(1)


class Bench:
    def __init__(self, redis_url: str) -> None:
        self.redis_url = redis_url
        self.store = Store(redis_url)
        self.store.redis.flushall()
        self.store.clients.add("ann")
        self.pipe, theirs = fork.Pipe()
        self.receiver = fork.Process(target=receive, args=(theirs,), daemon=True)
        self.receiver.start()
        self.url = f"http://127.0.0.1:{self.pipe.recv()}/hook"

    def ask(self, what: str):
        self.pipe.send(what)
        return self.pipe.recv()

    @contextlib.contextmanager
    def dispatcher(self):
        pipe, theirs = fork.Pipe()
        process = fork.Process(target=dispatch, args=(self.redis_url, theirs), daemon=True)
        process.start()
        try:
            yield lambda: pipe.send("start")
        finally:
            pipe.send("stop")
            process.join(10)
            process.kill()

    def bare(self) -> float:
        """POSTs a second of plain sessions, one a thread, with a body like ours."""
        emit(self.store, a_job(self.store, "sample", self.url), "T")
        record = self.store.redis.hgetall("limner:job:sample")
        body = event_body(record, self.store.outbox.told("sample").pending[0], "http://127.0.0.1")
        self.store.redis.delete("limner:wake", "limner:due", "limner:outq:sample")
        before, ends = self.ask("count"), time.monotonic() + BARE_S

        def run() -> None:
            session = requests.Session()
            while time.monotonic() < ends:
                session.post(self.url, data=body, timeout=5)

        threads = [threading.Thread(target=run) for _ in range(THREADS)]
        started = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return (self.ask("count") - before) / (time.monotonic() - started)

    def drain(self) -> float:
        """Callbacks a second while a full outbox is emptied."""
        for n in range(JOBS):
            job = a_job(self.store, f"drain{n}", self.url)
            for kind in ("T", "T", "X")[:EVENTS]:
                emit(self.store, job, kind)
        with self.dispatcher() as start:
            before = self.ask("count")
            start()
            wait_until(lambda: self.ask("count") > before)
            started = time.monotonic()
            wait_until(lambda: self.ask("count") >= before + JOBS * EVENTS, 120)
            return (JOBS * EVENTS - 1) / (time.monotonic() - started)

    def latency(self, name: str, per_s: float, seconds: float) -> list[float]:
        """Milliseconds from emit to receiver, of callbacks that come at an even pace."""
        sent = {}
        for n in range(round(per_s * seconds)):
            job = a_job(self.store, f"{name}{n}", self.url)
            sent[f"msg_{job}_1"] = time.time()
            emit(self.store, job, "X")
            time.sleep(1 / per_s)
        wait_until(lambda: sent.keys() <= self._heard().keys(), 60, "every healthy callback")
        heard = self._heard()
        return sorted((heard[name] - at) * 1000 for name, at in sent.items())

    def _heard(self) -> dict[str, float]:
        """When each event came, by its webhook-id without the epoch at the end."""
        return {name.rpartition("_")[0]: at for name, at in self.ask("heard").items()}

    def isolation(self) -> tuple[list[float], list[float]]:
        """Latencies of a proven receiver with no dead hosts, then beside many."""
        holes = [
            socket.create_server((f"127.0.0.{n + 2}", 0), backlog=512) for n in range(DEAD_HOSTS)
        ]
        with self.dispatcher() as start:
            start()
            self.latency("proof", 20, 1)
            alone = self.latency("alone", HEALTHY_PER_S, HEALTHY_S)
            for n in range(DEAD_JOBS):
                host, port = holes[n % DEAD_HOSTS].getsockname()[:2]
                emit(self.store, a_job(self.store, f"dead{n}", f"http://{host}:{port}/"), "X")
            beside = self.latency("beside", HEALTHY_PER_S, HEALTHY_S)
        for hole in holes:
            hole.close()
        return alone, beside


def at(values: list[float], share: float) -> float:
    return round(values[min(len(values) - 1, int(len(values) * share))], 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="limner-bench-") as folder:
        server = embedded.start(Path(folder))
        try:
            url = redis_socket.socket_url(Path(folder))
            probe = Store(url)
            wait_until(lambda: answers(probe))
            bench = Bench(url)
            bare, drained = bench.bare(), bench.drain()
            alone, beside = bench.isolation()
            bench.pipe.send("stop")
        finally:
            server.terminate()
            server.wait(10)
    figures = {
        "threads": THREADS,
        "bare_session_per_s": round(bare),
        "callbacks_per_s": round(drained),
        "ratio": round(drained / bare, 2),
        "emit_to_receiver_ms": {"p50": at(alone, 0.5), "p99": at(alone, 0.99)},
        f"beside_{DEAD_HOSTS}_dead_ms": {"p50": at(beside, 0.5), "p99": at(beside, 0.99)},
        "p99_ratio": round(at(beside, 0.99) / at(alone, 0.99), 2),
    }
    text = json.dumps(figures, indent=2)
    sys.stdout.write(text + "\n")
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0 if figures["ratio"] >= 0.6 and figures["p99_ratio"] < 3 else 1


if __name__ == "__main__":
    sys.exit(main())

"""What the callbacks' tests share: jobs with events, a poster to move by hand, a receiver to command."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from limner.callback.policy import destination
from limner.job import new_record
from limner.request import Lane, Request
from limner.store import Store
from limner.store.outbox import AttemptReport, Claim, Next, Poster
from limner.store.scripts import _read
from tests.conftest import MovingClock
from tests.standins.loopback import KeepsErrors

EMIT = """
redis.call('HSET', job_key(ARGV[3]), 'status', ARGV[5], 'progress', ARGV[6])
return emit(ARGV[3], ARGV[4], ARGV[7] ~= '' and ARGV[7] or nil)
"""
KEPT_MS = 30 * 86_400_000
_tokens = itertools.count(1)


def a_poster(name: str = "p1", *, cap: int = 8, places: int = 8, lease_ms: int = 30_000) -> Poster:
    return Poster(name, cap=cap, places=places, kept_ms=KEPT_MS, lease_ms=lease_ms)


def a_job(
    store: Store, job_id: str, url: str = "http://receiver:80/hook", client: str = "ann"
) -> str:
    """A job that somebody is to be told of, without the lanes around it."""
    request = Request("a cat", Lane.FAST, "0" * 32, callback_url=url)
    record = new_record(job_id, client, request, (1, 2, 3, 4))
    record |= {"dest": destination(url), "status": "waiting", "progress": "0", "seq": "0"}
    record["created_ms"] = "1800000000000"
    store.redis.hset("limner:job:" + job_id, mapping=record)
    return job_id


def emit(store: Store, job: str, kind: str, status: str = "", progress: int = 0) -> int:
    """Change the record and put the event into the outbox, as the lanes' scripts do."""
    scripts = store.outbox._scripts
    script = scripts._loaded.get("test_emit")
    if script is None:
        text = "\n".join([_read("lib_base"), _read("lib_outbox"), EMIT])
        script = scripts._loaded["test_emit"] = store.redis.register_script(text)
    status = status or {"T": "submitted", "P": "drawing", "X": "done"}[kind]
    now = scripts._clock() if scripts._clock else ""
    return int(script(args=["limner:", now, job, kind, status, progress, ""]))


def take(store: Store, poster: Poster | None = None, count: int = 100) -> list[Claim]:
    """Everything a poster gets now."""
    return store.outbox.take(poster or a_poster(), count, f"token-{next(_tokens)}")


def let_time_pass(store: Store, clock: MovingClock, seconds: float) -> None:
    """Let time pass while posters look for what is due, as they do all the time, and find nothing.

    If nobody had looked, leases would begin anew.
    """
    clock.pass_s(seconds)
    store.redis.set("limner:ticked", clock.now_ms)


def take_one(store: Store, poster: Poster | None = None) -> Claim:
    (taken,) = take(store, poster, 1)
    return taken


def done(store: Store, taken: Claim, verdict: str = "ok", poster: Poster | None = None, **report):
    """Report an attempt; ``go_on`` is off unless asked for."""
    go_on = report.pop("go_on", False)
    health = {"ok": "ok", "retry": "bad", "dead": "bad", "drop": "bad"}.get(verdict, "none")
    made = AttemptReport(verdict, **{"health": health} | report)
    return store.outbox.done(poster or a_poster(), taken, made, go_on=go_on)


def tell_all(store: Store, poster: Poster | None = None) -> list[int]:
    """Deliver whatever can be delivered now; return the seqs in order."""
    told = []
    for taken in take(store, poster):
        while True:
            told.append(taken.event.seq)
            result = done(store, taken, "ok", poster, go_on=True)
            if not isinstance(result, Next):
                break
            taken = result.taken
    return told


def logged(caplog: pytest.LogCaptureFixture, name: str) -> list[dict[str, Any]]:
    """The facts of every log event of that name."""
    return [record.limner_fields for record in caplog.records if record.message == name]


def all_logged(caplog: pytest.LogCaptureFixture) -> str:
    """Everything that was logged: the fields of our events are not in their text."""
    return caplog.text + str([vars(record) for record in caplog.records])


@dataclass
class Heard:
    """One request as the receiver got it."""

    headers: dict[str, str]
    body: bytes
    path: str
    at: float = field(default_factory=time.monotonic)

    @property
    def job(self) -> str:
        return json.loads(self.body)["id"]

    @property
    def seq(self) -> int:
        return json.loads(self.body)["seq"]


#: path, and how many POSTs came before → status and headers to answer with
Answer = Callable[[Heard, int], tuple[int, dict[str, str]]]


class Receiver:
    """A real HTTP server on loopback that keeps what it hears and answers as it is told."""

    def __init__(self, answer: Answer | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.heard: list[Heard] = []
        self._answer = answer or (lambda heard, before: (200, {}))
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # One write and no delay, else loopback is as slow as an ocean.
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                body = self.rfile.read(length)
                if len(body) < length:
                    self.close_connection = True
                    return
                heard = Heard({k.lower(): v for k, v in self.headers.items()}, body, self.path)
                before = len(receiver.heard)
                receiver.heard.append(heard)
                status, headers = receiver._answer(heard, before)
                self.send_response(status)
                for name, value in {"Content-Length": "2", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"ok")

            do_GET = do_POST  # noqa: N815

            def log_message(self, *args: object) -> None:
                pass

        class Server(KeepsErrors, http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls:
            # Each connection shakes hands in its own thread.
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """End, and raise what went wrong in it."""
        self._server.shutdown()
        self._server.server_close()
        self._server.raise_error()

    def __enter__(self) -> Receiver:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def peer(serve):
    """A raw TCP server on loopback; ``serve`` gets each connection in a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def run(connection):
        with connection, contextlib.suppress(OSError):
            serve(connection, ended)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=run, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        ended.set()
        listener.close()

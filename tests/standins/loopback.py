"""What the HTTP stand-ins share: a server on loopback that may answer slowly, oddly, or not at all.

A stand-in subclasses ``Loopback`` and gives ``answer``. ``faults`` is the set of words that switch its
faults on; ``asked`` keeps every request for the tests to look at. Each one runs by hand, too:
``python -m tests.standins.sdapi --port 7860 oom``.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import functools
import hashlib
import http.server
import io
import json
import socket
import socketserver
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from PIL import Image, ImageDraw


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    gone: Callable[[], bool] = field(default=lambda: False, repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"null")


@dataclass
class Answer:
    """What goes back: a whole body, or an iterator of pieces that are sent as they come."""

    body: bytes | Iterator[bytes] = b""
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


class Dropped(Exception):
    """The connection closes without an answer."""


def as_json(value: Any, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(json.dumps(value).encode(), status, headers=named)


@functools.lru_cache(maxsize=256)
def picture(width: int, height: int, label: str, kind: str = "PNG") -> bytes:
    """A picture whose colour follows from its label, so that no two labels look alike."""
    red, green, blue, *_ = hashlib.sha256(label.encode()).digest()
    image = Image.new("RGB", (width, height), (red | 16, green | 16, blue | 16))
    ImageDraw.Draw(image).ellipse((width // 4, height // 4, width // 2, height // 2), "white")
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


class Loopback:
    """A server in threads of its own; ``with Loopback(…) as server: server.url``."""

    def __init__(self, port: int = 0, faults: tuple[str, ...] = ()) -> None:
        self.faults = set(faults)
        self.asked: list[Asked] = []
        #: the ledger: the size of every cell that was drawn
        self.drawn: list[tuple[int, int]] = []
        self.closing = threading.Event()
        self._port = port

    def answer(self, asked: Asked) -> Answer:
        raise NotImplementedError

    def asked_for(self, path: str) -> list[Asked]:
        return [asked for asked in list(self.asked) if asked.path == path]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Loopback:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self.closing.clear()
        self._server = _Server(("127.0.0.1", self._port), _handler(self))
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="stand-in", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End at once, as a killed server would: open connections are cut; raise what went wrong in it."""
        self._server.shutdown()
        self._server.socket.close()
        self.closing.set()
        self._server.cut()
        self._thread.join(10)
        self._server.server_close()
        self._server.raise_error()

    def pause(self, seconds: float, asked: Asked | None = None) -> bool:
        """Let time pass; False as soon as the server ends or the asker has gone."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            if self.closing.wait(min(left, 0.02)) or (asked is not None and asked.gone()):
                return False
        return not self.closing.is_set()


def _hung_up(error: BaseException | None) -> bool:
    """Whether a connection has ended, which is what many tests are about."""
    if isinstance(error, ConnectionError | TimeoutError | ssl.SSLError | Dropped):
        return True
    # Not every OSError: Pillow's are some, too.
    return isinstance(error, OSError) and error.errno in (errno.EBADF, errno.ENOTCONN)


class KeepsErrors(socketserver.BaseServer):
    """Keeps what goes wrong in its handlers: to the asker, it is only a connection that was cut."""

    _error: BaseException | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exc_info()[1]
        if not _hung_up(error):
            self._error = self._error or error

    def raise_error(self) -> None:
        """Raise the first of them: the test that goes with this server has failed."""
        error, self._error = self._error, None
        if error:
            raise error


class _Server(KeepsErrors, http.server.ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _handler(owner: Loopback) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, parts.path, query, headers, body, self._gone)
            owner.asked.append(asked)
            try:
                answer = owner.answer(asked)
            except Dropped:
                self.close_connection = True
                return
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if isinstance(answer.body, bytes):
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)
                return
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            with contextlib.suppress(Dropped):
                for piece in answer.body:
                    self.wfile.write(piece)
                    self.wfile.flush()

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

        def _gone(self) -> bool:
            try:
                flags = socket.MSG_PEEK | socket.MSG_DONTWAIT
                return self.connection.recv(1, flags) == b""
            except BlockingIOError:
                return False
            except OSError:
                return True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def run_by_hand(build: Callable[..., Loopback], doc: str | None) -> None:
    """Serve until Ctrl-C; words after the port are faults."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("faults", nargs="*")
    chosen = parser.parse_args()
    with build(port=chosen.port, faults=tuple(chosen.faults)) as server:
        print(server.url, flush=True)  # noqa: T201
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()

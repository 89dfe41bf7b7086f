"""A cheap HTTP load generator: one thread, several connections, each sending its next request at once.

Used by ``bench.accept``. Requests are built beforehand, so that the generator takes little CPU time
from a server on the same machine.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Ran:
    """The result of a run: requests per second overall, and each response time in seconds."""

    per_s: float
    took_s: list[float] = field(repr=False)

    @property
    def p50_ms(self) -> float:
        """The median response time, in ms."""
        return sorted(self.took_s)[len(self.took_s) // 2] * 1000


class _Connection:
    """One keep-alive connection with at most one request in flight."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_s = 0.0
        self._buffer = b""
        selector.register(self.socket, selectors.EVENT_READ, self)

    def send(self, request: bytes) -> None:
        self.sent_s = time.perf_counter()
        self.socket.sendall(request)

    def answered(self) -> bool:
        """Read what has arrived; return True once a response is complete. It must be a 2xx."""
        self._buffer += self.socket.recv(65536)
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return False
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(self._buffer[:500].decode(errors="replace"))
        self._buffer = b""
        return True


def run(port: int, make: Callable[[int], bytes], connections: int, requests: int) -> Ran:
    """Send ``requests`` requests over ``connections`` connections, and return the result."""
    ready = [make(number) for number in range(requests)]
    took_s: list[float] = []
    with selectors.DefaultSelector() as selector:
        links = [_Connection(port, selector) for _ in range(connections)]
        began = time.perf_counter()
        for link in links:
            link.send(ready.pop())
        while len(took_s) < requests:
            for key, _ in selector.select():
                link = key.data
                if link.answered():
                    took_s.append(time.perf_counter() - link.sent_s)
                    if ready:
                        link.send(ready.pop())
        elapsed = time.perf_counter() - began
        for link in links:
            link.socket.close()
    return Ran(requests / elapsed, took_s)


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return the bytes of one POST over HTTP/1.1."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body

"""A cheap HTTP load: so many connections in one thread, each sending its next request at once.

Used by ``bench.accept`` and ``bench.door``. Requests are made beforehand, so that the load costs little beside a server
on the same machine.
"""

from __future__ import annotations

import math
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

CONNECT_S = 10.0


@dataclass(slots=True)
class Ran:
    """What a load saw: requests a second over the whole, and each answer's seconds.

    If it was stopped, what was still unanswered counts as answered then.
    """

    per_s: float
    took_s: list[float] = field(repr=False)
    unanswered: int = 0

    @property
    def whole(self) -> bool:
        """Whether all was sent and answered."""
        return not self.unanswered

    @property
    def answered(self) -> int:
        """How many answers came."""
        return len(self.took_s) - self.unanswered

    @property
    def p50_ms(self) -> float:
        """The median answer, ms."""
        return sorted(self.took_s)[len(self.took_s) // 2] * 1000

    @property
    def p99_ms(self) -> float:
        """What one answer in a hundred exceeds, ms."""
        return sorted(self.took_s)[len(self.took_s) * 99 // 100] * 1000


class _Connection:
    """One keep-alive connection with at most one request under way."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=CONNECT_S)
        self.socket.settimeout(None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_s = 0.0
        self._buffer = b""
        selector.register(self.socket, selectors.EVENT_READ, self)

    def send(self, request: bytes) -> None:
        self.sent_s = time.perf_counter()
        self.socket.sendall(request)

    def answered(self) -> bool:
        """Take in what has come; True with the last byte of an answer, which must be a 2xx."""
        came = self.socket.recv(65536)
        if not came:
            raise ConnectionError("the server hung up in the middle of a load")
        self._buffer += came
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


def run(
    port: int,
    make: Callable[[int], bytes],
    connections: int,
    requests: int,
    at_most_s: float = math.inf,
) -> Ran:
    """Send ``requests`` requests over ``connections``, for ``at_most_s``; return how that went."""
    ready = [make(number) for number in range(requests)]
    took_s: list[float] = []
    with selectors.DefaultSelector() as selector:
        links = [_Connection(port, selector) for _ in range(connections)]
        under_way = set(links)
        began = time.perf_counter()
        for link in links:
            link.send(ready.pop())
        while under_way and (left_s := began + at_most_s - time.perf_counter()) > 0:
            for key, _ in selector.select(None if left_s == math.inf else left_s):
                link = key.data
                if link.answered():
                    took_s.append(time.perf_counter() - link.sent_s)
                    if ready:
                        link.send(ready.pop())
                    else:
                        under_way.remove(link)
        ended = time.perf_counter()
        for link in links:
            link.socket.close()
    per_s = len(took_s) / (ended - began)
    took_s += [ended - link.sent_s for link in under_way]
    return Ran(per_s, took_s, len(under_way))


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return the bytes of one POST over HTTP/1.1."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body

"""A relay on loopback, in an event loop, to a server of a test; it can reset the connections that it took."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

#: closing says at once that the connection is lost, without its end being read
RESET = struct.pack("ii", 1, 0)


class Relay:
    """Passes on what comes in; made and used in one event loop, ``reset`` excepted."""

    def __init__(
        self, target: str | int, heard: Callable[[bytes], object] = lambda _data: None
    ) -> None:
        """``heard``: is told what comes in, in the event loop."""
        #: a socket's path, or a port of loopback
        self._target = target
        self._heard = heard
        #: the connections that came in
        self.taken: list[Any] = []
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self.loop = asyncio.get_running_loop()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Listen no more, and reset every connection."""
        self._server.close()
        self._reset()

    def reset(self) -> None:
        """Reset every connection; for other threads."""
        self.loop.call_soon_threadsafe(self._reset)

    def _reset(self) -> None:
        for near in self.taken:
            # It may be closed already.
            with contextlib.suppress(OSError):
                sock = near.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            near.transport.abort()
        self.taken.clear()

    async def _serve(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        self.taken.append(near)
        if isinstance(self._target, str):
            answers, far = await asyncio.open_unix_connection(self._target)
        else:
            answers, far = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            # Cancelled at the end of the loop.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(_copy(reader, far, self._heard), _copy(answers, near))
        finally:
            near.transport.abort()
            far.transport.abort()


async def _copy(
    source: asyncio.StreamReader,
    target: asyncio.StreamWriter,
    heard: Callable[[bytes], object] = lambda _data: None,
) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            heard(data)
            target.write(data)
    target.close()


@contextlib.contextmanager
def relaying(
    target: str | int, heard: Callable[[bytes], object] = lambda _data: None
) -> Iterator[Relay]:
    """Relay in a thread of its own."""
    relay = Relay(target, heard)
    began = threading.Event()
    ended = asyncio.Event()

    async def run() -> None:
        await relay.start()
        began.set()
        await ended.wait()
        relay.close()

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    assert began.wait(60)
    try:
        yield relay
    finally:
        relay.loop.call_soon_threadsafe(ended.set)
        thread.join()

"""A crowd that keeps a server's connections and never finishes a request (``bench.crowd``).

Some say nothing, some send half a head, some drip a body. Whoever is hung up on comes back, a second or
two after it last came, so that their number holds.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

from bench import crowd

#: between two bytes of a body
DRIP_S = 2.0
#: between two connections of one stranger, at least
AGAIN_S = 1.0
#: of a body that does not arrive
BODY_BYTES = 4096


class Strangers:
    """Asked: ``port``, and how many are ``silent``, ``half`` and, per token, ``drips``."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self._port = asked["port"]
        half = b"POST /draw/midjourney/imagine HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-"
        self._firsts = [(b"", False)] * asked["silent"] + [(half, False)] * asked["half"]
        for token, number in asked["drips"]:
            self._firsts += [(_head(token), True)] * number
        self._came: set[int] = set()
        self._here: set[int] = set()
        self._hung_up = 0
        self._answers: Counter[str] = Counter()

    def start(self) -> None:
        """Connect all at once."""
        self._tasks = [
            asyncio.create_task(self._visit(number, first, drips))
            for number, (first, drips) in enumerate(self._firsts)
        ]

    def gathered(self) -> bool:
        """Return whether each has been connected once; some may be refused again and again."""
        return len(self._came) == len(self._firsts)

    def begin(self) -> None:
        """Nothing more than being there."""

    async def end(self) -> None:
        """Nothing is due."""

    def seen(self) -> dict[str, Any]:
        """Return how many are connected, how often one was hung up on, and the answers by status."""
        return {"here": len(self._here), "hung_up": self._hung_up, "answers": self._answers}

    async def _visit(self, number: int, first: bytes, drips: bool) -> None:
        # Spread, so that they do not come and drip all at one moment.
        spread = 1 + number % 32 / 32
        while True:
            began = time.monotonic()
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(AGAIN_S)
                continue
            self._came.add(number)
            self._here.add(number)
            try:
                writer.write(first)
                await self._stay(reader, writer, DRIP_S * spread if drips else None)
            except OSError:
                pass
            finally:
                self._here.discard(number)
                writer.close()
            self._hung_up += 1
            await asyncio.sleep(began + AGAIN_S * spread - time.monotonic())

    async def _stay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, drip_s: float | None
    ) -> None:
        while True:
            try:
                answer = await asyncio.wait_for(reader.read(65536), drip_s)
            except TimeoutError:
                writer.write(b"a")
                continue
            if not answer:
                return
            if answer.startswith(b"HTTP/"):
                self._answers[answer[9:12].decode(errors="replace")] += 1


def _head(token: str) -> bytes:
    lines = [
        "POST /draw/midjourney/imagine HTTP/1.1",
        "Host: 127.0.0.1",
        f"token: {token}",
        "Content-Type: application/json",
        f"Content-Length: {BODY_BYTES}",
    ]
    return "\r\n".join([*lines, "", '{"promptEn": "']).encode()


if __name__ == "__main__":
    crowd.be(Strangers)

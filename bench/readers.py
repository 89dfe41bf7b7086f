"""A crowd that holds event streams, and changes their jobs itself to see how soon it is told of it.

Both are done by one process, so that one clock measures the lag.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from typing import Any

from bench import crowd
from limner.settings import Settings
from limner.store import Store

AGAIN_S = 1.0
#: how long the last changes have to arrive
LAST_S = 2.0


class Readers:
    """Asked: ``port``, ``config`` of the Limner, changes ``per_s``, the ``first`` one's number, ``streams``.

    A stream is a job's id, the token of the worker that has it, and the token of its client.
    """

    def __init__(self, asked: dict[str, Any]) -> None:
        self._asked = asked
        self._store = Store.of(Settings.load({"LIMNER_CONFIG": asked["config"]}))
        self._here: set[str] = set()
        #: job and percent → when the change was begun, and when its event had come
        self._made: dict[tuple[str, int], float] = {}
        self._came: dict[tuple[str, int], float] = {}
        self._hung_up = 0

    def start(self) -> None:
        """Open all streams at once."""
        self._tasks = [
            asyncio.create_task(self._read(job_id, token))
            for job_id, _, token in self._asked["streams"]
        ]

    def gathered(self) -> bool:
        """Return whether all streams are open."""
        return len(self._here) == len(self._asked["streams"])

    def begin(self) -> None:
        """Begin to change the jobs."""
        self._changing = asyncio.create_task(self._change())

    async def end(self) -> None:
        """Stop changing, and wait for the last events."""
        if self._changing.done():
            self._changing.result()  # raises what ended it
        self._changing.cancel()
        deadline = time.monotonic() + LAST_S
        while self._unseen() and time.monotonic() < deadline:
            await asyncio.sleep(0.05)

    def seen(self) -> dict[str, Any]:
        """Return the streams open, how often one ended, and each change's lag, ms.

        A change that was not told of counts as told now.
        """
        now = time.monotonic()
        lags = [(self._came.get(key, now) - at) * 1000 for key, at in self._made.items()]
        return {
            "here": len(self._here),
            "hung_up": self._hung_up,
            "lags_ms": lags,
            "unseen": len(self._unseen()),
        }

    def _unseen(self) -> set[tuple[str, int]]:
        return self._made.keys() - self._came.keys()

    async def _change(self) -> None:
        streams, began = self._asked["streams"], time.monotonic()
        for number in itertools.count():
            await asyncio.sleep(began + number / self._asked["per_s"] - time.monotonic())
            round_, at = divmod(self._asked["first"] + number, len(streams))
            job_id, owner, _ = streams[at]
            self._made[job_id, round_ + 1] = time.monotonic()
            self._store.lanes.progress(job_id, owner, round_ + 1, None)

    async def _read(self, job_id: str, token: str) -> None:
        head = f"GET /draw/midjourney/jobs/{job_id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._asked["port"])
                writer.write(f"{head}token: {token}\r\n\r\n".encode())
                try:
                    async for line in reader:
                        self._heard(job_id, line)
                finally:
                    self._here.discard(job_id)
                    writer.close()
            self._hung_up += 1
            await asyncio.sleep(AGAIN_S)

    def _heard(self, job_id: str, line: bytes) -> None:
        if line.startswith(b"retry:"):
            self._here.add(job_id)
        if line.startswith(b"data: "):
            percent = json.loads(line[len(b"data: ") :])["progress"]
            now = time.monotonic()
            # Changes that follow each other closely are told of as one event.
            while (job_id, percent) in self._made and (job_id, percent) not in self._came:
                self._came[job_id, percent] = now
                percent -= 1


if __name__ == "__main__":
    crowd.be(Readers)

"""The longest answers behind nginx and Caddy, by the files of deploy/, with the figures of the page and no others.

A minute and a half, all at once. In a file and a room of its own, so that it begins early and beside others
(``tests/conftest.py``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from api.waiting import HEARTBEAT_S
from stack import processes
from stack.stack import answers
from tests.acceptance.house import House
from tests.conftest import free_port, wait_until
from tests.deploy.fronts import KINDS, NAME, Front, ask, waiting_job

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

#: what docs/deploying/proxies.md promises
STREAM_S = 90
WAIT_S = 60


@pytest.fixture
def house() -> Iterator[House]:
    """An API as it is started everywhere; nothing draws."""
    with House("", public_url=f"https://{NAME}") as house:
        house._start("api", processes.api(house.settings))
        port = house.settings.port
        wait_until(lambda: answers("127.0.0.1", port, "/healthz"), what="the API's start")
        yield house


@pytest.fixture
def fronts(house, tmp_path) -> Iterator[list[Front]]:
    with ExitStack() as closing:
        made = []
        for kind, proxy in KINDS.items():
            made.append(proxy(tmp_path / kind, house.settings.port, free_port()))
            closing.callback(made[-1].close)
        yield made


def test_a_long_poll_of_a_minute_and_a_silent_stream_of_one_and_a_half_pass(house, fronts):
    tried = [Tried(house, front) for front in fronts]
    with ThreadPoolExecutor(2 * len(tried)) as pool:
        ends = [pool.submit(end) for one in tried for end in (one.stream, one.poll)]
        for end in ends:
            end.result()

    for one in tried:
        # Held while the stream was silent for most of a minute, and answered before the stream's end.
        assert WAIT_S // HEARTBEAT_S - 1 <= one.beats_at_the_answer < one.beats


class Tried:
    """A stream and a long poll of one job to which nothing happens."""

    def __init__(self, house: House, front: Front) -> None:
        self._front, self._token = front, house.token
        self._path = f"/draw/midjourney/jobs/{waiting_job(house, front)['id']}"
        self.beats = 0
        self.beats_at_the_answer = -1

    def stream(self) -> None:
        answer = ask(self._front, "GET", f"{self._path}/events", self._token, preload_content=False)
        lines = (line.decode().strip() for line in answer)
        most = math.ceil(STREAM_S / HEARTBEAT_S)
        while self.beats < most:
            self.beats += next(lines) == ": no news"
        assert ask(self._front, "DELETE", self._path, self._token).status == 200
        assert any('"cancelled"' in line for line in lines if line.startswith("data: "))

    def poll(self) -> None:
        # Longer than a minute, which is what the pool of others waits.
        answer = ask(self._front, "GET", f"{self._path}?wait={WAIT_S}", self._token, timeout=120)
        self.beats_at_the_answer = self.beats
        assert (answer.status, answer.json()["status"]) == (200, -2)

"""Requests that an API holds while it stops or reloads: each gets a whole answer, direct and behind nginx.

Jobs of a Limner without workers, so that nobody is answered but by the end of the process that holds the request.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.acceptance.house import House
from tests.acceptance.test_reload_api import told
from tests.api.test_connections import children
from tests.api.test_connections import sighup_as_in_a_terminal as sighup_as_in_a_terminal
from tests.conftest import wait_until
from tests.deploy.fronts import NAME, Nginx

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("sighup_as_in_a_terminal"),
]

#: how long callers would wait: longer than any step of this test
WAIT_S = 60
POLLS = STREAMS = 6


@dataclass(frozen=True)
class Held:
    """A request, and how the answer says that its job goes on."""

    method: str
    path: str
    status: int
    ends_with: str
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def is_stream(self) -> bool:
        return self.ends_with.endswith("\n\n")


def held_by(job_id: str) -> list[Held]:
    """Return the requests of every protocol of ours that waits, for that job or for one of their own."""
    path, words = f"/draw/midjourney/jobs/{job_id}", {"prompt": "a pier"}
    polls = [Held("GET", f"{path}?wait={WAIT_S}", 200, "}") for _ in range(POLLS)]
    streams = [Held("GET", f"{path}/events", 200, "\n\n") for _ in range(STREAMS)]
    return [
        *polls,
        *streams,
        Held("POST", "/v1/images/generations", 503, "}", words),
        Held("POST", "/v1/images/generations", 200, "}}\n\n", words | {"stream": True}),
        Held("POST", "/sdapi/v1/txt2img", 503, "}", words),
        Held(
            "POST",
            "/v1/models/black-forest-labs/flux-schnell/predictions",
            201,
            "}",
            {"input": words},
            (("Prefer", "wait=60"),),
        ),
    ]


class Callers:
    """Sends each request on a connection of its own, and keeps what became of it."""

    def __init__(self) -> None:
        self.became: dict[int, Any] = {}
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Callers:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self, pool: urllib3.HTTPConnectionPool, token: str, asked: list[Held]) -> None:
        for number, one in enumerate(asked):
            thread = threading.Thread(target=self._ask, args=(pool, token, number, one))
            self._threads.append(thread)
            thread.start()

    def end(self) -> None:
        for thread in self._threads:
            thread.join()

    def _ask(self, pool: urllib3.HTTPConnectionPool, token: str, number: int, one: Held) -> None:
        headers = {"Host": NAME, "token": token, "Authorization": f"Bearer {token}"}
        ask = partial(
            pool.request, one.method, one.path, json=one.body, headers=headers | dict(one.headers)
        )
        try:
            # A stream that is cut off has no last chunk: then reading it raises an error.
            answer = ask()
            # The test's own question had the place.
            while b"this process can hold" in answer.data:
                answer = ask()
            self.became[number] = answer
        except urllib3.exceptions.HTTPError as error:
            self.became[number] = error


@contextmanager
def way_to(house: House, kind: str, folder: Path) -> Iterator[urllib3.HTTPConnectionPool]:
    """Give connections to the API, or to nginx before it."""
    most = {"maxsize": 50, "timeout": WAIT_S * 2}
    if kind == "direct":
        yield urllib3.HTTPConnectionPool("127.0.0.1", house.settings.port, retries=False, **most)
        return
    front = Nginx(folder / "front", house.settings.port, house.settings.flower_port)
    try:
        yield front.pool(**most)
    finally:
        front.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["stop", "reload"])
@pytest.mark.parametrize("kind", ["direct", "nginx"])
def test_every_request_that_is_held_is_answered_in_full(tmp_path, kind, number):
    count = len(held_by(""))
    with (
        # Left last: whatever fails, nobody waits any more once the API is gone.
        Callers() as callers,
        House("", public_url=f"https://{NAME}", api_waits=count) as house,
        way_to(house, kind, tmp_path) as pool,
    ):
        house.start_api_by_its_command()
        before = children(house.running["api"].pid)
        job_id = house.imagine()["id"]
        asked = held_by(job_id)
        callers.begin(pool, house.token, asked)
        path = f"/draw/midjourney/jobs/{job_id}?wait=1"
        wait_until(
            lambda: callers.became or house.ask("GET", path)[0] == 503, what="all of them held"
        )
        assert not callers.became, [each.data for each in callers.became.values()]

        if number == signal.SIGTERM:
            assert house.signalled("api", number) == 0
        else:
            os.kill(house.running["api"].pid, number)
            wait_until(lambda: told(house, "gateway.reloaded"), what="the reload")
            assert not before & children(house.running["api"].pid)
        callers.end()

        for place, one in enumerate(asked):
            answer = callers.became[place]
            assert not isinstance(answer, Exception), (one, answer)
            said = answer.data.decode()
            assert (answer.status, said.endswith(one.ends_with)) == (one.status, True), (one, said)
            if one.is_stream:
                assert answer.headers["Transfer-Encoding"] == "chunked", "or no end would be seen"
            else:
                json.loads(said)
            if one.path.endswith(f"wait={WAIT_S}"):
                assert (answer.json()["id"], answer.json()["status"]) == (job_id, -2)
        if number == signal.SIGHUP:
            assert house.ask("GET", path)[1]["id"] == job_id

"""The examples of the pages, and the applications, where the gateway refuses for a while: they pause, and go on."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from subprocess import Popen

import pytest
import requests

from stack.stack import answers
from tests.acceptance.up import Up
from tests.conftest import free_port, wait_until
from tests.docs.blocks import HOME, Block, blocks
from tests.docs.gateway import Gateway, Listening, started
from tests.relay import relaying

#: how long they are watched while they are refused, seconds
WATCHED_S = 8.0

needs_node = pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")


@pytest.fixture
def gateway(monkeypatch) -> Iterator[Gateway]:
    """A gateway with one place to wait in for a client, whose drawings begin when the lane is resumed."""
    up = Up()
    up.environ["LIMNER_API_CLIENT_WAITS"] = "1"
    try:
        gateway = started(up, monkeypatch)
        gateway.limner("pause", "lane", "fast")
        yield gateway
        gateway.close()
    finally:
        up.close()


def loops() -> list[Block]:
    found = [one for one in blocks("sh", "python", "javascript") if "while" in one.text]
    return [
        one
        for one in found
        if one.page == "docs/api.md" and (one.language != "javascript" or shutil.which("node"))
    ]


@contextmanager
def the_place_taken(gateway: Gateway) -> Iterator[None]:
    """Within, an event stream of the client is open."""
    job = gateway.limner("draw", "a fox", "--no-wait").strip()
    url = f"{gateway.url}/draw/midjourney/jobs/{job}/events"
    with requests.get(url, headers={"token": gateway.token}, stream=True, timeout=60) as stream:
        assert stream.status_code == 200
        # Kept: with its iterator, the connection would be gone.
        lines = stream.iter_lines()
        assert next(lines).startswith(b"retry")
        yield
        del lines


class Example:
    """A block that runs, and the looks at its job that it asks for."""

    def __init__(self, gateway: Gateway, block: Block) -> None:
        self._gateway = gateway
        self._block = block
        self._heard = bytearray()
        #: when it looked first, on the monotonic clock
        self.began: float | None = None

    def __str__(self) -> str:
        return str(self._block)

    def run(self) -> str:
        with relaying(self._gateway.up.port, self._hear) as relay:
            environ = {"GATEWAY": f"http://127.0.0.1:{relay.port}"}
            match self._block.language:
                case "sh":
                    return self._gateway.shell(self._block.text, **environ)
                case "python":
                    command, name = sys.executable, "example.py"
                case _:
                    command, name = "node", "example.mjs"
            return self._gateway.program([command], self._block.text, name, **environ)

    def _hear(self, data: bytes) -> None:
        self._heard += data
        if self.began is None and self.looks:
            self.began = time.monotonic()

    @property
    def looks(self) -> int:
        return self._heard.count(b"GET /draw/midjourney/jobs/")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_loops_of_the_page_pause_while_they_are_refused_and_end_with_the_picture(gateway):
    examples = [Example(gateway, block) for block in loops()]
    assert len(examples) == (3 if shutil.which("node") else 2)
    with ThreadPoolExecutor() as pool:
        with the_place_taken(gateway):
            told = [pool.submit(example.run) for example in examples]
            for example, end in zip(examples, told, strict=True):
                went_on = lambda example=example, end=end: example.looks > 1 or end.done()  # noqa: E731
                wait_until(went_on, what=f"the second look of {example}")
            time.sleep(WATCHED_S)
            for example in examples:
                took_s = time.monotonic() - example.began
                # One stands for a second, and is told to come back in two.
                assert 2 <= example.looks <= 2 + took_s / 2, (
                    f"{example}: {example.looks} in {took_s} s"
                )
            for example, end in zip(examples, told, strict=True):
                assert not end.done(), f"{example} ended: {end.exception() or end.result()}"
        gateway.limner("resume", "lane", "fast")

        for one in told:
            assert f"{gateway.url}/images/drawings/" in one.result()


class Refusing(Listening):
    """A gateway that refuses so many times, with a Retry-After, and then takes a job."""

    def __init__(self, times: int, retry_after: str) -> None:
        keys = self.keys = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                keys.append(self.headers["Idempotency-Key"])
                refused = len(keys) <= times
                self.send_response(503 if refused else 202)
                if refused:
                    self.send_header("Retry-After", retry_after)
                self.end_headers()
                refusal = {"statusCode": 503, "code": "crowded", "message": "Full.", "errors": {}}
                self.wfile.write(json.dumps(refusal if refused else {"id": "1", "seq": 0}).encode())

        super().__init__(Handler)


@contextmanager
def serving(command: list[str], gateway: str) -> Iterator[str]:
    """Run an application; yields its address."""
    port = free_port()
    environ = {"GATEWAY": gateway, "PORT": str(port), "TOKEN": "lim_x", "SECRET": "whsec_c2VjcmV0"}
    process = Popen(["env", *(f"{name}={value}" for name, value in environ.items()), *command])
    try:
        wait_until(lambda: answers("127.0.0.1", port, "/"), what="the application")
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, f"{HOME}/examples/python/postcards.py"],
        pytest.param(["node", f"{HOME}/examples/node/postcards.mjs"], marks=needs_node),
    ],
    ids=["python", "node"],
)
@pytest.mark.parametrize(
    ("times", "retry_after", "status", "tries"),
    [(2, "1", 303, 3), (9, "1", 503, 3), (9, "3600", 503, 1)],
    ids=["it passes", "it does not", "it takes too long"],
)
def test_an_application_waits_for_a_refusal_that_passes(command, times, retry_after, status, tries):
    with (
        closing(Refusing(times, retry_after)) as gateway,
        serving(command, gateway.url) as page,
    ):
        answer = requests.post(page, {"prompt": "a fox"}, timeout=60, allow_redirects=False)

    assert answer.status_code == status
    assert ("Full. (crowded)" in answer.text) == (status == 503)
    assert len(gateway.keys) == tries
    assert len(set(gateway.keys)) == 1

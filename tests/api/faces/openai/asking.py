"""How the tests of this face ask, and who draws for them meanwhile."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask
from PIL import Image
from werkzeug.test import TestResponse

from api.house import EXTENSION
from limner.applied import levels_of
from limner.engine import Capabilities
from limner.job import Job, Picture
from limner.store import Store
from limner.store.lanes import Result
from tests.api.drawing import NOW
from tests.builders import MESSAGES, a_worker, an_engine
from tests.conftest import wait_until

GENERATIONS = "/v1/images/generations"
EDITS = "/v1/images/edits"


def a_file(colour: tuple[int, ...] = (200, 90, 10), size=(64, 48), kind="PNG") -> bytes:
    data = io.BytesIO()
    Image.new("RGBA" if len(colour) == 4 else "RGB", size, colour).save(data, kind)
    return data.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@dataclass
class Client:
    """One client of this face, over Flask's test client."""

    app: Flask
    store: Store
    token: str
    name: str

    def __call__(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        return self.app.test_client().open(path, method=method, headers=headers, **options)

    def generate(self, headers: dict[str, str] | None = None, **body: Any) -> TestResponse:
        body = {"prompt": "a lighthouse at dusk"} | body
        return self("POST", GENERATIONS, json=body, headers=headers or {})

    def edit(self, headers: dict[str, str] | None = None, **form: Any) -> TestResponse:
        return self("POST", EDITS, data={"prompt": "add a boat"} | form, headers=headers or {})

    def jobs(self) -> list[Job]:
        """The client's jobs, the first one first."""
        return list(reversed(self.store.jobs.page(self.name).jobs))


def error_of(response: TestResponse, status: int, code: str | None = None, *, retry: bool = False):
    """The error of a refusal in the one shape."""
    assert response.status_code == status, response.text
    assert response.mimetype == "application/json"
    assert response.json.keys() == {"error"}
    error = response.json["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["code"] == code
    assert error["message"]
    assert response.headers["x-should-retry"] == ("true" if retry else "false")
    return error


def kept(app: Flask, size=(64, 48), colour=(200, 90, 10), kind="drawings") -> Picture:
    images = app.extensions[EXTENSION].images
    return Picture(images.url(images.put(kind, a_file(colour, size), "png", NOW)), *size)


class Line:
    """The connection of a caller who may hang up, as the server's own tells of it."""

    def __init__(self) -> None:
        self._gone: list[Callable[[], None]] = []

    @contextmanager
    def watched(self, gone: Callable[[], None]) -> Iterator[None]:
        self._gone.append(gone)
        try:
            yield
        finally:
            self._gone.remove(gone)

    def hang_up(self) -> None:
        wait_until(lambda: self._gone, what="somebody who watches the line")
        for gone in list(self._gone):
            gone()

    @property
    def environ(self) -> dict[str, Any]:
        return {"gunicorn.socket": self}


class Draughtsman:
    """Ends jobs as soon as somebody waits for them."""

    def __init__(self, app: Flask, store: Store) -> None:
        self.app, self.store = app, store
        self.worker = a_worker(store, an_engine("stage", fast=99, relaxed=99), worker="draughtsman")
        store.engines.abilities("stage", [], levels_of(Capabilities(edit="exact")))
        self.size = (64, 48)

    def take(self, job: Job, token: str = "lease") -> str:
        assert self.store.lanes.take(job.id, token, self.worker, MESSAGES).state == "granted"
        return token

    def preview(self, job: Job, token: str, percent: int) -> None:
        self.store.lanes.progress(job.id, token, percent, kept(self.app, kind="previews"))

    def draw(self, job: Job, token: str = "") -> None:
        """Draw it to its end; ``token``: of who took it before."""
        token = token or self.take(job)
        cells = [kept(self.app, self.size, (50 * cell, 90, 10)) for cell in range(job.count)]
        self.store.lanes.done(job.id, token, Result(kept(self.app), cells, {}))

    def fail(self, job: Job, why: str, code: str) -> None:
        self.store.lanes.failed(job.id, self.take(job), why, code)

    def meanwhile(
        self, client: Client, act: Callable[[Job], None], jobs: int = 1
    ) -> threading.Thread:
        """Act on each of the client's next jobs once somebody waits for one."""
        before = len(client.jobs())
        watcher = self.app.extensions[EXTENSION].watcher

        def work() -> None:
            wait_until(lambda: watcher.waiting > 0, what="somebody who waits")
            wait_until(lambda: len(client.jobs()) == before + jobs, what="all the jobs")
            for job in client.jobs()[before:]:
                act(job)

        thread = threading.Thread(target=work)
        thread.start()
        return thread

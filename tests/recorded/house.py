"""A gateway in one process whose every move is a step of a recording: API, workers, posters, a clock."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from PIL import Image
from werkzeug.test import TestResponse

from api import create_app
from limner.callback.policy import Outcome
from limner.callback.signature import verify
from limner.engine import Event
from limner.ids import new_id
from limner.pictures.image_store import Images
from limner.settings import Settings
from limner.store import Store
from limner.store.lanes import Trouble
from limner.store.outbox import Claim, Next
from tests.api import drawing
from tests.builders import MESSAGES, an_engine
from tests.callback_doubles import done, take
from tests.conftest import MovingClock
from tests.recorded.marks import PUBLIC_URL
from tests.workers.conftest import Workshop
from workers.drawing import telling
from workers.posting.letters import Letter, Letters, attempt_record

#: {"do": …, "with": …, "told": …}
Step = dict[str, Any]

HOOK = "https://hooks.example/limner"
TOKENS = {name: f"token-of-{name}" for name in ("ann", "bob", "cay", "dan")}
ENGINE = an_engine(fast=9, relaxed=9, seconds=0.0, steps=1)
#: headers that depend on a body's length, or on the day of the test
_OF_THE_DAY = {"Content-Length", "Date", "Last-Modified", "ETag"}


class Overheard:
    """An engine; ``after()`` is called when a worker has written a step, before the next one."""

    def __init__(self, engine: Any, after: Callable[[], None]) -> None:
        self._engine, self._after = engine, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def watch(self, *arguments: Any) -> Iterator[Event]:
        """Watch a drawing."""
        self._after()
        for step in self._engine.watch(*arguments):
            yield step
            self._after()


class House:
    """Clients ann and bob; cay, who has the fast lane and one waiting job; dan, who has a rate."""

    def __init__(self, redis_url: str, folder: Path) -> None:
        self.redis_url, self.clock = redis_url, MovingClock()
        self.store = Store(redis_url, clock=self.clock)
        self.store.redis.flushall()
        self.settings = Settings(redis_url=redis_url, data_dir=folder, public_url=PUBLIC_URL)
        #: of the jobs that were made here
        self.ids: set[str] = set()
        self.app = create_app(
            self.settings,
            self.store,
            MESSAGES,
            job_id=self._new_id,
            seeds=lambda: (101, 202, 303, 404),
            now=lambda: datetime.fromtimestamp(self.clock.now_ms / 1000, UTC),
            clock=lambda: self.clock.now_ms / 1000,
        )
        limits: dict[str, dict[str, Any]] = {
            "ann": {"callback_url": HOOK},
            "cay": {"lanes": frozenset({"fast"}), "waiting_cap": 1},
            "dan": {"rate_per_s": 1 / 100},
        }
        self.secrets = {
            name: self.store.clients.add(name, token=token, **limits.get(name, {})).client.secrets[
                0
            ]
            for name, token in TOKENS.items()
        }
        self.letters = Letters(self.store, self.settings, lambda: self.clock.now_ms / 1000)

    def play(self, verb: str, arguments: dict[str, Any]) -> Any:
        """Do a step, a second after the one before; return what was told."""
        self.clock.pass_s(1)
        return getattr(self, verb)(**arguments)

    def close(self) -> None:
        """Let go of everything."""
        self.letters.close()
        self.store.close()

    # -- steps ------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Send a request (``json`` or ``data``, ``headers``), and return the answer."""
        answer = self.app.test_client().open(path, method=method, **options)
        headers = {name: value for name, value in answer.headers.items() if name not in _OF_THE_DAY}
        if "Allow" in headers:
            # They come in any order.
            headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
        return {"status": answer.status_code, "headers": headers, "body": _body(answer)}

    def draw(self, job: str) -> list[dict[str, Any]]:
        """Have a worker and its engine draw a job to its end; return the callbacks."""
        told: list[dict[str, Any]] = []
        store = Store(self.redis_url, clock=self.clock)
        images = Images.of(self.settings, store.folders)
        # Every step is told, however fast the machine is.
        with (
            closing(Workshop(store, images, [ENGINE])) as shop,
            mock.patch.object(telling, "PROGRESS_GAP_S", 0.0),
        ):
            engine = shop.engines[ENGINE.name]
            shop.engines[ENGINE.name] = Overheard(engine, lambda: told.extend(self.post()))
            shop.run(SimpleNamespace(id=job))
        return told + self.post()

    def post(self) -> list[dict[str, Any]]:
        """Deliver every event that waits to a receiver that answers 200; return what it got."""
        told: list[dict[str, Any]] = []
        # Again and again: a receiver that is not proven gets one callback at a time.
        while claims := take(self.store):
            for claim in claims:
                told += self._posted(claim)
        return told

    def submit(self, job: str) -> None:
        """Bring a job to an engine."""
        drawing.submitted(self.store, {"id": job})

    def progress(self, job: str, percent: int) -> None:
        """Bring a submitted job so far, with a preview."""
        self.store.lanes.progress(job, "lease", percent, drawing.kept(self.app, percent))

    def give_back(self, job: str) -> None:
        """Have a submitted job wait again, as when its worker is told to stop."""
        self.store.lanes.give_back(job, "lease", Trouble(), MESSAGES)

    def fail(self, job: str, code: str) -> None:
        """End a waiting job in failure."""
        drawing.failed(self.store, {"id": job}, code)

    def prune(self, url: str) -> None:
        """Delete a picture, as its age would."""
        images = drawing.images_of(self.app)
        images.delete(images.key_of(url))

    # -- how --------------------------------------------------------------------------------------

    def _new_id(self) -> str:
        made = new_id()
        self.ids.add(made)
        return made

    def _posted(self, taken: Claim) -> Iterator[dict[str, Any]]:
        """Post what a job has to tell, one event after another."""
        while True:
            letter = self.letters.write(taken)
            assert isinstance(letter, Letter)
            yield self._received(letter, taken)
            entry = attempt_record(taken, Outcome(status=200, took_ms=12))
            result = done(self.store, taken, attempt=entry, go_on=True)
            if not isinstance(result, Next):
                return
            taken = result.taken

    def _received(self, letter: Letter, taken: Claim) -> dict[str, Any]:
        secret = self.secrets[taken.record["client"]]
        headers = dict(letter.headers)
        signed = verify(headers, letter.body, secret, self.clock.now_ms / 1000)
        del headers["webhook-signature"]
        return {
            "url": letter.url,
            "headers": headers,
            "signed": signed,
            "body": json.loads(letter.body),
        }


def _body(answer: TestResponse) -> Any:
    if answer.mimetype == "application/json":
        return json.loads(answer.text)
    if answer.mimetype == "text/event-stream":
        return [_event(chunk) for chunk in answer.text.split("\n\n") if chunk]
    if answer.mimetype.startswith("image/"):
        with Image.open(io.BytesIO(answer.data)) as picture:
            return f"a picture of {picture.width}x{picture.height}"
    return answer.text


def _event(chunk: str) -> dict[str, Any]:
    fields = dict(line.split(": ", 1) for line in chunk.splitlines())
    return fields | ({"data": json.loads(fields["data"])} if "data" in fields else {})


@contextmanager
def a_house(redis_url: str, folder: Path) -> Iterator[House]:
    """A house on an emptied server, with its pictures in ``folder``."""
    with closing(House(redis_url, folder)) as house:
        yield house

"""A draftsman on a real store, with a rehearsal engine: the worker without Celery around it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import engines
from limner.applied import levels_of
from limner.engine import Engine, lacks
from limner.job import Job
from limner.pictures.image_store import Images
from limner.request import Lane
from limner.store import Store
from tests.builders import MESSAGES, WORKER, an_accepted_job, an_engine
from tests.workers.beating import Ticking
from workers.drawing import Draftsman, GivenBack, JobFailed, PictureIO
from workers.drawing.keeper import Keeper, Times
from workers.drawing.lane_worker import LaneWorker
from workers.drawing.translators import Translator
from workers.posting import dispatcher


@pytest.fixture(autouse=True)
def dispatchers_that_stop_soon(monkeypatch) -> None:
    """Have a dispatcher look ten times a second whether it is to end."""
    monkeypatch.setattr(dispatcher, "WAIT_S", 0.1)


@dataclass
class Workshop:
    """One worker process in miniature; ``run`` plays Celery's part for one job."""

    store: Store
    images: Images
    engine_settings: list
    progress_limit_s: float = 120.0
    drawing_limit_s: float = 900.0
    picture_format: str = "png"
    #: URL → bytes, or an error to raise
    web: dict = field(default_factory=dict)
    translator: Translator | None = None

    def __post_init__(self) -> None:
        self.engines: dict[str, Engine] = {e.name: engines.load(e) for e in self.engine_settings}
        self.store.engines.register(self.engine_settings)
        for name, engine in self.engines.items():
            able = engine.capabilities()
            self.store.engines.abilities(name, lacks(able), levels_of(able))
        worker = LaneWorker(WORKER, tuple(Lane), self.engines, lambda: MESSAGES)
        times = Times(2, 0.5, self.progress_limit_s, self.drawing_limit_s)
        self.keeper = Keeper(self.store, worker, times)
        pictures = PictureIO(self.images, lambda _client: self._fetch, self.picture_format)
        self.draftsman = Draftsman(
            self.store, worker, self.keeper, pictures, self.engine_settings, self.translator
        )
        self.keeper.start()

    def accept(self, **request) -> Job:
        request.setdefault("prompt_en", "a lighthouse")
        return an_accepted_job(self.store, **request)

    def run(self, job: Job) -> Job:
        """Take the job's messages, one after another, until it has ended."""
        while not (seen := self.store.jobs.get(job.id)).status.ended:
            try:
                self.draftsman.imagine(job.id)
            except (GivenBack, JobFailed):
                continue
        return seen

    def draw(self, **request) -> Job:
        return self.run(self.accept(**request))

    def in_thread(self, job: Job) -> threading.Thread:
        thread = threading.Thread(target=self.run, args=(job,), daemon=True)
        thread.start()
        return thread

    def events(self, job: Job) -> list:
        """What the caller would be told, oldest first, with nothing coalesced away."""
        return self.store.redis.lrange(f"limner:outq:{job.id}", 0, -1)

    def close(self) -> None:
        self.keeper.end()
        for engine in self.engines.values():
            engine.close()
        self.store.close()

    def _fetch(self, url: str, max_bytes: int) -> bytes:
        found = self.web[url]
        if isinstance(found, Exception):
            raise found
        return found[: max_bytes + 1]


@pytest.fixture
def images(tmp_path: Path) -> Images:
    return Images(str(tmp_path / "images"), "http://limner/images")


@pytest.fixture
def picture_format() -> str:
    return "png"


@pytest.fixture
def workshop(redis_url: str, images: Images, picture_format: str) -> Iterator[Workshop]:
    """A workshop on the server's own clock, with one quick rehearsal engine."""
    store = Store(redis_url)
    store.redis.flushall()
    engine = an_engine(fast=2, seconds=0.05, steps=2)
    shop = Workshop(store, images, [engine], picture_format=picture_format)
    yield shop
    shop.close()


@pytest.fixture
def impatient(redis_url: str, images: Images) -> Iterator[Workshop]:
    """The same, but a drawing without progress for a second is stuck, and two seconds are too long."""
    store = Store(redis_url)
    store.redis.flushall()
    shop = Workshop(
        store,
        images,
        [an_engine(fast=2, seconds=0.05, steps=2)],
        progress_limit_s=1.0,
        drawing_limit_s=2.0,
    )
    yield shop
    shop.close()


@pytest.fixture
def ticking(monkeypatch) -> Ticking:
    """The seconds by which a keeper measures, and its pauses."""
    ticking = Ticking()
    monkeypatch.setattr("workers.drawing.keeper.time", ticking)
    return ticking

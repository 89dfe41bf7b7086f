"""Bring jobs to where a test needs them: done with real pictures in the image store, or failed."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from PIL import Image

from api.house import EXTENSION
from limner.job import Picture
from limner.store.lanes import Result
from tests.builders import MESSAGES, a_worker, an_engine

#: as far back as no test's clock goes, and within what is kept
NOW = datetime(2027, 1, 15, tzinfo=UTC)


def images_of(app):
    return app.extensions[EXTENSION].images


def a_picture(colour: int, side: int = 8) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (side, side), (colour, 90, 10)).save(data, "PNG")
    return data.getvalue()


def kept(app, colour: int) -> Picture:
    images = images_of(app)
    return Picture(images.url(images.put("drawings", a_picture(colour), "png", NOW)), 8, 8)


def bytes_at(app, url: str) -> bytes:
    images = images_of(app)
    return images.get(images.key_of(url))


class NotGrantedError(AssertionError):
    """The job cannot be taken: it is ended, or drawn by another."""


def submitted(store, job, lease: str = "lease") -> str:
    worker = a_worker(store, an_engine("stage", fast=99, relaxed=99))
    taken = store.lanes.take(job["id"], lease, worker, MESSAGES)
    if taken.state != "granted":
        raise NotGrantedError(taken)
    return lease


def done(app, store, job):
    """End a job with a grid and four cells, each of a colour of its own."""
    token = submitted(store, job)
    store.lanes.progress(job["id"], token, 40, kept(app, 9))
    cells = [kept(app, 50 * cell) for cell in range(4)]
    store.lanes.done(job["id"], token, Result(kept(app, 250), cells, {}))
    return job


def failed(store, job, code: str = "engine_failed"):
    store.lanes.failed(job["id"], submitted(store, job), "It broke.", code)
    return job

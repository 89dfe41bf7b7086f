"""A broken engine must not eat the queue: workers draw on one that fails everything, alone or not."""

from __future__ import annotations

import io
import logging

import pytest
from PIL import Image

from limner.engine import Capabilities, Finished
from limner.errors import BadResult, EngineError, JobLost, OutOfMemory, Rejected, StoreDown
from limner.job import Status
from limner.store import Store
from limner.store.metrics.warning import Code, warnings
from tests.builders import an_engine
from tests.conftest import wait_until
from tests.workers.conftest import Workshop
from workers.drawing import trouble


class Faulty:
    """A rehearsal engine that raises, or draws what it is told to, as long as it is broken."""

    def __init__(self, engine, error=None, cells=None, seed="exact") -> None:
        self._engine, self._error, self._cells, self._seed = engine, error, cells, seed
        self.broken = True
        self.handed = 0

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def capabilities(self):
        return Capabilities(seed=self._seed)

    def watch(self, handle, brief, stop):
        self.handed += 1
        if not self.broken:
            yield from self._engine.watch(handle, brief, stop)
        elif self._error:
            raise self._error
        else:
            yield Finished(self._cells(brief), brief.seeds)


def same_cells(brief):
    """Four pictures that differ in their bytes, and in no pixel."""
    picture = Image.effect_noise((brief.width, brief.height), 50).convert("RGB")
    cells = []
    for level in range(4):
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", compress_level=level)
        cells.append(buffer.getvalue())
    return tuple(cells)


def black_cells(brief):
    buffer = io.BytesIO()
    Image.new("RGB", (brief.width, brief.height)).save(buffer, "PNG")
    return (buffer.getvalue(),) * 4


@pytest.fixture
def shop(redis_url, images):
    shops = []

    def build(*engines):
        store = Store(redis_url)
        store.redis.flushall()
        shops.append(Workshop(store, images, list(engines)))
        return shops[-1]

    yield build
    for shop in shops:
        shop.close()


def an_idle(name, **limits):
    return an_engine(name, seconds=0.02, steps=1, **limits)


@pytest.mark.parametrize(
    ("error", "cells"),
    [
        (EngineError("the model file is broken"), None),
        (OutOfMemory(), None),
        (BadResult(), None),
        (JobLost(), None),
        (RuntimeError("a bug of the driver"), None),
        (None, black_cells),
        (None, same_cells),
    ],
)
def test_no_job_is_lost_alone_on_a_broken_engine_and_each_is_drawn_once_it_is_mended(
    shop, error, cells, monkeypatch
):
    monkeypatch.setattr(trouble, "FAILING_PAUSE_S", 0.1)
    monkeypatch.setattr(trouble, "FAILING_PAUSE_MAX_S", 0.2)
    shop = shop(an_idle("stage", fast=1))
    faulty = shop.engines["stage"] = Faulty(shop.engines["stage"], error, cells)
    faulty.broken = False
    assert shop.draw().status is Status.DONE
    faulty.broken, faulty.handed = True, 0
    jobs = [shop.accept() for _ in range(6)]
    threads = [shop.in_thread(job) for job in jobs]

    wait_until(lambda: faulty.handed >= 9, what="some trials")
    now = shop.store.numbers.read().engines[0]
    assert now.state == "failing"
    assert {shop.store.jobs.get(job.id).status.ended for job in jobs} == {False}
    assert Code.ENGINE_OUT in {w.code for w in warnings(shop.store.numbers.read())}
    faulty.broken = False

    for thread in threads:
        thread.join(60)
    assert {shop.store.jobs.get(job.id).status for job in jobs} == {Status.DONE}
    assert shop.store.numbers.read().engines[0].state == "ok"


def test_no_job_is_lost_beside_a_healthy_engine_and_few_are_handed_to_the_broken_one(shop):
    shop = shop(an_idle("broken", fast=1), an_idle("well", fast=1))
    faulty = shop.engines["broken"] = Faulty(shop.engines["broken"], EngineError())
    jobs = [shop.accept() for _ in range(12)]
    threads = [shop.in_thread(job) for job in jobs]

    for thread in threads:
        thread.join(60)

    drawn = [shop.store.jobs.get(job.id) for job in jobs]
    assert {(job.status, job.engine) for job in drawn} == {(Status.DONE, "well")}
    assert 1 <= faulty.handed <= 4


def test_a_rejected_prompt_is_told_to_its_caller_and_takes_no_engine_out(shop):
    shop = shop(an_idle("stage", fast=1))
    shop.engines["stage"] = Faulty(shop.engines["stage"], Rejected("moderated", "No."))

    ended = [shop.draw() for _ in range(5)]

    assert {(job.status, job.reason_code) for job in ended} == {(Status.FAILED, "moderated")}
    assert shop.store.numbers.read().engines[0].state == "ok"


# -- the same picture more than once -------------------------------------------------------------


def test_pictures_of_the_same_pixels_are_a_bad_result_of_an_engine_that_heeds_its_seeds(shop):
    shop = shop(an_idle("stage", fast=1))
    faulty = shop.engines["stage"] = Faulty(shop.engines["stage"], cells=same_cells)
    faulty.broken = False
    assert shop.draw().status is Status.DONE
    faulty.broken = True

    job = shop.draw()

    assert (job.status, job.reason_code) == (Status.FAILED, "bad_result")


@pytest.mark.parametrize(("seed", "drawn_before"), [("none", 0), ("none", 1), ("exact", 0)])
def test_an_engine_whose_seeds_never_made_a_difference_is_drawn_with_and_its_operator_is_told(
    shop, caplog, seed, drawn_before
):
    shop = shop(an_idle("stage", fast=1))
    faulty = shop.engines["stage"] = Faulty(shop.engines["stage"], cells=same_cells, seed=seed)
    faulty.broken = False
    for _ in range(drawn_before):
        shop.draw()
    faulty.broken = True

    with caplog.at_level(logging.WARNING):
        job = shop.draw()

    assert job.status is Status.DONE
    assert job.notes["cells_alike"] == [1, 2, 3, 4]
    (said,) = [record for record in caplog.records if record.message == "cells.alike"]
    assert said.levelno == logging.WARNING
    assert said.limner_fields == {"job": job.id, "engine": "stage", "cells": [1, 2, 3, 4]}
    told = [w for w in warnings(shop.store.numbers.read()) if w.code is Code.CELLS_ALIKE]
    assert [w.subject for w in told] == ["stage"]
    assert "`seeds`" in told[0].text


def test_the_job_is_drawn_also_when_the_warning_cannot_be_kept(shop, monkeypatch):
    shop = shop(an_idle("stage", fast=1))
    shop.engines["stage"] = Faulty(shop.engines["stage"], cells=same_cells, seed="none")

    def make(*_):
        raise StoreDown

    monkeypatch.setattr(shop.store.reports, "make", make)

    assert shop.draw().status is Status.DONE

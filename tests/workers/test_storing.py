"""Drawings that wait to be stored: a process takes only so many, and until it has room slots wait, and say why."""

from __future__ import annotations

import threading

import pytest

from limner.job import Status
from limner.request import Lane
from limner.store.metrics.warning import Code, warnings
from tests.conftest import wait_until
from workers.drawing import deliver
from workers.drawing.composing import Composer


@pytest.fixture
def stuck(workshop, monkeypatch):
    """A workshop with room for one drawing to be stored, which takes until the event is set."""
    monkeypatch.setattr(deliver, "STORING_SLOW_S", 0.0)
    workshop.draftsman._delivery._room._most = deliver.STORED_MOST_BYTES // deliver.STORED_MOST
    go_on, compose = threading.Event(), Composer.compose

    def composed(*args):
        assert go_on.wait(30)
        return compose(*args)

    monkeypatch.setattr(Composer, "compose", composed)
    yield go_on
    go_on.set()


def leased_and_storing(workshop) -> tuple[int, int]:
    (engine,) = workshop.store.engines.all()
    return engine.leased[Lane.FAST], engine.storing[Lane.FAST]


def test_what_a_worker_has_no_room_to_store_keeps_its_slot_and_says_so(workshop, stuck):
    jobs = [workshop.accept() for _ in range(3)]
    threads = [workshop.in_thread(job) for job in jobs]

    # The first one has freed its slot, and is being stored; the engine of two slots takes no fourth.
    wait_until(lambda: leased_and_storing(workshop) == (2, 2), what="two slots that wait")
    waiting = workshop.accept()
    taken = workshop.store.lanes.verdicts(waiting.id)
    assert taken == {"stage": "full"}
    statuses = [workshop.store.jobs.get(job.id).status for job in jobs]
    assert statuses == [Status.DRAWING] * 3

    stuck.set()

    for thread in threads:
        thread.join(30)
    assert [workshop.store.jobs.get(job.id).status for job in jobs] == [Status.DONE] * 3
    assert leased_and_storing(workshop) == (0, 0)
    told = [
        warned
        for warned in warnings(workshop.store.numbers.read())
        if warned.code is Code.STORING_SLOW
    ]
    assert len(told) == 1
    assert "LIMNER_IMAGE_FORMAT" in told[0].text


def test_a_worker_that_stops_waits_for_no_room_and_stores_what_it_has(workshop, stuck):
    jobs = [workshop.accept() for _ in range(2)]
    threads = [workshop.in_thread(job) for job in jobs]
    wait_until(lambda: leased_and_storing(workshop) == (1, 1), what="a slot that waits")

    workshop.draftsman.drain()

    wait_until(lambda: leased_and_storing(workshop) == (0, 0), what="the slot's release")
    stuck.set()
    for thread in threads:
        thread.join(30)
    assert [workshop.store.jobs.get(job.id).status for job in jobs] == [Status.DONE] * 2


def test_what_is_cancelled_while_it_waits_for_room_ends_at_once(workshop, stuck):
    first, second = (workshop.accept() for _ in range(2))
    threads = [workshop.in_thread(job) for job in (first, second)]
    wait_until(lambda: leased_and_storing(workshop) == (1, 1), what="a slot that waits")
    kept = next(
        job
        for job in (first, second)
        if workshop.store.redis.hget(f"limner:job:{job.id}", "storing")
    )

    workshop.store.lanes.cancel(kept.id)

    threads[(first, second).index(kept)].join(30)
    assert leased_and_storing(workshop) == (0, 0)
    assert workshop.store.jobs.get(kept.id).reason_code == "cancelled"
    stuck.set()
    for thread in threads:
        thread.join(30)

"""Workers on a Redis that lives and refuses: drawings and callbacks wait, and all go on afterwards."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest

from limner.callback.policy import destination
from limner.job import Status
from limner.request import Lane
from limner.settings import Settings
from limner.store import Store
from tests.builders import an_engine
from tests.callback_doubles import Receiver
from tests.conftest import wait_until
from tests.refusals import STATES, Relayed, a_relayed_server
from tests.workers.conftest import Workshop
from tests.workers.ledger import ENGINE, Ledger
from workers.posting.dispatcher import Dispatcher

SETTINGS = Settings(callback_threads=4, callback_allow="127.0.0.1:*")


@pytest.fixture(scope="module")
def server() -> Iterator[Relayed]:
    with a_relayed_server() as server:
        yield server


@pytest.fixture
def shop(server, images) -> Iterator[Workshop]:
    server.admin.flushall()
    store = Store(server.url)
    store.clients.add("ann")
    shop = Workshop(store, images, [an_engine(ENGINE, fast=1)])
    shop.engines[ENGINE] = Ledger(attach=True)
    yield shop
    shop.close()


@pytest.mark.parametrize("state", STATES)
def test_drawings_callbacks_and_heartbeats_wait_and_go_on_after(shop, server, caplog, state):
    engine = shop.engines[ENGINE]
    dispatcher = Dispatcher(shop.store, SETTINGS)
    with Receiver() as receiver, caplog.at_level(logging.WARNING):
        told = {"callback_url": receiver.url, "destination": destination(receiver.url)}
        drawn, held = shop.accept(**told), shop.accept(**told)
        threads = [shop.in_thread(job) for job in (drawn, held)]
        wait_until(lambda: engine.watched, what="a drawing")
        wait_until(lambda: shop.store.redis.zcard("limner:ready:fast") == 1, what="a held job")
        dispatcher.start()
        wait_until(lambda: receiver.heard, what="a first callback")

        with STATES[state](server):
            engine.step()
            wait_until(lambda: said(caplog, "progress.skipped"), what="a step that is not written")
            # The drawing ends, and there is nobody to be told.
            engine.finishes = True
            wait_until(lambda: said(caplog, "store.missed") >= 2, what="beats that fail")
            assert len(engine.submitted) == 1
            heard = len(receiver.heard)

        for thread in threads:
            thread.join(60)
        jobs = [shop.store.jobs.get(job.id) for job in (drawn, held)]
        assert [(job.status, job.attempts) for job in jobs] == [(Status.DONE, 1)] * 2
        assert engine.cancelled == []
        for job in jobs:
            wait_until(lambda job=job: job.seq in seqs(receiver, job), what="the last callback")
            assert seqs(receiver, job) == sorted(set(seqs(receiver, job)))
        assert len(receiver.heard) > heard
        wait_until(
            lambda: shop.store.lanes.workers_seen(Lane.FAST, round(time.time() * 1000)) == 1,
            what="a heartbeat",
        )
    dispatcher.stop(5)


def said(caplog, name: str) -> int:
    return sum(record.getMessage() == name for record in caplog.records)


def seqs(receiver, job) -> list[int]:
    return [heard.seq for heard in receiver.heard if heard.job == job.id]

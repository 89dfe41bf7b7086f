"""kombu on our transport: strange messages never arrive, and are kept for an operator instead."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import uuid

import pytest
from celery import Celery

from limner.errors import StoreDown
from limner.message import TASK
from limner.store.aside import KEPT_MAX, TEXT_MAX
from tests.strangers import NOT_MESSAGES, changed, message, strange_variants
from workers import transport
from workers.transport import AMQP, BROADCAST, OTHER, Sieve

pytestmark = pytest.mark.seam


def b64(payload: object) -> str:
    return base64.b64encode(json.dumps(payload).encode()).decode()


GOOD = message(TASK, "fast", [uuid.uuid4().hex])


@pytest.fixture
def celery_app(redis_url):
    with Celery("limner", amqp=AMQP, set_as_current=False) as app:
        app.config_from_object("celeryconfig")
        app.conf.update(broker_url=redis_url.replace("unix://", "redis+socket://"))
        yield app


@pytest.fixture
def sieve(store, monkeypatch) -> Sieve:
    sieve = Sieve()
    sieve.set_aside = store.aside.put
    monkeypatch.setattr(transport, "sieve", sieve)
    return sieve


@pytest.fixture
def arrived(store, celery_app, sieve):
    """Consume what lies on the lane ``fast`` and return the ids of what arrives."""
    got: list[str] = []
    with celery_app.connection_for_read() as connection:
        queue = celery_app.amqp.queues["fast"](connection.default_channel)

        def take(message) -> None:
            got.append(message.headers["id"])
            message.ack()

        consumer = celery_app.amqp.Consumer(connection, queues=[queue], on_message=take)
        with consumer:

            def until_quiet() -> list[str]:
                # As a worker does when it has connected.
                connection.transport.cycle.on_poll_init(connection.transport.cycle.poller)
                quiet = 0
                # Quiet alone may be a busy machine.
                while quiet < 2 or any(
                    store.redis.llen(name) for name in store.redis.keys("fast*")
                ):
                    try:
                        connection.drain_events(timeout=0.2)
                        quiet = 0
                    except TimeoutError:
                        quiet += 1
                return got

            yield until_quiet


def push(store, queue: str, *raw: bytes) -> None:
    for one in raw:
        store.redis.lpush(queue, one)


def test_only_our_messages_arrive_whatever_lies_around_them(store, arrived):
    strange = [*NOT_MESSAGES, *list(strange_variants(GOOD))[:40]]
    strange = [raw for raw in strange if not Sieve().passes("fast", raw)]
    push(store, "fast", *strange, json.dumps(GOOD).encode(), *strange)

    assert arrived() == [GOOD["headers"]["id"]]
    assert store.redis.llen("fast") == 0
    assert len(store.aside.list(1000)) == min(2 * len(strange), KEPT_MAX)


def test_a_message_of_a_higher_priority_is_of_the_same_queue(store, arrived):
    push(store, "fast\x06\x163", json.dumps(GOOD).encode(), b"garbage")

    assert arrived() == [GOOD["headers"]["id"]]
    assert [stranger.queue for stranger in store.aside.list(9)] == ["fast"]


def test_what_others_keep_in_kombu_s_own_keys_is_neither_read_nor_changed(store, arrived):
    # Each app of a database would restore what lies there for an hour, and stumble over this.
    store.redis.hset("unacked", "tag", "garbage")
    store.redis.zadd("unacked_index", {"tag": 0})
    push(store, "fast", json.dumps(GOOD).encode())

    assert arrived() == [GOOD["headers"]["id"]]
    assert store.redis.hgetall("unacked") == {"tag": "garbage"}


def test_what_was_set_aside_can_be_read_and_forgotten(store, sieve, clock):
    assert not sieve.passes("fast", b"\xff" * 9000)
    clock.pass_s(1)
    assert not sieve.passes("callbacks", b"hello")

    newest, oldest = store.aside.list(9)
    assert (newest.queue, newest.why, newest.text) == ("callbacks", "no_message", "hello")
    assert newest.at_ms - oldest.at_ms == 1000
    assert oldest.size_bytes == 9000
    assert oldest.text == "\\xff" * TEXT_MAX
    assert store.numbers.read().aside_s == 0.0
    assert store.numbers.read().counts["aside"] == {
        ("fast", "no_message"): 1,
        ("callbacks", "no_message"): 1,
    }

    assert store.aside.drop() == 2
    assert store.aside.list(9) == []
    assert store.numbers.read().aside_s is None


def test_a_kind_is_logged_once_a_minute_with_how_many_there_were(sieve, clock, caplog):
    caplog.set_level(logging.WARNING)
    for _ in range(5):
        sieve.passes("fast", b"garbage")
    sieve.passes("relaxed", b"garbage")
    clock.pass_s(61)
    sieve.passes("fast", b"garbage")
    clock.pass_s(-3600)
    sieve.passes("fast", b"garbage")

    lines = [r.limner_fields for r in caplog.records if r.message == "message.set_aside"]
    assert [(line["queue"], line["count"]) for line in lines] == [
        ("fast", 1),
        ("relaxed", 1),
        ("fast", 5),
        ("fast", 1),
    ]
    assert all("garbage" not in str(line) for line in lines)


def test_a_queue_that_is_not_ours_makes_no_label_of_its_own(store, sieve):
    assert not sieve.passes("somebody's", b"garbage")

    assert [stranger.queue for stranger in store.aside.list(9)] == [OTHER]


def test_a_strange_message_is_no_trouble_while_the_store_is_away(monkeypatch, caplog):
    def away(*_) -> int:
        raise StoreDown("Redis cannot be reached")

    sieve = Sieve()
    sieve.set_aside = away

    assert not sieve.passes("fast", b"garbage")
    assert "message.set_aside" in caplog.text


@pytest.mark.parametrize(
    "strange",
    [
        5,
        [],
        {},
        {"properties": {}},
        changed(GOOD, ("body",), "%%%"),
        changed(GOOD, ("headers",), "x"),
        changed(GOOD, ("body",), "bnVsbA=="),
        changed(GOOD, ("properties", "delivery_tag"), ...),
        GOOD | {"body": b64({})},
        GOOD | {"body": b64([{"type": "worker-online"}, 5])},
        GOOD | {"body": b64({"type": "worker-online", "clock": "late"})},
        GOOD | {"body": b64({"method": 5})},
    ],
)
def test_a_strange_broadcast_is_set_aside_like_any_other(store, sieve, strange):
    assert not sieve.passes_broadcast(json.dumps(strange).encode())

    assert [stranger.queue for stranger in store.aside.list(9)] == [BROADCAST]


def test_broadcasts_of_celery_s_own_are_heard_among_strange_ones(store, celery_app, sieve):
    heard: list[str] = []

    def hear(event: dict) -> None:
        heard.append(event["n"])

    with celery_app.connection_for_read() as connection:
        receiver = celery_app.events.Receiver(connection, handlers={"told": hear})
        with contextlib.closing(receiver.itercapture(timeout=5, wakeup=False)) as events:
            next(events)
            for strange in (b"{}", b"5", b"[" * 60_000, b'{"properties": {}}', b"null"):
                assert store.redis.publish("/0.celeryev/told", strange) == 1
            with celery_app.events.default_dispatcher() as dispatcher:
                dispatcher.send("told", n=1)
            while not heard:
                next(events)

    assert heard == [1]
    assert {stranger.queue for stranger in store.aside.list(9)} == {BROADCAST}

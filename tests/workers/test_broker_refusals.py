"""Celery's consumer and producer on a Redis that lives and refuses: a lost connection, and nothing worse.

Whatever else such an answer were to kombu would end the process.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from kombu import Queue
from kombu.exceptions import OperationalError

from limner.settings.redis_address import RedisAddress
from tests.conftest import wait_until
from tests.refusals import STATES, Relayed, a_relayed_server
from workers import transport
from workers.transport import AMQP

pytestmark = pytest.mark.seam

QUEUE = Queue("elsewhere", routing_key="elsewhere")

#: how long a connection is tried
PATIENCE_S = 0.05
#: states in which nothing that a consumer does is refused: it only takes
TAKES = {"OOM"}


@pytest.fixture(scope="module")
def server() -> Iterator[Relayed]:
    with a_relayed_server() as server:
        yield server


@pytest.fixture
def app(server, monkeypatch) -> Iterator[Celery]:
    # Whoever cannot connect tries twice.
    monkeypatch.setattr(transport, "RETRY_S", 2 * PATIENCE_S)
    with Celery("limner", amqp=AMQP, set_as_current=False) as app:
        app.conf.update(broker_url=RedisAddress.parse(server.url).broker_url)
        yield app


class Consumer:
    """Does what Celery's does: consumes, and begins anew after an error that is of the connection."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._connection: Any = None
        self.lost = 0

    def turn(self) -> None:
        try:
            if self._connection is None:
                self._connection = self._app.connection_for_read()
                self._connection.connect_timeout = PATIENCE_S
                consumer = self._connection.Consumer([QUEUE], on_message=print)
                consumer.consume()
            self._connection.drain_events(timeout=0.2)
        except TimeoutError:
            pass
        except (OperationalError, *self._connection.connection_errors):
            self.lost += 1
            self.close()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.release()


def put(app: Celery, body: Any) -> None:
    with app.connection_for_write() as connection:
        connection.connect_timeout = PATIENCE_S
        connection.Producer().publish(body, routing_key=QUEUE.name, declare=[QUEUE])


@pytest.mark.parametrize("state", STATES)
def test_what_a_server_refuses_is_a_lost_connection_to_consumer_and_producer(app, server, state):
    with contextlib.closing(Consumer(app)) as consumer:
        consumer.turn()
        # The first one ends the wait that is under way, the next one has to be asked for.
        for body in ("first", "next"):
            put(app, body)
        with STATES[state](server):
            if state in TAKES:
                takes(consumer, server)
                assert consumer.lost == 0
            else:
                # The connection that it has, and the next one.
                until(consumer, lambda: consumer.lost >= 2, "two losses")
            lost = (OperationalError, *app.connection_for_write().connection_errors)
            with pytest.raises(lost):
                put(app, "refused")

        put(app, "taken")
        takes(consumer, server)


def until(consumer: Consumer, holds: Callable[[], bool], what: str) -> None:
    def turned() -> bool:
        consumer.turn()
        return holds()

    wait_until(turned, what=what, timeout_s=20)


def takes(consumer: Consumer, server: Relayed) -> None:
    # Whatever is no task of ours is set aside as soon as it is taken.
    until(consumer, lambda: not server.admin.exists(QUEUE.name), "that it is taken")


def test_a_user_that_may_not_name_its_library_is_let_in(app, server):
    server.admin.execute_command("ACL", "SETUSER", "mute", "on", ">s3cret", "~*", "&*", "+@all")
    server.admin.execute_command("ACL", "SETUSER", "mute", "-client|setinfo")
    url = server.url.replace("redis://", "redis://mute:s3cret@")
    app.conf.update(broker_url=RedisAddress.parse(url).broker_url)

    put(app, "taken")

    assert server.admin.llen(QUEUE.name) == 1
    server.admin.delete(QUEUE.name)

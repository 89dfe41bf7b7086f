"""Celery's consumer and producer on a Redis that lives and refuses: a lost connection, and nothing worse.

Whatever else such an answer were to kombu would end the process.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from kombu import Queue
from kombu.exceptions import OperationalError

from limner.settings.redis_address import RedisAddress
from tests.conftest import wait_until
from tests.refusals import STATES, Relayed, a_relayed_server
from workers.transport import AMQP

pytestmark = pytest.mark.seam

QUEUE = Queue("elsewhere", routing_key="elsewhere")


@pytest.fixture(scope="module")
def server() -> Iterator[Relayed]:
    with a_relayed_server() as server:
        yield server


@pytest.fixture
def app(server) -> Iterator[Celery]:
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
        connection.connect_timeout = 0.1
        connection.Producer().publish(body, routing_key=QUEUE.name, declare=[QUEUE])


@pytest.mark.parametrize("state", ["READONLY", "MASTERDOWN", "MISCONF", "NOPERM", "LOADING"])
def test_what_a_server_refuses_is_a_lost_connection_to_consumer_and_producer(app, server, state):
    with contextlib.closing(Consumer(app)) as consumer:
        consumer.turn()
        with STATES[state](server):
            wait_until(lambda: consumer.turn() or consumer.lost, what="the loss", timeout_s=20)
            lost = (OperationalError, *app.connection_for_write().connection_errors)
            with pytest.raises(lost):
                put(app, "refused")

        put(app, "taken")
        # Whatever is no task of ours is set aside as soon as it is taken.
        wait_until(
            lambda: consumer.turn() or not server.admin.exists(QUEUE.name),
            what="that it is taken",
            timeout_s=20,
        )


def test_a_user_that_may_not_name_its_library_is_let_in(app, server):
    server.admin.execute_command("ACL", "SETUSER", "mute", "on", ">s3cret", "~*", "&*", "+@all")
    server.admin.execute_command("ACL", "SETUSER", "mute", "-client|setinfo")
    url = server.url.replace("redis://", "redis://mute:s3cret@")
    app.conf.update(broker_url=RedisAddress.parse(url).broker_url)

    put(app, "taken")

    assert server.admin.llen(QUEUE.name) == 1
    server.admin.delete(QUEUE.name)

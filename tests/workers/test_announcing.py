"""What Flower shows beside a task is what we told of it, whenever Celery's own events of it are sent."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from celery import Celery
from celery.events.dispatcher import EventDispatcher
from celery.events.state import State

from workers.announcing import Announcer

pytestmark = pytest.mark.seam

JOB = "5d1f3c2ab0f54e6d8f1e2a3b4c5d6e7f"


@pytest.fixture
def consumer():
    """A consumer whose events of tasks wait until it sends them, as Celery's do; and what was sent."""
    app = Celery(broker="memory://")
    sent = []
    with app.connection_for_write() as connection:
        sender = EventDispatcher(
            connection, app=app, buffer_group={"task"}, on_send_buffered=lambda: None
        )
        sender._publish = lambda event, *_, **__: sent.extend(
            event if isinstance(event, list) else [event]
        )
        hub = SimpleNamespace(call_soon=lambda call, *about: call(*about))
        yield SimpleNamespace(event_dispatcher=sender, sent=sent, hub=hub)
        sender.close()


def test_what_is_told_of_a_task_comes_behind_what_celery_has_said_of_it(consumer):
    announcer, state = Announcer(), State()
    announcer.attach(consumer)
    consumer.event_dispatcher.send("task-received", uuid=JOB, name="imagine", kwargs="{}")
    consumer.event_dispatcher.send("task-started", uuid=JOB)

    announcer.started(JOB, kwargs="{'lane': 'fast'}")
    assert consumer.sent == []
    consumer.event_dispatcher.flush()

    assert [event["type"] for event in consumer.sent] == ["task-received"] + ["task-started"] * 2
    for event in consumer.sent:
        state.event({**event, "local_received": 0})
    assert state.tasks[JOB].state == "STARTED"
    assert state.tasks[JOB].kwargs == "{'lane': 'fast'}"


def test_after_a_reconnection_it_is_told_to_the_new_consumer(consumer):
    announcer = Announcer()
    announcer.attach(SimpleNamespace(event_dispatcher=None, hub=consumer.hub))
    announcer.started(JOB, kwargs="{}")

    announcer.attach(consumer)
    announcer.started(JOB, kwargs="{}")
    consumer.event_dispatcher.flush()

    assert len(consumer.sent) == 1


def test_nothing_is_told_where_nobody_listens(consumer):
    announcer = Announcer()
    announcer.started(JOB, kwargs="{}")
    announcer.attach(consumer)
    consumer.event_dispatcher.disable()
    announcer.started(JOB, kwargs="{}")
    consumer.event_dispatcher.flush()

    assert consumer.sent == []


def test_a_broker_that_is_away_costs_no_drawing(consumer, caplog):
    def away(*_how, **_more):
        raise OSError("the broker is away")

    announcer = Announcer()
    announcer.attach(consumer)
    consumer.event_dispatcher.send = away

    announcer.started(JOB, kwargs="{}")

    assert [record.message for record in caplog.records] == ["flower.missed"]

"""The messages we fill in ourselves are Celery's own, field by field."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator

import pytest
from celery import Celery, Task

from limner.message import TASK, Messages, published
from limner.request import Lane
from limner.settings import Settings

pytestmark = pytest.mark.seam

#: what Celery makes anew for each message: no two of its own agree in these
MOVING = {"properties": {"delivery_tag", "reply_to"}, "headers": {"origin"}}


@pytest.fixture(scope="module")
def celery_app(redis_url: str) -> Iterator[Celery]:
    """An app set up by our celeryconfig, on the test's server."""
    with Celery("limner", set_as_current=False) as app:
        app.config_from_object("celeryconfig")
        app.conf.update(broker_url=redis_url.replace("unix://", "redis+socket://"))
        yield app


@pytest.fixture(scope="module")
def messages(celery_app: Celery) -> Messages:
    return Messages.render(celery_app)


def without_moving(message: dict) -> dict:
    return {
        part: {k: v for k, v in fields.items() if k not in MOVING[part]}
        if part in MOVING
        else fields
        for part, fields in message.items()
    }


@pytest.fixture(scope="module")
def imagine(celery_app: Celery) -> Iterator[Task]:
    # The app is the whole session's: others have given it a task of this name, or this module before.
    theirs = celery_app.tasks.pop(TASK, None)

    @celery_app.task(name=TASK, shared=False)
    def imagine(job_id: str) -> None:
        """Never run: only its messages are looked at."""

    yield celery_app.tasks[TASK]
    del celery_app.tasks[TASK]
    if theirs is not None:
        celery_app.tasks[TASK] = theirs


@pytest.mark.parametrize("lane", Lane)
def test_a_filled_message_equals_what_apply_async_pushes(store, imagine, messages, lane):
    job_id = uuid.uuid4().hex

    imagine.apply_async([job_id], task_id=job_id, queue=lane.value)

    theirs = json.loads(store.redis.rpop(lane.value))
    ours = json.loads(messages.fill(lane, job_id))
    # The API knows the task by its name alone and leaves the answer to the worker's own task: by None,
    # or False before Celery 5.7.
    assert not ours["headers"].pop("ignore_result")
    assert theirs["headers"].pop("ignore_result") is imagine.ignore_result is True
    assert without_moving(ours) == without_moving(theirs)


@pytest.mark.parametrize("lane", Lane)
def test_a_filled_message_equals_what_send_task_pushes(store, celery_app, messages, lane):
    job_id = uuid.uuid4().hex

    celery_app.send_task(TASK, args=[job_id], task_id=job_id, queue=lane.value)

    theirs = json.loads(store.redis.rpop(lane.value))
    ours = json.loads(messages.fill(lane, job_id))
    assert without_moving(ours) == without_moving(theirs)
    assert list(ours) == list(theirs)


def test_rendering_puts_nothing_on_a_queue(store, celery_app):
    Messages.render(celery_app)
    published(celery_app, Lane.FAST, uuid.uuid4().hex)

    assert [lane for lane in Lane if store.redis.llen(lane.value)] == []


def test_every_id_of_a_message_is_the_job_s_and_no_two_share_a_delivery_tag(messages):
    first, second = uuid.uuid4().hex, uuid.uuid4().hex
    texts = [messages.fill(Lane.FAST, job_id) for job_id in (first, second, first)]
    one, two, again = (json.loads(text) for text in texts)

    assert one["headers"]["id"] == one["headers"]["root_id"] == first
    assert one["properties"]["correlation_id"] == first
    assert json.loads(base64.b64decode(one["body"]))[0] == [first]
    assert two["headers"]["id"] == second
    assert first not in texts[1]
    tags = {message["properties"]["delivery_tag"] for message in (one, two, again)}
    assert len(tags) == 3


def test_a_message_goes_to_the_queue_of_its_lane(messages):
    for lane in Lane:
        info = json.loads(messages.fill(lane, uuid.uuid4().hex))["properties"]["delivery_info"]
        assert info["routing_key"] == lane.value


def test_the_template_is_the_same_whoever_renders_it(redis_url, store, messages):
    from api.producer import messages_of

    theirs = messages_of(Settings(redis_url=redis_url), store)()
    job_id = uuid.uuid4().hex

    for lane in Lane:
        ours = json.loads(messages.fill(lane, job_id))
        assert without_moving(json.loads(theirs.fill(lane, job_id))) == without_moving(ours)

"""Which messages are ours: all that Celery writes for us, and of the rest none that it stumbles over."""

from __future__ import annotations

import json
import uuid

import pytest
from celery import Celery
from celery.app.trace import build_tracer
from celery.worker.request import Request
from kombu.transport.virtual import Channel, Message
from kombu.utils.json import loads

from limner.message import TASK, Messages
from limner.request import Lane
from limner.store.aside import ABOUT, Why
from tests.strangers import NOT_MESSAGES, changed, message, strange_variants
from workers.vetting import MESSAGE_MAX_BYTES, TICK, Strange, vet

pytestmark = pytest.mark.seam

JOB = uuid.uuid4().hex
GOOD = {"fast": message(TASK, "fast", [JOB]), "callbacks": message(TICK, "callbacks")}


def why(raw: bytes, queue: str = "fast") -> Why | None:
    """Why a message is strange; None: it is not."""
    try:
        vet(raw, queue)
    except Strange as strange:
        return strange.why
    return None


def why_of(fields: dict, queue: str = "fast") -> Why | None:
    return why(json.dumps(fields).encode(), queue)


@pytest.fixture(scope="module")
def celery_app(redis_url):
    with Celery("limner", set_as_current=False) as app:
        app.config_from_object("celeryconfig")
        app.conf.update(broker_url=redis_url.replace("unix://", "redis+socket://"))
        yield app


@pytest.fixture
def pushed(celery_app, store):
    """Have Celery send a task; what lies on the queue then."""

    def send(task: str, queue: str, *args, **options) -> bytes:
        celery_app.send_task(task, *args, queue=queue, **options)
        return store.redis.rpop(queue).encode()

    return send


@pytest.mark.parametrize("lane", Lane)
def test_the_messages_of_accepted_jobs_are_ours(celery_app, lane):
    filled = Messages.render(celery_app).fill(lane, JOB).encode()

    assert why(filled, lane.value) is None
    redelivered = changed(json.loads(filled), ("headers", "redelivered"), True)
    assert why_of(redelivered, lane.value) is None


def test_what_a_person_sends_for_a_job_is_ours(pushed):
    assert why(pushed(TASK, "fast", [JOB])) is None
    assert why(pushed(TASK, "fast", kwargs={"job_id": JOB})) is None
    assert why(pushed(TASK, "relaxed", [JOB], task_id=JOB), "relaxed") is None


def test_beat_s_ticks_are_ours_also_with_their_expiry(pushed):
    assert why(pushed(TICK, "callbacks"), "callbacks") is None
    assert why(pushed(TICK, "callbacks", expires=10.0), "callbacks") is None


def test_headers_that_mean_nothing_to_celery_are_no_harm():
    # Tracing libraries put such onto every message, ours included; some of them twice.
    traced = changed(GOOD["fast"], ("headers", "traceparent"), "00-1-2-01")
    assert why_of(traced) is None
    assert why_of(changed(traced, ("headers", "headers"), {"traceparent": "00-1-2-01"})) is None
    assert why_of(changed(traced, ("headers", "headers"), "00-1-2-01")) is Why.NO_MESSAGE


@pytest.mark.parametrize("raw", NOT_MESSAGES, ids=lambda raw: raw[:20].decode("latin-1"))
@pytest.mark.parametrize("queue", ["fast", "relaxed", "callbacks"])
def test_what_is_no_message_is_strange(raw, queue):
    assert why(raw, queue) is Why.NO_MESSAGE


@pytest.mark.parametrize(
    ("reason", "fields"),
    [
        (Why.UNKNOWN_TASK, message("shop.tasks.mail", "fast", ["x"])),
        (Why.UNKNOWN_TASK, message("celery.backend_cleanup", "fast")),
        (Why.OTHER_QUEUE, message(TICK, "fast")),
        (Why.NO_MESSAGE, GOOD["fast"] | {"content-type": "application/x-python-serialize"}),
        (Why.NO_MESSAGE, GOOD["fast"] | {"content-encoding": "binary"}),
        (Why.BAD_ARGUMENTS, message(TASK, "fast")),
        (Why.BAD_ARGUMENTS, message(TASK, "fast", [1, 2, 3])),
        (Why.BAD_ARGUMENTS, message(TASK, "fast", [None])),
        (Why.BAD_ARGUMENTS, message(TASK, "fast", [JOB], {"job_id": JOB})),
        (Why.BAD_ARGUMENTS, message(TASK, "fast", [], {"id": JOB})),
        (Why.BAD_ARGUMENTS, message(TASK, "fast", [JOB], {"more": 1})),
        (Why.BAD_OPTIONS, message(TASK, "fast", [JOB], eta="2999-01-01T00:00:00+00:00")),
        (Why.BAD_OPTIONS, message(TASK, "fast", [JOB], eta="soon")),
        (Why.BAD_OPTIONS, message(TASK, "fast", [JOB], expires="2001-01-01T00:00:00+00:00")),
        (Why.BAD_OPTIONS, message(TASK, "fast", [JOB], timelimit=[1, 1])),
        (Why.BAD_OPTIONS, message(TASK, "fast", [JOB], shadow="mine")),
        (Why.TOO_LARGE, message(TASK, "fast", ["x" * MESSAGE_MAX_BYTES])),
    ],
)
def test_the_reason_is_told(reason, fields):
    assert why_of(fields) is reason


def test_a_task_of_a_lane_does_not_run_among_the_callbacks():
    assert why_of(message(TASK, "callbacks", [JOB]), "callbacks") is Why.OTHER_QUEUE
    assert why_of(message(TICK, "callbacks", [1]), "callbacks") is Why.BAD_ARGUMENTS


def test_what_lies_on_a_queue_that_is_not_ours_is_strange():
    assert why_of(message(TASK, "celery", [JOB]), "celery") is Why.OTHER_QUEUE


@pytest.mark.parametrize("queue", GOOD)
def test_whatever_is_let_in_celery_runs_as_our_task(queue, celery_app):
    """Each field of a message made odd in turn: refused, or no trouble at all."""
    ran: list[tuple] = []

    name = GOOD[queue]["headers"]["task"]
    # Another test's module may have made a task of this name for all apps.
    celery_app.tasks.pop(name, None)

    @celery_app.task(name=name, bind=True, shared=False)
    def run(self, *args, **kwargs) -> None:
        ran.append((args, kwargs))

    task = celery_app.tasks[name]
    tracer = build_tracer(name, task, app=celery_app)
    channel = Channel.__new__(Channel)
    passed = refused = 0
    for raw in strange_variants(GOOD[queue]):
        if why(raw, queue):
            refused += 1
            continue
        passed += 1
        received = Message(loads(raw), channel=channel)
        request = Request(received, app=celery_app, task=task, headers=received.headers)
        assert request.name == name
        assert request.eta is None
        assert not (request.expires and queue == "fast")
        args, kwargs, embed = received.payload
        fields = request.request_dict | {"is_eager": False} | (embed or {})
        assert tracer(request.id, args, kwargs, fields).info is None
        given, named = ran.pop()
        assert [type(one) for one in given] == ([str] if queue == "fast" else [])
        assert named == {}
    assert refused > passed > 0


def test_each_reason_is_said_in_words():
    assert set(ABOUT) == set(Why)

"""Messages are bound to jobs when a worker takes them: the task goes on under the job whose turn it is."""

from __future__ import annotations

import base64
import inspect
import json
import uuid

import pytest
from celery import Celery, signals
from celery.app import trace
from celery.worker import state
from kombu.message import Message

from limner.errors import StoreDown
from limner.message import published
from limner.request import Lane
from limner.store.lanes import Taken
from tests.workers.receiving import Worker
from workers import binding
from workers.binding import CLAIM, Binder
from workers.drawing import ClaimedJob
from workers.gate import Gate

pytestmark = pytest.mark.seam

OTHER = uuid.uuid4().hex


@pytest.fixture
def binder(monkeypatch) -> Binder:
    fresh = Binder()
    monkeypatch.setattr(binding, "binder", fresh)
    return fresh


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def ran() -> list:
    """What ran: the task's id, its argument, and the claim that came with it."""
    return []


@pytest.fixture
def worker(gate, binder, ran):
    """A worker whose consumer binds; what Celery keeps of all workers is put back."""
    receivers = {
        signal: signal.receivers for signal in (signals.task_received, signals.task_revoked)
    }
    for signal, before in receivers.items():
        signal.receivers = list(before)
    localized = list(trace._localized)

    def body(task, job_id) -> None:
        ran.append((task.request.id, job_id, getattr(task.request, CLAIM, None)))

    made = Worker(gate, body, binding.strategy)
    yield made
    made.end()
    for signal, before in receivers.items():
        signal.receivers = before
    trace._localized[:] = localized
    state.reset_state()


def a_message(job_id: str, lane: Lane = Lane.FAST) -> dict:
    """The message of a job, as the store pushes it and kombu decodes it."""
    app = Celery("limner", broker="memory://", set_as_current=False)
    app.config_from_object("celeryconfig")
    app.conf.broker_url = "memory://"
    fields = published(app, lane, job_id)
    fields["properties"]["delivery_info"] = {"exchange": "", "routing_key": lane.value}
    return fields


def claiming(job_id: str, asked: list | None = None):
    def take(lane: Lane, named: str) -> ClaimedJob:
        if asked is not None:
            asked.append((lane, named))
        return ClaimedJob(job_id, "token", Taken("wait"))

    return take


def done(worker, ran):
    worker.end()
    return ran


def test_a_task_goes_on_under_the_job_whose_turn_it_is(worker, binder, ran):
    named, asked = uuid.uuid4().hex, []
    binder.take = claiming(OTHER, asked)

    worker.take(a_message(named))

    ((task_id, argument, claim),) = done(worker, ran)
    assert (task_id, argument) == (OTHER, OTHER)
    assert (claim.job_id, claim.token) == (OTHER, "token")
    assert asked == [(Lane.FAST, named)]


def test_a_message_of_the_job_whose_turn_it_is_stays_as_it_is(worker, binder, ran):
    binder.take = claiming(OTHER)

    worker.take(a_message(OTHER))

    ((task_id, argument, claim),) = done(worker, ran)
    assert (task_id, argument, claim.job_id) == (OTHER, OTHER, OTHER)


def test_a_message_that_no_job_waits_for_is_taken_off_and_runs_nothing(worker, binder, ran, gate):
    binder.take = lambda _lane, _named: None
    acknowledged = []

    def ack(logger, errors) -> None:
        acknowledged.append((logger.name, errors))

    worker.take(a_message(OTHER), ack)

    assert done(worker, ran) == []
    assert acknowledged == [("workers.binding", worker.connection_errors)]
    assert gate._waiting == set(), "it holds no place"


def test_it_is_taken_off_as_celery_takes_off_its_own(binder):
    """The consumer hands over kombu's own method, which wants a logger and what may go wrong."""
    wanted = list(inspect.signature(Message.ack_log_error).parameters)

    assert wanted[1:3] == ["logger", "errors"]


def test_while_redis_is_away_a_message_is_for_the_job_that_it_names(worker, binder, ran):
    def take(_lane, _named):
        raise StoreDown

    binder.take = take

    worker.take(a_message(OTHER))

    assert done(worker, ran) == [(OTHER, OTHER, None)]


def test_nothing_that_goes_wrong_in_a_claim_ends_the_consumer(worker, binder, ran, caplog):
    def take(_lane, _named):
        raise RuntimeError("a bug")

    binder.take = take

    worker.take(a_message(OTHER))

    assert done(worker, ran) == [(OTHER, OTHER, None)]
    assert "a bug" in caplog.text


def test_a_process_without_a_lane_binds_nothing(worker, ran):
    worker.take(a_message(OTHER))

    assert done(worker, ran) == [(OTHER, OTHER, None)]


def test_a_revoked_job_does_not_run_under_whichever_message(worker, binder, ran):
    binder.take = claiming(OTHER)
    state.revoked.add(OTHER)

    worker.take(a_message(uuid.uuid4().hex))

    assert done(worker, ran) == []


def test_nothing_of_the_named_job_is_left_in_the_message(binder):
    named = uuid.uuid4().hex
    fields = a_message(named)
    seen = type("Message", (), {})()
    seen.headers, seen.properties = fields["headers"], fields["properties"]
    seen.delivery_info = fields["properties"]["delivery_info"]
    seen.body = base64.b64decode(fields["body"])
    binder.take = claiming(OTHER)

    assert binder.bind(seen)

    del seen.headers[CLAIM]
    text = json.dumps([seen.headers, seen.properties, seen.body.decode()])
    assert named not in text
    assert json.loads(seen.body)[0] == [OTHER]

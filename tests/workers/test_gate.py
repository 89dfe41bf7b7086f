"""The gate: how many messages a process may hold without a slot, and that each leaves it."""

from __future__ import annotations

import threading

import pytest
from celery import signals
from celery.app import trace
from celery.app.task import Context
from celery.exceptions import Ignore, Reject, Retry
from celery.worker import state
from celery.worker.strategy import default as strategy

from limner.message import TASK
from tests.strangers import message
from tests.workers.receiving import Worker
from workers.gate import OVERLOOKED_MAX, PLACE, WITHOUT_SLOT_MAX, Gate, Place

pytestmark = pytest.mark.seam


class Hub:
    """Counts how often the consumer's loop was woken."""

    def __init__(self) -> None:
        self.woken = 0

    def call_soon(self, callback) -> None:
        self.woken += 1
        callback()


class Consumer:
    """As much of Celery's consumer as the gate looks at."""

    def __init__(self, celery_would: bool = True) -> None:
        self.hub = Hub()
        qos = type("QoS", (), {"can_consume": lambda _self: celery_would})()
        self.task_consumer = type("T", (), {"channel": type("C", (), {"qos": qos})()})()

    def may_consume(self) -> bool:
        return self.task_consumer.channel.qos.can_consume()


@pytest.fixture
def gate() -> Gate:
    return Gate()


def full(gate: Gate) -> list[Place]:
    return [gate.enter() for _ in range(WITHOUT_SLOT_MAX)]


def test_it_is_open_until_so_many_wait(gate):
    for _ in range(WITHOUT_SLOT_MAX):
        assert gate.is_open()
        gate.enter()

    assert not gate.is_open()


def test_one_that_got_its_slot_lets_the_next_message_in(gate):
    place, *_ = full(gate)

    place.leave()

    assert gate.is_open()


def test_leaving_twice_counts_once(gate):
    first, *_ = full(gate)
    first.leave()
    first.leave()
    gate.place_of(Context()).leave()

    gate.enter()

    assert not gate.is_open()


def test_a_choosy_job_does_not_hold_up_those_behind_it(gate):
    choosy, *_ = full(gate)

    choosy.overlook()
    choosy.overlook()
    assert gate.is_open()

    gate.enter()
    assert not gate.is_open()
    choosy.leave()
    assert not gate.is_open(), "it was not counted, so its leaving makes no room"


def test_choosy_jobs_drain_no_queue_into_one_process(gate):
    places = []
    # Each would let another one in, for ever.
    while gate.is_open() and len(places) < 2 * OVERLOOKED_MAX:
        places.append(gate.enter())
        places[-1].overlook()
    assert len(places) == OVERLOOKED_MAX + WITHOUT_SLOT_MAX

    places[0].leave()
    places[-1].overlook()

    assert gate.is_open(), "another one is overlooked in its stead"


def test_a_job_that_is_choosy_no_more_is_counted_again(gate):
    choosy, *_ = full(gate)
    choosy.overlook()

    choosy.overlook(choosy=False)

    assert not gate.is_open()
    choosy.leave()
    assert gate.is_open()


def test_a_closed_gate_stays_closed(gate):
    gate.closed = True

    gate.enter().leave()

    assert not gate.is_open()


def test_celery_s_own_bound_still_holds(gate):
    consumer = Consumer(celery_would=False)
    gate.attach(consumer)

    assert not consumer.may_consume()


def test_the_consumer_is_held_back_and_woken(gate):
    consumer = Consumer()
    gate.attach(consumer)
    assert consumer.may_consume()
    place, *_ = full(gate)
    assert not consumer.may_consume()

    place.leave()

    assert consumer.hub.woken == 1
    assert consumer.may_consume()


def test_after_a_reconnection_the_new_channel_is_behind_the_gate_too(gate):
    gate.attach(Consumer())
    first, *others = full(gate)
    for place in (first, *others):
        place.begin()
    fresh = Consumer()

    gate.attach(fresh)

    assert not fresh.may_consume()
    first.leave()
    assert fresh.hub.woken == 1


def test_what_celery_gives_up_with_a_connection_holds_no_place(gate):
    gate.attach(Consumer())
    begun, *lost = full(gate)
    begun.begin()

    gate.attach(Consumer())

    assert gate.is_open()
    for place in lost:
        place.leave()
    gate.enter()
    assert not gate.is_open()


def test_what_the_pool_had_queued_has_its_place_again_when_it_begins(gate):
    gate.attach(Consumer())
    queued, done, *_ = full(gate)
    gate.attach(Consumer())

    queued.begin()
    done.leave()
    done.begin()
    gate.place_of(Context()).begin()

    assert gate._waiting == {queued}
    queued.leave()
    queued.begin()
    assert gate._waiting == set()


def test_many_threads_leave_it_as_they_found_it(gate):
    def come_and_go() -> None:
        for _ in range(300):
            gate.enter().leave()

    threads = [threading.Thread(target=come_and_go) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    place, *_ = full(gate)
    assert not gate.is_open()
    place.leave()
    assert gate.is_open()


@pytest.fixture
def working(gate):
    """Make a worker whose task has this body; what Celery keeps of all workers is put back."""
    receivers = {
        signal: signal.receivers for signal in (signals.task_received, signals.task_revoked)
    }
    for signal, before in receivers.items():
        signal.receivers = list(before)
    localized, workers = list(trace._localized), []

    def make(body) -> Worker:
        workers.append(Worker(gate, body))
        return workers[-1]

    yield make
    for worker in workers:
        worker.end()
    for signal, before in receivers.items():
        signal.receivers = before
    trace._localized[:] = localized
    state.reset_state()


def ended(*_args, **_kwargs) -> str:
    return "done"


def failed(*_args, **_kwargs) -> str:
    raise ValueError("no such job")


def retried(*_args, **_kwargs) -> str:
    raise Retry("again")


def rejected(*_args, **_kwargs) -> str:
    raise Reject("no")


def ignored(*_args, **_kwargs) -> str:
    raise Ignore


@pytest.mark.parametrize("outcome", [ended, failed, retried, rejected, ignored])
def test_a_task_leaves_the_gate_with_its_end_whatever_its_end(gate, working, outcome):
    def body(self, job_id: str) -> str:
        place = gate.place_of(self.request)
        place.begin()
        try:
            return outcome()
        finally:
            place.leave()

    worker = working(body)
    fields = message(TASK, "fast", ["a-job"])
    for _ in range(2):
        # The same message twice: doubled on its way, or sent by hand.
        worker.take(fields)

    worker.end()

    assert gate.is_open()
    assert not gate._waiting


@pytest.mark.parametrize("args", [[], [1, 2, 3]])
def test_a_task_that_is_called_wrongly_never_begins_and_leaves_the_gate_all_the_same(
    gate, working, args
):
    def body(self, job_id: str) -> None:
        """Never runs."""

    worker = working(body)
    for _ in range(3):
        worker.take(message(TASK, "fast", args))

    worker.end()

    assert not gate._waiting


def test_a_revoked_task_leaves_the_gate(gate, working):
    ran = []

    def body(self, job_id: str) -> None:
        ran.append(job_id)

    worker = working(body)
    fields = message(TASK, "fast", ["a-job"])
    held: list = []
    real, worker.on_task_request = worker.on_task_request, held.append
    worker.receive = strategy(worker.task, worker.app, worker)
    worker.take(fields)
    assert len(gate._waiting) == 1

    # Revoked between its receipt and its turn in the pool.
    state.revoked.add(fields["headers"]["id"])
    real(held.pop())

    assert not gate._waiting
    worker.end()
    assert ran == []


def test_a_task_runs_also_if_celery_fails_to_announce_it_and_the_log_says_why(
    gate, working, caplog
):
    ran = []

    def body(self, job_id: str) -> None:
        ran.append(job_id)
        gate.place_of(self.request).leave()

    worker = working(body)
    held: list = []
    real, worker.on_task_request = worker.on_task_request, held.append
    worker.receive = strategy(worker.task, worker.app, worker)
    worker.take(message(TASK, "fast", ["a-job"]))
    request = held.pop()

    def cannot(*_args, **_kwargs) -> None:
        raise OSError("no way to tell")

    request.send_event = cannot
    real(request)
    worker.end()

    assert ran == ["a-job"]
    assert not gate._waiting
    (said,) = [record for record in caplog.records if record.message == "task.unannounced"]
    assert said.limner_fields == {"task": request.id}
    assert "no way to tell" in str(said.exc_info[1])


def test_a_running_task_that_is_terminated_is_announced_as_that_and_not_as_expired(gate, working):
    def body(self, job_id: str) -> None:
        """Never ends by itself, in life."""

    worker, held, told = working(body), [], []
    worker.on_task_request = held.append
    worker.receive = strategy(worker.task, worker.app, worker)
    worker.take(message(TASK, "fast", ["a-job"]))

    def hears(*, terminated, expired, **_):
        told.append((terminated, expired))

    signals.task_revoked.connect(hears)
    held[0].terminate(worker.pool, "TERM")

    assert told == [(True, False)]
    assert not gate._waiting


def test_the_place_is_found_by_the_message_and_not_by_any_id(gate):
    by_hand, own = gate.enter(), gate.enter()

    gate.place_of(Context({"id": "a-job", PLACE: own})).leave()

    assert by_hand in gate._waiting
    assert own not in gate._waiting

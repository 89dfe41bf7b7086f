"""The gate: how many messages a process may hold without a slot."""

from __future__ import annotations

import threading

import pytest

from workers.gate import WITHOUT_SLOT_MAX, Gate


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


def full(gate: Gate) -> list[str]:
    jobs = [f"job-{n}" for n in range(WITHOUT_SLOT_MAX)]
    for job in jobs:
        gate.enter(job)
    return jobs


def test_it_is_open_until_so_many_wait(gate):
    for n in range(WITHOUT_SLOT_MAX):
        assert gate.is_open()
        gate.enter(f"job-{n}")

    assert not gate.is_open()


def test_one_that_got_its_slot_lets_the_next_message_in(gate):
    job, *_ = full(gate)

    gate.leave(job)

    assert gate.is_open()


def test_leaving_twice_counts_once(gate):
    first, *_ = full(gate)
    gate.leave(first)
    gate.leave(first)
    gate.leave("never-entered")

    gate.enter("next")

    assert not gate.is_open()


def test_two_messages_of_one_job_count_as_two(gate):
    for _ in range(WITHOUT_SLOT_MAX):
        gate.enter("job")
    assert not gate.is_open()

    gate.leave("job")
    assert gate.is_open()
    gate.leave("job")
    gate.enter("other")
    assert gate.is_open()


def test_a_choosy_job_does_not_hold_up_those_behind_it(gate):
    choosy, *_ = full(gate)

    gate.overlook(choosy)
    gate.overlook(choosy)
    assert gate.is_open()

    gate.enter("next")
    assert not gate.is_open()
    gate.leave(choosy)
    assert not gate.is_open(), "it was not counted, so its leaving makes no room"


def test_a_closed_gate_stays_closed(gate):
    gate.closed = True

    gate.enter("job")
    gate.leave("job")

    assert not gate.is_open()


def test_celery_s_own_bound_still_holds(gate):
    consumer = Consumer(celery_would=False)
    gate.attach(consumer)

    assert not consumer.may_consume()


def test_the_consumer_is_held_back_and_woken(gate):
    consumer = Consumer()
    gate.attach(consumer)
    assert consumer.may_consume()
    job, *_ = full(gate)
    assert not consumer.may_consume()

    gate.leave(job)

    assert consumer.hub.woken == 1
    assert consumer.may_consume()


def test_after_a_reconnection_the_new_channel_is_behind_the_gate_too(gate):
    gate.attach(Consumer())
    full(gate)
    fresh = Consumer()

    gate.attach(fresh)

    assert not fresh.may_consume()
    gate.leave("job-0")
    assert fresh.hub.woken == 1


def test_many_threads_leave_it_as_they_found_it(gate):
    def come_and_go(name: str) -> None:
        for n in range(300):
            gate.enter(f"{name}-{n}")
            gate.leave(f"{name}-{n}")

    threads = [threading.Thread(target=come_and_go, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    full(gate)
    assert not gate.is_open()
    gate.leave("job-0")
    assert gate.is_open()

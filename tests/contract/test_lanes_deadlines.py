"""Jobs with a deadline: given up when it passes, wherever they are, and told once."""

from __future__ import annotations

import json

import pytest

from limner.store.lanes import Trouble
from tests.builders import MESSAGES, a_worker, an_accepted_job, an_engine, messages_in


def take(store, job, token="t1"):
    return store.lanes.take(job.id, token, "worker-1", MESSAGES)


def ended(store, job):
    now = store.jobs.get(job.id)
    return now.status.value, now.reason_code


def events(store, job):
    return [json.loads(text)["c"] for text in store.redis.lrange(f"limner:outq:{job.id}", 0, -1)]


def test_a_waiting_job_ends_when_its_deadline_passes_and_is_told_once(store, clock):
    job = an_accepted_job(store, deadline_s=5)

    clock.pass_s(4.9)
    assert store.lanes.pass_deadlines() == 0
    clock.pass_s(0.2)
    assert store.lanes.pass_deadlines() == 1
    assert store.lanes.pass_deadlines() == 0

    assert ended(store, job) == ("failed", "deadline_passed")
    assert events(store, job) == ["X"]
    assert store.jobs.waiting_count("ann") == 0


def test_a_job_behind_a_long_one_never_takes_its_slot(store, clock):
    a_worker(store, an_engine("stage", fast=1))
    long, late = an_accepted_job(store), an_accepted_job(store, deadline_s=5)
    assert take(store, long).state == "granted"
    assert take(store, late).state == "wait"

    clock.pass_s(5)
    store.lanes.renew("worker-1", long.lane, ["stage"], {long.id: "t1"})
    assert take(store, late).state == "gone"

    assert ended(store, late) == ("failed", "deadline_passed")
    assert store.redis.smembers("limner:slots:stage:fast") == {long.id}
    assert store.jobs.get(late.id).started_at is None


def test_a_slot_that_is_freed_is_not_given_to_a_job_that_is_too_late(store, clock):
    a_worker(store, an_engine("stage", fast=1))
    long, late = an_accepted_job(store), an_accepted_job(store, deadline_s=5)
    take(store, long)
    assert take(store, late, "t2").state == "wait"

    clock.pass_s(5)
    store.lanes.cancel(long.id)

    assert ended(store, late) == ("failed", "deadline_passed")
    assert store.jobs.get(late.id).started_at is None


def test_a_drawing_is_stopped_at_its_engine_and_its_slot_given_on(store, clock):
    a_worker(store, an_engine("stage", fast=1))
    late, other = an_accepted_job(store, deadline_s=5), an_accepted_job(store)
    take(store, late)
    store.lanes.keep_handle(late.id, "t1", {"number": 1}, attach=True)
    assert take(store, other, "t2").state == "wait"

    clock.pass_s(5)
    assert store.lanes.pass_deadlines() == 1

    assert ended(store, late) == ("failed", "deadline_passed")
    assert store.engines.cancelled_on("stage") == {"number": 1}
    assert store.jobs.get(other.id).status.value == "submitted"
    assert store.lanes.renew("worker-1", late.lane, ["stage"], {late.id: "t1"}) == {late.id}


def test_a_job_that_ends_in_time_is_not_ended_again(store, clock):
    a_worker(store, an_engine("stage", fast=1))
    job = an_accepted_job(store, deadline_s=5)
    take(store, job)
    store.lanes.cancel(job.id)

    assert store.redis.zcard("limner:deadlines") == 0
    clock.pass_s(10)
    assert store.lanes.pass_deadlines() == 0
    assert ended(store, job) == ("failed", "cancelled")


def test_the_deadline_of_a_job_that_comes_back_still_holds(store, clock):
    a_worker(store, an_engine("stage", fast=1))
    job = an_accepted_job(store, deadline_s=5)
    take(store, job)
    store.lanes.give_back(job.id, "t1", Trouble(), MESSAGES)

    clock.pass_s(5)
    store.lanes.sweep(MESSAGES)

    assert ended(store, job) == ("failed", "deadline_passed")
    assert job.id in messages_in(store)
    assert take(store, job, "t2").state == "gone"


def test_a_deadline_passes_even_if_nobody_looked_for_long(store, clock):
    a_worker(store, an_engine("stage", fast=1))
    job = an_accepted_job(store, deadline_s=5)
    store.lanes.sweep(MESSAGES)

    clock.pass_s(3600)
    store.lanes.sweep(MESSAGES)

    assert ended(store, job) == ("failed", "deadline_passed")


@pytest.mark.parametrize("wanted", [("drawing",), ()])
def test_the_end_is_told_whatever_else_is(store, clock, wanted):
    job = an_accepted_job(store, deadline_s=5, callback_statuses=wanted)

    clock.pass_s(5)
    store.lanes.pass_deadlines()

    assert events(store, job) == ["X"]

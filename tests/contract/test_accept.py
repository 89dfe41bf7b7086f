"""What one accept leaves in Redis, also when the call is made twice."""

from __future__ import annotations

import uuid

import pytest

from limner.errors import IdempotencyConflict, WaitingFull
from limner.followup import FollowUp
from limner.job import Picture, Status
from limner.request import Lane
from limner.store import Idempotency
from limner.store.lanes import Result
from tests.builders import (
    MESSAGES,
    WORKER,
    a_request,
    a_worker,
    an_accepted_job,
    an_engine,
    conflict,
    messages_in,
)
from tests.contract.lanes_view import everything


def accept(store, job_id, request):
    return store.jobs.accept(job_id, "ann", request, (1, 2, 3, 4), MESSAGES, waiting_cap=9)


def test_an_accept_whose_answer_was_lost_may_be_made_again(store):
    job_id, request = uuid.uuid4().hex, a_request()
    accept(store, job_id, request)
    a_worker(store)
    store.lanes.take(job_id, "t", WORKER, MESSAGES)

    again = accept(store, job_id, request)

    assert again.job.id == job_id
    assert store.jobs.get(job_id).status is Status.SUBMITTED
    assert messages_in(store) == [job_id]


def test_what_a_caller_wrote_comes_back_as_it_was(store):
    job_id = uuid.uuid4().hex
    request = a_request(prompt_en='灯塔 "quoted" \\ \u2028 {}', extra="[]")

    accept(store, job_id, request)

    assert store.jobs.get(job_id).request == request


def ask(store, key="order-7", body="hash", client="ann", waiting_cap=9, **more):
    return store.jobs.accept(
        uuid.uuid4().hex,
        client,
        a_request(),
        (1, 2, 3, 4),
        MESSAGES,
        waiting_cap=waiting_cap,
        idempotency=Idempotency(key, body),
        **more,
    )


def test_the_same_key_with_the_same_body_is_the_first_job_and_starts_nothing(store):
    first = ask(store)
    before = everything(store)

    again = ask(store)

    assert (first.again, again.again) == (False, True)
    assert again.job.id == first.job.id
    assert everything(store) == before


def test_the_same_key_with_another_body_is_refused_and_starts_nothing(store):
    ask(store)
    before = everything(store)

    with pytest.raises(IdempotencyConflict):
        ask(store, body="other")

    assert everything(store) == before


def test_a_key_is_its_clients_own(store):
    first = ask(store)

    assert ask(store, client="bob").job.id != first.job.id
    assert ask(store, key="order-8").job.id != first.job.id


def test_the_last_waiting_job_that_a_client_may_have_is_taken_and_one_more_is_not(store):
    for n in range(3):
        ask(store, f"{n}", waiting_cap=3)
    before = everything(store)

    with pytest.raises(WaitingFull):
        ask(store, "one more", waiting_cap=3)

    assert everything(store) == before
    assert ask(store, "2", waiting_cap=3).again, "what it has it may ask for"


def test_jobs_that_do_not_wait_do_not_count_against_the_cap(store):
    a_worker(store)
    job = ask(store, "first", waiting_cap=1).job
    store.lanes.take(job.id, "t", WORKER, MESSAGES)

    assert not ask(store, "second", waiting_cap=1).again


def test_places_are_given_by_lane_in_the_order_of_coming(store):
    jobs = [an_accepted_job(store, lane=lane) for lane in (*Lane, *Lane, Lane.FAST)]

    assert [job.position for job in jobs] == [1, 1, 2, 2, 3]
    assert [store.jobs.get(job.id).position for job in jobs] == [1, 1, 2, 2, 3]
    assert messages_in(store) == [jobs[0].id, jobs[2].id, jobs[4].id]
    assert messages_in(store, Lane.RELAXED) == [jobs[1].id, jobs[3].id]


def test_of_jobs_in_one_millisecond_the_last_is_the_newest(store, clock):
    tag = uuid.uuid4().hex
    jobs = [an_accepted_job(store, tag=tag) for _ in range(20)]

    assert store.jobs.newest_by_tag("ann", tag).id == jobs[-1].id
    assert [job.id for job in store.jobs.page("ann").jobs] == [job.id for job in jobs[::-1]]
    assert {job.created_at for job in jobs} == {jobs[0].created_at}
    clock.pass_s(60)
    later = an_accepted_job(store)
    assert store.redis.zscore("limner:jobs:ann", later.id) == clock()


def test_a_mark_is_kept_once_however_often_it_is_set_and_is_a_whole_word(store):
    a_worker(store, an_engine(fast=9))
    parent = an_accepted_job(store)
    store.lanes.take(parent.id, "t", WORKER, MESSAGES)
    store.lanes.done(parent.id, "t", Result(Picture("http://l/g.png", 8, 8), [], {}))

    def press(button):
        return ask(store, uuid.uuid4().hex, follow_up=FollowUp(parent.id, button))

    for button in ("v1", "v1", "v12", "v2", "v1", "xu1", "u2"):
        press(button)
    assert store.redis.hget(f"limner:job:{parent.id}", "marks") == "v1 v12 v2 xu1 u2"
    press("u1")
    before = everything(store)

    for button in ("u1", "u2"):
        with conflict("already_used"):
            press(button)
    assert everything(store) == before


@pytest.mark.parametrize("state", ["waits", "drawn", "failed", "unknown"])
def test_only_a_job_that_is_done_is_followed_up_and_a_refusal_leaves_nothing(store, state):
    a_worker(store)
    parent = an_accepted_job(store)
    if state in ("drawn", "failed"):
        store.lanes.take(parent.id, "t", WORKER, MESSAGES)
    if state == "failed":
        store.lanes.failed(parent.id, "t", "No.", "moderated")
    parent_id = "f" * 32 if state == "unknown" else parent.id
    before = everything(store)

    with conflict("not_done"):
        ask(store, follow_up=FollowUp(parent_id, "v1"))

    assert everything(store) == before

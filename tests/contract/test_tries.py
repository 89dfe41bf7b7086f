"""Client libraries repeat their requests and say how often: all tries are about one job, which is paid once."""

from __future__ import annotations

import uuid

import pytest

from limner.errors import WaitingFull
from limner.job import Picture, Status
from limner.request import Lane
from limner.store import Idempotency, Try
from limner.store.lanes import Result
from tests.builders import MESSAGES, WORKER, a_request, a_worker, messages_in
from tests.contract.lanes_view import everything

PICTURE = Picture("https://draw.example/images/a.png", 8, 8)
#: as lib_tries.lua
ANSWER_LOST_S = 120


def ask(store, *, again=False, body="hash", client="ann", waiting_cap=9, job_id=None):
    return store.jobs.accept(
        job_id or uuid.uuid4().hex,
        client,
        a_request(),
        (1, 2, 3, 4),
        MESSAGES,
        waiting_cap=waiting_cap,
        idempotency=Try(body, again),
    )


def done(store, job) -> None:
    a_worker(store)
    store.lanes.take(job.id, "t", WORKER, MESSAGES)
    store.lanes.done(job.id, "t", Result(PICTURE, [PICTURE] * 4, {}))


def test_a_retry_gets_the_job_of_the_first_try_and_starts_nothing(store):
    first = ask(store)
    before = everything(store)

    again = ask(store, again=True)

    assert (first.again, again.again) == (False, True)
    assert again.job.id == first.job.id
    assert store.jobs.earlier("ann", Try("hash", again=True)).id == first.job.id
    assert everything(store) == before


def test_a_first_try_is_always_a_new_job_and_retries_get_the_newest(store):
    old, new = ask(store), ask(store)

    assert old.job.id != new.job.id
    assert store.jobs.earlier("ann", Try("hash", again=False)) is None
    assert ask(store, again=True).job.id == new.job.id


def test_a_retry_whose_first_try_never_came_is_a_job_that_the_next_retry_gets(store):
    second = ask(store, again=True)

    assert not second.again
    assert ask(store, again=True).job.id == second.job.id


def test_a_first_try_whose_answer_from_redis_was_lost_is_still_the_one_that_retries_get(store):
    made = ask(store, job_id="7" * 32)
    # As redis-py does after a broken connection.
    repeated = ask(store, job_id="7" * 32)

    assert repeated.again
    assert ask(store, again=True).job.id == made.job.id


def test_a_retry_of_another_body_or_client_is_a_job_of_its_own(store):
    first = ask(store)

    assert ask(store, again=True, body="other").job.id != first.job.id
    assert ask(store, again=True, client="bob").job.id != first.job.id


def test_a_retry_of_a_first_try_that_was_refused_does_not_get_an_older_requests_job(store):
    older = ask(store)
    with pytest.raises(WaitingFull):
        ask(store, waiting_cap=1)

    retry = ask(store, again=True)

    assert not retry.again
    assert retry.job.id != older.job.id


def test_a_retry_gets_a_job_that_has_just_ended_for_the_answer_may_be_lost(store, clock):
    first = ask(store)
    done(store, first.job)
    clock.pass_s(ANSWER_LOST_S)

    again = ask(store, again=True)

    assert again.job.id == first.job.id
    assert again.job.status is Status.DONE


def test_a_job_that_ended_long_ago_is_nobodys_retry(store, clock):
    first = ask(store)
    done(store, first.job)
    clock.pass_s(ANSWER_LOST_S + 1)

    assert store.jobs.earlier("ann", Try("hash", again=True)) is None
    assert ask(store, again=True).job.id != first.job.id


def test_a_job_that_goes_on_is_found_however_long_it_takes(store, clock):
    first = ask(store)
    clock.pass_s(1800)

    assert ask(store, again=True).job.id == first.job.id


def test_a_retry_does_not_get_a_job_that_was_cancelled(store):
    first = ask(store)
    store.lanes.cancel(first.job.id)

    again = ask(store, again=True)

    assert not again.again
    assert messages_in(store, Lane.FAST)[-1] == again.job.id


def test_tries_are_remembered_for_an_hour_and_apart_from_callers_keys(store):
    first = ask(store)

    assert store.redis.keys("limner:idem:*") == []
    assert 3_590_000 < store.redis.pttl("limner:tries:ann:hash") <= 3_600_000
    keyed = store.jobs.accept(
        uuid.uuid4().hex,
        "ann",
        a_request(),
        (1, 2, 3, 4),
        MESSAGES,
        waiting_cap=9,
        idempotency=Idempotency("hash", "hash"),
    )
    assert keyed.job.id != first.job.id

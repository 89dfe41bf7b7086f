"""What one accept leaves in Redis, also when the call is made twice."""

from __future__ import annotations

import uuid

from limner.job import Status
from tests.builders import MESSAGES, WORKER, a_request, a_worker, messages_in


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

"""The spool's accounts: what is charged, when it is freed, and that a wrong sum does not stay."""

from __future__ import annotations

import uuid

import pytest

from limner.errors import InlineFull
from limner.job import Lane, Picture
from limner.store import Charge
from limner.store.lanes import Policy, Trouble
from limner.store.spool import Spooled, in_blocks
from tests.builders import MESSAGES, WORKER, a_request, a_worker
from tests.conftest import a_while_later

QUOTA = 10_000
PICTURE = Picture("http://limner/images/a.png", 8, 8)


def accepted(store, size_bytes: int, client: str = "ann", quota: int = QUOTA, **request) -> str:
    """A job whose one file has so many bytes; its key is its id."""
    job_id = uuid.uuid4().hex
    charge = Charge((job_id,), size_bytes, quota)
    request = a_request(callback_url="http://receiver/hook", **request)
    store.jobs.accept(
        job_id, client, request, (1, 2, 3, 4), MESSAGES, waiting_cap=1000, charge=charge
    )
    return job_id


def taken(store, job_id: str) -> None:
    a_worker(store)
    assert store.lanes.take(job_id, "t", WORKER, MESSAGES).state == "granted"


def done(store, clock, job_id):
    taken(store, job_id)
    store.lanes.done(job_id, "t", PICTURE, [PICTURE] * 4, {})


def failed(store, clock, job_id):
    taken(store, job_id)
    store.lanes.failed(job_id, "t", "No.", "moderated")


def cancelled(store, clock, job_id):
    store.lanes.cancel(job_id)


def given_up(store, clock, job_id):
    taken(store, job_id)
    trouble = Trouble("bad_results", 0, "Broken.", "bad_result")
    assert store.lanes.give_back(job_id, "t", trouble, MESSAGES) == "failed"


def worker_lost(store, clock, job_id):
    for token in "abc":
        a_worker(store)
        assert store.lanes.take(job_id, token, WORKER, MESSAGES).state == "granted"
        store.lanes.keep_handle(job_id, token, {}, attach=False)
        a_while_later(store, clock, 40, MESSAGES)


def waited_too_long(store, clock, job_id):
    clock.pass_s(Policy().waiting_limit_s + 1)
    a_worker(store)
    assert store.lanes.take(job_id, "t", WORKER, MESSAGES).state == "gone"


@pytest.mark.parametrize(
    "end",
    [done, failed, cancelled, given_up, worker_lost, waited_too_long],
    ids=lambda f: f.__name__,
)
def test_however_a_job_ends_its_pictures_make_room_for_the_next(store, clock, end):
    store.clients.add("ann")
    job = accepted(store, 8000)
    with pytest.raises(InlineFull):
        accepted(store, 8000)

    end(store, clock, job)

    assert store.jobs.get(job).status.ended
    assert store.spool.of("ann") == Spooled(0, 8000)
    accepted(store, 8000)
    assert store.spool.of("ann") == Spooled(8000, 0)
    assert store.spool.to_drop(86_400, 10) == [job]


def test_a_job_that_returns_to_its_lane_keeps_its_pictures(store):
    job = accepted(store, 8000)
    taken(store, job)

    store.lanes.give_back(job, "t", Trouble(), MESSAGES)

    assert store.spool.of("ann") == Spooled(8000, 0)


def test_one_clients_pictures_are_nothing_to_another(store):
    accepted(store, QUOTA, client="ann")

    accepted(store, QUOTA, client="bob")

    with pytest.raises(InlineFull):
        accepted(store, 1, client="ann")


def test_the_last_byte_fits_and_one_more_does_not(store):
    accepted(store, QUOTA - 1)
    accepted(store, 1)

    with pytest.raises(InlineFull):
        accepted(store, 1)


def test_a_refused_job_is_charged_nothing_and_leaves_nothing(store):
    with pytest.raises(InlineFull):
        accepted(store, QUOTA + 1)

    assert store.spool.of("ann") == Spooled()
    assert store.jobs.waiting_count("ann") == 0
    assert store.redis.llen(Lane.FAST.value) == 0


def test_a_call_that_is_made_twice_is_charged_once(store):
    job_id, charge = uuid.uuid4().hex, Charge(("a",), 4096, QUOTA)
    for _ in range(2):
        store.jobs.accept(
            job_id, "ann", a_request(), (1, 2, 3, 4), MESSAGES, waiting_cap=9, charge=charge
        )

    assert store.spool.of("ann") == Spooled(4096, 0)


def test_only_as_many_of_the_oldest_go_as_are_in_the_way(store, clock):
    jobs = [accepted(store, 3000) for _ in range(3)]
    for job in jobs:
        clock.pass_s(1)
        cancelled(store, clock, job)

    accepted(store, 3000)

    assert store.spool.to_drop(86_400, 10) == [jobs[0]]
    assert store.spool.of("ann") == Spooled(3000, 6000)


def test_a_job_that_would_not_fit_even_so_drops_nothing(store, clock):
    accepted(store, 6000)
    cancelled(store, clock, accepted(store, 4000))

    with pytest.raises(InlineFull):
        accepted(store, 5000)

    assert store.spool.to_drop(86_400, 10) == []
    assert store.spool.of("ann") == Spooled(6000, 4000)


def test_what_an_ended_job_left_goes_when_it_is_old(store, clock):
    store.clients.add("ann")
    job, live = accepted(store, 3000), accepted(store, 3000)
    cancelled(store, clock, job)
    clock.pass_s(99)
    assert store.spool.to_drop(100, 10) == []

    clock.pass_s(2)

    assert store.spool.to_drop(100, 10) == [job]
    # Until it is said to be deleted, also to others.
    assert store.spool.to_drop(100, 10) == [job]
    store.spool.dropped([job])
    assert store.spool.to_drop(100, 10) == []
    assert store.spool.of("ann") == Spooled(3000, 0)
    assert store.jobs.get(live).status == "waiting"


def test_nor_does_it_stay_longer_when_the_clock_is_set_back(store, clock):
    store.clients.add("ann")
    job = accepted(store, 3000)
    cancelled(store, clock, job)

    clock.pass_s(-3600)
    assert store.spool.to_drop(100, 10) == []
    clock.pass_s(100)
    assert store.spool.to_drop(100, 10) == [job]


# -- mending --------------------------------------------------------------------------------------


def lose_the_sums(store, jobs):
    store.redis.delete("limner:spooled")


def falsify_the_sums(store, jobs):
    store.redis.hset("limner:spooled", mapping={"live|ann": 5, "spent|ann": -70})


def end_unseen(store, jobs):
    """As a script of an older version ends a job."""
    store.redis.hset(f"limner:job:{jobs[0]}", "status", "failed")


def delete_the_record(store, jobs):
    store.redis.delete(f"limner:job:{jobs[0]}")


def forget_the_end(store, jobs):
    store.redis.delete("limner:spent:ann")


def end_in_error(store, jobs):
    store.redis.zadd("limner:spent:ann", {jobs[0]: 1, "nobody": 2})


@pytest.mark.parametrize(
    ("harm", "right"),
    [
        (lose_the_sums, Spooled(4000, 1000)),
        (falsify_the_sums, Spooled(4000, 1000)),
        (end_unseen, Spooled(2000, 3000)),
        (delete_the_record, Spooled(2000, 3000)),
        (forget_the_end, Spooled(4000, 1000)),
        (end_in_error, Spooled(4000, 1000)),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_whatever_is_wrong_with_an_account_is_mended(store, clock, harm, right):
    jobs = [accepted(store, size) for size in (2000, 2000, 1000)]
    cancelled(store, clock, jobs[2])
    assert store.spool.mend("ann") == 0

    harm(store, jobs)

    assert store.spool.mend("ann") > 0
    assert store.spool.of("ann") == right
    assert store.spool.mend("ann") == 0
    # And nothing of it is left when all have ended.
    for job in jobs[:2]:
        if store.redis.exists(f"limner:job:{job}"):
            cancelled(store, clock, job)
    store.clients.add("ann")
    clock.pass_s(200)
    assert sorted(store.spool.to_drop(100, 10)) == sorted(jobs)
    assert store.spool.of("ann") == Spooled()


def test_a_file_takes_whole_blocks():
    assert [in_blocks(size) for size in (1, 4096, 4097)] == [4096, 4096, 8192]

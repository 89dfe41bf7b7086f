"""The spool's accounts: what is charged, when it is freed, and that a wrong sum does not stay."""

from __future__ import annotations

import uuid

import pytest

from limner.errors import InlineFull
from limner.job import Picture
from limner.reasons import Reason
from limner.request import Lane
from limner.store import Charge, Policy, Trouble, spool
from limner.store.lanes import Result
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
    store.lanes.done(job_id, "t", Result(PICTURE, [PICTURE] * 4, {}))


def failed(store, clock, job_id):
    taken(store, job_id)
    store.lanes.failed(job_id, "t", "No.", "moderated")


def cancelled(store, clock, job_id):
    store.lanes.cancel(job_id)


def given_up(store, clock, job_id):
    taken(store, job_id)
    trouble = Trouble("bad_results", 0, Reason.BAD_RESULT)
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


def change(store, clock, jobs):
    """What may happen between two steps: every change there is, to jobs seen and not yet seen."""
    cancelled(store, clock, jobs.pop())
    cancelled(store, clock, jobs.pop(0))
    clock.pass_s(1)
    jobs.append(accepted(store, 1000, quota=10**9))
    store.redis.delete(f"limner:job:{jobs.pop(len(jobs) // 2)}")


@pytest.mark.parametrize("harm", [lose_the_sums, falsify_the_sums], ids=lambda f: f.__name__)
def test_a_large_account_is_mended_in_steps_whatever_changes_between_them(
    store, clock, monkeypatch, harm
):
    monkeypatch.setattr(spool, "MEND_STEP", 20)
    store.clients.add("ann")
    jobs = [accepted(store, 1000, quota=10**9) for _ in range(700)]
    for job in jobs[:200]:
        cancelled(store, clock, job)
    jobs = jobs[200:]
    clock.pass_s(100)
    harm(store, jobs)

    steps = 0
    while not store.spool.mend_some("ann").done:
        steps += 1
        change(store, clock, jobs)
        if steps == 5:
            # Most of what has ended goes, seen or not.
            store.spool.to_drop(50, 150)

    assert steps > 10
    live = sum(store.redis.exists(f"limner:job:{job}") for job in jobs)
    entries = store.redis.hlen("limner:spool:ann")
    # A record that was deleted after its entry was seen is found the next time.
    store.spool.mend("ann")
    assert store.spool.of("ann") == Spooled(live * 1000, (entries - live) * 1000)
    assert not store.redis.exists("limner:reckoned:ann")
    for _ in range(2):
        assert store.spool.mend("ann") == 0


def test_the_sums_are_right_after_one_round_of_steps(store, clock, monkeypatch):
    monkeypatch.setattr(spool, "MEND_STEP", 20)
    jobs = [accepted(store, 1000, quota=10**9) for _ in range(700)]
    lose_the_sums(store, jobs)

    while not store.spool.mend_some("ann").done:
        cancelled(store, clock, jobs.pop())
        cancelled(store, clock, jobs.pop(0))
        jobs.append(accepted(store, 1000, quota=10**9))

    entries = store.redis.hlen("limner:spool:ann")
    assert store.spool.of("ann") == Spooled(len(jobs) * 1000, (entries - len(jobs)) * 1000)


def test_a_reckoning_that_was_given_up_begins_anew(store, monkeypatch):
    monkeypatch.setattr(spool, "MEND_STEP", 20)
    jobs = [accepted(store, 1000, quota=10**9) for _ in range(600)]
    assert not store.spool.mend_some("ann").done
    assert 0 < store.redis.pttl("limner:reckoned:ann") <= spool.MEND_KEPT_MS
    store.redis.delete("limner:reckoned:ann")
    lose_the_sums(store, jobs)

    store.spool.mend("ann")

    assert store.spool.of("ann") == Spooled(600_000, 0)


def test_an_entry_that_nothing_can_be_made_of_is_dropped(store):
    accepted(store, 1000)
    store.redis.hset("limner:spool:ann", "strange", "no bytes")

    assert store.spool.mend("ann") == 1
    assert store.spool.mend("ann") == 0
    assert store.spool.of("ann") == Spooled(1000, 0)


# -- bounds ---------------------------------------------------------------------------------------


def spent(store, clock, number: int, client: str = "ann") -> list[str]:
    jobs = [accepted(store, 10, client) for _ in range(number)]
    for job in jobs:
        cancelled(store, clock, job)
    return jobs


def test_one_call_makes_room_by_a_few_jobs_and_the_next_goes_on(store, clock, monkeypatch):
    monkeypatch.setattr("limner.store.jobs.ROOM_CALLS_MOST", 1)
    spent(store, clock, 500)

    for left in (300, 100):
        with pytest.raises(InlineFull):
            accepted(store, QUOTA)
        assert store.spool.of("ann") == Spooled(0, left * 10)

    accepted(store, QUOTA)
    assert store.spool.of("ann") == Spooled(QUOTA, 0)
    assert store.redis.zcard("limner:drops") == 500


def test_a_job_waits_for_its_room_through_several_calls(store, clock):
    spent(store, clock, 500)

    accepted(store, QUOTA)

    assert store.spool.of("ann") == Spooled(QUOTA, 0)


def test_one_look_drops_no_more_than_it_may_of_all_clients_together(store, clock):
    for client in ("ann", "bob", "cid"):
        store.clients.add(client)
        spent(store, clock, 50, client)
    clock.pass_s(200)

    store.spool.to_drop(100, 60)
    assert store.redis.zcard("limner:drops") == 60
    for _ in range(2):
        store.spool.to_drop(100, 60)
    assert store.redis.zcard("limner:drops") == 150


def test_no_client_comes_first_at_every_look(store, clock):
    for client in ("ann", "bob"):
        store.clients.add(client)
        spent(store, clock, 50, client)
    clock.pass_s(200)

    for _ in range(2):
        clock.pass_s(0.001)
        store.spool.to_drop(100, 10)

    assert [store.spool.of(client).spent_bytes for client in ("ann", "bob")] == [400, 400]


def test_a_file_that_could_not_be_deleted_comes_after_all_others(store, clock):
    store.clients.add("ann")
    first, *others = spent(store, clock, 3)
    clock.pass_s(200)
    assert len(store.spool.to_drop(100, 10)) == 3
    clock.pass_s(1)

    store.spool.missed([first, "nobody"])

    assert store.spool.to_drop(100, 2) == sorted(others)
    assert store.spool.to_drop(100, 10)[-1] == first


def test_a_file_takes_whole_blocks():
    assert [in_blocks(size) for size in (1, 4096, 4097)] == [4096, 4096, 8192]

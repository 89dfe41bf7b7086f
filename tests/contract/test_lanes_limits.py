"""Each time and each bound of the lanes, on both of its sides."""

from __future__ import annotations

import json

import pytest

from limner.request import Lane
from limner.store import Trouble
from tests.builders import MESSAGES, WORKER, a_worker, an_accepted_job, an_engine, messages_in
from tests.conftest import a_while_later


def take(store, job, token=None, worker=WORKER):
    return store.lanes.take(job.id, token or job.id, worker, MESSAGES)


def status(store, job):
    return store.jobs.get(job.id).status.value


def looks(store, clock, *seconds):
    """Look at the lanes after each of these pauses."""
    for pause in seconds:
        clock.pass_s(pause)
        store.lanes.sweep(MESSAGES)


# -- leases ---------------------------------------------------------------------------------------


def test_a_lease_holds_for_fifteen_seconds_and_not_a_moment_longer(store, clock):
    a_worker(store)
    job = an_accepted_job(store)
    take(store, job)

    looks(store, clock, 5, 5, 4.999)
    assert status(store, job) == "submitted"
    looks(store, clock, 0.001)

    assert status(store, job) == "waiting"


def test_a_beat_holds_it_for_fifteen_seconds_more(store, clock):
    a_worker(store, an_engine(fast=1))
    drawn, held = an_accepted_job(store), an_accepted_job(store)
    take(store, drawn)
    take(store, held)
    looks(store, clock, 5, 5, 4.999)

    stale = store.lanes.renew(
        WORKER, Lane.FAST, ["stage"], {"gone": "x", drawn.id: drawn.id, held.id: held.id}
    )

    assert stale == {"gone"}
    looks(store, clock, 5, 5, 4.999)
    assert status(store, drawn) == "submitted"
    assert store.numbers.look(held.id).held
    looks(store, clock, 0.001)
    assert status(store, drawn) == "waiting"
    assert not store.numbers.look(held.id).held


def test_a_worker_counts_as_living_for_fifteen_seconds(store, clock):
    a_worker(store)
    clock.pass_s(15)
    assert store.lanes.workers_seen(Lane.FAST, clock()) == 1
    clock.pass_s(0.001)

    assert store.lanes.workers_seen(Lane.FAST, clock()) == 0


def test_nobody_is_taken_for_silent_after_more_than_half_a_lease_without_a_look(store, clock):
    a_worker(store, an_engine(fast=1))
    drawn, held = an_accepted_job(store), an_accepted_job(store)
    take(store, drawn)
    take(store, held)
    looks(store, clock, 7.5, 7.501)

    assert status(store, drawn) == "submitted"
    assert store.numbers.look(held.id).held
    # What was held begins anew, and ends as ever.
    looks(store, clock, 7.5, 7.499)
    assert status(store, drawn) == "submitted"
    looks(store, clock, 0.001)
    assert status(store, drawn) == "waiting"
    assert not store.numbers.look(held.id).held


def test_half_a_lease_without_a_look_is_nothing_unusual(store, clock):
    a_worker(store)
    job = an_accepted_job(store)
    take(store, job)

    looks(store, clock, 7.5, 7.5)

    assert status(store, job) == "waiting"


def test_a_time_without_redis_shortens_no_slot_that_is_kept(store, clock):
    a_worker(store, an_engine(fast=1))
    job, other = an_accepted_job(store), an_accepted_job(store)
    take(store, job)
    store.lanes.keep_handle(job.id, job.id, {"id": "x"}, attach=True)
    store.lanes.give_back(job.id, job.id, Trouble(), MESSAGES, keep=True)

    looks(store, clock, 8, *[7] * 3)
    assert take(store, other).state == "wait"
    a_worker(store, an_engine(fast=1))
    looks(store, clock, 1)

    assert status(store, other) == "submitted"


def test_each_of_many_silent_workers_loses_its_job(store, clock):
    a_worker(store, an_engine(fast=250))
    jobs = [an_accepted_job(store) for _ in range(230)]
    for job in jobs:
        assert take(store, job).state == "granted"
    a_while_later(store, clock, 14, MESSAGES)

    looks(store, clock, 1)
    assert store.jobs.running_count("ann") == 30, "some at a time"
    looks(store, clock, 0)

    assert store.jobs.waiting_count("ann") == 230


def test_a_lease_of_a_job_that_is_no_more_is_forgotten(store, clock):
    a_worker(store, an_engine(fast=1))
    drawn, held = an_accepted_job(store), an_accepted_job(store)
    take(store, drawn)
    take(store, held)
    store.redis.delete("fast", f"limner:job:{drawn.id}", f"limner:job:{held.id}")

    a_while_later(store, clock, 16, MESSAGES)

    assert not store.redis.exists("limner:leases", "limner:holds")
    assert store.redis.zscore("limner:waiting:fast", held.id) is None


# -- messages -------------------------------------------------------------------------------------


def test_a_lost_message_is_sent_again_after_five_seconds_of_patience(store, clock):
    job = an_accepted_job(store)
    store.redis.delete("fast")

    looks(store, clock, 0, 4.999)
    assert messages_in(store) == []
    looks(store, clock, 0.001)
    assert messages_in(store) == [job.id]
    store.redis.delete("fast")

    looks(store, clock, 1, 4.999)
    assert messages_in(store) == [], "its patience begins anew"
    looks(store, clock, 0.001)
    assert messages_in(store) == [job.id]


def test_patience_begins_anew_once_there_are_as_many_messages_as_jobs(store, clock):
    job = an_accepted_job(store)
    store.redis.delete("fast")
    looks(store, clock, 0, 4)
    store.redis.lpush("fast", MESSAGES.fill(Lane.FAST, job.id))
    looks(store, clock, 0.5)
    store.redis.delete("fast")

    looks(store, clock, 1, 4.9)
    assert messages_in(store) == []
    looks(store, clock, 0.1)
    assert messages_in(store) == [job.id]


def test_only_as_many_messages_are_sent_as_were_missing_all_the_time(store, clock):
    for _ in range(4):
        an_accepted_job(store)
    messages = store.redis.lrange("fast", 0, -1)
    store.redis.delete("fast")
    looks(store, clock, 0, 2)
    store.redis.lpush("fast", *messages[:3])
    looks(store, clock, 1)
    store.redis.ltrim("fast", 0, 0)

    looks(store, clock, 3)

    assert len(messages_in(store)) == 2


def test_jobs_that_workers_hold_need_no_message(store, clock):
    a_worker(store, an_engine(fast=0))
    held = an_accepted_job(store)
    take(store, held)
    store.redis.delete("fast")

    looks(store, clock, 0, 3, 3)

    assert messages_in(store) == []


def test_messages_that_no_job_waits_for_any_more_are_dropped(store, clock):
    over = [an_accepted_job(store) for _ in range(3)]
    waits = an_accepted_job(store)
    for job in over:
        store.lanes.cancel(job.id)

    looks(store, clock, 0, 4.9)
    assert len(messages_in(store)) == 4
    looks(store, clock, 0.1)

    assert messages_in(store) == [waits.id]


@pytest.mark.parametrize(
    "strange", ["{}", "[]", "no json", json.dumps({"headers": {"id": 7}}), "x" * 65_537]
)
def test_what_is_not_ours_is_left_to_the_workers(store, clock, strange):
    job = an_accepted_job(store)
    store.lanes.cancel(job.id)
    store.redis.rpush("fast", strange)

    looks(store, clock, 0, 6)

    assert store.redis.llen("fast") == 2
    assert store.redis.lindex("fast", -1) == strange


def test_no_more_lost_messages_are_sent_at_once_than_asked_for(store, clock):
    jobs = [an_accepted_job(store) for _ in range(5)]
    store.redis.delete("fast")
    run = store.lanes._run
    run("sweep", 5000, 3)
    clock.pass_s(5)

    assert [job for _, job, _ in run("sweep", 5000, 3)] == [job.id for job in jobs[:3]]


def test_a_job_whose_record_is_gone_leaves_its_lane(store, clock):
    gone, waits = an_accepted_job(store), an_accepted_job(store)
    store.redis.delete("fast", f"limner:job:{gone.id}")

    looks(store, clock, 0)

    assert store.redis.zrange("limner:waiting:fast", 0, -1) == [waits.id]
    assert store.redis.keys("limner:job:*") == [f"limner:job:{waits.id}"]


# -- waiting --------------------------------------------------------------------------------------


def test_a_job_waits_for_a_day_and_not_a_moment_longer(store, clock):
    a_worker(store, an_engine(fast=0))
    job = an_accepted_job(store)
    clock.pass_s(86_400)
    assert take(store, job).state == "wait"
    clock.pass_s(0.001)

    assert take(store, job).state == "gone"
    assert store.jobs.get(job.id).reason_code == "waited_too_long"


def test_a_job_waits_while_no_engine_was_ever_registered(store):
    job = an_accepted_job(store, tile=True)

    assert take(store, job).state == "wait"


def test_one_engine_of_many_that_could_is_enough_to_wait_for(store):
    a_worker(
        store, an_engine("flat"), an_engine("tiler", fast=0), an_engine("private", clients=("bob",))
    )
    for name in ("flat", "private"):
        store.engines.abilities(name, ["niji", "tile"])
    job = an_accepted_job(store, tile=True)
    assert take(store, job).state == "wait"

    store.engines.abilities("tiler", ["tile"])

    assert take(store, job).state == "gone"
    assert store.jobs.get(job.id).reason_code == "no_engine"

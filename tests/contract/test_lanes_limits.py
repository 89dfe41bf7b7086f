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


def test_patience_begins_anew_once_a_worker_took_the_job(store, clock):
    a_worker(store, an_engine(fast=0))
    job = an_accepted_job(store)
    store.redis.delete("fast")
    looks(store, clock, 0, 4)
    take(store, job)
    store.lanes.let_go(job.id, job.id, MESSAGES)
    store.redis.delete("fast")

    looks(store, clock, 1)

    assert messages_in(store) == []


def test_no_message_is_sent_while_those_in_sight_are_of_jobs_long_over(store, clock):
    over, lost = an_accepted_job(store), an_accepted_job(store)
    store.redis.delete("fast")
    store.lanes.cancel(over.id)
    store.redis.lpush("fast", MESSAGES.fill(Lane.FAST, over.id))
    looks(store, clock, 0, 6, 6)
    assert messages_in(store) == [over.id], "workers drop it first"

    store.redis.delete("fast")
    looks(store, clock, 0, 6)

    assert messages_in(store) == [lost.id]


@pytest.mark.parametrize(("over", "sent"), [(19, True), (20, False)])
def test_twenty_messages_are_looked_through_for_one_of_a_job_that_waits(store, clock, over, sent):
    a_worker(store, an_engine(fast=0))
    ended = an_accepted_job(store)
    store.lanes.cancel(ended.id)
    lost, waits = an_accepted_job(store), an_accepted_job(store)
    store.redis.delete("fast")
    store.redis.lpush("fast", *[MESSAGES.fill(Lane.FAST, ended.id)] * over)
    store.redis.lpush("fast", MESSAGES.fill(Lane.FAST, waits.id))

    looks(store, clock, 0, 6)

    assert (lost.id in messages_in(store)) == sent
    assert messages_in(store).count(waits.id) == 1


@pytest.mark.parametrize(("size", "sent"), [(65_536, 1), (65_537, 0)])
def test_a_message_that_is_longer_than_any_of_ours_is_not_read(store, clock, size, sent):
    lost, waits = an_accepted_job(store), an_accepted_job(store)
    store.redis.delete("fast")
    text = json.dumps({"headers": {"id": waits.id}, "body": ""})
    padded = json.dumps({"headers": {"id": waits.id}, "body": "x" * (size - len(text))})
    assert len(padded) == size
    store.redis.lpush("fast", padded)

    looks(store, clock, 0, 6)

    # Were it read, it would say that `waits` has its message, and that an older job has none.
    assert messages_in(store).count(lost.id) == sent


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

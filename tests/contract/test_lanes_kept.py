"""What is said to expire does, after each kind of end; what stays is bounded by something else."""

from __future__ import annotations

import uuid

import pytest

from limner.followup import follow_up
from limner.job import Picture
from limner.reasons import Reason
from limner.request import Lane
from limner.store import Idempotency, Store, Trouble
from limner.store.lanes import Result
from tests.builders import MESSAGES, WORKER, a_request, a_worker, an_accepted_job, an_engine
from tests.callback_doubles import a_poster, tell_all
from tests.conftest import a_while_later
from tests.contract.lanes_view import MINUTE_MS, is_about, left_ms

GRID = Picture("http://limner/grid.png", 1024, 1024)
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
JOB_MS = 30 * DAY_MS
INDEX_MS = 70 * DAY_MS
#: one of each, however many jobs there were: engines, lanes, counters
KEPT_FOR_EVER = {
    *(
        "engines",
        "engine:stage",
        "settings:stage",
        "absent",
        "looked",
        "places:fast",
        "places:relaxed",
        "virtual:fast",
        "virtual:relaxed",
        "pace:fast",
        "pace:relaxed",
        "costs:fast",
        "costs:relaxed",
        "numbers",
        "epoch",
    ),
    *("workers:fast", "workers:relaxed", "ticked", "mended"),
    # What is in it is forgotten by time, with each tick.
    "dead",
}


def take(store, job, token="t1"):
    return store.lanes.take(job.id, token, WORKER, MESSAGES)


def on_an_engine(store, **request):
    a_worker(store)
    job = an_accepted_job(store, **request)
    take(store, job)
    store.lanes.begin(job.id, "t1")
    store.lanes.progress(job.id, "t1", 50, GRID)
    return job


def done(store, clock, **request):
    job = on_an_engine(store, **request)
    store.lanes.done(job.id, "t1", Result(GRID, [GRID] * 4, {}))
    return job


def failed(store, clock, **request):
    job = on_an_engine(store, **request)
    store.lanes.failed(job.id, "t1", "No.", "moderated", answered=True)
    return job


def cancelled_while_it_waits(store, clock, **request):
    a_worker(store, an_engine(fast=0))
    job = an_accepted_job(store, **request)
    store.lanes.cancel(job.id)
    return job


def cancelled_while_it_is_held(store, clock, **request):
    a_worker(store)
    job = an_accepted_job(store, **request)
    store.redis.hset("limner:engine:stage", "paused_until", clock() + 1000)
    assert take(store, job).state == "wait"
    store.lanes.cancel(job.id)
    return job


def cancelled_while_it_is_drawn(store, clock, **request):
    job = on_an_engine(store, **request)
    store.lanes.cancel(job.id)
    return job


def no_engine(store, clock, **request):
    a_worker(store, an_engine(clients=("bob",)))
    job = an_accepted_job(store, **request)
    assert take(store, job).state == "gone"
    return job


def waited_too_long(store, clock, **request):
    a_worker(store)
    job = an_accepted_job(store, **request)
    clock.pass_s(86_401)
    assert take(store, job).state == "gone"
    return job


def given_back_too_often(store, clock, **request):
    job = on_an_engine(store, **request)
    bad = Trouble("bad_results", 0, Reason.BAD_RESULT, engine_why="black")
    assert store.lanes.give_back(job.id, "t1", bad, MESSAGES) == "failed"
    return job


def workers_lost(store, clock, **request):
    job = on_an_engine(store, **request)
    for n in range(3):
        a_while_later(store, clock, 16, MESSAGES)
        a_worker(store)
        if take(store, job, f"again{n}").state == "granted":
            store.lanes.begin(job.id, f"again{n}")
    return job


def drawing_lost(store, clock, **request):
    job = on_an_engine(store, **request)
    store.lanes.keep_handle(job.id, "t1", {"id": "x"}, attach=False, paid="fail")
    a_while_later(store, clock, 16, MESSAGES)
    return job


def picked(store, clock, **request):
    parent = done(store, clock, **request)
    destination = request.pop("destination", "http://receiver:80")
    return store.jobs.accept(
        uuid.uuid4().hex,
        "ann",
        a_request(**request),
        (1, 2, 3, 4),
        MESSAGES,
        waiting_cap=9,
        follow_up=follow_up(store.jobs.get(parent.id), "u1"),
        picked=GRID,
        destination=destination,
    ).job


ENDS = {
    done: None,
    failed: "moderated",
    cancelled_while_it_waits: "cancelled",
    cancelled_while_it_is_held: "cancelled",
    cancelled_while_it_is_drawn: "cancelled",
    no_engine: "no_engine",
    waited_too_long: "waited_too_long",
    given_back_too_often: "bad_result",
    workers_lost: "worker_lost",
    drawing_lost: "drawing_lost",
    picked: None,
}


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
@pytest.mark.parametrize("url", ["http://receiver/hook", None], ids=["told", "untold"])
def test_a_job_that_ended_goes_with_all_that_was_kept_of_it(store, clock, end, url):
    request = {"callback_url": url} if url else {"callback_url": None, "destination": None}
    tag = uuid.uuid4().hex

    job = end(store, clock, tag=tag, **request)

    ended = store.jobs.get(job.id)
    assert ended.status.ended
    assert ended.reason_code == ENDS[end]
    left = left_ms(store)
    assert is_about(left.pop(f"limner:job:{job.id}"), JOB_MS)
    assert is_about(left.pop(f"limner:tag:ann:{tag}"), INDEX_MS)
    assert is_about(left.pop("limner:jobs:ann"), INDEX_MS)
    assert is_about(left.pop(f"limner:story:{job.id}"), HOUR_MS)
    assert f"limner:grant:{job.id}" not in left
    for _ in range(3):
        store.outbox.tick(a_poster())
        tell_all(store)
    for name, ms in left_ms(store).items():
        kept = name.removeprefix("limner:")
        assert ms > 0 or kept in KEPT_FOR_EVER, f"{name} stays for ever"
        assert ms <= INDEX_MS


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_a_job_that_ended_is_in_no_list_of_what_goes_on(store, clock, end):
    job = end(store, clock)

    found = [
        name
        for name in store.redis.keys("limner:*")
        if name.split(":")[1]
        in ("waits", "runs", "waiting", "ready", "holds", "leases", "slots", "grant")
    ]
    assert found == []
    record = store.redis.hgetall(f"limner:job:{job.id}")
    assert not {"token", "worker", "attach", "missing_ms"} & set(record)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_nothing_of_a_job_that_ended_changes_any_more(store, clock, end):
    job = end(store, clock)
    before = store.redis.hgetall(f"limner:job:{job.id}")

    for _ in range(3):
        a_while_later(store, clock, 20, MESSAGES)
        a_worker(store)
        assert take(store, job, "late").state == "gone"

    assert store.redis.hgetall(f"limner:job:{job.id}") == before


def test_a_job_that_lives_does_not_expire(store, clock):
    job = on_an_engine(store)
    waiting = an_accepted_job(store)

    left = left_ms(store)

    assert left[f"limner:job:{job.id}"] == left[f"limner:job:{waiting.id}"] == -1
    assert is_about(left[f"limner:story:{job.id}"], JOB_MS)
    assert is_about(left[f"limner:grant:{job.id}"], MINUTE_MS)


def test_a_grant_that_is_told_of_a_gap_is_kept_for_a_minute(store):
    a_worker(store, an_engine(fast_gap_s=3))
    take(store, an_accepted_job(store))
    job = an_accepted_job(store)
    assert take(store, job, "t2").state == "wait"

    assert is_about(left_ms(store)[f"limner:grant:{job.id}"], MINUTE_MS)
    assert store.lanes.wait_for_grant(job.id, 0.1) == 3


def test_the_indexes_of_a_client_forget_what_is_older_than_any_job(store, clock):
    tag = uuid.uuid4().hex
    old = an_accepted_job(store, tag=tag)
    clock.pass_s(70 * 86_400)
    kept = an_accepted_job(store, tag=tag)
    assert store.redis.zrange("limner:jobs:ann", 0, -1) == [kept.id]
    assert store.redis.zrange(f"limner:tag:ann:{tag}", 0, -1) == [kept.id]
    clock.pass_s(70 * 86_400 - 1)

    an_accepted_job(store, tag=tag)

    assert old.id not in store.redis.zrange("limner:jobs:ann", 0, -1)
    assert kept.id in store.redis.zrange("limner:jobs:ann", 0, -1)


def test_an_idempotency_key_is_remembered_for_a_day(store):
    key = Idempotency("order-7", "hash")
    store.jobs.accept(
        uuid.uuid4().hex, "ann", a_request(), (1, 2, 3, 4), MESSAGES, waiting_cap=9, idempotency=key
    )

    assert is_about(left_ms(store)["limner:idem:ann:order-7"], DAY_MS)


def test_a_client_that_has_caught_up_with_its_rate_is_forgotten(store):
    token = store.clients.add("ann", rate_per_s=2).token
    for _ in range(2):
        store.clients.admit(token, "10.0.0.1")

    # As long as it is ahead, and a second more.
    assert 0 < left_ms(store)["limner:rate:ann"] <= 2000


def test_a_worker_is_remembered_for_two_leases(store, redis_url):
    slow = Store(redis_url)
    a_worker(slow)

    assert is_about(left_ms(slow)[f"limner:worker:{WORKER}"], 30_000)
    slow.close()


def test_workers_that_fell_silent_leave_the_list_of_their_lane(store, clock):
    a_worker(store, worker="silent")
    clock.pass_s(29.999)
    a_worker(store)
    assert "silent" in store.redis.zrange("limner:workers:fast", 0, -1)
    clock.pass_s(0.001)
    a_worker(store)

    assert store.redis.zrange("limner:workers:fast", 0, -1) == [WORKER]


def test_a_worker_that_leaves_is_gone_at_once(store):
    a_worker(store)

    store.lanes.leave(WORKER, Lane.FAST)

    assert f"limner:worker:{WORKER}" not in left_ms(store)
    assert store.lanes.workers_seen(Lane.FAST, 0) == 0
    assert store.lanes.workers_seen(Lane.RELAXED, 0) == 1


def test_drawings_to_be_stopped_are_kept_for_a_day_and_bounded(store):
    job = on_an_engine(store)
    store.lanes.keep_handle(job.id, "t1", {"id": "last"}, attach=True)
    store.redis.rpush("limner:cancels:stage", *(f'{{"id": {n}}}' for n in range(1000)))

    store.lanes.cancel(job.id)

    assert is_about(left_ms(store)["limner:cancels:stage"], DAY_MS)
    handles = [store.engines.cancelled_on("stage") for _ in range(1001)]
    assert handles[0] == {"id": 1}
    assert handles[-2:] == [{"id": "last"}, None]
